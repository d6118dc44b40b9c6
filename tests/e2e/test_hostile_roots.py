"""Roots that lie: links where the kernel's file systems go, programs and libraries for whoever runs them, and files of every kind."""

import io
import os
import socket
import subprocess
import tarfile

import pytest

from support.canary import SECRET, ups

BUSYBOX = "/bin/busybox"
MARKER = "#!/bin/busybox sh\necho led > /marker\nexec cat\n"
LIBRARY = """
#include <fcntl.h>
#include <unistd.h>
__attribute__((constructor)) static void led(void) { close(open("/marker", O_CREAT | O_WRONLY, 0600)); }
"""


def root_tar(entries):
    """busybox, and `entries`: name -> link target (str), content (bytes), or None for a folder."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        files = {"bin": None, "bin/busybox": open(BUSYBOX, "rb").read(), "bin/sh": "busybox", "bin/cat": "busybox", "bin/ls": "busybox",
                 "etc": None, "etc/passwd": b"root:x:0:0::/:/bin/sh\nuser:x:7:7::/:/bin/sh\n", "etc/group": b"user:x:7:\n", "tmp": None, **entries}
        for name, what in files.items():
            info = tarfile.TarInfo(name)
            info.mode = 0o755
            if what is None:
                info.type = tarfile.DIRTYPE
            elif isinstance(what, str):
                info.type, info.linkname = tarfile.SYMTYPE, what
            else:
                info.size = len(what)
            tar.addfile(info, io.BytesIO(what if isinstance(what, bytes) else b""))
    return out.getvalue()


@pytest.fixture
def image(engine):
    def load(entries):
        engine.docker("import", "-", "hostile", stdin=root_tar(entries))
        return "hostile"

    yield load
    engine.docker("rmi", "-f", "hostile")


@pytest.mark.parametrize("name", ["proc", "sys", "dev", "dev/pts", "dev/shm", "dev/mqueue", "sys/fs/cgroup"])
@pytest.mark.parametrize("how", ["absolute", "relative", "inside"])
def test_links_where_file_systems_are_mounted(engine, canary, image, name, how):
    target = {"absolute": str(canary), "relative": ups(canary), "inside": "/tmp"}[how]
    folders = {"/".join(name.split("/")[:depth]): None for depth in range(1, name.count("/") + 1)}
    done = engine.docker("run", "--rm", image({**folders, name: target}), "cat", "/proc/self/mountinfo", status=None)
    # It fails, or what had to be there is there: the masks with it.
    if done.status == 0:
        points = [line.split()[4] for line in done.out.splitlines()]
        # A link of the root's own folders may stand for /dev.
        assert {"/proc", "/sys", "/proc/keys", "/proc/sys"} <= set(points) and (name == "dev" or "/dev" in points), done.out
    assert SECRET not in done.out


def test_nobody_runs_what_the_root_offers(engine, image, tmp_path):
    (tmp_path / "led.c").write_text(LIBRARY)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "led.so", tmp_path / "led.c"], check=True)
    library = (tmp_path / "led.so").read_bytes()
    folders = {"lib": None, "lib64": None, "lib/x86_64-linux-gnu": None, "usr": None, "usr/bin": None, "usr/lib": None, "usr/lib/x86_64-linux-gnu": None}
    libraries = {f"{folder}/{name}": library for folder in ("lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu", "lib64") for name in (
        "libnss_files.so.2", "libnss_compat.so.2", "libnss_dns.so.2", "libgcc_s.so.1", "libc.so.6", "libz.so.1")}
    programs = {f"{folder}/{name}": MARKER.encode() for folder in ("usr/bin", "bin") for name in ("xz", "unpigz", "gzip", "zstd", "bzip2", "tar", "mount")}
    load = image({**folders, **libraries, **programs, "etc/ld.so.preload": b"/lib64/libc.so.6\n", "etc/nsswitch.conf": b"passwd: compat dns files\n"})
    name = engine.docker("run", "-d", "-u", "user", "-v", "led:/tmp/led", load, "/bin/busybox", "sleep", "1000").out.strip()
    (tmp_path / "file").write_text("x")
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        tar.add(tmp_path / "file", "file")
    for _ in ("running", "stopped"):
        engine.docker("cp", tmp_path / "file", f"{name}:/tmp/")
        engine.docker("cp", "-a", tmp_path / "file", f"{name}:/tmp/")
        engine.docker("cp", f"{name}:/tmp/file", "-")
        for program in ("gzip", "xz", "bzip2", "zstd"):
            packed = subprocess.run([program, "-c"], input=plain.getvalue(), capture_output=True, check=True).stdout
            answer = engine.api("PUT", f"/containers/{name}/archive?path=/tmp", packed)
            assert answer.status in (200, 500)
        engine.docker("export", name)
        engine.docker("diff", name)
        engine.docker("rmi", engine.docker("commit", name).out.strip())
        engine.docker("exec", "-u", "user", name, "/bin/busybox", "true", status=None)
        assert engine.api("HEAD", f"/containers/{name}/archive?path=/marker").status == 404
        engine.docker("stop", "-t", "0", name)
    assert not os.path.exists("/marker")
    engine.docker("rm", "-f", name)
    engine.docker("volume", "rm", "led")


def put(engine, name, path, *entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for entry, kind, link, data, more in entries:
            info = tarfile.TarInfo(entry)
            info.type, info.linkname, info.size = kind, link, len(data)
            for key, value in more.items():
                setattr(info, key, value)
            tar.addfile(info, io.BytesIO(data))
    return engine.api("PUT", f"/containers/{name}/archive?path={path}", out.getvalue())


@pytest.mark.parametrize("running", [False, True])
def test_modes_owners_and_attributes_do_not_go_through_links(engine, canary, running):
    name = engine.docker("create", "busybox", "sleep", "1000").out.strip()
    if running:
        engine.docker("start", name)
    file, link, hard, folder = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE
    marks = {"mode": 0o6777, "uid": 7, "gid": 7, "mtime": 1, "pax_headers": {"SCHILY.xattr.user.led": "1"}}
    for target in (f"{canary}/secret", ups(canary / "secret"), str(canary), "/proc/1/root" + str(canary), "/proc/self/cwd"):
        first = ("s", link, target, b"", {})
        for second in (("s", file, "", b"led", marks), ("s", folder, "", b"", marks), ("s", hard, "s", b"", marks), ("s/secret", file, "", b"led", marks),
                       ("s/b", folder, "", b"", marks), ("s", link, "elsewhere", b"", marks), ("h", hard, "s", b"", marks)):
            assert put(engine, name, "/tmp", first, second).status in (200, 500)
    engine.docker("rm", "-f", name)


def test_magic_links_lead_nowhere(engine, canary):
    name = engine.docker("run", "-d", "busybox", "sleep", "1000").out.strip()
    for path in ("/proc/1/root", "/proc/1/cwd", "/proc/1/exe", "/proc/self/root", "/proc/1/fd/0", "/proc/thread-self/root", "/dev/fd/0", "/proc/1/ns/mnt"):
        for more in ("", "/etc/passwd", str(canary / "secret")):
            answer = engine.api("GET", f"/containers/{name}/archive?path={path}{more}")
            assert SECRET not in answer.text and answer.status in (200, 403, 404, 500)
            assert put(engine, name, path + more, ("led", tarfile.REGTYPE, "", b"led", {})).status in (400, 403, 404, 500)
    engine.docker("rm", "-f", name)


@pytest.mark.parametrize("running", [True, False])
def test_files_of_every_kind(engine, running):
    name = engine.docker("create", "-v", "kinds:/v", "busybox", "sleep", "1000").out.strip()
    data = engine.data / "volumes/kinds/_data"
    if running:
        engine.docker("start", name)
    os.mkfifo(data / "fifo")
    os.mknod(data / "zero", 0o020644, os.makedev(1, 5))
    os.mknod(data / "disk", 0o060644, os.makedev(240, 7))
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.open(data, os.O_DIRECTORY)
        listener.bind(f"/proc/self/fd/{here}/socket")
        os.close(here)
    (data / "setuid").write_text("x")
    os.chown(data / "setuid", 7, 8)
    (data / "setuid").chmod(0o6755)
    capability = bytes.fromhex("0100000200200000000000000000000000000000")
    os.setxattr(data / "setuid", "security.capability", capability)
    (data / ("n" * 255)).write_text("long")
    (data / "line\nbreak \\ ü").write_text("odd")
    (data / "holes").write_bytes(b"x")
    os.truncate(data / "holes", 1 << 20)
    os.link(data / "setuid", data / "again")
    deep = data / "deep"
    for _ in range(40):
        deep = deep / ("d" * 200)
        os.makedirs(deep) if len(str(deep)) < 4000 else None
    tar = engine.run("docker", "cp", f"{name}:/v/.", "-").bytes
    with tarfile.open(fileobj=io.BytesIO(tar)) as found:
        names = {member.name.removeprefix("./"): member for member in found.getmembers()}
        assert names["fifo"].isfifo() and names["zero"].ischr() and names["disk"].isblk() and "socket" not in names
        assert names["setuid"].mode == 0o6755 or names["again"].mode == 0o6755
        assert "n" * 255 in names and "line\nbreak \\ ü" in names
    # Read one by one: what cannot be read does not hang.
    for kind in ("fifo", "zero", "disk", "socket"):
        answer = engine.api("GET", f"/containers/{name}/archive?path=/v/{kind}", timeout=20)
        assert answer.status == 200
    # Everything comes back, over what is there and into an empty folder.
    for target in ("/v", "/tmp"):
        assert engine.api("PUT", f"/containers/{name}/archive?path={target}", tar, timeout=60).status == 200
    status = os.lstat(data / "setuid")
    assert (status.st_mode & 0o7777, status.st_uid, status.st_gid) == (0o6755, 7, 8)
    assert os.getxattr(data / "setuid", "security.capability") == capability
    assert os.stat(data / "again").st_ino == status.st_ino
    engine.docker("rm", "-f", name)
    engine.docker("volume", "rm", "kinds")
