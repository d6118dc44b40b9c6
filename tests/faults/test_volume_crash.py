"""kill -9 while a volume is filled from an image, and while volumes are made and removed."""

import http.client
import io
import json
import hashlib
import os
import random
import subprocess
import tarfile
import threading
import time

FILES = 2000
KILLS = int(os.environ.get("BERTH_KILLS", 5))


def many_files_image(path):
    """A docker-archive whose one layer has busybox's programs and /data with many files."""
    layer = io.BytesIO()
    busybox = subprocess.run(["which", "busybox"], capture_output=True, text=True, check=True).stdout.strip()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        def add(name, content=None, mode=0o644):
            entry = tarfile.TarInfo(name)
            entry.mode, entry.type = mode, tarfile.DIRTYPE if content is None else tarfile.REGTYPE
            entry.size = len(content or b"")
            tar.addfile(entry, io.BytesIO(content or b""))

        add("bin", mode=0o755)
        add("bin/busybox", open(busybox, "rb").read(), 0o755)
        add("data", mode=0o750)
        for i in range(FILES):
            add(f"data/{i}", str(i).encode() * 50)
    layer = layer.getvalue()
    diff = hashlib.sha256(layer).hexdigest()
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/bin/busybox", "true"]},
                         "rootfs": {"type": "layers", "diff_ids": [f"sha256:{diff}"]}}).encode()
    name = hashlib.sha256(config).hexdigest() + ".json"
    with tarfile.open(path, "w") as tar:
        for member, content in ((name, config), ("layer.tar", layer), ("manifest.json", json.dumps(
                [{"Config": name, "RepoTags": ["many:latest"], "Layers": ["layer.tar"]}]).encode())):
            entry = tarfile.TarInfo(member)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))


def test_a_copy_up_that_was_cut_short_is_done_again(new_engine):
    engine = new_engine(images=())
    many_files_image(engine.directory / "many.tar")
    engine.docker("load", "-q", "-i", engine.directory / "many.tar")
    count = lambda: int(engine.docker("run", "--rm", "-v", "fill1:/data", "many", "/bin/busybox", "sh", "-c",
                                      "/bin/busybox ls /data | /bin/busybox wc -l").out)
    volume = engine.data / "volumes/fill1"
    cut = 0
    for _ in range(2):
        client = engine.background("docker", "run", "--rm", "-v", "fill1:/data", "many")
        end = time.monotonic() + 30
        while time.monotonic() < end and not ((volume / "filling").exists() and any((volume / "_data").iterdir())):
            if client.poll() is not None:
                break
        engine.crash()
        client.wait()
        cut += (volume / "filling").exists()
        engine.start()
        assert count() == FILES
        assert not (volume / "filling").exists()
        for container in engine.docker("ps", "-aq").out.split():
            engine.docker("rm", "-f", container)
        engine.docker("volume", "rm", "fill1")
    assert cut > 0, "no copy was cut short"


def test_volumes_are_there_or_not(new_engine):
    engine = new_engine(images=())
    randomness = random.Random(7)
    answered = {}

    def work(number):
        # What was answered holds; what was not may be either.
        for i in range(1000):
            name = f"v{number}-{i % 5}"
            try:
                made = engine.api("POST", "/volumes/create", {"Name": name, "Labels": {"n": str(number)}})
                answered[name] = made.status == 201 or None
                answered[name] = None
                gone = engine.api("DELETE", f"/volumes/{name}")
                answered[name] = False if gone.status == 204 else None
            except OSError:
                answered[name] = None
                return

    for _ in range(KILLS + 1):
        threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        time.sleep(randomness.uniform(0.02, 0.2))
        engine.crash()
        for thread in threads:
            thread.join()
        engine.start()
        there = {volume["Name"]: volume for volume in engine.api("GET", "/volumes").json["Volumes"]}
        for name, known in answered.items():
            assert known is None or (name in there) == known, name
        folders = sorted(path.name for path in (engine.data / "volumes").iterdir())
        assert folders == sorted(there)
        for name, volume in there.items():
            assert volume["Labels"] == {"n": name[1]}
            assert (engine.data / "volumes" / name / "_data").is_dir()


def test_copies_are_whole_or_not_told(new_engine):
    """Copies in and out, of containers that run and that do not, onto roots and volumes: what was answered is there, byte for
    byte, and nothing of the daemon's stays behind."""
    engine = new_engine()
    randomness = random.Random(11)
    content = {size: random.Random(size).randbytes(size) for size in (1000, 300_000)}
    running = engine.docker("run", "-d", "-v", "copies:/v", "busybox", "sleep", "1000").out.strip()
    stopped = engine.docker("create", "-v", "copies-too:/v", "-v", "/w", "busybox", "true").out.strip()
    told = {}

    def tar_of(name, size):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as tar:
            info = tarfile.TarInfo(name)
            info.size = size
            tar.addfile(info, io.BytesIO(content[size]))
        return out.getvalue()

    def work(number):
        mine = random.Random(number)
        for i in range(10000):
            container, folder, size = mine.choice((running, stopped)), mine.choice(("/v", "/home")), mine.choice((1000, 300_000))
            name = f"f{number}-{i % 20}"
            try:
                told.pop((container, folder, name), None)
                body = tar_of(name, size)
                if engine.api("PUT", f"/containers/{container}/archive?path={folder}", body).status == 200:
                    told[container, folder, name] = size
                engine.api("GET", f"/containers/{container}/archive?path={folder}")
            except (OSError, http.client.HTTPException):
                return

    for kill in range(KILLS):
        threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        time.sleep(randomness.uniform(0.05, 0.4))
        engine.crash()
        for thread in threads:
            thread.join()
        engine.start()
        for (container, folder, name), size in told.items():
            tar = tarfile.open(fileobj=io.BytesIO(engine.run("docker", "cp", f"{container}:{folder}/{name}", "-").bytes))
            assert tar.extractfile(name).read() == content[size], (kill, container, folder, name)
        assert engine.docker("exec", running, "echo", "well").out == "well\n"
        engine.docker("start", "-a", stopped)
    assert told
    helpers = [line for line in engine.run("ps", "-eo", "args").out.splitlines() if "berth-helper" in line and str(engine.directory) in line]
    assert helpers == []
    engine.docker("rm", "-fv", running, stopped)
    engine.docker("volume", "rm", "copies", "copies-too")
