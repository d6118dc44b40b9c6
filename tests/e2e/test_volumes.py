"""Bind mounts, named and anonymous volumes, tmpfs."""

import os

import pytest


def test_named_volume_keeps_data(engine, cli):
    assert cli("volume", "create", "data1").out == "data1\n"
    cli("run", "--rm", "-v", "data1:/data", "busybox", "sh", "-c", "echo kept > /data/file")
    assert cli("run", "--rm", "-v", "data1:/data:ro", "busybox", "cat", "/data/file").out == "kept\n"
    assert "data1" in cli("volume", "ls", "-q").out.split()
    assert cli("volume", "inspect", "-f", "{{.Mountpoint}}", "data1").out.strip() == str(engine.data / "volumes/data1/_data")
    cli("volume", "rm", "data1")
    assert "no such volume" in cli("volume", "inspect", "data1", status=1).err.lower()


def test_volume_in_use(engine, cli):
    container = cli("create", "-v", "used1:/data", "busybox", "true").out.strip()
    assert "volume is in use" in cli("volume", "rm", "used1", status=1).err
    cli("rm", container)
    cli("volume", "rm", "used1")


def test_copy_up(engine, cli):
    listing = cli("run", "--rm", "-v", "up1:/etc", "busybox", "ls", "/etc").out.split()
    assert "passwd" in listing and "group" in listing
    cli("volume", "rm", "up1")


def test_anonymous_volumes_go_with_rm_v(engine, cli):
    before = set(cli("volume", "ls", "-q").out.split())
    container = cli("create", "-v", "/data", "busybox", "true").out.strip()
    assert len(set(cli("volume", "ls", "-q").out.split()) - before) == 1
    cli("rm", "-v", container)
    cli("run", "--rm", "-v", "/data", "busybox", "true")
    assert set(cli("volume", "ls", "-q").out.split()) == before


def test_binds(engine, cli):
    folder = engine.directory / "bind"
    folder.mkdir(exist_ok=True)
    (folder / "in").write_text("from the host\n")
    done = cli("run", "--rm", "-v", f"{folder}:/mnt", "busybox", "sh", "-c", "cat /mnt/in; echo back > /mnt/out")
    assert done.out == "from the host\n"
    assert (folder / "out").read_text() == "back\n"
    refused = cli("run", "--rm", "--mount", f"type=bind,source={folder},target=/mnt,readonly", "busybox", "touch", "/mnt/x",
                  status=1)
    assert "Read-only file system" in refused.err


def test_missing_bind_source(engine, cli):
    refused = cli("run", "--rm", "--mount", "type=bind,source=/no/such/place,target=/mnt", "busybox", "true", status=125)
    assert "bind source path does not exist: /no/such/place" in refused.err


def test_tmpfs(engine, cli):
    out = cli("run", "--rm", "--tmpfs", "/scratch:size=1m", "busybox", "grep", " /scratch ", "/proc/mounts").out
    assert out.startswith("tmpfs /scratch tmpfs") and "size=1024k" in out and "noexec" in out


def test_subpath(engine, cli):
    data = engine.data / "volumes/sub1/_data"
    cli("run", "--rm", "-v", "sub1:/d", "busybox", "sh", "-c", "mkdir -p /d/a/b; echo in > /d/a/b/file; ln -s a/b /d/in; ln -s /etc /d/out; ln -s ../../../.. /d/up")
    mount = "type=volume,src=sub1,dst=/m,volume-subpath="
    assert cli("run", "--rm", "--mount", mount + "a/b", "busybox", "cat", "/m/file").out == "in\n"
    assert cli("run", "--rm", "--mount", mount + "a/b/file", "busybox", "cat", "/m").out == "in\n"
    assert cli("run", "--rm", "--mount", mount + "in", "busybox", "ls", "/m").out == "file\n"
    missing = cli("run", "--rm", "--mount", mount + "no/where", "busybox", "true", status=127)
    assert f"cannot access path {data}/no/where: lstat {data}/no/where: no such file or directory" in missing.err
    for way in ("out", "up", "out/passwd"):
        assert "escapes the base directory" in cli("run", "--rm", "--mount", mount + way, "busybox", "true", status=125).err
    for way in ("../x", "/a"):
        assert "subpath must be a relative path within the volume" in cli(
            "run", "--rm", "--mount", mount + way, "busybox", "true", status=125).err
    assert not cli("run", "--rm", "--mount", mount + "a,readonly", "busybox", "touch", "/m/b/x", status=1).out
    cli("volume", "rm", "sub1")


def test_image_mounts(engine, cli):
    out = cli("run", "--rm", "--mount", "type=image,src=busybox,dst=/m", "busybox", "sh", "-c", "ls /m; touch /m/x", status=1)
    assert "etc" in out.out.split() and "Read-only file system" in out.err
    assert "passwd" in cli("run", "--rm", "--mount", "type=image,src=busybox,dst=/m,image-subpath=etc", "busybox", "ls", "/m").out
    assert "root:" in cli("run", "--rm", "--mount", "type=image,src=busybox,dst=/m,image-subpath=etc/passwd", "busybox", "cat", "/m").out
    assert "no such file" in cli("run", "--rm", "--mount", "type=image,src=busybox,dst=/m,image-subpath=no", "busybox", "true",
                                 status=127).err
    container = cli("create", "--mount", "type=image,src=busybox,dst=/m", "busybox", "ls", "/m/bin/sh").out.strip()
    engine.crash()
    engine.start()
    assert cli("start", "-a", container).out == "/m/bin/sh\n"
    cli("rm", container)


def create_local(cli, name, kind, device, options):
    cli("volume", "create", "-o", f"type={kind}", "-o", f"device={device}", "-o", f"o={options}", name)


def test_driver_options(engine, cli):
    folder = engine.directory / "bound"
    folder.mkdir(exist_ok=True)
    create_local(cli, "ram1", "tmpfs", "tmpfs", "size=1m,uid=7")
    create_local(cli, "bind1", "none", folder, "bind")
    lines = cli("run", "--rm", "-v", "ram1:/ram", "-v", "bind1:/bind", "busybox", "sh", "-c", "touch /bind/x; grep ' /ram ' /proc/mounts").out
    assert "size=1024k" in lines and "uid=7" in lines
    assert (folder / "x").exists()
    assert engine.data.as_posix() not in open("/proc/self/mountinfo").read(), "mounted while nobody runs"
    create_local(cli, "bad1", "none", "/no/such/folder", "bind")
    refused = cli("run", "--rm", "-v", "bad1:/m", "busybox", "true", status=127).err
    where = engine.data / "volumes/bad1/_data"
    assert (f"error while mounting volume '{where}': failed to mount local volume: mount /no/such/folder:{where}, flags: 0x1000: "
            "no such file or directory") in refused
    assert "quota size requested but no quota support" in cli("volume", "create", "-o", "size=1m", "q1", status=1).err
    cli("volume", "rm", "ram1", "bind1", "bad1")
    assert (folder / "x").exists()


def test_a_file_system_in_a_file(engine, cli):
    if not os.path.exists("/dev/loop-control"):
        pytest.skip("no loop devices in this kernel")
    image = engine.directory / "disk.img"
    engine.run("truncate", "-s", "8m", image)
    engine.run("mkfs.ext4", "-q", "-F", image)
    create_local(cli, "loop1", "ext4", image, "noatime")
    line = cli("run", "--rm", "-v", "loop1:/loop", "busybox", "sh", "-c", "touch /loop/y; grep ' /loop ' /proc/mounts").out
    assert "ext4 rw,noatime" in line
    assert engine.data.as_posix() not in open("/proc/self/mountinfo").read(), "mounted while nobody runs"
    assert "y" in cli("run", "--rm", "-v", "loop1:/loop:ro", "busybox", "ls", "/loop").out.split()
    cli("volume", "rm", "loop1")


def test_mounts_are_counted_over_daemon_restarts(engine, cli):
    cli("volume", "create", "-o", "type=tmpfs", "-o", "device=tmpfs", "count1")
    where = f" {engine.data}/volumes/count1/_data "
    mounted = lambda: open("/proc/self/mountinfo").read().count(where)
    first = cli("run", "-d", "-v", "count1:/d", "busybox", "sh", "-c", "echo kept > /d/file; sleep 1000").out.strip()
    second = cli("run", "-d", "-v", "count1:/d", "busybox", "sleep", "1000").out.strip()
    assert mounted() == 1
    cli("kill", first)
    cli("wait", first)
    assert mounted() == 1
    pid = cli("inspect", "-f", "{{.State.Pid}}", second).out.strip()
    engine.crash()
    engine.start()
    assert mounted() == 1
    assert cli("exec", second, "cat", "/d/file").out == "kept\n"
    third = cli("run", "-d", "-v", "count1:/d", "busybox", "sleep", "1000").out.strip()
    cli("rm", "-f", third)
    assert mounted() == 1
    # It ends while the daemon is away.
    engine.crash()
    engine.run("kill", "-9", pid)
    engine.start()
    cli("wait", second)
    cli("rm", first, second)
    assert mounted() == 0
    cli("volume", "rm", "count1")
