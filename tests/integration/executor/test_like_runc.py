"""What callers of runc rely on and its own tests show, beyond the plain commands."""

import array
import os
import pathlib
import select
import signal
import socket
import subprocess
import sys

import pytest


@pytest.fixture
def frozen(bundle):
    """The container's cgroup, there already and frozen."""
    top = pathlib.Path("/sys/fs/cgroup")
    v2 = (top / "cgroup.controllers").exists()
    folder = (top if v2 else top / "freezer") / bundle.cgroup.lstrip("/")
    if not v2 and not folder.parent.exists():
        pytest.skip("no freezer")
    folder.mkdir()
    state, words = (folder / "cgroup.freeze", ("1", "0")) if v2 else (folder / "freezer.state", ("FROZEN", "THAWED"))
    state.write_text(words[0])
    yield
    state.write_text(words[1])
    folder.rmdir()


def test_a_frozen_cgroup_is_refused(bundle, frozen):
    assert bundle.create(["true"]) == 1
    assert "container's cgroup unexpectedly frozen" in bundle.last_error()
    assert not (bundle.folder / "state" / bundle.id).exists()


def test_init_dies_with_a_runtime_that_is_killed_before_the_container_is_written_down(bundle):
    os.mkfifo(bundle.folder / "hold")
    hook = bundle.folder / "hook"
    hook.write_text(f"#!/bin/sh\ncat {bundle.folder}/hold\n")
    hook.chmod(0o755)
    bundle.spec["hooks"] = {"createRuntime": [{"path": str(hook)}]}
    bundle.write(["sleep", "1000"])
    runtime = subprocess.Popen(bundle.command("create", "--bundle", bundle.folder, bundle.id), stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    hold = os.open(bundle.folder / "hold", os.O_WRONLY)  # the hook runs
    children = pathlib.Path(f"/proc/{runtime.pid}/task/{runtime.pid}/children").read_text().split()
    inits = [os.pidfd_open(int(pid)) for pid in children]
    runtime.kill()
    runtime.wait()
    os.close(hold)
    for init in inits:
        assert select.select([init], [], [], 20)[0], "init outlives its runtime"
        os.close(init)
    # Its empty cgroup is still there: the next container of that name takes it over.
    bundle.spec.pop("hooks")
    assert bundle.call("delete", "--force", bundle.id).returncode == 0
    assert bundle.run(["true"]) == ""


def test_keys_in_any_case(bundle):
    bundle.spec["process"]["CWD"] = bundle.spec["process"].pop("cwd")
    bundle.spec["hostNAME"] = "any-case"
    assert bundle.run(["cat", "/proc/sys/kernel/hostname"]) == "any-case\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_created_container_ends_on_a_signal(bundle, number):
    assert bundle.create(["sleep", "1000"]) == 0
    init = os.pidfd_open(bundle.pid())
    assert bundle.call("kill", bundle.id, str(int(number))).returncode == 0
    assert select.select([init], [], [], 20)[0]
    os.close(init)
    assert bundle.status() == "stopped"


def test_of_two_starts_one_succeeds(bundle):
    assert bundle.create(["sleep", "1000"]) == 0
    both = [subprocess.Popen(bundle.command("start", bundle.id), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for _ in range(2)]
    assert sorted(start.wait() for start in both) == [0, 1]
    assert "already running" in bundle.last_error()


def test_kill_reaches_what_outlives_init_in_the_hosts_pid_namespace(bundle):
    bundle.spec["linux"]["namespaces"] = [n for n in bundle.spec["linux"]["namespaces"] if n["type"] != "pid"]
    os.mkfifo(bundle.folder / "rootfs/pid")
    said = os.open(bundle.folder / "rootfs/pid", os.O_RDONLY | os.O_NONBLOCK)
    bundle.up(["sh", "-c", "sleep 1000 & echo $! >/pid; exec sleep 1000"])
    assert select.select([said], [], [], 20)[0]
    orphan = os.pidfd_open(int(os.read(said, 100)))
    os.close(said)
    init = os.pidfd_open(bundle.pid())
    os.kill(bundle.pid(), signal.SIGKILL)
    select.select([init], [], [], 20)
    assert bundle.call("kill", bundle.id, "KILL").returncode == 0
    assert select.select([orphan], [], [], 20)[0]
    os.close(orphan)
    os.close(init)


def test_debug_lines_go_to_the_log(bundle):
    bundle.write(["true"])
    done = subprocess.run(bundle.command("--debug", "run", "--bundle", bundle.folder, bundle.id), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == ""
    log = (bundle.folder / "log").read_text()
    assert '"level":"debug"' in log and "child process in init()" in log


def test_flags_of_a_bind_are_the_words_alone(bundle):
    source = bundle.folder / "source"
    source.mkdir()
    script = (f"mount --make-rprivate / && mount -t tmpfs tmpfs {source} && mount -o remount,bind,ro,noexec,noatime {source} && "
              + 'exec "$@"')
    seen = {}
    for words in ("bind", "bind,nodev", "bind,dev,relatime"):
        bundle.spec["mounts"] = bundle.spec["mounts"][:1] + [
            {"source": str(source), "destination": "/mnt", "type": "bind", "options": words.split(",")}]
        bundle.write(["sh", "-c", "grep ' /mnt ' /proc/self/mounts"])
        bundle.applets(*([] if (bundle.folder / "rootfs/bin/grep").is_symlink() else ["grep"]))
        done = subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", *map(str, bundle.command("run", "--bundle", bundle.folder, bundle.id))],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        seen[words] = set(done.stdout.split()[3].split(",")) & {"ro", "rw", "noexec", "nodev", "noatime", "relatime"}
    assert seen == {"bind": {"ro", "noexec", "noatime"}, "bind,nodev": {"rw", "nodev", "noatime"}, "bind,dev,relatime": {"rw", "relatime"}}


@pytest.mark.parametrize("user", [False, True])
def test_a_bind_of_what_is_mounted_inside(bundle, user):
    outside = bundle.folder / "outside"
    outside.mkdir()
    (outside / "file").write_text("deep")
    if user:
        bundle.spec["linux"]["namespaces"].append({"type": "user"})
        mapping = [{"containerID": 0, "hostID": 100000, "size": 65536}]
        bundle.spec["linux"].update(uidMappings=mapping, gidMappings=mapping)
        for folder in [bundle.folder, *bundle.folder.parents][:3]:
            folder.chmod(0o755)
        subprocess.run(["chown", "-R", "100000:100000", bundle.folder / "rootfs"], check=True)
    bundle.spec["mounts"] += [
        {"source": str(outside), "destination": "/a", "type": "bind", "options": ["bind"]},
        {"source": str(bundle.folder / "rootfs/a"), "destination": "/b", "type": "bind", "options": ["rbind"]}]
    assert bundle.run(["cat", "/b/file"]) == "deep"


def test_shared_mounts_inside_are_shared(bundle):
    source = bundle.folder / "source"
    source.mkdir()
    bundle.applets("grep")
    bundle.spec["mounts"].append({"source": str(source), "destination": "/mnt", "type": "bind", "options": ["bind", "shared"]})
    assert " shared:" in bundle.run(["grep", " /mnt ", "/proc/self/mountinfo"])


def test_in_the_hosts_mount_namespace(bundle):
    bundle.spec["linux"]["namespaces"] = [n for n in bundle.spec["linux"]["namespaces"] if n["type"] != "mount"]
    bundle.spec["linux"]["maskedPaths"] = ["/proc/keys"]
    assert bundle.create(["true"]) == 1
    assert "unable to restrict sys entries without a private MNT namespace" in bundle.last_error()
    del bundle.spec["linux"]["maskedPaths"]
    # The mounts stay, as with runc: here with the namespace of a caller that ends.
    bundle.write(["sh", "-c", "cat /bin/busybox >/dev/null && echo fine"])
    done = subprocess.run(["unshare", "-m", *map(str, bundle.command("run", "--bundle", bundle.folder, bundle.id))], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "fine\n")


class Supervisor:
    """systemd's end of NOTIFY_SOCKET."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.settimeout(20)

    def messages(self):
        said = []
        while not said or said[-1] != "BARRIER=1":
            text, extra, _, _ = self.socket.recvmsg(4096, socket.CMSG_SPACE(4))
            said.append(text.decode().strip())
            for _, _, data in extra:
                os.close(array.array("i", data[:4])[0])
        return said


@pytest.mark.parametrize("detach", [False, True])
def test_readiness_is_handed_on(bundle, detach):
    supervisor = Supervisor(bundle.folder / "notify")
    tell = ("import os,socket,time;s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM);"
            "s.sendto(b'STATUS=soon',os.environ['NOTIFY_SOCKET']);s.sendto(b'READY=1\\n',os.environ['NOTIFY_SOCKET']);")
    # busybox has no client for datagrams: the host's python, with the libraries it needs.
    for folder in ("/usr", "/lib", "/lib64"):
        bundle.spec["mounts"].append({"source": folder, "destination": folder, "type": "bind", "options": ["rbind", "ro"]})
    bundle.write([os.path.realpath(sys.executable), "-c", tell])
    runtime = subprocess.Popen(bundle.command("run", *(["--detach"] if detach else []), "--keep", "--bundle", bundle.folder, bundle.id),
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env={**os.environ, "NOTIFY_SOCKET": str(bundle.folder / "notify")})
    ready, pid, barrier = supervisor.messages()
    assert runtime.wait(20) == 0
    assert (ready, pid.split("=")[0], barrier) == ("READY=1", "MAINPID", "BARRIER=1")


def link(*words):
    return subprocess.run(["ip", *words], capture_output=True, text=True)


def test_network_devices_move_with_their_addresses(bundle):
    name, peer = "bt" + bundle.id[1:9], "bp" + bundle.id[1:9]
    assert link("link", "add", name, "type", "veth", "peer", "name", peer).returncode == 0
    try:
        link("addr", "add", "192.0.2.7/24", "dev", name)
        link("link", "set", name, "mtu", "1400", "up")
        bundle.spec["linux"]["netDevices"] = {name: {"name": "inside0"}}
        bundle.applets("ip")
        said = bundle.run(["ip", "addr", "show", "dev", "inside0"])
        assert "192.0.2.7/24" in said and "mtu 1400" in said and "UP" in said
        assert link("link", "show", name).returncode != 0
    finally:
        link("link", "del", peer)


@pytest.mark.parametrize("devices,text", [
    ({"no-such-device": {}}, "network device no-such-device"), ({"a/b": {}}, 'invalid network device name "a/b"'),
    ({"lo": {"name": "x" * 16}}, "invalid network device name")])
def test_network_devices_that_cannot_move(bundle, devices, text):
    bundle.spec["linux"]["netDevices"] = devices
    assert bundle.create(["true"]) == 1
    assert text in bundle.last_error()
