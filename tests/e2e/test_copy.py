"""docker cp."""

import base64
import io
import json
import os
import tarfile

import pytest

from support.container_archives import tar_of


@pytest.fixture
def box(engine, cli):
    """A container that runs, as `docker cp` meets most of them."""
    name = cli("run", "-d", "-v", "/data", "--tmpfs", "/scratch", "busybox", "sleep", "1000").out.strip()
    yield name
    cli("rm", "-fv", name)


def tree(folder):
    (folder / "sub/deep").mkdir(parents=True)
    (folder / "file").write_text("one\n")
    (folder / "sub/deep/other").write_bytes(b"\0" * 70000 + b"end")
    (folder / "sub/link").symlink_to("../file")
    (folder / "name with spaces and ü").write_text("x")
    os.link(folder / "file", folder / "hard")
    return folder


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


def test_a_container_that_was_not_started(engine, cli, tmp_path):
    """It has what Docker puts into every root, which is no change of its own."""
    name = cli("create", "busybox", "cat", "/etc/hosts").out.strip()
    cli("cp", f"{name}:/etc/resolv.conf", str(tmp_path / "resolv.conf"))
    assert (tmp_path / "resolv.conf").read_text() == ""
    names = tarfile.open(fileobj=io.BytesIO(cli("export", name).bytes)).getnames()
    assert {".dockerenv", "dev/console", "dev/pts", "etc/hostname", "etc/hosts", "etc/mtab", "proc", "sys"} <= set(names)
    assert cli("diff", name).out == ""
    assert "localhost" in cli("start", "-a", name).out
    cli("rm", name)


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
