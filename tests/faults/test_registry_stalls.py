"""Registries that stall, at whatever moment: the end comes once the patience with them is over, and not after a multiple of it.

BERTH_STALL_SECONDS: that patience (3), which is 30 seconds where nobody sets it.
"""

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.archives import tar_of
from support.engine import Engine
from support.registry import server

PATIENCE = float(os.environ.get("BERTH_STALL_SECONDS", "3"))
PORT = 5450
SIZE = 24 << 20  # what no socket takes in at once


@pytest.fixture(scope="module")
def engine():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BERTH_REGISTRY_PATIENCE_MS", str(int(PATIENCE * 1000)))
        with Engine(images=()) as shared:
            made = shared.api("POST", "/images/create?fromSrc=-&repo=made", body=tar_of({"random": os.urandom(SIZE)}),
                              headers={"Content-Type": "application/x-tar"})
            assert made.status == 200
            log = shared.directory / "hostile.log"
            log.touch()
            with server(shared, "hostile_registry.py", PORT, log):
                yield shared
    assert shared.left == []


def asked(engine, path):
    """The last line of the answer, and after how many times the patience it came."""
    begun = time.monotonic()
    line = json.loads(engine.api("POST", path, timeout=10 * PATIENCE).text.splitlines()[-1])
    return line.get("error", line.get("message", line.get("status"))), (time.monotonic() - begun) / PATIENCE


def pull(engine, name, port=PORT, platform="linux/amd64"):
    return asked(engine, f"/images/create?fromImage=127.0.0.1:{port}/{name}&tag=1&platform={platform}")


def push(engine, name):
    engine.docker("tag", "made", f"127.0.0.1:{PORT}/{name}:1")
    return asked(engine, f"/images/127.0.0.1:{PORT}/{name}/push?tag=1")


CASES = {
    "a layer, 20 bytes a second": (lambda engine: pull(engine, "slow", platform="linux/arm64"), "the registry has stalled: "),
    "a layer in the middle": (lambda engine: pull(engine, "stall"), "the registry has stalled: "),
    "the answer": (lambda engine: pull(engine, "mute"), "timeout awaiting response headers"),
    "the answer, then the line breaks": (lambda engine: pull(engine, "breaks"), "failed to do request: Head"),
    "the greeting": (lambda engine: pull(engine, "any", PORT + 2), "failed to do request: Head"),
    "the end of a push": (lambda engine: push(engine, "deaf"), "the registry has stalled: Put "),
    "a push in the middle": (lambda engine: push(engine, "stuck"), "the registry has stalled: Put "),
}


def test_nothing_hangs(engine):
    with ThreadPoolExecutor(len(CASES)) as pool:
        answers = dict(zip(CASES, pool.map(lambda case: case[0](engine), CASES.values())))
    for what, (said, patiences) in answers.items():
        print(f"{what}: {patiences * PATIENCE:.1f} s: {said}")
    assert not [what for what, (said, _) in answers.items() if CASES[what][1] not in said], answers
    assert not [what for what, (_, patiences) in answers.items() if patiences > 1.8], answers


def test_two_pulls_of_what_stalls(engine):
    """The second, which waited for the first, does not begin anew."""
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda tag: asked(engine, f"/images/create?fromImage=127.0.0.1:{PORT}/stall&tag={tag}"), (1, 2)))
    assert all("the registry has stalled" in said and patiences < 1.8 for said, patiences in answers), answers


def test_who_comes_back_is_heard(engine):
    said, _ = pull(engine, "pauses")
    assert said == f"Status: Downloaded newer image for 127.0.0.1:{PORT}/pauses:1"
    assert "a download is taken up again" in engine.log()
