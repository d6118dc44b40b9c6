"""The corpus of hostile layers through the three doors that an image comes in by, beside a canary that must not notice."""

import bz2
import contextlib
import hashlib
import io
import json
import lzma
import re
import shutil
import subprocess
import tarfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.engine import Engine
from support.hostile_tars import check, corpus, inventory, make_canary
from support.registry import server

OUTSIDE = "/tmp/berth-canary-of-hostile-images"
PORT = 5200
MEMORY = 64 << 10  # kB, of the daemon; the helper's is looked at in integration/archive
LIMIT = 256 << 20  # of the daemon and all that it starts


CASES = [(name, layer, expected) for name, layer, expected in corpus(OUTSIDE)]


def diff_id(number):
    """Of a layer that cannot be inflated, one that no other has: else nobody would try."""
    name, layer, expected = CASES[number]
    if isinstance(expected, str) and layer[:2] in (b"\x1f\x8b", b"\x28\xb5", b"\xfd7", b"BZ"):
        return "sha256:" + hashlib.sha256(name.encode()).hexdigest()
    plain, rest = layer, layer
    if layer.startswith(b"\x1f\x8b"):
        plain = b""
        while rest.startswith(b"\x1f\x8b"):
            inflater = zlib.decompressobj(31)
            try:
                plain += inflater.decompress(rest)
            except zlib.error:
                break
            rest = inflater.unused_data
    elif layer.startswith((b"\xfd7zXZ", b"BZh")):
        plain = (lzma if layer.startswith(b"\xfd") else bz2).decompress(layer)
    elif layer.startswith(b"\x28\xb5\x2f\xfd"):
        plain = subprocess.run(["zstd", "-dcq"], input=layer, capture_output=True, check=False).stdout
    return "sha256:" + hashlib.sha256(plain).hexdigest()


@contextlib.contextmanager
def memory_limit(name, limit):
    """A cgroup for whoever writes itself into it. Nobody in it was killed for want of memory."""
    top, version1 = Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/memory").is_dir()
    folder = (top / "memory" if version1 else top) / name
    if not version1:
        (top / "cgroup.subtree_control").write_text("+memory")
    folder.mkdir()
    try:
        (folder / ("memory.limit_in_bytes" if version1 else "memory.max")).write_text(str(limit))
        yield folder
        events = (folder / ("memory.oom_control" if version1 else "memory.events")).read_text()
        assert "oom_kill 0" in events.splitlines(), events
    finally:
        folder.rmdir()


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("layers")
    make_canary(OUTSIDE)
    for number, (_, layer, _) in enumerate(CASES):
        (folder / str(number)).write_bytes(layer)
        (folder / f"{number}.diff").write_text(diff_id(number))
    shared = Engine(images=())
    with memory_limit(shared.name + "-memory", LIMIT) as cgroup:
        shared.wrapper = ["sh", "-c", 'echo $$ > "$0"/cgroup.procs && exec "$@"', cgroup]
        with shared:
            shared.folder = folder
            with server(shared, "layer_registry.py", PORT, folder):
                yield shared
    shutil.rmtree(OUTSIDE)
    assert shared.left == []


def archive(engine, number):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        def add(name, data):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))

        config = {"architecture": "amd64", "os": "linux", "config": {},
                  "rootfs": {"type": "layers", "diff_ids": [(engine.folder / f"{number}.diff").read_text()]}}
        add("layer.tar", CASES[number][1])
        add("config.json", json.dumps(config).encode())
        add("manifest.json", json.dumps([{"Config": "config.json", "RepoTags": [f"hostile:{number}"], "Layers": ["layer.tar"]}]).encode())
    return out.getvalue()


def load(engine, number):
    return engine.api("POST", "/images/load?quiet=1", body=archive(engine, number), headers={"Content-Type": "application/x-tar"})


def pull(engine, number):
    return engine.api("POST", f"/images/create?fromImage=127.0.0.1:{PORT}/{number}&tag=1")


def bring(engine, number):
    return engine.api("POST", f"/images/create?fromSrc=-&repo=hostile&tag={number}", body=CASES[number][1],
                      headers={"Content-Type": "application/x-tar"})


DOORS = {"load": (load, "hostile:{}"), "pull": (pull, f"127.0.0.1:{PORT}/{{}}:1"), "import": (bring, "hostile:{}")}


def error_of(answer):
    if answer.status >= 400:
        return answer.json["message"]
    return next((json.loads(line)["error"] for line in answer.text.splitlines() if '"error"' in line), None)


def layer_folders(engine):
    """The unpacked layers by chain ID, which is the diff ID of an image's only layer."""
    copies = [path / "snapshot.json" for path in (engine.data / "snapshots").glob("[0-9]*")]
    return {json.loads(copy.read_text())["key"]: copy.parent / "fs" for copy in copies}


def look(folders, number, expected, error):
    if isinstance(expected, str):
        assert error and re.search(expected, error), error
    elif expected is not None:
        assert error is None, error
        for path, what in expected.items():
            check(str(folders[diff_id(number)]), path, what)


@pytest.mark.parametrize("door", DOORS)
def test_no_layer_leads_out(engine, door):
    come, image = DOORS[door]
    before, left = inventory(OUTSIDE), layer_folders(engine)
    with ThreadPoolExecutor(6) as pool:
        errors = list(pool.map(lambda number: error_of(come(engine, number)), range(len(CASES))))
    assert inventory(OUTSIDE) == before, "the canary noticed"
    folders, failures = layer_folders(engine), []
    for number, (name, _, expected) in enumerate(CASES):
        try:
            look(folders, number, expected, errors[number])
        except (AssertionError, KeyError, OSError) as failure:
            failures.append(f"{name}: {failure!r}")
    assert not failures, "\n".join(failures)
    names = {name for image in engine.api("GET", "/images/json").json for name in image["RepoTags"]}
    assert {image.format(number) in names for number, error in enumerate(errors) if not error} == {True}
    assert {image.format(number) in names for number, error in enumerate(errors) if error} == {False}
    engine.api("POST", "/images/prune?filters=%7B%22dangling%22:%5B%22false%22%5D%7D", timeout=120)
    assert layer_folders(engine) == left, "something stays"
    peak = int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{engine.process.pid}/status").read_text())[1])
    assert peak < MEMORY


def test_the_corpus_is_big_enough():
    assert len(CASES) >= 150 and len({name for name, *_ in CASES}) == len(CASES)
