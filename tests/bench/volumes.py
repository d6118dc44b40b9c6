"""Volumes: made and removed, and filled from an image. For `run`."""

import io
import json
import os
import socket
import statistics
import subprocess
import tarfile
import time
import urllib.parse

from measuring import BERTH, DOCKER, medians, timed
from support.engine import CLIENTS, UnixConnection

FILES = 50_000


def ask(connection, method, path, body=None):
    connection.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"} if body else {})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status >= 400:
        raise RuntimeError(f"{method} {path}: {answer.status} {text.decode()}")
    return json.loads(text) if text else None


def exchange(connection, request, expected):
    """One request, written as bytes beforehand, and its small answer: http.client takes longer than the engine."""
    connection.sendall(request)
    answer = connection.recv(65536)
    if not answer.startswith(expected):
        raise RuntimeError(answer.decode())


def create_and_remove(path):
    body = b'{"Name": "benched"}'
    create = (b"POST /v1.51/volumes/create HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
              b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    remove = b"DELETE /v1.51/volumes/benched HTTP/1.1\r\nHost: bench\r\n\r\n"
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        start = time.monotonic()
        exchange(connection, create, b"HTTP/1.1 201")
        exchange(connection, remove, b"HTTP/1.1 204")
        return (time.monotonic() - start) * 1000


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


def copy_up(path, name):
    """create and start of a container whose volume is filled from the image."""
    connection = UnixConnection(path, timeout=600)
    os.sync()  # what one has written is not the other's to wait for
    start = time.monotonic()
    made = ask(connection, "POST", f"/v1.51/containers/create?name={name}",
               {"Image": "files", "Cmd": ["/bin/busybox", "true"], "HostConfig": {"Binds": [f"{name}:/data"]}})
    ask(connection, "POST", f"/v1.51/containers/{made['Id']}/start")
    took = (time.monotonic() - start) * 1000
    connection.close()
    return took


def compare(what, measure, engine, peer, rounds, row):
    both = [(measure(engine.socket), measure(peer.socket)) for _ in range(rounds)]
    row(what, *(statistics.median(times[who] for times in both) for who in (0, 1)), "ms")


def by_command(program, host):
    return timed(program, host, "volume", "create", "benched") + timed(program, host, "volume", "rm", "benched")


def bench_volume(engine, peer, arguments, row):
    row("volume create and remove, berth : docker",
        *medians(arguments.runs, lambda: by_command(BERTH, engine.host), lambda: by_command(DOCKER, peer.host)), "ms")
    compare("volume create and remove, raw HTTP", create_and_remove, engine, peer, arguments.runs * 4, row)


def bench_copy_up(engine, peer, arguments, row):
    """Nothing is deleted in between: ext4 looks at every inode freed of late before it takes another, for minutes."""
    for host in (engine.host, peer.host):
        import_files(host)
    names = iter(f"benched{number}" for number in range(100))
    compare(f"copy-up of {FILES} files, raw HTTP", lambda path: copy_up(path, next(names)), engine, peer, max(arguments.runs // 3, 3), row)
    for side in (engine, peer):
        connection = UnixConnection(side.socket, timeout=600)
        for one in ask(connection, "GET", "/v1.51/containers/json?all=1"):
            ask(connection, "DELETE", f"/v1.51/containers/{one['Id']}")
        ask(connection, "POST", "/v1.51/volumes/prune?filters=" + urllib.parse.quote('{"all":["true"]}'))
        connection.close()
