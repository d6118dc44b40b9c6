"""kill -9 of the daemon in the middle of a load: nothing of it is left once the images are removed."""

import io
import json
import os
import subprocess
import tarfile
import time
from hashlib import sha256

import pytest

LAYERS = 3


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """An image that takes a while: layers of random bytes."""
    path = tmp_path_factory.mktemp("big") / "big.tar"
    digests = []
    with tarfile.open(path, "w") as out:
        def add(name, data):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            out.addfile(member, io.BytesIO(data))

        for number in range(LAYERS):
            layer = io.BytesIO()
            with tarfile.open(fileobj=layer, mode="w") as tar:
                member = tarfile.TarInfo(f"file{number}")
                member.size = 32 << 20
                tar.addfile(member, io.BytesIO(os.urandom(member.size)))
            digests.append("sha256:" + sha256(layer.getvalue()).hexdigest())
            add(f"{number}.tar", layer.getvalue())
        add("config.json", json.dumps({"architecture": "amd64", "os": "linux", "config": {},
                                       "rootfs": {"type": "layers", "diff_ids": digests}}).encode())
        add("manifest.json", json.dumps([{"Config": "config.json", "RepoTags": ["big:1"],
                                          "Layers": [f"{n}.tar" for n in range(LAYERS)]}]).encode())
    return path


def scratch(data):
    return list((data / "tmp").glob("*"))


def blobs(data):
    return list((data / "content/blobs/sha256").glob("*"))


def snapshots(data):
    return list((data / "snapshots").glob("*/fs"))


STAGES = {
    "extracting the archive": lambda data: scratch(data),
    "storing blobs": lambda data: len(blobs(data)) >= 2,
    "unpacking the first layer": lambda data: len(snapshots(data)) == 1,
    "unpacking the last layer": lambda data: len(snapshots(data)) == LAYERS,
}


@pytest.mark.parametrize("stage", STAGES)
def test_nothing_is_left(new_engine, archive, stage):
    engine = new_engine(images=())
    loading = engine.background("docker", "load", "-q", "-i", archive, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 30
    while not STAGES[stage](engine.data) and loading.poll() is None and time.monotonic() < end:
        pass
    reached = loading.poll() is None
    engine.crash()
    loading.wait()
    if not reached:
        pytest.skip("the load was over before this stage was seen")
    engine.start()
    # It loads as if nothing had happened, and all of it goes again.
    assert "Loaded image: big:1" in engine.docker("load", "-i", archive).out
    engine.docker("rmi", "big:1")
    assert blobs(engine.data) == []
    assert snapshots(engine.data) == []
    assert scratch(engine.data) == []


def test_what_a_crash_left_goes_at_the_next_start(new_engine, archive):
    engine = new_engine(images=())
    loading = engine.background("docker", "load", "-q", "-i", archive, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 30
    while len(blobs(engine.data)) < 2 and loading.poll() is None and time.monotonic() < end:
        pass
    engine.crash()
    loading.wait()
    engine.start()
    if engine.api("GET", "/images/json").json:
        pytest.skip("the load was over before the crash")
    assert blobs(engine.data) == []
    assert scratch(engine.data) == []
