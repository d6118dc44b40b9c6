"""The default sandbox from inside: engine/spec makes the config, the runtime obeys it, a process looks around.

$BERTH_TEST_RUNTIME names another runtime with runc's command line to hold the suite against."""

import errno
import json
import os
import secrets
import shutil
import subprocess
from pathlib import Path

import pytest
from support.engine import BIN

RUNTIME = os.environ.get("BERTH_TEST_RUNTIME", str(BIN / "berth-runtime"))
PROGRAMS = BIN.parent / "tests"
APPLETS = "sh cat ls mount mknod dd echo stat find head id touch mkdir".split()

DEFAULT_CAPABILITIES = 0x00000000A80425FB
HIDDEN_FILES = "interrupts kcore keys latency_stats sched_debug timer_list timer_stats".split()


class Sandbox:
    """One root filesystem; run() makes a container of it and returns what its process printed."""

    def __init__(self, folder):
        self.folder, self.name = folder, "berth-spec-" + secrets.token_hex(4)
        self.root = folder / "rootfs"
        for name in "bin dev etc proc sys tmp".split():
            (self.root / name).mkdir(parents=True)
        shutil.copy("/bin/busybox", self.root / "bin/busybox")
        for applet in APPLETS:
            (self.root / "bin" / applet).symlink_to("busybox")
        shutil.copy(PROGRAMS / "spec-probe", self.root / "bin/probe")
        (self.root / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nbob:x:1000:1000::/:/bin/sh\n")
        (self.root / "etc/group").write_text("audio:x:29:bob\n")

    def config(self, *args, **options):
        options |= {"args": args, "root": str(self.root), "cgroup": f"/{self.name}/{self.name}"}
        made = subprocess.run([PROGRAMS / "spec-config"], input=json.dumps(options), capture_output=True, text=True)
        assert made.returncode == 0, made.stderr
        return made.stdout

    def runtime(self, *arguments, **options):
        return subprocess.run([RUNTIME, "--root", self.folder / "state", *arguments], text=True, timeout=60, **options)

    def run(self, *args, **options):
        (self.folder / "config.json").write_text(self.config(*args, **options))
        reader, writer = os.pipe()
        with open(self.folder / "output", "w+") as output:
            try:
                created = self.runtime("create", "--bundle", self.folder, self.name, stdin=subprocess.DEVNULL,
                                       stdout=output, stderr=output, pass_fds=())
                assert created.returncode == 0, (self.folder / "output").read_text()
                pid = json.loads(self.runtime("state", self.name, capture_output=True).stdout)["pid"]
                process = os.pidfd_open(pid)
                assert self.runtime("start", self.name).returncode == 0
                import select
                assert select.select([process], [], [], 60)[0], "it does not end"
                os.close(process)
            finally:
                self.runtime("delete", "--force", self.name, capture_output=True)
                os.close(reader)
                os.close(writer)
        return (self.folder / "output").read_text()

    def shell(self, script, **options):
        return self.run("sh", "-c", script, **options)

    def probe(self, **options):
        return {name: int(number) for name, number in map(str.split, self.run("probe", **options).splitlines())}

    def close(self):
        for parent in [*Path("/sys/fs/cgroup").glob(self.name), *Path("/sys/fs/cgroup").glob("*/" + self.name)]:
            parent.rmdir()


@pytest.fixture
def sandbox(tmp_path):
    if not Path(RUNTIME).exists() and not shutil.which(RUNTIME):
        pytest.skip(f"{RUNTIME} is not built")
    made = Sandbox(tmp_path)
    yield made
    made.close()


def status_of(text):
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


@pytest.mark.parametrize("options, bounding, effective", [
    ({}, DEFAULT_CAPABILITIES, DEFAULT_CAPABILITIES),
    ({"cap_drop": ["ALL"]}, 0, 0),
    ({"cap_drop": ["ALL"], "cap_add": ["CHOWN"]}, 1, 1),
    ({"user": "bob"}, DEFAULT_CAPABILITIES, 0),
])
def test_capabilities(sandbox, options, bounding, effective):
    status = status_of(sandbox.run("cat", "/proc/self/status", **options))
    sets = {name: int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}
    assert sets == {"CapInh": 0, "CapPrm": effective, "CapEff": effective, "CapBnd": bounding, "CapAmb": 0}
    assert status["Seccomp"].strip() == "2"
    assert status["NoNewPrivs"].strip() == "0"


def test_user_and_groups(sandbox):
    assert sandbox.run("id", user="bob").strip() == "uid=1000(bob) gid=1000 groups=29(audio),1000"
    assert sandbox.run("id", user="1234:29").strip() == "uid=1234 gid=29(audio) groups=29(audio)"


def test_system_calls(sandbox):
    seen = sandbox.probe()
    refused = set("unshare_user unshare_mount clone_user setns pivot_root mount move_mount fsopen keyctl add_key "
                  "request_key bpf perf_event_open io_uring_setup userfaultfd kexec_load init_module open_by_handle_at "
                  "move_pages syslog reboot socket_alg socket_vsock personality_svr4".split())
    assert {name for name, number in seen.items() if number == errno.EPERM} == refused
    assert {name for name, number in seen.items() if number == errno.ENOSYS} == {"clone3", "unknown"}
    assert {name for name, number in seen.items() if number == 0} == {
        "clone", "socket_inet", "personality_linux", "ptrace"}


def test_system_calls_with_sys_admin(sandbox):
    seen = sandbox.probe(cap_add=["SYS_ADMIN"])
    assert seen["unshare_mount"] == seen["clone_user"] == 0
    assert seen["clone3"] not in (errno.EPERM, errno.ENOSYS)
    assert {seen[name] for name in ("keyctl", "io_uring_setup", "init_module", "reboot", "socket_alg")} == {errno.EPERM}


def test_system_calls_unconfined(sandbox):
    seen = sandbox.probe(seccomp="unconfined")
    assert seen["keyctl"] != errno.EPERM and seen["clone3"] != errno.ENOSYS and seen["unknown"] == errno.ENOSYS


def test_masked_paths_show_nothing(sandbox):
    files = " ".join(f"/proc/{name}" for name in HIDDEN_FILES)
    shown = sandbox.shell(f"for f in {files}; do [ -e $f ] && head -c 1 $f; done; "
                          "ls -A /proc/acpi /proc/asound /proc/scsi /sys/firmware /sys/devices/virtual/powercap "
                          "2>/dev/null | grep -v :; true".replace("grep -v :", "cat"))
    assert [line for line in shown.splitlines() if line and not line.endswith(":")] == []


@pytest.mark.parametrize("path", ["/proc/sys/kernel/hostname", "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger",
                                  "/proc/irq/default_smp_affinity", "/sys/kernel/uevent_helper"])
def test_read_only_paths(sandbox, path):
    if not Path(path).exists():
        pytest.skip(f"{path} is not there")
    said = sandbox.shell(f"echo x >{path} || echo refused")
    assert said.endswith("refused\n") and "Read-only file system" in said


def test_cgroups_are_read_only(sandbox):
    # With cgroup v1 the folder itself is a tmpfs that only carries the hierarchies.
    first = 0 if Path("/sys/fs/cgroup/cgroup.controllers").exists() else 1
    said = sandbox.shell("find /sys/fs/cgroup -type f -writable 2>/dev/null | while read f; do "
                         "(: >>$f) 2>/dev/null && echo $f; done; find /sys/fs/cgroup "
                         f"-mindepth {first} -type d | while read d; do "
                         "mkdir $d/x 2>/dev/null && echo $d; done; true")
    assert said == "", sandbox.run("cat", "/proc/self/mountinfo")


def test_device_nodes(sandbox):
    listed = sandbox.shell("cd /dev; for f in *; do stat -c '%n %F %t:%T %a' $f; done")
    nodes = {line.split()[0]: line.split(maxsplit=1)[1] for line in listed.splitlines()}
    assert {name: text for name, text in nodes.items() if "special" in text} == {
        name: f"character special file {numbers} 666" for name, numbers in
        [("full", "1:7"), ("null", "1:3"), ("random", "1:8"), ("tty", "5:0"), ("urandom", "1:9"), ("zero", "1:5")]}
    assert set(nodes) - set("full null random tty urandom zero".split()) == set(
        "fd mqueue ptmx pts shm stderr stdin stdout".split()) | ({"core"} if Path("/proc/kcore").exists() else set())


@pytest.mark.parametrize("node", ["b 7 0", "c 1 1", "c 10 229", "c 10 237"])
def test_devices_of_the_host_do_not_open(sandbox, node):
    said = sandbox.shell(f"mknod /tmp/node {node} && dd if=/tmp/node of=/dev/null bs=1 count=1")
    assert "Operation not permitted" in said


def test_no_descriptor_leaks(sandbox):
    # ls itself opens the folder.
    assert sorted(map(int, sandbox.run("ls", "/proc/self/fd").split())) == [0, 1, 2, 3]


def test_mounts(sandbox):
    seen = {}
    for line in sandbox.run("cat", "/proc/self/mountinfo").splitlines():
        left, right = line.split(" - ")
        seen[left.split()[4]] = (right.split()[0], set(left.split()[5].split(",")))
    flags = {"nosuid", "nodev", "noexec"}
    for target, kind, options in [
            ("/proc", "proc", flags | {"rw"}), ("/dev", "tmpfs", {"nosuid", "rw"}),
            ("/dev/pts", "devpts", {"nosuid", "noexec", "rw"}), ("/dev/shm", "tmpfs", flags | {"rw"}),
            ("/dev/mqueue", "mqueue", flags | {"rw"}), ("/sys", "sysfs", flags | {"ro"}),
            ("/proc/bus", "proc", flags | {"ro"}), ("/proc/sys", "proc", flags | {"ro"}),
            ("/proc/sysrq-trigger", "proc", flags | {"ro"})]:
        if not Path(target).exists():
            continue
        assert seen[target][0] == kind, target
        assert seen[target][1] - {"relatime"} == options, target
    for target, (kind, options) in seen.items():
        if target.startswith("/sys/") and (target, kind) != ("/sys/fs/cgroup", "tmpfs"):
            assert "ro" in options, target


def test_read_only_root(sandbox):
    said = sandbox.shell("touch /file; touch /run/file && echo tmpfs; touch /dev/shm/file && echo shm",
                         readonly_root=True, tmpfs=["/run"])
    assert "Read-only file system" in said and "tmpfs" in said and "shm" in said


def test_privileged(sandbox):
    status = status_of(sandbox.run("cat", "/proc/self/status", privileged=True))
    own = status_of(Path("/proc/self/status").read_text())
    assert int(status["CapEff"], 16) == int(own["CapEff"], 16)
    assert status["Seccomp"].strip() == "0"
    assert sandbox.shell(": </dev/loop-control && echo open", privileged=True) == "open\n"
