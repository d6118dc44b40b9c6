"""--userns-remap: root in a container is nobody on the host. What is asserted here real dockerd 28.5 does, too, but where
a comment says otherwise."""

import shutil
import subprocess
from pathlib import Path

import pytest

from support.engine import BIN, Engine
from support.remapped import FIRST, COUNT, MAP, RemappedEngine, RemappedHost, host, owner, sh

V2 = Path("/sys/fs/cgroup/cgroup.controllers").exists()


@pytest.fixture(scope="module")
def engine():
    with RemappedEngine("--live-restore") as engine:
        yield engine
    assert engine.left == []


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
