"""A broken line and a killed daemon: what has come is not sent again. And how many layers are on their way at a time."""

import contextlib
import json
import subprocess
import time
from pathlib import Path

import pytest
from support.registry import server

SIZE = 64 << 20


@contextlib.contextmanager
def registry(engine, port, layers, size):
    log = engine.directory / f"measured-{port}.log"
    log.touch()
    with server(engine, "measured_registry.py", port, log, layers, size):
        yield log


def entries(log, method="GET"):
    return [entry for entry in map(json.loads, log.read_text().splitlines()) if entry["method"] == method]


def partial(engine):
    return sum(path.stat().st_size for path in (engine.data / "content/partial").iterdir())


def test_a_line_that_ends_early(new_engine):
    engine = new_engine(images=())
    with registry(engine, 5400, 1, SIZE) as log:
        engine.docker("pull", "-q", "127.0.0.1:5400/cut:1")
        answers = entries(log)
        assert len(answers) == 4 and answers[1]["range"].startswith("bytes=")
        assert sum(entry["sent"] for entry in answers) <= SIZE + (1 << 20)
        assert partial(engine) == 0


def test_a_daemon_that_is_killed_half_way(new_engine):
    engine = new_engine(images=())
    with registry(engine, 5410, 1, SIZE) as log:
        pulling = engine.background("docker", "pull", "-q", "127.0.0.1:5410/gate:1", stdout=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL)
        until_half(engine)
        engine.crash()
        pulling.wait()
        engine.start()
        Path(f"{log}.open").touch()
        engine.docker("pull", "-q", "127.0.0.1:5410/gate:1")
        first, second = entries(log)
        assert first["range"] is None and int(second["range"][6:-1]) >= SIZE // 2 - (1 << 20)
        assert first["sent"] + second["sent"] <= SIZE + (2 << 20)
        assert partial(engine) == 0


def until_half(engine):
    end = time.monotonic() + 30
    while partial(engine) < SIZE // 2 - (1 << 20) and time.monotonic() < end:
        time.sleep(0.01)


def test_a_pull_that_is_cancelled(new_engine):
    engine = new_engine(images=())
    with registry(engine, 5430, 1, SIZE) as log:
        pulling = engine.background("docker", "pull", "-q", "127.0.0.1:5430/gate:1", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until_half(engine)
        pulling.kill()
        pulling.wait()
        Path(f"{log}.open").touch()
        engine.docker("pull", "-q", "127.0.0.1:5430/gate:1")
        second = next(entry for entry in entries(log) if entry["range"])
        assert int(second["range"][6:-1]) >= SIZE // 2 - (1 << 20)
        assert partial(engine) == 0


def test_a_prune_meanwhile(new_engine):
    """It does not take what a pull has and needs."""
    engine = new_engine(images=())
    with registry(engine, 5440, 2, SIZE) as log:
        pulling = engine.background("docker", "pull", "-q", "127.0.0.1:5440/gate:1", stdout=subprocess.DEVNULL)
        until_half(engine)
        assert engine.api("POST", "/images/prune?filters=%7B%22dangling%22:%5B%22false%22%5D%7D").status == 200
        Path(f"{log}.open").touch()
        assert pulling.wait() == 0
        image, = engine.api("GET", "/images/json?manifests=1").json
        assert image["RepoTags"] == ["127.0.0.1:5440/gate:1"] and image["Manifests"][0]["Available"]
        assert sum(entry["sent"] for entry in entries(log)) <= 2 * SIZE + (1 << 20)
        container = engine.docker("create", "127.0.0.1:5440/gate:1").out.strip()
        for layer in range(2):
            assert len(engine.docker("cp", f"{container}:/layer{layer}", "-").bytes) > SIZE
        engine.docker("rm", container)


@pytest.mark.parametrize("limit", [1, 2])
def test_layers_at_a_time(new_engine, limit):
    engine = new_engine("--max-concurrent-downloads", str(limit), "--max-concurrent-uploads", str(limit), images=())
    with registry(engine, 5420, 5, 64 << 10) as log:
        engine.docker("pull", "-q", "127.0.0.1:5420/count:1")
        assert max(entry["under_way"] for entry in entries(log)) == limit
        engine.docker("tag", "127.0.0.1:5420/count:1", "127.0.0.1:5420/pushed:1")
        engine.docker("push", "-q", "127.0.0.1:5420/pushed:1")
        pushed = entries(log, "PUT")
        assert len(pushed) == 6 and max(entry["under_way"] for entry in pushed) == limit
