"""Volumes: made and removed, and filled from an image. For `run`."""

import io
import json
import os
import statistics
import subprocess
import tarfile
import time

from support.engine import CLIENTS, UnixConnection

FILES = 50_000


def ask(connection, method, path, body=None):
    connection.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"} if body else {})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status >= 400:
        raise RuntimeError(f"{method} {path}: {answer.status} {text.decode()}")
    return json.loads(text) if text else None


def create_and_remove(socket):
    connection = UnixConnection(socket)
    start = time.monotonic()
    ask(connection, "POST", "/v1.51/volumes/create", {"Name": "benched"})
    ask(connection, "DELETE", "/v1.51/volumes/benched")
    took = (time.monotonic() - start) * 1000
    connection.close()
    return took


def import_files(host):
    """An image with busybox, and small files in /data."""
    root = io.BytesIO()
    with tarfile.open(fileobj=root, mode="w") as tar:
        tar.add("/bin/busybox", "bin/busybox")
        for number in range(FILES):
            info = tarfile.TarInfo(f"data/{number // 500}/{number}")
            info.size = 200
            tar.addfile(info, io.BytesIO(b"x" * 200))
    subprocess.run([CLIENTS / "usr/bin/docker", "-H", host, "import", "-", "files"], input=root.getvalue(), stdout=subprocess.DEVNULL,
                   check=True)


def copy_up(socket):
    """create and start of a container whose volume is filled from the image."""
    connection = UnixConnection(socket, timeout=600)
    start = time.monotonic()
    made = ask(connection, "POST", "/v1.51/containers/create",
               {"Image": "files", "Cmd": ["/bin/busybox", "true"], "HostConfig": {"Binds": ["benched:/data"]}})
    ask(connection, "POST", f"/v1.51/containers/{made['Id']}/start")
    took = (time.monotonic() - start) * 1000
    ask(connection, "POST", f"/v1.51/containers/{made['Id']}/wait")
    ask(connection, "DELETE", f"/v1.51/containers/{made['Id']}")
    ask(connection, "DELETE", "/v1.51/volumes/benched")
    connection.close()
    os.sync()  # what one has written is not the other's to wait for
    return took


def compare(what, measure, engine, peer, rounds, row):
    both = [(measure(engine.socket), measure(peer.socket)) for _ in range(rounds)]
    row(what, *(statistics.median(times[who] for times in both) for who in (0, 1)), "ms")


def bench_volume(engine, peer, arguments, row):
    compare("volume create and remove, raw HTTP", create_and_remove, engine, peer, arguments.runs * 4, row)


def bench_copy_up(engine, peer, arguments, row):
    for host in (engine.host, peer.host):
        import_files(host)
    compare(f"copy-up of {FILES} files, raw HTTP", copy_up, engine, peer, max(arguments.runs // 3, 3), row)
