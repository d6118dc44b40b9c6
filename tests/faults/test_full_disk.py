"""A data root without room: a pull says so and leaves nothing, and what is there can be removed at 0 bytes free."""

import hashlib
import json
import os
import subprocess

import pytest
from support.archives import tar_of
from support.engine import Engine
from support.registry import server

ALL = "/images/prune?filters=%7B%22dangling%22:%5B%22false%22%5D%7D"


def free(path):
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize


def fill(path):
    with (path / "ballast").open("wb", buffering=0) as ballast:
        for size in (1 << 20, 4096):
            try:
                while True:
                    ballast.write(b"x" * size)
            except OSError:
                pass
    assert free(path) == 0


@pytest.fixture
def engine(tmp_path):
    engine = Engine(images=())
    engine.data = tmp_path / "small"
    engine.data.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "small", engine.data], check=True)
    try:
        with engine:
            yield engine
    finally:
        subprocess.run(["umount", engine.data], check=True)
    assert engine.left == []


def test_pull_and_remove(engine, tmp_path):
    folder = tmp_path / "layers"
    folder.mkdir()
    for name, size in (("small", 4 << 20), ("big", 60 << 20), ("half", 24 << 20)):
        data = tar_of({"random": os.urandom(size)})
        (folder / name).write_bytes(data)
        (folder / f"{name}.diff").write_text("sha256:" + hashlib.sha256(data).hexdigest())
    with server(engine, "layer_registry.py", 5210, folder):
        def pull(name):
            return json.loads(engine.api("POST", f"/images/create?fromImage=127.0.0.1:5210/{name}&tag=1").text.splitlines()[-1])

        assert "Downloaded newer image" in pull("small")["status"]
        before = free(engine.data)
        # The blob alone is too much; the blob fits and the unpacked layer does not.
        for name in ("big", "half"):
            said = pull(name)
            assert "no space left on device" in said.get("error", said.get("message", "")), said
        engine.api("POST", "/images/prune")
        assert free(engine.data) > before - (1 << 20)
        fill(engine.data)
        removed = engine.api("DELETE", "/images/127.0.0.1:5210/small:1")
        assert removed.status == 200, removed.text
        assert free(engine.data) > 4 << 20
        assert engine.api("GET", "/images/json").json == []
        (engine.data / "ballast").unlink()
        assert "Downloaded newer image" in pull("small")["status"]


def test_prune(engine):
    made = engine.api("POST", "/images/create?fromSrc=-&repo=a", body=tar_of({"random": os.urandom(1 << 20)}), headers={"Content-Type": "application/x-tar"})
    assert made.status == 200
    fill(engine.data)
    pruned = engine.api("POST", ALL)
    assert pruned.status == 200 and pruned.json["SpaceReclaimed"] > 1 << 20, pruned.text
