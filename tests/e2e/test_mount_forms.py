"""Every form of -v, --mount and --tmpfs that a command line takes, by what the container finds."""

import os
import subprocess

import pytest

LINE = "grep ' {} ' /proc/self/mountinfo"
# Flags, command, what its output has (or, with "!", has not). {dir} is a folder of the host's with a file "f"; {new} is not there.
FORMS = {
    "-v bind": (["-v", "{dir}:/m"], "cat /m/f", "host"),
    "-v file": (["-v", "{dir}/f:/etc/motd"], "cat /etc/motd", "host"),
    "-v file over a file": (["-v", "{dir}/f:/etc/passwd:ro"], "cat /etc/passwd", "host"),
    "-v relative": (["-v", "./forms:/m"], "cat /m/f", "host"),
    "-v missing source": (["-v", "{new}:/m"], "ls -d /m && touch /m/x", "/m"),
    "-v through a link in the image": (["-v", "{dir}:/lnk/deep"], "cat /tmp/deep/f", "host"),
    "-v deep": (["-v", "{dir}:/not/there/yet"], "cat /not/there/yet/f", "host"),
    "-v ro": (["-v", "{dir}:/m:ro"], "touch /m/x 2>&1", "Read-only"),
    "-v ro,z,cached": (["-v", "{dir}:/m:ro,z,cached"], "touch /m/x 2>&1", "Read-only"),
    "-v delegated": (["-v", "{dir}:/m:delegated"], "cat /m/f", "host"),
    "-v consistent": (["-v", "{dir}:/m:consistent"], "cat /m/f", "host"),
    "-v rprivate": (["-v", "{dir}:/m:rprivate"], LINE.format("/m"), "!shared:"),
    "-v named": (["-v", "formv:/m"], "touch /m/x && ls /m", "x"),
    "-v named, nocopy": (["-v", "formn:/etc:nocopy"], "ls /etc", "!passwd"),
    "-v anonymous": (["-v", "/m"], "touch /m/x && ls /m", "x"),
    "--mount bind": (["--mount", "type=bind,source={dir},target=/m"], "cat /m/f", "host"),
    "--mount bind, short": (["--mount", "type=bind,src={dir},dst=/m"], "cat /m/f", "host"),
    "--mount bind, destination": (["--mount", "type=bind,src={dir},destination=/m,ro"], "touch /m/x 2>&1", "Read-only"),
    "--mount bind, quoted": (["--mount", '"type=bind","src={dir}","dst=/m"'], "cat /m/f", "host"),
    "--mount bind, readonly=false": (["--mount", "type=bind,src={dir},dst=/m,readonly=false"], "touch /m/y && ls /m", "y"),
    "--mount bind, consistency": (["--mount", "type=bind,src={dir},dst=/m,consistency=cached"], "cat /m/f", "host"),
    "--mount bind, propagation": (["--mount", "type=bind,src={dir},dst=/m,bind-propagation=private"], LINE.format("/m"), "!shared:"),
    "--mount bind, nonrecursive": (["--mount", "type=bind,src={dir},dst=/m,bind-nonrecursive"], "ls /m/sub", "!inner"),
    "--mount bind, recursive disabled": (["--mount", "type=bind,src={dir},dst=/m,bind-recursive=disabled"], "ls /m/sub", "!inner"),
    "--mount bind, recursive enabled": (["--mount", "type=bind,src={dir},dst=/m,bind-recursive=enabled"], "ls /m/sub", "inner"),
    "--mount bind, recursive writable": (["--mount", "type=bind,src={dir},dst=/m,ro,bind-recursive=writable"], "touch /m/sub/w && ls /m/sub", "w"),
    "--mount bind, recursive readonly": (["--mount", "type=bind,src={dir},dst=/m,ro,bind-recursive=readonly,bind-propagation=rprivate"],
                                         "touch /m/sub/x 2>&1", "Read-only"),
    "--mount volume": (["--mount", "type=volume,source=formm,target=/m"], "touch /m/x && ls /m", "x"),
    "--mount without a type": (["--mount", "source=formm,target=/m"], "touch /m/x && ls /m", "x"),
    "--mount anonymous": (["--mount", "type=volume,target=/m"], "touch /m/x && ls /m", "x"),
    "--mount volume, readonly": (["--mount", "src=formm,dst=/m,readonly"], "touch /m/x 2>&1", "Read-only"),
    "--mount volume, nocopy": (["--mount", "src=formo,dst=/etc,volume-nocopy"], "ls /etc", "!passwd"),
    "--mount volume, copied up": (["--mount", "src=formc,dst=/etc"], "ls /etc", "passwd"),
    "--mount volume, driver and label": (["--mount", "src=formd,dst=/m,volume-driver=local,volume-label=a=b"], "ls -d /m", "/m"),
    "--mount volume, options": (["--mount", "src=formt,dst=/m,volume-opt=type=tmpfs,volume-opt=device=tmpfs,volume-opt=o=size=1m"],
                                LINE.format("/m"), "size=1024k"),
    "--mount volume, subpath": (["--mount", "src=forms,dst=/m,volume-subpath=a"], "cat /m/in", "sub"),
    "--mount tmpfs": (["--mount", "type=tmpfs,dst=/m"], LINE.format("/m"), "tmpfs"),
    "--mount tmpfs, size and mode": (["--mount", "type=tmpfs,dst=/m,tmpfs-size=2m,tmpfs-mode=0700"], LINE.format("/m"), "size=2048k"),
    "--mount image": (["--mount", "type=image,src=busybox,dst=/m"], "ls /m/bin/busybox", "busybox"),
    "--mount image, subpath": (["--mount", "type=image,src=busybox,dst=/m,image-subpath=bin"], "ls /m/busybox", "busybox"),
    "--tmpfs": (["--tmpfs", "/m"], LINE.format("/m"), "noexec"),
    "--tmpfs with options": (["--tmpfs", "/m:rw,exec,size=1m,mode=1770,uid=5,nr_inodes=9"], LINE.format("/m"), "nr_inodes=9"),
    "--tmpfs ro": (["--tmpfs", "/m:ro"], "touch /m/x 2>&1", "Read-only"),
    "--read-only, --tmpfs": (["--read-only", "--tmpfs", "/tmp"], "touch /tmp/x && ls /tmp; touch /x 2>&1", "Read-only"),
    "--read-only, -v": (["--read-only", "-v", "{dir}:/not/there"], "cat /not/there/f", "host"),
    "nested, inner first": (["-v", "{dir}/f:/a/b/f", "--tmpfs", "/a/b", "-v", "formx:/a"], "cat /a/b/f", "host"),
    "nested in a bind": (["-v", "{dir}:/m", "-v", "formy:/m/sub"], "touch /m/sub/mine; ls /m/sub", "mine"),
    "tmpfs over /dev/shm": (["--tmpfs", "/dev/shm:size=3m"], LINE.format("/dev/shm"), "size=3072k"),
    "shm size": (["--shm-size", "5m"], LINE.format("/dev/shm"), "size=5120k"),
    "over /sys": (["-v", "{dir}/f:/sys/kernel/profiling"], "cat /sys/kernel/profiling", "host"),
    "over a device": (["-v", "{dir}/f:/dev/full"], "cat /dev/full", "host"),
}


@pytest.fixture(scope="module")
def places(engine):
    folder = engine.directory / "forms"
    (folder / "sub").mkdir(parents=True)
    (folder / "f").write_text("host\n")
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder / "sub"], check=True)
    (folder / "sub/inner").write_text("")
    engine.docker("run", "--rm", "-v", "forms:/v", "busybox", "sh", "-c", "mkdir /v/a; echo sub > /v/a/in")
    name = engine.docker("run", "-d", "busybox", "ln", "-s", "/tmp", "/lnk").out.strip()
    engine.docker("wait", name)
    engine.docker("commit", name, "linked")
    engine.docker("rm", name)
    yield folder
    subprocess.run(["umount", folder / "sub"], check=True)


@pytest.mark.parametrize("form", FORMS)
def test_form(engine, cli, places, form):
    flags, command, expected = FORMS[form]
    new = engine.directory / f"new-{cli.program[0].name}"
    flags = [flag.replace("{dir}", str(places)).replace("{new}", str(new)) for flag in flags]
    done = cli("run", "--rm", *flags, "linked", "sh", "-c", command, status=None)
    if expected.startswith("!"):
        assert done.status == 0 and expected[1:] not in done.out.split(), done
    else:
        assert expected in done.out, done
    assert not os.path.lexists(engine.directory / "not")
    volumes = [name for name in cli("volume", "ls", "-q").out.split() if name != "forms"]
    cli("volume", "rm", *volumes) if volumes else None


def test_copy_up_takes_owners_modes_and_attributes(engine, cli):
    name = engine.docker("run", "-d", "busybox", "sh", "-c",
                         "mkdir -p /data/sub; echo x > /data/f; ln /data/f /data/again; ln -s f /data/l; mkfifo /data/p; chown 3:4 /data/f;"
                         "chmod 4751 /data/f; chown 5:6 /data; chmod 2770 /data; touch -d '2001-02-03 04:05:06' /data/f").out.strip()
    engine.docker("wait", name)
    upper = engine.docker("inspect", "-f", "{{.GraphDriver.Data.UpperDir}}", name).out.strip()
    os.setxattr(f"{upper}/data/f", "user.note", b"kept")
    capability = bytes.fromhex("0100000200200000000000000000000000000000")
    os.setxattr(f"{upper}/data/f", "security.capability", capability)
    engine.docker("commit", name, "filled")
    cli("run", "--rm", "-v", "fillm:/data", "filled", "true")
    data = engine.data / "volumes/fillm/_data"
    file, folder = os.lstat(data / "f"), os.lstat(data)
    assert (file.st_uid, file.st_gid, file.st_mode & 0o7777, file.st_nlink, int(file.st_mtime)) == (3, 4, 0o4751, 2, 981173106)
    assert (folder.st_uid, folder.st_gid, folder.st_mode & 0o7777) == (5, 6, 0o2770)
    assert os.readlink(data / "l") == "f" and sorted(os.listdir(data)) == ["again", "f", "l", "p", "sub"]
    assert os.getxattr(data / "f", "user.note") == b"kept" and os.getxattr(data / "f", "security.capability") == capability
    # A volume that holds something is left as it is.
    (data / "f").unlink()
    cli("run", "--rm", "-v", "fillm:/data", "filled", "true")
    assert not (data / "f").exists()
    engine.docker("rm", name)
    cli("volume", "rm", "fillm")


def test_volumes_from_with_modes(engine, cli):
    donor = cli("create", "-v", "/one", "-v", "formf:/two", "busybox", "true").out.strip()
    for mode, writes in (("", True), (":rw", True), (":z", True), (":ro", False), (":ro,z", False)):
        done = cli("run", "--rm", "--volumes-from", donor + mode, "busybox", "sh", "-c", "touch /one/x && touch /two/x", status=None)
        assert (done.status == 0) == writes, (mode, done)
    assert "not found" in cli("run", "--rm", "--volumes-from", "nobody", "busybox", "true", status=125).err.lower().replace("no such container", "not found")
    cli("rm", "-v", donor)
    cli("volume", "rm", "formf")


def test_prune_asks(engine, cli):
    cli("volume", "create", "kept")
    cli("volume", "create", "--label", "a=b", "marked")
    anonymous = cli("volume", "create").out.strip()
    no = cli("volume", "prune", stdin="n\n", status=None)
    assert "WARNING! This will remove anonymous local volumes not used by at least one container." in no.out
    assert "Are you sure you want to continue? [y/N]" in no.out and "reclaimed" not in no.out
    assert anonymous in cli("volume", "ls", "-q").out
    all_of_them = cli("volume", "prune", "--all", stdin="", status=None)
    assert "WARNING! This will remove all local volumes not used by at least one container." in all_of_them.out
    yes = cli("volume", "prune", stdin="y\n").out
    assert anonymous in yes and "Total reclaimed space: 0B" in yes
    assert cli("volume", "prune", "-f").out == "Total reclaimed space: 0B\n"
    assert "marked" not in cli("volume", "prune", "-af", "--filter", "label!=a").out
    assert "marked" in cli("volume", "prune", "-f", "--all", "--filter", "label=a=b").out
    assert cli("volume", "ls", "-q").out.split() in ([], ["forms"])
