"""What images take on the disk, and what is left of them; images of hundreds of layers."""

import io
import os
import sqlite3
import subprocess
import tarfile
from pathlib import Path

import pytest
from support.archives import docker_archive, tar_of
from support.disk import du
from support.engine import Engine

SUPPORT = Path(__file__).resolve().parents[1] / "support"


def load(engine, name, layers):
    said = engine.api("POST", "/images/load", body=docker_archive(name, layers, Cmd=["/bin/busybox", "cat", "/number"]), headers={"Content-Type": "application/x-tar"}).text
    assert f"Loaded image: {name}" in said, said


@pytest.fixture
def empty(new_engine):
    return new_engine(images=())


def stored(engine):
    """Bytes of what images consist of: blobs and the layers' own files."""
    return du(engine.data / "content/blobs") + sum(du(path) for path in (engine.data / "snapshots").glob("[0-9]*/fs"))


def test_df_is_du(empty):
    layers = [tar_of({f"{at}/{n}": os.urandom(1500 * (n + 1)) for n in range(60)}) for at in range(4)]
    load(empty, "four:1", layers)
    load(empty, "two:1", layers[:2])
    said, there = empty.api("GET", "/system/df").json["LayersSize"], stored(empty)
    assert there > 20 << 20 and abs(said - there) <= there // 100, (said, there)


def test_after_prune_all_little_is_left(empty):
    load(empty, "big:1", [tar_of({"x": os.urandom(8 << 20)})])
    container = empty.docker("create", "big:1", "x").out.strip()
    empty.docker("rm", container)
    empty.docker("container", "prune", "-f")
    empty.docker("image", "prune", "-af")
    assert empty.api("GET", "/images/json").json == []
    left = sum(du(empty.data / place) for place in ("content", "snapshots", "image", "tmp") if (empty.data / place).exists())
    assert left < 1 << 20, left


@pytest.fixture(params=["this kernel", "an older one"])
def kernel(request, tmp_path):
    """An engine; on the older one it has to name all layers in the page that mount(2) takes."""
    engine, mark = Engine(images=()), tmp_path / "mark"
    if request.param == "an older one":
        subprocess.run(["gcc", "-shared", "-fPIC", "-o", tmp_path / "old.so", SUPPORT / "old_kernel.c"], check=True)
        engine.wrapper = ["env", f"LD_PRELOAD={tmp_path}/old.so", f"OLD_KERNEL_MARK={mark}"]
    with engine:
        yield engine
    assert engine.left == []
    assert mark.exists() == (request.param == "an older one")


def test_hundreds_of_layers_run(kernel):
    count, out = 300, io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        tar.add("/bin/busybox", "bin/busybox")
    layers = [out.getvalue(), *(tar_of({"number": f"{at}\n".encode(), f"only-{at}": b""}) for at in range(1, count))]
    load(kernel, "deep:1", layers)
    assert kernel.docker("run", "--rm", "deep:1").out == f"{count - 1}\n"
    names = kernel.docker("run", "--rm", "deep:1", "/bin/busybox", "ls", "/").out.split()
    assert sum(name.startswith("only-") for name in names) == count - 1
    container = kernel.docker("run", "-d", "deep:1", "/bin/busybox", "sleep", "100").out.strip()
    assert kernel.docker("exec", container, "/bin/busybox", "cat", "/number").out == f"{count - 1}\n"
    assert kernel.docker("diff", container).out == ""
    kernel.docker("rm", "-f", container)
    kernel.docker("rmi", "deep:1")
    assert list((kernel.data / "snapshots").glob("[0-9]*")) == []


def test_layers_that_a_power_cut_took_are_made_again(empty):
    """The daemon finds layers that another boot wrote and did not bring to the disk."""
    load(empty, "cut:1", [tar_of({"a": b"a" * 5000}), tar_of({"b": b"b" * 5000})])
    before = {path.read_bytes() for path in (empty.data / "snapshots").glob("[0-9]*/fs/?")}
    empty.crash()
    database = sqlite3.connect(empty.data / "berth.db")
    database.execute("UPDATE snapshot_entry SET unsettled = 'another boot'")
    database.commit()
    database.close()
    for path in (empty.data / "snapshots").glob("[0-9]*/fs/?"):
        path.write_bytes(b"")
    empty.start()
    assert {path.read_bytes() for path in (empty.data / "snapshots").glob("[0-9]*/fs/?")} == before
    assert "layers are unpacked again after a power cut" in empty.log()
    empty.docker("rmi", "cut:1")
    assert list((empty.data / "snapshots").glob("[0-9]*")) == []
