"""The bodies of GET and PUT /containers/ID/archive: hostile, slow, framed one way or another, broken off."""

import io
import os
import socket
import subprocess
import tarfile

import pytest

from support.container_archives import put, tar_of
from support.waiting import await_true
from support.engine import UnixConnection


@pytest.fixture
def target(engine):
    name = engine.berth("run", "-d", "busybox", "sleep", "1000").out.strip()
    yield name
    engine.berth("rm", "-f", name)


@pytest.mark.parametrize("running", [False, True])
def test_hostile_archives(engine, tmp_path, running):
    canary = engine.directory / "canary"
    canary.mkdir(exist_ok=True)
    (canary / "f").write_text("untouched")
    name = engine.docker("create", "busybox", "sleep", "1000").out.strip()
    if running:
        engine.docker("start", name)
    up = "../" * 12 + str(canary)[1:]
    regular, link, hard = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
    refused = put(engine, name, "/tmp", tar_of((up + "/f", regular, {"data": b"x"})))
    assert refused.status == 500 and "invalid entry name" in refused.json["message"]
    refused = put(engine, name, "/tmp", tar_of(("h", hard, {"linkname": up + "/f"})))
    assert refused.status == 500 and "invalid hardlink target" in refused.json["message"]
    # Links may lead anywhere; writing through them stays inside.
    for target, missing in ((str(canary), True), (up, True), ("/root", False), ("../" * 12 + "root", False)):
        body = tar_of(("out", link, {"linkname": target}), ("out/f", regular, {"data": b"x"}))
        assert put(engine, name, "/tmp", body).status == (500 if missing else 200)
        assert put(engine, name, "/tmp/out", tar_of(("f", regular, {"data": b"y"}))).status == (404 if missing else 200)
    assert engine.api("GET", f"/containers/{name}/archive?path=/root/f").status == 200
    hard_out = tar_of(("s", link, {"linkname": str(canary)}), ("h", hard, {"linkname": "s/f"}))
    put(engine, name, "/tmp", hard_out)
    for kind, answer in ((b"garbage that is no tar\n", 500), (b"", 200)):
        assert put(engine, name, "/tmp", kind).status == answer
    assert [path.name for path in canary.iterdir()] == ["f"]
    assert (canary / "f").read_text() == "untouched"
    engine.docker("rm", "-f", name)


def helpers(engine):
    """The berth-helpers of this engine, by their parent."""
    found = subprocess.run(["pgrep", "-P", str(engine.process.pid), "-f", "berth-helper"], capture_output=True, text=True).stdout.split()
    return [int(pid) for pid in found]


def test_a_slow_client_outlasts_the_pools_threads(engine, target):
    """They end after ten idle seconds, and who started the helper may be one of them."""
    engine.berth("exec", target, "dd", "if=/dev/zero", "of=/tmp/slow", "bs=1M", "count=16")
    connection = UnixConnection(engine.socket)
    connection.request("GET", f"/containers/{target}/archive?path=/tmp/slow")
    answer = connection.getresponse()
    first = answer.read(512)
    threads = f"/proc/{engine.process.pid}/task"
    busy = len(os.listdir(threads))
    await_true(lambda: len(os.listdir(threads)) < busy, 40)
    assert helpers(engine)
    with tarfile.open(fileobj=io.BytesIO(first + answer.read())) as tar:
        assert tar.extractfile("slow").read() == bytes(16 << 20)
    connection.close()


def test_a_helper_ends_with_the_daemon(new_engine):
    engine = new_engine()
    name = engine.berth("run", "-d", "busybox", "sleep", "1000").out.strip()
    engine.berth("exec", name, "dd", "if=/dev/zero", "of=/tmp/big", "bs=1M", "count=16")
    connection = UnixConnection(engine.socket)
    connection.request("GET", f"/containers/{name}/archive?path=/tmp/big")
    connection.getresponse().read(512)
    found = helpers(engine)
    assert found
    engine.crash()
    await_true(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in found))
    connection.close()
    engine.start()


def test_several_bodies_on_one_connection(engine, target):
    """The helper reads each to its end and no further, however it is framed."""
    content = os.urandom(300_000)
    connection = UnixConnection(engine.socket)
    for name, framed in [("known", None), ("chunks", 100_000), ("small", 7), ("known-again", None)]:
        tar = tar_of((name, tarfile.REGTYPE, {"data": content if framed != 7 else b"x" * 300}))
        body = tar if framed is None else (tar[at:at + framed] for at in range(0, len(tar), framed))
        connection.request("PUT", f"/containers/{target}/archive?path=/tmp", body, encode_chunked=framed is not None,
                           headers={"Transfer-Encoding": "chunked"} if framed else {})
        answer = connection.getresponse()
        assert answer.status == 200 and answer.getheader("Connection") != "close", answer.read()
        answer.read()
        connection.request("GET", f"/containers/{target}/archive?path=/tmp/{name}")
        answer = connection.getresponse()
        with tarfile.open(fileobj=io.BytesIO(answer.read())) as back:
            assert back.extractfile(name).read() == (content if framed != 7 else b"x" * 300)
    connection.close()


def test_a_request_behind_the_body_is_not_taken_for_it(engine, target):
    tar = tar_of(("ahead", tarfile.REGTYPE, {"data": b"x"}))
    connection = UnixConnection(engine.socket)
    connection.connect()
    head = f"PUT /containers/{target}/archive?path=/tmp HTTP/1.1\r\nHost: x\r\nContent-Length: {len(tar)}\r\n\r\n"
    connection.sock.sendall(head.encode() + tar + b"GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n")
    answers = b""
    while piece := connection.sock.recv(4096):
        answers += piece
    # The request was read with the body and is lost; so the connection ends, and says that it does.
    assert answers.startswith(b"HTTP/1.1 200 OK\r\n") and b"Connection: close\r\n" in answers
    assert answers.count(b"HTTP/1.1") == 1


def test_a_body_that_breaks_off(engine, target):
    tar = tar_of(("broken", tarfile.REGTYPE, {"data": b"x" * 100_000}))
    for framing in (f"Content-Length: {len(tar)}\r\n\r\n".encode() + tar[:50_000],
                    b"Transfer-Encoding: chunked\r\n\r\nc350\r\n" + tar[:50_000],
                    b"Transfer-Encoding: chunked\r\n\r\nno number\r\n"):
        connection = UnixConnection(engine.socket)
        connection.connect()
        connection.sock.sendall(
            f"PUT /containers/{target}/archive?path=/tmp HTTP/1.1\r\nHost: x\r\n".encode() + framing)
        connection.sock.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.sock.recv(4096):
            answer += piece
        assert b" 500 " in answer.split(b"\r\n")[0] or b" 400 " in answer.split(b"\r\n")[0], answer


def test_kinds_are_kept(engine):
    name = engine.docker("create", "busybox", "true").out.strip()
    folder = tar_of(("passwd", tarfile.DIRTYPE, {"mode": 0o755}))
    refused = put(engine, name, "/etc", folder, "&noOverwriteDirNonDir=1")
    assert refused.json["message"] == 'cannot overwrite non-directory "passwd" with directory "/etc"'
    refused = put(engine, name, "/", tar_of(("etc", tarfile.REGTYPE, {})), "&noOverwriteDirNonDir=true")
    assert refused.json["message"] == 'cannot overwrite directory "etc" with non-directory "/"'
    refused = put(engine, name, "/etc/passwd", folder)
    assert (refused.status, refused.json["message"]) == (400, "extraction point is not a directory")
    assert put(engine, name, "/nope", folder).status == 404
    engine.docker("rm", name)
