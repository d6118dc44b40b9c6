"""What `run pull push save load pushloaded imagelist` measures: the big image moved between each engine and registries of its own."""

import contextlib
import io
import json
import os
import statistics
import subprocess
import tarfile
import threading
import time
from hashlib import sha256
from pathlib import Path

from support.engine import CLIENTS, UnixConnection

DOCKER = CLIENTS / "usr/bin/docker"
HERE = Path(__file__).resolve().parent
SOURCE, TARGET = "127.0.0.1:5000/big:1", "127.0.0.1:5001/big:1"


def docker(side, *arguments):
    start = time.monotonic()
    subprocess.run([DOCKER, "-H", side.host, *map(str, arguments)], stdout=subprocess.DEVNULL, check=True)
    return (time.monotonic() - start) * 1000


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
def sources(engine, peer):
    """On each side a registry that has the image."""
    ours, theirs = engine.directory / "source", peer.directory / "source"
    with contextlib.ExitStack() as stack:
        stack.enter_context(registry(engine, 5000, ours))
        subprocess.run(["nsenter", f"--net=/run/netns/{engine.name}", "skopeo", "--insecure-policy", "copy", "-q",
                        "--dest-tls-verify=false", f"oci-archive:{big_image()}", f"docker://{SOURCE}"], check=True)
        subprocess.run(["cp", "-al", ours, theirs], check=True)
        stack.enter_context(registry(peer, 5000, theirs))
        yield


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
        subprocess.run([DOCKER, "-H", side.host, "rmi", "-f", name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       check=False)


def bench(engine, peer, arguments, row):
    wanted = set(arguments.parts) or {"pull", "push", "save", "load", "pushloaded"}
    rounds = arguments.image_rounds
    if wanted & {"pull", "push"}:
        with sources(engine, peer):
            bench_pull(engine, peer, rounds, row)
        if "push" in wanted:
            bench_push(engine, peer, rounds, row, "push of a pulled image to another registry")
        for side in (engine, peer):
            forget(side, SOURCE, "moved")
    if wanted & {"load", "save", "pushloaded"}:
        bench_archives(engine, peer, wanted, rounds, row)


def bench_pull(engine, peer, rounds, row):
    with PeakMemory(str(engine.directory), "/berthd", "/berth-helper") as ours, \
            PeakMemory(peer.name, "dockerd", "containerd", "unpigz") as theirs:
        times = alternate(engine, peer, rounds, lambda side: forget(side, SOURCE), lambda side: docker(side, "pull", "-q", SOURCE))
    row("pull of five layers, 2.1 GB", *times, "ms")
    row("memory while pulling (sum of PSS)", ours.peak, theirs.peak, "kB")
    for side in (engine, peer):
        docker(side, "tag", SOURCE, "moved")


def bench_push(engine, peer, rounds, row, what):
    """Of the image "moved", each time to an empty registry."""
    def push(side):
        docker(side, "tag", "moved", TARGET)
        with registry(side, 5001, side.directory / "target"):
            took = docker(side, "push", "-q", TARGET)
        forget(side, TARGET)
        subprocess.run(["rm", "-rf", side.directory / "target"], check=True)
        return took

    row(what, *alternate(engine, peer, rounds, lambda side: None, push), "ms")


def bench_archives(engine, peer, wanted, rounds, row):
    big, saved = big_image(), {side: side.directory / "saved.tar" for side in (engine, peer)}

    def load(archive):
        return alternate(engine, peer, rounds, lambda side: forget(side, "big", "moved"), lambda side: docker(side, "load", "-q", "-i", archive))

    # dockerd takes a layout only with the manifest.json that ours has as well.
    docker(engine, "load", "-q", "-i", big)
    docker(engine, "save", "-o", saved[engine], "big")
    row("load of what berth saved, gzip layers", *load(saved[engine]), "ms")
    for side in (engine, peer):
        docker(side, "tag", "big", "moved")
    if "pushloaded" in wanted:
        bench_push(engine, peer, rounds, row, "push of a loaded image")
    if wanted & {"save", "load"}:
        row("save", *alternate(engine, peer, rounds, lambda side: saved[side].unlink(missing_ok=True),
                               lambda side: docker(side, "save", "-o", saved[side], "moved")), "ms")
    if "load" in wanted:
        row("load of what dockerd saved, plain layers", *load(saved[peer]), "ms")


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
        docker(side, "load", "-q", "-i", archive)
    row("images/json, 500 images", *alternate(engine, peer, arguments.runs, lambda side: None, lambda side: get(side, "/v1.51/images/json")), "ms")
