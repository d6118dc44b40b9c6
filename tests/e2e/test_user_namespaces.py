"""--userns-remap: root in a container is nobody on the host. What is asserted here real dockerd 28.5 does, too, but where
a comment says otherwise."""

import io
import os
import shutil
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

from support.canary import Canary
from support.engine import BIN, Engine
from support.remapped import COUNT, FIRST, RemappedEngine, RemappedHost

MAP = f"0 {FIRST} {COUNT}"
V2 = Path("/sys/fs/cgroup/cgroup.controllers").exists()


@pytest.fixture(scope="module")
def engine():
    with RemappedEngine("--live-restore") as engine:
        yield engine
    assert engine.left == []


def owner(path):
    status = os.lstat(path)
    return status.st_uid, status.st_gid


def host(uid, gid=None):
    return FIRST + uid, FIRST + (uid if gid is None else gid)


def sh(engine, script, *flags, **options):
    return engine.docker("run", "--rm", *flags, "busybox", "sh", "-c", script, **options).out


def archive(text_or_bytes):
    return {entry.name: entry for entry in tarfile.open(fileobj=io.BytesIO(text_or_bytes))}


# The daemon


def test_roots_and_info(engine):
    for folder in (engine.top, engine.store):
        status = folder.stat()
        assert (status.st_mode & 0o7777, status.st_uid, status.st_gid) == (0o710, 0, FIRST), folder
    info = engine.api("GET", "/info").json
    assert "name=userns" in info["SecurityOptions"]
    assert info["DockerRootDir"] == str(engine.store)
    # Nobody else looks in: neither another user nor another namespace's root.
    for uid in (65534, FIRST + COUNT, 5005):
        walk = subprocess.run(["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "ls", engine.store], capture_output=True)
        assert b"Permission denied" in walk.stderr


REFUSED = [
    ("nosuch", 'Error during uid lookup for "nosuch": getent unable to find entry "nosuch" in passwd database'),
    ("remapped:nosuch", 'Error during groupname lookup for "nosuch": getent unable to find entry "nosuch" in group database'),
    ("a:b:c", 'Invalid user/group specification in --userns-remap: "a:b:c"'),
    ("7777", 'Uid 7777 has no entry in /etc/passwd: getent unable to find entry "7777" in passwd database'),
    ("5005:7777", 'Gid 7777 has no entry in /etc/passwd: getent unable to find entry "7777" in group database'),
    ("norange", 'Can\'t create ID mappings: no subuid ranges found for user "norange"'),
    ("loner", 'Error during gid lookup for "loner": getent unable to find entry "loner" in group database'),
    ("99999999999", 'Error during uid lookup for "99999999999": getent unable to find entry "99999999999" in passwd database'),
]
ACCEPTED = ["remapped", "5005", "5005:5005", "remapped:remapped", "remapped:root", "root", "0"]


def test_who_it_may_be(tmp_path):
    made = RemappedHost(tmp_path / "etc")
    try:
        def validate(remap, *more):
            return subprocess.run([*made.prefix, BIN / "berthd", "--validate", f"--userns-remap={remap}", *more],
                                  capture_output=True, text=True)
        for remap, text in REFUSED:
            refused = validate(remap)
            assert (refused.returncode, refused.stderr.strip()) == (1, text)
        for remap in ACCEPTED:
            assert validate(remap).stderr == "configuration OK\n", remap
        assert "is not compatible with userns remapping" in validate("remapped", "--feature", "containerd-snapshotter=true").stderr
        # Malformed files say where.
        subprocess.run([*made.prefix, "sh", "-c", "echo remapped:1:x >>/etc/subgid"], check=True)
        assert 'malformed line "remapped:1:x"' in validate("remapped").stderr
    finally:
        made.close()


def test_default_makes_its_user(tmp_path):
    made = RemappedHost(tmp_path / "etc")
    try:
        def read(path):
            return subprocess.run([*made.prefix, "cat", path], capture_output=True, text=True).stdout
        done = subprocess.run([*made.prefix, BIN / "berthd", "--validate", "--userns-remap=default"], capture_output=True, text=True)
        assert done.stderr == "configuration OK\n"
        assert "\ndockremap:x:" in read("/etc/passwd") and "\ndockremap:x:" in read("/etc/group")
        # Behind the ranges that others have: 100000 and 200000 are taken.
        for path in ("/etc/subuid", "/etc/subgid"):
            line = [line for line in read(path).splitlines() if line.startswith("dockremap:")]
            assert len(line) == 1 and line[0].split(":")[1:] != ["100000", "65536"], line
        again = subprocess.run([*made.prefix, BIN / "berthd", "--validate", "--userns-remap=default"], capture_output=True, text=True)
        assert again.stderr == "configuration OK\n"
    finally:
        made.close()


def test_a_root_that_nobody_can_walk_to():
    class Closed(RemappedEngine):
        def __init__(self):
            super().__init__(images=())
            self.mode = 0o700
    with pytest.raises(RuntimeError, match="restricts access to the remapped root uid/gid"):
        with Closed():
            pass


# Containers


def test_ids_inside_and_outside(engine):
    out = sh(engine, "id -u; cat /proc/self/uid_map /proc/self/gid_map; stat -c '%u:%g %n' / /bin /etc/passwd /dev /dev/shm /dev/mqueue /dev/pts /dev/null")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[:3] == ["0", MAP, MAP]
    assert lines[3:] == ["0:0 /", "0:0 /bin", "0:0 /etc/passwd", "0:0 /dev", "0:0 /dev/shm", "0:0 /dev/mqueue", "0:0 /dev/pts", "65534:65534 /dev/null"]
    # Limits are the program's, not those of what starts it.
    assert sh(engine, "ulimit -n", "--ulimit", "nofile=10:10") == "10\n"
    engine.docker("run", "-d", "--name", "outside", "-u", "1000:2000", "busybox", "sleep", "1000")
    pid = engine.docker("inspect", "-f", "{{.State.Pid}}", "outside").out.strip()
    status = Path(f"/proc/{pid}/status").read_text()
    assert f"Uid:\t{FIRST + 1000}\t" in status and f"Gid:\t{FIRST + 2000}\t" in status
    engine.docker("rm", "-f", "outside")


def test_what_is_writable_and_what_is_not(engine):
    assert sh(engine, "touch /a /tmp/b /dev/shm/c && mkdir /d && chown 33:44 /a && stat -c %u:%g /a") == "33:44\n"
    assert "Invalid argument" in engine.docker("run", "--rm", "busybox", "chown", "70000", "/etc", status=1).err
    for script in ("mount -t tmpfs t /mnt", "mknod /n c 1 3", "echo x >/proc/sys/kernel/core_pattern",
                   "echo 1 >/proc/sys/vm/drop_caches", "echo b >/proc/sysrq-trigger"):
        assert engine.docker("run", "--rm", "busybox", "sh", "-c", script, status=None).status != 0, script
    # /dev/stdout and the terminal are the container's to open.
    assert sh(engine, "echo out >/dev/stdout; echo err >/dev/stderr") == "out\n"
    assert sh(engine, "echo typed | tee /dev/console >/dev/null; tty", "-t").splitlines()[-1] == "/dev/pts/0"
    assert engine.docker("run", "--rm", "-i", "busybox", "sh", "-c", "cat </dev/stdin", stdin="in").out == "in"
    assert sh(engine, "stat -c %u:%g /t", "--tmpfs", "/t:uid=5,gid=6") == "5:6\n"
    assert "Read-only" in engine.docker("run", "--rm", "--read-only", "busybox", "touch", "/x", status=1).err
    assert sh(engine, "pwd; stat -c %u:%g /made /made/dir", "-w", "/made/dir") == "/made/dir\n0:0\n0:0\n"
    assert sh(engine, "cat /proc/sys/net/ipv4/ip_forward; ping -c1 127.0.0.1 >/dev/null && echo pong",
              "--sysctl", "net.ipv4.ip_forward=1").split() == ["1", "pong"]
    assert "CapEff:\t000001" in sh(engine, "grep CapEff /proc/self/status", "--cap-add", "ALL")
    assert sh(engine, "ps -o args | grep -c docker-init", "--init").strip() != "0"


def test_cgroups(engine):
    # Shown, and not the container's to change where they are the host's.
    out = sh(engine, "mount | grep -c cgroup; for f in $(find /sys/fs/cgroup -name cgroup.procs -o -name release_agent); do "
             "echo 0 >$f; done 2>&1 | grep -v -e denied -e Permission; true", "-m", "64m").split("\n")
    assert int(out[0]) > 0
    assert V2 or out[1] == ""


@pytest.mark.skipif(not V2, reason="version 1 has no delegation")
def test_a_cgroup_is_its_roots(engine):
    """As under systemd: the folder and what goes with it, the limits not. dockerd delegates with its systemd driver."""
    script = ("cd /sys/fs/cgroup; mkdir own && echo 1 >own/cgroup.procs && echo +pids >cgroup.subtree_control && echo 50 >own/pids.max && "
              "cat own/pids.max own/cgroup.procs | head -2; echo 1000 >pids.max || echo refused; ls -ln cgroup.procs pids.max | awk '{print $3}'")
    for user, owner in (([], 0), (["-u", "1000"], 1000)):
        out = engine.docker("run", "--rm", "--pids-limit", "100", *user, "busybox", "sh", "-c", script + "; true").out.split()
        assert out == ["50", "1", "refused", str(owner), "65534"]
    engine.docker("run", "-d", "--name", "divided", "busybox", "sh", "-c", script + "; sleep 1000")
    assert engine.docker("exec", "divided", "echo", "in").out == "in\n"
    engine.docker("rm", "-f", "divided")
    assert "refused" in sh(engine, "mkdir /sys/fs/cgroup/own 2>/dev/null || echo refused", "--cgroupns=host")


def test_refused_beside_a_user_namespace(engine, cli):
    for flags, text in ((["--privileged"], "privileged mode is incompatible with user namespaces.  You must run the container in the host namespace when running privileged mode"),
                        (["--net=host"], "cannot share the host's network namespace when user namespaces are enabled"),
                        (["--pid=host"], "cannot share the host PID namespace when user namespaces are enabled")):
        assert f"Error response from daemon: {text}\n" in cli("run", "--rm", *flags, "busybox", "true", status=125).err
        assert cli("run", "--rm", "--userns=host", *flags, "busybox", "true").status == 0
    refused = cli("run", "--rm", "--security-opt", "writable-cgroups=true", "busybox", "true", status=125).err
    assert "option WritableCgroups conflicts with user namespaces and rootless mode" in refused
    # Whoever cannot be in the namespace.
    for user in ("70000", "0:70000"):
        refused = cli("run", "--rm", "-u", user, "busybox", "true", status=125).err
        assert "unable to setup user: cannot set " in refused and "in user namespace" in refused
    # The host's message queues cannot be mounted in there.
    refused = cli("run", "--rm", "--ipc=host", "busybox", "true", status=125).err
    assert "error mounting \"mqueue\"" in refused and "operation not permitted" in refused
    assert cli("run", "--rm", "--ipc=host", "--userns=host", "busybox", "true").status == 0
    assert cli("run", "--rm", "--uts=host", "busybox", "true").status == 0
    assert cli("run", "--rm", "--cgroupns=host", "busybox", "true").status == 0
    assert cli("ps", "-aq").out == ""


def test_the_hosts_user_namespace(engine):
    out = sh(engine, "cat /proc/self/uid_map; stat -c %u:%g / /bin /etc/hosts", "--userns=host").split()
    assert out == ["0", "0", "4294967295"] + [f"{FIRST}:{FIRST}"] * 3
    assert "CapEff:\t0000000000000000" not in sh(engine, "grep CapEff /proc/self/status", "--userns=host", "--privileged")


def test_shared_namespaces_are_of_one_user_namespace(engine):
    engine.docker("run", "-d", "--name", "donor", "--ipc=shareable", "busybox", "sleep", "1000")
    engine.docker("run", "-d", "--name", "hosts", "--userns=host", "--ipc=shareable", "busybox", "sleep", "1000")
    space = engine.docker("exec", "donor", "readlink", "/proc/self/ns/user").out
    for kind, name in (("net", "net"), ("pid", "pid"), ("ipc", "ipc")):
        there = engine.docker("exec", "donor", "readlink", f"/proc/self/ns/{name}").out
        assert sh(engine, f"readlink /proc/self/ns/user; readlink /proc/self/ns/{name}", f"--{kind}=container:donor") == space + there
        assert sh(engine, "cat /proc/self/uid_map", f"--{kind}=container:donor", "--userns=host").split()[1] == "0"
        assert "host's user namespace" in engine.docker("run", "--rm", f"--{kind}=container:hosts", "busybox", "true", status=125).err
    # What is shared works: the other's processes can be seen and ended, its memory read.
    engine.docker("exec", "donor", "sh", "-c", "echo shared >/dev/shm/f")
    assert sh(engine, "cat /dev/shm/f", "--ipc=container:donor") == "shared\n"
    assert sh(engine, "ip link show eth0 | grep -c UP; kill -0 1 && echo alive", "--net=container:donor", "--pid=container:donor").split() == ["1", "alive"]
    engine.docker("rm", "-f", "donor", "hosts")


def test_exec(engine, cli):
    engine.docker("run", "-d", "--name", "busy", "busybox", "sleep", "1000")
    space = engine.docker("exec", "busy", "readlink", "/proc/1/ns/user").out
    assert cli("exec", "busy", "sh", "-c", "readlink /proc/self/ns/user; id -u; touch /made; stat -c %u /made").out == space + "0\n0\n"
    assert cli("exec", "-u", "1000:33", "busy", "sh", "-c", "id -u; id -G").out == "1000\n33\n"
    assert "CapEff:\t00000000a80425fb" not in cli("exec", "--privileged", "busy", "grep", "CapEff", "/proc/self/status").out
    assert cli("exec", "--privileged", "busy", "cat", "/proc/self/uid_map").out.split() == MAP.split()
    assert cli("exec", "-t", "busy", "sh", "-c", "test -t 0 && echo terminal").out == "terminal\r\n"
    assert cli("exec", "busy", "sh", "-c", "echo x >/dev/stdout").out == "x\n"
    assert cli("exec", "-u", "70000", "busy", "true", status=None).status != 0
    engine.docker("rm", "-f", "busy")


# Files


def test_copies_in_and_out(engine, cli):
    source = engine.directory / "to-copy"
    source.write_text("hi")
    os.chown(source, 7, 8)
    cli("run", "-d", "--name", "files", "--tmpfs", "/t", "-v", "kept:/v", "busybox", "sh", "-c",
        "touch /own; chown 33:44 /own; chmod 4755 /own; touch /v/own; chown 33:44 /v/own; sleep 1000")
    for stopped in (False, True):
        if stopped:
            cli("stop", "-t", "0", "files")
        end = time.monotonic() + 10
        while not (found := cli("cp", "files:/v/own", "-", status=None)).status == 0 and time.monotonic() < end:
            time.sleep(0.05)
        cli("cp", source, "files:/hi")
        cli("cp", "-a", source, "files:/v/hi")
        if not stopped:
            # A tmpfs belongs to the namespace it was mounted in.
            cli("cp", source, "files:/t/hi")
            assert cli("exec", "files", "stat", "-c", "%u:%g", "/hi", "/v/hi", "/t/hi").out == "7:8\n7:8\n7:8\n"
        # dockerd puts the host's numbers out here (200033), though not in an export; the round trip is ours.
        for path, ids in (("/own", (33, 44)), ("/hi", (7, 8)), ("/v/hi", (7, 8)), ("/bin", (0, 0))):
            entry = next(iter(archive(cli("cp", f"files:{path}", "-").bytes).values()))
            assert (entry.uid, entry.gid) == ids, path
        assert next(iter(archive(cli("cp", "files:/own", "-").bytes).values())).mode & 0o7777 == 0o4755
        exported = archive(cli("export", "files").bytes)
        assert {name: (exported[name].uid, exported[name].gid) for name in ("own", "hi", "bin/busybox")} == \
            {"own": (33, 44), "hi": (7, 8), "bin/busybox": (0, 0)}
        assert set(cli("diff", "files").out.split("\n")) >= {"A /own", "A /hi"}
    stored = engine.store / "volumes/kept/_data"
    assert owner(stored / "own") == host(33, 44) and owner(stored / "hi") == host(7, 8)
    # An archive with an owner who is not in the namespace.
    wrong = io.BytesIO()
    with tarfile.open(fileobj=wrong, mode="w") as tar:
        entry = tarfile.TarInfo("outsider")
        entry.uid = 70000
        tar.addfile(entry)
    # The docker CLI fills a plain copy's owners in on its own; the API shows what the daemon says.
    answer = engine.api("PUT", "/containers/files/archive?path=/", wrong.getvalue(), {"Content-Type": "application/x-tar"})
    assert "container ID 70000 cannot be mapped to a host ID" in answer.text
    assert cli("diff", "files").out.count("outsider") == 0
    cli("rm", "-f", "files")
    cli("volume", "rm", "kept")


def test_commit_save_and_load(engine, cli):
    cli("run", "--name", "source", "busybox", "sh", "-c", "touch /own /gone; chown 33:44 /own; chmod 6755 /own; rm /bin/wget; mkdir /w; chown 5 /w")
    cli("commit", "source", "committed")
    cli("rm", "source")
    out = engine.docker("run", "--rm", "committed", "sh", "-c", "stat -c '%u:%g %a' /own /w; ls /bin/wget 2>/dev/null; true").out
    assert out == "33:44 6755\n5:0 755\n"
    saved = cli("save", "committed").bytes
    cli("rmi", "committed")
    layers = [layer for name in archive(saved) if name.startswith("blobs/") for layer in [member_tar(saved, name)] if layer]
    owners = {entry.name: (entry.uid, entry.gid) for layer in layers for entry in layer}
    assert owners["own"] == (33, 44) and owners["bin/busybox"] == (0, 0)
    assert all(uid < COUNT and gid < COUNT for uid, gid in owners.values())
    engine.docker("load", "-q", stdin=saved)
    assert engine.docker("run", "--rm", "committed", "stat", "-c", "%u:%g", "/own").out == "33:44\n"
    exported = engine.docker("create", "committed").out.strip()
    imported = engine.docker("import", "-", "imported", stdin=engine.docker("export", exported).bytes)
    assert imported.out.startswith("sha256:")
    assert engine.docker("run", "--rm", "imported", "stat", "-c", "%u:%g", "/own", "/bin").out == "33:44\n0:0\n"
    engine.docker("rm", exported)
    engine.docker("rmi", "committed", "imported")


def member_tar(saved, name):
    with tarfile.open(fileobj=io.BytesIO(saved)) as outer:
        member = outer.extractfile(name) if outer.getmember(name).isfile() else None
        try:
            return tarfile.open(fileobj=io.BytesIO(member.read())).getmembers() if member else None
        except tarfile.ReadError:
            return None


def test_an_image_with_an_outsider_is_refused(engine):
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        entry = tarfile.TarInfo("outsider")
        entry.gid = 65536
        tar.addfile(entry)
    refused = engine.docker("import", "-", "outsider", stdin=layer.getvalue(), status=1).err
    assert "container ID 65536 cannot be mapped to a host ID" in refused
    assert engine.docker("images", "-q", "outsider").out == ""


def test_capabilities_of_files_leave_without_their_namespace(engine):
    engine.docker("run", "--name", "capable", "--cap-add", "SETFCAP", "busybox", "sh", "-c", "cp /bin/busybox /prog")
    upper = Path(engine.api("GET", "/containers/capable/json").json["GraphDriver"]["Data"]["UpperDir"])
    # cap_net_bind_service=ep with the namespace's root, as setcap(8) inside leaves it.
    capability = bytes.fromhex("01000003" + "00040000" + "00000000" * 3) + FIRST.to_bytes(4, "little")
    os.setxattr(upper / "prog", "security.capability", capability)
    entry = archive(engine.docker("cp", "capable:/prog", "-").bytes)["prog"]
    assert entry.pax_headers["SCHILY.xattr.security.capability"].encode("utf-8", "surrogateescape") == \
        bytes.fromhex("01000002" + "00040000" + "00000000" * 3)
    engine.docker("commit", "capable", "capable")
    engine.docker("rm", "capable")
    engine.docker("rmi", "capable")


def test_volumes_and_binds(engine, cli):
    cli("volume", "create", "fresh")
    assert owner(engine.store / "volumes/fresh/_data") == host(0)
    cli("run", "--rm", "-v", "fresh:/v", "busybox", "sh", "-c", "touch /v/f; chown 5:6 /v/f")
    assert owner(engine.store / "volumes/fresh/_data/f") == host(5, 6)
    cli("run", "--rm", "-v", "copied:/etc", "busybox", "true")
    assert owner(engine.store / "volumes/copied/_data") == host(0)
    assert owner(engine.store / "volumes/copied/_data/passwd") == host(0)
    assert owner(engine.store / "volumes") == (0, 0)
    folder = engine.directory / f"bind-{cli.program[0].name}"
    folder.mkdir(mode=0o755)
    (folder / "root").write_text("x")
    os.chown(folder, *host(0))
    # A bind is what it is: root's file is nobody's, and only read.
    out = cli("run", "--rm", "-v", f"{folder}:/b", "busybox", "sh", "-c",
              "stat -c %u:%g /b /b/root; cat /b/root; echo; touch /b/new; echo y 2>/dev/null >/b/root || echo denied").out
    assert out == "0:0\n65534:65534\nx\ndenied\n"
    assert owner(folder / "new") == host(0) and (folder / "root").read_text() == "x"
    missing = folder / "not/there"
    cli("run", "--rm", "-v", f"{missing}:/b", "busybox", "touch", "/b/f")
    assert owner(missing) == owner(folder / "not") == owner(missing / "f") == host(0)
    assert cli("run", "--rm", "-v", f"{folder}:/b:ro", "busybox", "touch", "/b/x", status=1)
    assert cli("run", "--rm", "--mount", "type=volume,src=fresh,dst=/sub", "busybox", "stat", "-c", "%u", "/sub/f").out == "5\n"
    cli("volume", "rm", "fresh", "copied")


# What root in there cannot do


def test_a_hosts_canary_stays(engine):
    canary = Canary(engine.directory / "canary")
    for path in [canary.folder, *canary.folder.rglob("*")]:
        path.chmod(path.stat().st_mode | 0o055)
    canary.before = canary.state()
    script = ("for f in $(find /c -type f); do echo x >>$f; chmod 777 $f; chown 0 $f; rm -f $f; ln -f $f /c/link; mv $f /c/moved; done; "
              "touch /c/new; mkdir /c/dir; setfattr -n user.x -v y /c; true")
    for flags in ([], ["--cap-add", "ALL", "--security-opt", "seccomp=unconfined"]):
        engine.docker("run", "--rm", *flags, "-v", f"{canary.folder}:/c", "busybox", "sh", "-c", script)
    canary.check()


def test_a_setuid_file_is_not_the_hosts_roots(engine):
    folder = engine.directory / "shared"
    folder.mkdir()
    os.chown(folder, *host(0))
    # Not busybox, which gives such rights up by itself.
    shutil.copy("/usr/bin/id", folder / "prog")
    engine.docker("run", "--rm", "-v", f"{folder}:/s", "busybox", "sh", "-c", "cp /s/prog /s/id; chmod 6755 /s/id")
    assert owner(folder / "id") == host(0)
    folder.chmod(0o755)
    ran = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", folder / "id", "-u"], capture_output=True, text=True)
    assert ran.stdout == f"{FIRST}\n"
    # Nor does it lead to the host's root from in the store: nothing there is his.
    names = [path for path in (engine.store / "snapshots").glob("*/fs") for path in [path, *path.rglob("*")]]
    assert names and not [path for path in names if 0 in owner(path)]


def test_all_capabilities_reach_nothing_of_the_hosts(engine):
    # Root of a namespace may uncover what was masked in it, as with dockerd: what is there is the host's root's.
    script = ("umount /proc/sys; for f in kernel/core_pattern vm/overcommit_memory vm/drop_caches; do echo x >/proc/sys/$f; done; "
              "mknod /n b 7 0; chown 0 /dev/null; nsenter -t 1 -m true; date -s 2001-01-01; dmesg; hwclock -w; swapoff -a; reboot -f; "
              "echo 0 >/proc/1/oom_score_adj; true")
    watched = [Path("/proc/sys") / name for name in ("kernel/core_pattern", "vm/overcommit_memory")]
    before = [path.read_text() for path in watched]
    engine.docker("run", "--rm", "--cap-add", "ALL", "--security-opt", "seccomp=unconfined", "busybox", "sh", "-c", script, status=None)
    assert [path.read_text() for path in watched] == before and time.time() > 1_600_000_000


# Life goes on


def test_live_containers_survive_the_daemon(engine):
    engine.docker("run", "-d", "--name", "survivor", "-p", "8123:80", "--health-cmd", "true", "--health-interval", "100ms", "busybox",
                  "sh", "-c", "i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done")
    pid = engine.docker("inspect", "-f", "{{.State.Pid}}", "survivor").out
    engine.crash()
    engine.start()
    assert engine.docker("inspect", "-f", "{{.State.Pid}}", "survivor").out == pid
    assert engine.docker("exec", "survivor", "id", "-u").out == "0\n"
    assert engine.docker("exec", "survivor", "cat", "/proc/self/uid_map").out.split() == MAP.split()
    engine.docker("restart", "-t", "0", "survivor")
    engine.docker("pause", "survivor")
    engine.docker("unpause", "survivor")
    engine.docker("network", "create", "later")
    engine.docker("network", "connect", "later", "survivor")
    assert "eth1" in engine.docker("exec", "survivor", "ip", "-o", "link").out
    engine.docker("network", "disconnect", "later", "survivor")
    lines = engine.docker("logs", "survivor").out.split()
    assert len(lines) > 3
    engine.docker("rm", "-f", "survivor")
    engine.docker("network", "rm", "later")


def test_each_map_has_a_store_of_its_own(engine):
    with Engine(images=()) as plain:
        assert plain.api("GET", "/info").json["DockerRootDir"] == str(plain.data)
        assert "name=userns" not in plain.api("GET", "/info").json["SecurityOptions"]
        # Without the setting the word is known and means nothing.
        assert plain.api("POST", "/containers/create", {"Image": "none", "HostConfig": {"UsernsMode": "host"}}).status == 404
    assert plain.left == []


def test_another_runtime():
    program = shutil.which("runc")
    if not program:
        pytest.skip("runc is not installed")
    with RemappedEngine(settings={"runtimes": {"other": {"path": program}}, "default-runtime": "other"}) as engine:
        assert engine.docker("run", "--rm", "busybox", "cat", "/proc/self/uid_map").out.split() == MAP.split()
        engine.docker("run", "-d", "--name", "one", "-v", "v1:/v", "busybox", "sleep", "1000")
        assert engine.docker("exec", "one", "sh", "-c", "touch /v/f /x; stat -c %u /v/f").out == "0\n"
        assert owner(engine.store / "volumes/v1/_data/f") == host(0)
    assert engine.left == []
