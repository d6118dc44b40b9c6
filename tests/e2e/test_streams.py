"""Streams whose readers are slow, or have gone halfway: no byte is lost, and nothing grows for them."""

import hashlib
import json
import os
import socket
import struct
import time
from pathlib import Path

import pytest

from support.audit import findings, weight


class Stream:
    """An attach or exec stream of 8-byte frames, read when the test says so."""

    def __init__(self, engine, path, body=None):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(engine.socket))
        text = json.dumps(body) if body is not None else ""
        self.socket.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
                            f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode())
        self.file = self.socket.makefile("rb", buffering=1 << 16)
        assert b"101" in self.file.readline()
        while self.file.readline() != b"\r\n":
            pass

    def frames(self):
        while len(head := self.file.read(8)) == 8:
            size = struct.unpack(">I", head[4:])[0]
            yield head[0], self.file.read(size)

    def take(self):
        """The whole of each stream's bytes."""
        parts = {1: [], 2: []}
        for stream, text in self.frames():
            parts[stream].append(text)
        return b"".join(parts[1]), b"".join(parts[2])

    def close(self):
        self.file.close()
        self.socket.close()


@pytest.fixture
def run(engine):
    """A function that makes a container with an attached reader, and starts it."""
    made = []

    def start(command, driver, *options):
        name = f"stream-{os.urandom(4).hex()}"
        made.append(name)
        engine.docker("create", "--name", name, "--log-driver", driver, *options, "busybox", "sh", "-c", command)
        stream = Stream(engine, f"/containers/{name}/attach?stream=1&stdout=1&stderr=1")
        assert engine.api("POST", f"/containers/{name}/start").status == 204
        return name, stream

    yield start
    for name in made:
        engine.docker("rm", "-f", name)


def shim_memory(engine, name):
    """Private memory of the container's shim, in kB."""
    identity = engine.docker("inspect", "-f", "{{.Id}}", name).out.strip()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if identity in words and "--bundle" in words:
                return next(int(line.split()[1]) for line in (process / "status").read_text().splitlines() if "RssAnon" in line)
        except OSError:
            continue
    raise AssertionError("no shim")


# What no log gives back as it was, a line without an end, both streams in turn.
LINES = r"""i=0; printf '\377\376 begin\n'; while [ $i -lt 12 ]; do seq 1 100000; seq 1 1000 >&2; printf 'half '; i=$((i+1)); done
printf '\300\n no end'"""


def expected():
    numbers = b"".join(b"%d\n" % i for i in range(1, 100001))
    errors = b"".join(b"%d\n" % i for i in range(1, 1001))
    return b"\377\376 begin\n" + (numbers + b"half ") * 12 + b"\300\n no end", errors * 12


@pytest.mark.parametrize("driver, options", [
    ("json-file", []), ("local", []),
    ("json-file", ["--log-opt", "max-size=8m", "--log-opt", "max-file=3", "--log-opt", "compress=true"])])
def test_who_is_far_behind_catches_up_from_the_log(run, engine, driver, options):
    name, stream = run(LINES, driver, *options)
    if not options:
        # It ends although nobody reads, and what was written is there all the same.
        assert engine.docker("wait", name).out == "0\n"
    before = weight(engine)["memory"]
    out, err = stream.take()
    wanted_out, wanted_err = expected()
    assert (len(out), len(err)) == (len(wanted_out), len(wanted_err))
    assert out == wanted_out and err == wanted_err
    assert weight(engine)["memory"] - before < 8 << 10


def test_and_is_live_again(run, engine):
    name, stream = run("seq 1 1000000; until [ -e /gate ]; do usleep 10000; done; echo live", "json-file")
    engine.docker("exec", name, "sh", "-c", "until [ -e /proc/1/root ] && ps | grep -q '[u]sleep'; do :; done")
    frames, seen = stream.frames(), b""
    while not seen.endswith(b"\n1000000\n"):
        seen += next(frames)[1]
    engine.docker("exec", name, "touch", "/gate")
    assert b"".join(text for _, text in frames) == b"live\n"


PATTERN = b"0123456789abcdef\n"


def digest_of_pattern(size):
    whole = PATTERN * (1 << 16)
    digest = hashlib.sha1()
    for _ in range(size // len(whole)):
        digest.update(whole)
    digest.update(whole[:size % len(whole)])
    return digest.hexdigest()


def limits(size, files):
    return ["--log-opt", f"max-size={size}", "--log-opt", f"max-file={files}", "--log-opt", "compress=false"]


@pytest.mark.parametrize("kind, megabytes, options", [
    ("none", 256, []), ("exec", 64, []),
    ("json-file", 32, limits("16k", 1)), ("json-file", 32, limits("1m", 2)), ("local", 32, limits("16k", 1)), ("local", 32, limits("1m", 2))])
def test_where_no_log_helps_the_writer_waits(run, engine, kind, megabytes, options):
    """Nor one that is emptied, or has moved on, before the reader has had what was in it."""
    size = megabytes << 20
    command = f"yes 0123456789abcdef | head -c {size}"
    if kind != "exec":
        name, stream = run(command, kind, *options)
    else:
        name, idle = run("sleep 1000", "none")
        made = engine.api("POST", f"/containers/{name}/exec", {"Cmd": ["sh", "-c", command], "AttachStdout": True}).json["Id"]
        stream = Stream(engine, f"/exec/{made}/start", {"Detach": False, "Tty": False})
    before, shim = weight(engine)["memory"], shim_memory(engine, name)
    most, digest, got = 0, hashlib.sha1(), 0
    for number, (_, text) in enumerate(stream.frames()):
        digest.update(text)
        got += len(text)
        if number % 500 == 0:
            most = max(most, weight(engine)["memory"] - before)
            if got < size // 2 and number < 5000:
                time.sleep(0.02)  # the slow reader
                assert engine.api("GET", f"/containers/{name}/json").json["State"]["Running"]
                assert shim_memory(engine, name) - shim < 2 << 10
    assert (got, digest.hexdigest()) == (size, digest_of_pattern(size))
    assert most < 8 << 10


def test_cycles_leave_nothing(engine):
    """$BERTH_CYCLES execs and attaches (150), with and without a terminal, some given up halfway."""
    cycles = int(os.environ.get("BERTH_CYCLES", "150"))
    name = engine.docker("run", "-d", "-i", "--name", "cycled", "busybox", "cat").out.strip()

    def cycle(number):
        tty = number % 3 == 0
        made = engine.api("POST", f"/containers/{name}/exec", {"Cmd": ["sh", "-c", "cat; echo done"], "AttachStdout": True,
                                                               "AttachStdin": True, "Tty": tty}).json["Id"]
        stream = Stream(engine, f"/exec/{made}/start", {"Detach": False, "Tty": tty})
        if tty:
            stream.socket.sendall(b"\x04")
            assert b"done" in stream.file.read()
        else:
            stream.socket.sendall(b"typed")
            stream.socket.shutdown(socket.SHUT_WR)
            assert stream.take() == (b"typeddone\n", b"")
        stream.close()
        attached = Stream(engine, f"/containers/{name}/attach?stream=1&stdin=1&stdout=1")
        attached.socket.sendall(b"%d\n" % number)
        if number % 2:
            seen = b""  # what was typed before it may come with it, in one piece
            while b"%d" % number not in seen.split(b"\n")[:-1]:
                seen += next(attached.frames())[1]
        attached.close()

    def figures():
        return {**everything(), **weight(engine), "memory of the shim": shim_memory(engine, name)}

    def everything():
        mounts = sum(str(engine.directory) in line for line in Path("/proc/self/mountinfo").read_text().splitlines())
        shim = next(pid for pid in Path("/proc").glob("[0-9]*") if name.encode() in (pid / "cmdline").read_bytes()
                    and b"berth-shim" in (pid / "cmdline").read_bytes())
        return {"mounts": mounts, "namespaces": len(os.listdir(engine.exec_root / "netns")), "cgroups": len(engine.cgroups()),
                "descriptors": weight(engine)["descriptors"], "of the shim": len(os.listdir(shim / "fd"))}

    for number in range(30):
        cycle(number)
    before, memory, shim = settled(everything), weight(engine), shim_memory(engine, name)
    print("before", figures())
    for number in range(cycles):
        cycle(number)
    end = time.monotonic() + 10
    # What was not yet closed before may be now.
    while (grown := {what: (before[what], count) for what, count in everything().items() if count > before[what]}) and time.monotonic() < end:
        time.sleep(0.05)
    print(f"after {cycles}", figures())
    assert grown == {}
    after = weight(engine)
    assert after["threads"] <= memory["threads"] + 2  # of a pool that is not full yet
    # An exec that has ended can be asked for, five minutes long.
    assert after["memory"] - memory["memory"] < 2048 + 4 * cycles
    assert shim_memory(engine, name) - shim < 256
    assert findings(engine) == {}
    engine.docker("rm", "-f", name)


def settled(look):
    """What is seen twice in a row."""
    seen = look()
    for _ in range(200):
        time.sleep(0.05)
        again = look()
        if again == seen:
            return seen
        seen = again
    return seen
