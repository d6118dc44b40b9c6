"""cp, diff, export and commit."""

import base64
import io
import json
import os
import socket
import subprocess
import tarfile
import time

import pytest

from support.engine import UnixConnection


def wait_until(done, seconds=20):
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it did not come to be"
        time.sleep(0.02)


@pytest.fixture
def box(engine, cli):
    """A container that runs, as `docker cp` meets most of them."""
    name = cli("run", "-d", "-v", "/data", "--tmpfs", "/scratch", "busybox", "sleep", "1000").out.strip()
    yield name
    cli("rm", "-fv", name)


@pytest.fixture
def target(engine):
    name = engine.berth("run", "-d", "busybox", "sleep", "1000").out.strip()
    yield name
    engine.berth("rm", "-f", name)


def tree(folder):
    (folder / "sub/deep").mkdir(parents=True)
    (folder / "file").write_text("one\n")
    (folder / "sub/deep/other").write_bytes(b"\0" * 70000 + b"end")
    (folder / "sub/link").symlink_to("../file")
    (folder / "name with spaces and ü").write_text("x")
    os.link(folder / "file", folder / "hard")
    return folder


def tar_of(*entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, kind, more in entries:
            info = tarfile.TarInfo(name)
            info.type = kind
            data = more.pop("data", b"")
            info.size = len(data)
            for key, value in more.items():
                setattr(info, key, value)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def put(engine, container, path, body, more=""):
    return engine.api("PUT", f"/containers/{container}/archive?path={path}{more}", body,
                          {"Content-Type": "application/x-tar"})


def test_in_and_out_again(engine, cli, box, tmp_path):
    source = tree(tmp_path / "source")
    cli("cp", str(source), f"{box}:/tmp/")
    listing = cli("exec", box, "find", "/tmp/source", "-type", "f").out.split("\n")
    assert "/tmp/source/sub/deep/other" in listing and "/tmp/source/name with spaces and ü" in listing
    assert cli("exec", box, "stat", "-c", "%h", "/tmp/source/hard").out == "2\n"
    cli("cp", f"{box}:/tmp/source", str(tmp_path / "back"))
    back = tmp_path / "back"
    assert (back / "sub/deep/other").read_bytes() == b"\0" * 70000 + b"end"
    assert os.readlink(back / "sub/link") == "../file"
    assert (back / "file").stat().st_ino == (back / "hard").stat().st_ino


@pytest.mark.parametrize("source, target, path", [
    ("source", "/tmp", "/tmp/source/file"),        # into a folder that is there
    ("source/.", "/tmp", "/tmp/file"),             # the content alone
    ("source", "/tmp/new", "/tmp/new/file"),       # as a folder that is not
    ("source/file", "/tmp/renamed", "/tmp/renamed"),
    ("source/file", "/tmp/", "/tmp/file"),
    ("source/sub/link", "/tmp/copied", "/tmp/copied"),
])
def test_what_the_target_is_called(engine, cli, box, tmp_path, source, target, path):
    tree(tmp_path / "source")
    cli("cp", str(tmp_path) + "/" + source, f"{box}:{target}")
    cli("exec", box, "test", "-e", path) if "link" not in source else cli("exec", box, "test", "-L", path)


def test_out_under_other_names(engine, cli, box, tmp_path):
    cli("exec", box, "sh", "-c", "mkdir -p /tmp/d/e; echo 1 > /tmp/d/e/f; ln -s d/e/f /tmp/l")
    cli("cp", f"{box}:/tmp/d", str(tmp_path / "fresh"))
    assert (tmp_path / "fresh/e/f").read_text() == "1\n"
    (tmp_path / "there").mkdir()
    cli("cp", f"{box}:/tmp/d", str(tmp_path / "there"))
    assert (tmp_path / "there/d/e/f").exists()
    cli("cp", f"{box}:/tmp/d/.", str(tmp_path / "there"))
    assert (tmp_path / "there/e/f").exists()
    cli("cp", f"{box}:/tmp/d/e/f", str(tmp_path / "one"))
    assert (tmp_path / "one").read_text() == "1\n"
    cli("cp", "-L", f"{box}:/tmp/l", str(tmp_path / "followed"))
    assert (tmp_path / "followed").read_text() == "1\n"


def test_refusals(engine, cli, box, tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    assert f"Could not find the file /nope in container {box}" in cli("cp", f"{box}:/nope", "-", status=1).err
    assert "No such container: nobody" in cli("cp", "nobody:/etc", str(tmp_path), status=1).err
    assert "cannot copy directory" in cli("cp", str(tmp_path / "folder"), f"{box}:/etc/passwd", status=1).err
    assert "no such directory" in cli("cp", str(tmp_path / "file"), f"{box}:/nope/", status=1).err
    assert "copying between containers is not supported" in cli("cp", "a:/x", "b:/y", status=1).err
    assert "must specify at least one container source" in cli("cp", "/x", "/y", status=1).err
    assert "must be a directory" in cli("cp", "-", f"{box}:/etc/passwd", status=1, stdin="").err


def test_streams(engine, cli, box):
    tar = cli("cp", f"{box}:/etc", "-").bytes
    assert "etc/passwd" in tarfile.open(fileobj=io.BytesIO(tar)).getnames()
    cli("cp", "-", f"{box}:/tmp", stdin=tar_of(("a/b", tarfile.REGTYPE, {"data": b"hi", "uid": 1000})))
    assert cli("exec", box, "stat", "-c", "%u %s", "/tmp/a/b").out == "1000 2\n"


def test_archive_mode_takes_the_containers_user(engine, cli, tmp_path):
    (tmp_path / "f").write_text("x")
    name = cli("create", "--user", "33:34", "busybox", "true").out.strip()
    cli("cp", "-a", str(tmp_path / "f"), f"{name}:/home/f")
    tar = cli("cp", f"{name}:/home/f", "-").bytes
    entry = tarfile.open(fileobj=io.BytesIO(tar)).getmember("f")
    assert (entry.uid, entry.gid) == (33, 34)
    cli("rm", name)


def test_volumes_and_mounts(engine, cli, tmp_path):
    (tmp_path / "host").mkdir()
    (tmp_path / "f").write_text("x")
    name = cli("create", "-v", "cpv:/vol", "-v", f"{tmp_path}/host:/bound", "-v", "cpv:/fixed:ro", "busybox", "sleep",
               "1000").out.strip()
    for _ in ("stopped", "running"):
        cli("cp", str(tmp_path / "f"), f"{name}:/vol/f")
        cli("cp", str(tmp_path / "f"), f"{name}:/bound/f")
        assert (tmp_path / "host/f").read_text() == "x"
        assert (engine.data / "volumes/cpv/_data/f").read_text() == "x"
        assert "mounted volume is marked read-only" in cli("cp", str(tmp_path / "f"), f"{name}:/fixed/g", status=1).err
        os.unlink(tmp_path / "host/f")
        os.unlink(engine.data / "volumes/cpv/_data/f")
        cli("start", name)
    cli("rm", "-f", name)
    cli("volume", "rm", "cpv")


def test_read_only_root(engine, cli, tmp_path):
    (tmp_path / "f").write_text("x")
    name = cli("create", "--read-only", "busybox", "sleep", "1000").out.strip()
    assert "container rootfs is marked read-only" in cli("cp", str(tmp_path / "f"), f"{name}:/tmp/f", status=1).err
    cli("start", name)
    assert "container rootfs is marked read-only" in cli("cp", str(tmp_path / "f"), f"{name}:/tmp/f", status=1).err
    cli("cp", f"{name}:/etc/passwd", str(tmp_path / "out"))
    cli("rm", "-f", name)


def test_stat_header(engine):
    name = engine.docker("create", "busybox", "true").out.strip()

    def stat(path):
        answer = engine.api("HEAD", f"/containers/{name}/archive?path={path}")
        assert answer.status == 200
        return json.loads(base64.b64decode(answer.headers["X-Docker-Container-Path-Stat"]))

    found = stat("/etc/passwd")
    assert list(found) == ["name", "size", "mode", "mtime", "linkTarget"]
    assert found["name"] == "passwd" and found["mode"] == 0o644 and found["linkTarget"] == ""
    assert stat("/etc/")["name"] == "etc" and stat("/etc/.")["name"] == "." and stat("/")["name"] == "/"
    assert stat("/etc")["mode"] == 0x80000000 | 0o755
    link = stat("/bin/sh")
    assert link["mode"] & 0x08000000 and link["linkTarget"] == "/bin/busybox"
    assert engine.api("HEAD", f"/containers/{name}/archive?path=/nope").status == 404
    refused = engine.api("GET", f"/containers/{name}/archive?path=/etc/passwd/")
    assert (refused.status, refused.json["message"]) == (500, "lstat /etc/passwd/: not a directory")
    refused = engine.api("GET", f"/containers/{name}/archive?path=")
    assert (refused.status, refused.json["message"]) == (400, "bad parameter: pathcannot be empty")
    engine.docker("rm", name)


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
    wait_until(lambda: len(os.listdir(threads)) < busy, 40)
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
    wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in found))
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


SCRIPT = """
rm -rf /home; mkdir /home; echo x > /home/y
rm /bin/cat; rm -r /usr
echo >> /etc/passwd
mkdir -p /a/b; touch /a/-d; mkfifo /ff; ln -s x /sl
touch /tmp/gone; rm /tmp/gone
"""
CHANGES = ["A /a", "A /a/-d", "A /a/b", "C /bin", "D /bin/cat", "C /etc", "C /etc/passwd", "A /ff", "C /home", "A /home/y",
           "A /sl", "D /usr"]


def test_diff(engine, cli):
    untouched = cli("create", "busybox", "true").out.strip()
    assert cli("diff", untouched).out == ""
    assert engine.api("GET", f"/containers/{untouched}/changes").json is None
    name = cli("run", "-d", "busybox", "sh", "-c", SCRIPT + "sleep 1000").out.strip()
    wait_until(lambda: "D /usr" in cli("diff", name).out and "A /sl" in cli("diff", name).out)
    assert cli("diff", name).out.splitlines() == CHANGES
    cli("kill", name)
    assert cli("diff", name).out.splitlines() == CHANGES
    cli("rm", name, untouched)


def test_export(engine, cli, tmp_path):
    name = cli("run", "-d", "-v", "/data", "busybox", "sh", "-c", "echo v > /data/v; echo x > /new; sleep 1000").out.strip()
    wait_until(lambda: "A /new" in cli("diff", name).out)
    for _ in ("running", "stopped"):
        cli("export", "-o", str(tmp_path / "out.tar"), name)
        with tarfile.open(tmp_path / "out.tar") as tar:
            names = tar.getnames()
            assert tar.extractfile("new").read() == b"x\n"
        assert "bin/busybox" in names and "data" in names and ".dockerenv" in names
        # Volumes and what the kernel mounts are not part of it.
        assert "data/v" not in names and not [name for name in names if name.startswith("proc/")]
        cli("stop", "-t", "0", name)
    cli("rm", "-v", name)


def test_commit(engine, cli):
    name = cli("run", "-d", "--name", "made", "-e", "A=1", "busybox", "sh", "-c", SCRIPT + "sleep 1000").out.strip()
    wait_until(lambda: "A /sl" in cli("diff", name).out and "D /usr" in cli("diff", name).out)
    made = cli("commit", "-m", "a message", "-a", "an author", "-c", "CMD [\"cat\", \"/home/y\"]", "-c", "ENV B=2", "-c",
               "LABEL k=v", "-c", "WORKDIR rel", "-c", "EXPOSE 80", "-c",
               "HEALTHCHECK --interval=5s --retries=2 CMD true", name, "made:one").out.strip()
    image = json.loads(cli("image", "inspect", "made:one").out)[0]
    config = image["Config"]
    assert image["Id"] == made and image["Author"] == "an author" and image["Comment"] == "a message"
    assert config["Cmd"] == ["cat", "/home/y"] and config["WorkingDir"] == "/rel"
    assert "A=1" in config["Env"] and "B=2" in config["Env"] and config["Labels"] == {"k": "v"}
    assert config["ExposedPorts"] == {"80/tcp": {}}
    assert config["Healthcheck"] == {"Test": ["CMD-SHELL", "true"], "Interval": 5000000000, "Retries": 2}
    assert len(image["RootFS"]["Layers"]) == 2
    top = cli("history", "--no-trunc", "--format", "{{.CreatedBy}}|{{.Comment}}", "made:one").out.splitlines()[-len(SCRIPT.splitlines()) - 2:]
    assert any("a message" in line for line in top)
    # What was removed stays removed; busybox's own cat is one of the things.
    out = cli("run", "--rm", "made:one", "sh", "-c", "ls -d /usr /bin/cat /home /a/b; busybox cat /home/y", status=0).out
    assert out.split() == ["/a/b", "/home", "x"] or out.split() == ["/home", "/a/b", "x"]
    assert json.loads(cli("inspect", name).out)[0]["State"]["Status"] == "running"
    assert "FOO is not a valid change command" in cli("commit", "-c", "FOO x", name, status=1).err
    assert "must be lowercase" in cli("commit", name, "BAD", status=1).err
    assert "No such container: nobody" in cli("commit", "nobody", status=1).err
    cli("rm", "-f", name)
    again = cli("run", "-d", "made:one", "sleep", "1000").out.strip()
    assert cli("diff", again).out.splitlines() in ([], ["A /rel"])
    cli("rm", "-f", again)
    cli("rmi", "made:one")


def test_a_commit_survives_save_and_restart_of_the_daemon(engine, cli):
    name = cli("run", "-d", "busybox", "sleep", "1000").out.strip()
    cli("exec", name, "sh", "-c", "echo kept > /kept")
    cli("commit", name, "kept:1")
    engine.crash()
    engine.start()
    assert cli("run", "--rm", "kept:1", "cat", "/kept").out == "kept\n"
    cli("rm", "-f", name)
    cli("rmi", "kept:1")


def test_stopped_with_images_and_subpaths(engine, cli, tmp_path):
    (tmp_path / "f").write_text("x")
    cli("run", "--rm", "-v", "cps:/v", "busybox", "sh", "-c", "mkdir -p /v/a/b; echo in > /v/a/b/file; echo one > /v/one")
    volume = "type=volume,src=cps,volume-subpath="
    name = cli("create", "--tmpfs", "/a", "-v", f"{tmp_path}/gone:/b", "--mount", volume + "a/b,dst=/sub", "--mount", volume + "one,dst=/one", "--mount", volume + "a,dst=/fixed,readonly",
               "--mount", "type=image,src=busybox,dst=/image", "--mount", "type=image,src=busybox,dst=/image2,image-subpath=etc",
               "--mount", "type=image,src=busybox,dst=/passwd,image-subpath=etc/passwd", "busybox", "sleep", "1000").out.strip()
    (tmp_path / "gone").rmdir() if (tmp_path / "gone").exists() else None
    read = lambda path: tarfile.open(fileobj=io.BytesIO(cli("cp", f"{name}:{path}", "-").bytes))
    for _ in ("stopped", "running"):
        assert read("/sub/file").extractfile("file").read() == b"in\n"
        assert read("/one").extractfile("one").read() == b"one\n"
        assert "image/etc/passwd" in read("/image").getnames()
        assert read("/image2").getnames()[:1] == ["image2"] and "image2/group" in read("/image2").getnames()
        assert b"root:" in read("/passwd").extractfile("passwd").read()
        cli("cp", str(tmp_path / "f"), f"{name}:/sub/g")
        assert (engine.data / "volumes/cps/_data/a/b/g").read_text() == "x"
        for path in ("/fixed/g", "/image/g", "/image2/g"):
            assert "mounted volume is marked read-only" in cli("cp", str(tmp_path / "f"), f"{name}:{path}", status=1).err
        cli("start", name)
    cli("rm", "-f", name)
    cli("volume", "rm", "cps")


def test_a_look_into_a_stopped_container_mounts_nothing_on_the_host(engine, cli, tmp_path):
    shared = tmp_path / "shared"
    (shared / "inner").mkdir(parents=True)
    engine.run("mount", "-t", "tmpfs", "tmpfs", shared)
    engine.run("mount", "--make-shared", shared)
    try:
        name = cli("create", "-v", f"{shared}:/a", "-v", f"{tmp_path}:/a/b", "busybox", "true").out.strip()
        cli("cp", f"{name}:/a/b/shared", "-")
        assert f" {shared}/b " not in open("/proc/self/mountinfo").read()
        cli("rm", name)
    finally:
        engine.run("umount", "-R", shared)
