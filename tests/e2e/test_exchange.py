"""Archives to and from the real dockerd."""

import os
import shutil

import pytest
from support.archives import tar_of
from support.engine import Engine
from support.peer import Peer, folders

PATH = ":".join([*folders(), os.environ["PATH"]])
pytestmark = pytest.mark.skipif(shutil.which("dockerd", path=PATH) is None, reason="no dockerd to exchange archives with")


def make(engine, name):
    container = engine.docker("create", "busybox", "true").out.strip()
    engine.docker("cp", "-", f"{container}:/", stdin=tar_of({"witness": f"made by {name}\n".encode()}))
    engine.docker("commit", "-c", 'CMD ["cat", "/witness"]', container, name)
    engine.docker("rm", container)


def test_both_ways():
    with Peer() as peer, Engine() as engine:
        for maker, taker, name in ((peer, engine, "dockerd:1"), (engine, peer, "berth:1")):
            make(maker, name)
            archive = maker.directory / "saved.tar"
            maker.docker("save", "-o", archive, name, "busybox")
            said = taker.docker("load", "-i", archive).out
            assert f"Loaded image: {name}" in said and "Loaded image: busybox:latest" in said
            assert taker.docker("run", "--rm", name).out == f"made by {name}\n"
            layers = [one.api("GET", f"/images/{name}/json").json["RootFS"]["Layers"] for one in (maker, taker)]
            assert layers[0] == layers[1]
    assert engine.left == []
