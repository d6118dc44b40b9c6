"""What `run pull push save load pushloaded pushcommitted imagelist` measures: the big image moved between each engine and registries of its own."""

import contextlib
import io
import itertools
import json
import os
import statistics
import subprocess
import tarfile
import threading
import time
from hashlib import sha256
from pathlib import Path

from measuring import BERTH, DOCKER, call, disk, timed
from support.engine import Engine, UnixConnection
from support.peer import Peer

HERE = Path(__file__).resolve().parent
SOURCE, TARGET = "127.0.0.1:5000/big:1", "127.0.0.1:5001/big:1"
EMPTY = itertools.count()  # registries that nobody has pushed to


@contextlib.contextmanager
def registry(side, port, root):
    config = {"version": 0.1, "log": {"level": "error"}, "http": {"addr": f"127.0.0.1:{port}"},
              "storage": {"filesystem": {"rootdirectory": str(root)}}}
    file = side.directory / f"registry-{port}.json"
    file.write_text(json.dumps(config))
    process = subprocess.Popen(["nsenter", f"--net=/run/netns/{side.name}", "docker-registry", "serve", file],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        probe = ["nsenter", f"--net=/run/netns/{side.name}", "bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{port}"]
        while subprocess.run(probe, stderr=subprocess.DEVNULL, check=False).returncode != 0:
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait()


def big_image():
    return subprocess.run([HERE / "big_image"], capture_output=True, text=True, check=True).stdout.split()[-1]


@contextlib.contextmanager
def source(side, filled=None):
    """A registry on a side's loopback that has the image: put there, or a copy of one that has been. Yields its folder."""
    root = side.directory / "source"
    if filled:
        subprocess.run(["cp", "-al", filled, root], check=True)
    with registry(side, 5000, root):
        if not filled:
            subprocess.run(["nsenter", f"--net=/run/netns/{side.name}", "skopeo", "--insecure-policy", "copy", "-q",
                            "--dest-tls-verify=false", f"oci-archive:{big_image()}", f"docker://{SOURCE}"], check=True)
        yield root


class PeakMemory:
    """The highest sum of PSS, in kB, of an engine's processes that have one of the names."""

    def __init__(self, marker, *names):
        self.marker, self.names, self.peak, self.ended = marker, names, 0, threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()

    def watch(self):
        while not self.ended.wait(0.05):
            total = 0
            for process in Path("/proc").glob("[0-9]*"):
                with contextlib.suppress(OSError):
                    line = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
                    if not any(line[0].endswith(name) for name in self.names):
                        continue
                    if self.marker not in " ".join(line) and "berth-helper" not in line[0]:
                        continue
                    for field in (process / "smaps_rollup").read_text().splitlines():
                        if field.startswith("Pss:"):
                            total += int(field.split()[1])
            self.peak = max(self.peak, total)


class Contender:
    """An engine whose data root is new, and the client that asks it."""

    def __init__(self, kind, program):
        self.kind, self.program = kind, program

    def __call__(self, side, *arguments):
        return timed(self.program, side.host, *arguments)


BOTH = [Contender(Engine, DOCKER), Contender(Peer, DOCKER)]
# For what the client itself reads or writes: ours as a whole, ours with the docker CLI, theirs.
THREE = [Contender(Engine, BERTH), *BOTH]


def in_turn(contenders, rounds, measure, prepare=lambda stack, side: None):
    """Medians of measure(contender, side), each time on an engine and a file system that nobody has used."""
    samples = [[] for _ in contenders]
    for _ in range(rounds):
        for contender, times in zip(contenders, samples):
            with contextlib.ExitStack() as stack:
                side = contender.kind("--live-restore", images=())
                side.data = stack.enter_context(disk()) / "data"
                stack.enter_context(side)
                prepare(stack, side)
                os.sync()
                times.append(measure(contender, side))
    return [statistics.median(times) for times in samples]


def alternate(engine, peer, rounds, before, measure):
    """Medians of `measure` on either side, taken in turn."""
    samples = {engine: [], peer: []}
    for _ in range(rounds):
        for side in (engine, peer):
            before(side)
            os.sync()
            samples[side].append(measure(side))
    return [statistics.median(samples[side]) for side in (engine, peer)]


def forget(side, *names):
    for name in names:
        call(DOCKER, side.host, "rmi", "-f", name, check=False)


def bench(engine, peer, arguments, row):
    wanted = set(arguments.parts) or {"pull", "push", "save", "load", "pushloaded", "pushcommitted"}
    if "pull" in wanted:
        bench_pull(engine, arguments.image_rounds, row)
    if "push" in wanted:
        with source(engine) as filled, source(peer, filled):
            for side in (engine, peer):
                call(DOCKER, side.host, "pull", "-q", SOURCE)
                call(DOCKER, side.host, "tag", SOURCE, "moved")
        bench_push(engine, peer, arguments.image_rounds, row, "push of a pulled image to another registry")
        for side in (engine, peer):
            forget(side, SOURCE, "moved")
    if wanted & {"load", "save", "pushloaded", "pushcommitted"}:
        bench_archives(engine, peer, wanted, arguments.image_rounds, row)


def bench_pull(engine, rounds, row):
    peaks = {Engine: 0, Peer: 0}
    with source(engine) as filled:
        def prepare(stack, side):
            stack.enter_context(source(side, filled))

        def measure(contender, side):
            names = ("/berthd", "/berth-helper") if contender.kind is Engine else ("dockerd", "containerd", "unpigz")
            with PeakMemory(side.name, *names) as memory:
                took = contender(side, "pull", "-q", SOURCE)
            peaks[contender.kind] = max(peaks[contender.kind], memory.peak)
            return took

        row("pull of five layers, 2.1 GB", *in_turn(BOTH, rounds, measure, prepare), "ms")
    row("memory while pulling (sum of PSS)", peaks[Engine], peaks[Peer], "kB")


def bench_push(engine, peer, rounds, row, what, image="moved"):
    """Each time to an empty registry."""
    def push(side):
        call(DOCKER, side.host, "tag", image, TARGET)
        with registry(side, 5001, side.directory / f"target-{next(EMPTY)}"):
            return timed(DOCKER, side.host, "push", "-q", TARGET)

    row(what, *alternate(engine, peer, rounds, lambda side: forget(side, TARGET), push), "ms")


def bench_archives(engine, peer, wanted, rounds, row):
    saved = {side: side.directory / "saved.tar" for side in (engine, peer)}
    # dockerd takes a layout only with the manifest.json that ours has as well.
    call(DOCKER, engine.host, "load", "-q", "-i", big_image())
    call(DOCKER, engine.host, "save", "-o", saved[engine], "big")
    call(DOCKER, peer.host, "load", "-q", "-i", saved[engine])
    call(DOCKER, peer.host, "save", "-o", saved[peer], "big")
    for side in (engine, peer):
        call(DOCKER, side.host, "tag", "big", "moved")
    if "load" in wanted:
        for what, archive in (("berth saved, gzip layers", saved[engine]), ("dockerd saved, plain layers", saved[peer])):
            ours, mixed, theirs = in_turn(THREE, rounds, lambda ask, side: ask(side, "load", "-q", "-i", archive))
            row(f"load of what {what}, berth : docker", ours, theirs, "ms")
            row("the same, docker CLI on each", mixed, theirs, "ms")
    if "pushloaded" in wanted:
        bench_push(engine, peer, rounds, row, "push of a loaded image")
    if "pushcommitted" in wanted:
        for side in (engine, peer):
            call(DOCKER, side.host, "create", "--name", "changed", "moved", "none")
            call(DOCKER, side.host, "cp", "-q", "/usr/lib/gcc", "changed:/copied")
            call(DOCKER, side.host, "commit", "changed", "committed")
            call(DOCKER, side.host, "rm", "changed")
        bench_push(engine, peer, rounds, row, "push of a committed image", "committed")
    if "save" in wanted:
        row("save", *alternate(engine, peer, rounds, lambda side: saved[side].unlink(missing_ok=True),
                               lambda side: timed(DOCKER, side.host, "save", "-o", saved[side], "moved")), "ms")


def many_images(count):
    """A docker-archive of as many images over one layer."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        def add(name, data):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
            return name

        plain = io.BytesIO()
        with tarfile.open(fileobj=plain, mode="w") as layer:
            layer.addfile(tarfile.TarInfo("file"), io.BytesIO())
        add("layer.tar", plain.getvalue())
        diff = "sha256:" + sha256(plain.getvalue()).hexdigest()
        entries = []
        for number in range(count):
            config = {"architecture": "amd64", "os": "linux", "created": "2023-11-14T22:13:20Z",
                      "config": {"Env": ["PATH=/bin"], "Labels": {"number": str(number)}}, "rootfs": {"type": "layers", "diff_ids": [diff]}}
            entries.append({"Config": add(f"{number}.json", json.dumps(config).encode()), "RepoTags": [f"many:{number}"], "Layers": ["layer.tar"]})
        add("manifest.json", json.dumps(entries).encode())
    return out.getvalue()


def get(side, path):
    connection = UnixConnection(side.socket)
    start = time.monotonic()
    connection.request("GET", path)
    connection.getresponse().read()
    took = (time.monotonic() - start) * 1000
    connection.close()
    return took


def bench_list(engine, peer, arguments, row):
    archive = engine.directory / "many.tar"
    archive.write_bytes(many_images(500))
    for side in (engine, peer):
        call(DOCKER, side.host, "load", "-q", "-i", archive)
    row("images/json, 500 images", *alternate(engine, peer, arguments.runs, lambda side: None, lambda side: get(side, "/v1.51/images/json")), "ms")
