"""kill -9 at random points of pull, load, push and rmi: nothing acknowledged is lost, nothing is half there, nothing stays.

BERTH_IMAGE_KILLS kills (8); BERTH_IMAGE_SEED for the same ones again.
"""

import hashlib
import json
import os
import random
import subprocess
import time

from support.archives import docker_archive, tar_of
from support.engine import Engine
from support.registry import docker_registry

KILLS = int(os.environ.get("BERTH_IMAGE_KILLS", "8"))
SEED = int(os.environ.get("BERTH_IMAGE_SEED", str(time.time_ns())))
LAYERS, SIZE = 3, 3 << 20
IMAGE = "127.0.0.1:5220/loop:1"


def tree(folder):
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        total.update(f"{path.relative_to(folder)} {status.st_mode} {status.st_uid} {status.st_mtime_ns}".encode())
        total.update(path.read_bytes() if path.is_file() else b"")
    return total.hexdigest()


class Auditor:
    """Re-hashes blobs and layer trees; the first sight of a tree is what it has to be from then on."""

    def __init__(self, engine):
        self.engine, self.trees = engine, {}

    def blobs(self):
        return list((self.engine.data / "content/blobs/sha256").iterdir())

    def snapshots(self):
        return list((self.engine.data / "snapshots").glob("[0-9]*"))

    def check(self):
        for blob in self.blobs():
            assert hashlib.sha256(blob.read_bytes()).hexdigest() == blob.name
        parents = {}
        for folder in self.snapshots():
            copy = json.loads((folder / "snapshot.json").read_text())
            assert copy["committed"], f"{copy['key']} is half there"
            parents[copy["key"]] = copy["parent"]
            assert self.trees.setdefault(copy["key"], tree(folder / "fs")) == tree(folder / "fs")
        assert all(parent in parents for parent in parents.values() if parent)
        images = self.engine.api("GET", "/images/json?manifests=1").json
        for image in images:
            assert image["Manifests"] and all(manifest["Available"] for manifest in image["Manifests"])
        assert len(parents) == (LAYERS if images else 0)

    def left(self):
        data = self.engine.data
        return [*self.blobs(), *self.snapshots()] + [
            path for place in ("tmp", "snapshots/removed", "content/ingest", "content/partial") for path in (data / place).glob("*")]


def is_there(engine):
    return any(IMAGE in image["RepoTags"] for image in engine.api("GET", "/images/json").json)


def make_ready(engine, step):
    """So that the step has something to do."""
    there = is_there(engine)
    if step in ("push", "rmi") and not there:
        engine.docker("pull", "-q", IMAGE)
    elif step in ("pull", "load") and there:
        engine.docker("rmi", IMAGE)
    if step == "push":
        subprocess.run(["rm", "-rf", engine.directory / "registry-5220/data"], check=True)


def test_kills(tmp_path):
    print("seed", SEED)
    dice, path = random.Random(SEED), tmp_path / "loop.tar"
    layers = [tar_of({f"file{at}-{part}": os.urandom(SIZE // 20) for part in range(20)}) for at in range(LAYERS)]
    path.write_bytes(docker_archive(IMAGE, layers))
    commands = {"pull": ("pull", "-q", IMAGE), "load": ("load", "-q", "-i", path), "push": ("push", "-q", IMAGE), "rmi": ("rmi", IMAGE)}
    with Engine(images=()) as engine, docker_registry(engine, 5220):
        auditor = Auditor(engine)
        engine.docker("load", "-q", "-i", path)
        auditor.check()
        engine.docker("push", "-q", IMAGE)
        for number in range(KILLS):
            step = list(commands)[number % 4]
            make_ready(engine, step)
            client = engine.background("docker", *commands[step], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(dice.uniform(0.03, 0.1 if step == "rmi" else 0.5))
            acknowledged = client.poll() == 0
            engine.crash()
            client.wait()
            engine.start()
            auditor.check()
            if step == "push":
                assert is_there(engine)
                engine.docker("push", "-q", IMAGE)
            elif acknowledged:
                assert is_there(engine) == (step != "rmi"), f"{step} was acknowledged"
        make_ready(engine, "pull")
        engine.docker("pull", "-q", IMAGE)
        auditor.check()
        engine.docker("rmi", IMAGE)
        engine.api("POST", "/images/prune")
        assert auditor.left() == []
    assert engine.left == []
