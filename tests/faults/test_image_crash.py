"""kill -9 of the daemon in the middle of a load: nothing of it is left once the images are removed."""

import os
import subprocess
import time

import pytest
from support.archives import docker_archive, tar_of

LAYERS = 3


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """An image that takes a while: layers of random bytes."""
    path = tmp_path_factory.mktemp("big") / "big.tar"
    path.write_bytes(docker_archive("big:1", [tar_of({f"file{at}": os.urandom(32 << 20)}) for at in range(LAYERS)]))
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


def test_a_name_on_its_way_is_no_name(new_engine):
    """The copy of a name, cut off before it was in its place, makes no image at a later start without any."""
    engine = new_engine()
    refs = engine.data / "image/refs"
    copy, = refs.glob("*.json")
    kept = copy.read_bytes()
    engine.docker("rmi", "busybox")
    engine.crash()
    (refs / (copy.name + ".tmp-0123456789ab")).write_bytes(kept)
    engine.start()
    assert engine.api("GET", "/images/json").json == []
    assert list(refs.iterdir()) == []
