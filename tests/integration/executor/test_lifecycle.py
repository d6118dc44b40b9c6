"""berth-runtime alone, driven by runc's command line with bundles made here."""
import json
import os
import pathlib
import select
import shutil
import subprocess
import uuid

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
BINARY = pathlib.Path(os.environ.get("BERTH_BIN", REPOSITORY / "build/release/bin")) / "berth-runtime"
pytestmark = [pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
              pytest.mark.skipif(not BINARY.exists(), reason="berth-runtime is not built")]


class Bundle:
    def __init__(self, folder):
        self.folder = folder
        self.id = "t" + uuid.uuid4().hex[:12]
        self.cgroup = f"/berth-test-{self.id}"
        binaries = folder / "rootfs/bin"
        binaries.mkdir(parents=True)
        shutil.copy("/bin/busybox", binaries / "busybox")
        for name in ("sh", "cat", "sleep", "true", "id"):
            (binaries / name).symlink_to("busybox")
        for name in ("proc", "dev", "etc"):
            (folder / "rootfs" / name).mkdir()
        self.spec = {
            "ociVersion": "1.0.2",
            "process": {"user": {"uid": 0, "gid": 0}, "args": ["true"], "env": ["PATH=/bin"], "cwd": "/"},
            "root": {"path": "rootfs"},
            "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
            "linux": {"cgroupsPath": self.cgroup,
                      "namespaces": [{"type": t} for t in ("pid", "mount", "ipc", "uts", "network")]},
        }

    def call(self, *words):
        log = self.folder / "log"
        return subprocess.run([BINARY, "--root", self.folder / "state", "--log", log, "--log-format", "json", *words],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def create(self, args=None):
        if args:
            self.spec["process"]["args"] = args
        (self.folder / "config.json").write_text(json.dumps(self.spec))
        # Init inherits create's streams: files, since it outlives the call.
        with open(self.folder / "out", "w") as out:
            command = [BINARY, "--root", self.folder / "state", "--log", self.folder / "log", "--log-format", "json",
                       "create", "--bundle", self.folder, "--pid-file", self.folder / "pid", self.id]
            return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out).returncode

    def last_error(self):
        return json.loads((self.folder / "log").read_text().splitlines()[-1])["msg"]

    def pid(self):
        return int((self.folder / "pid").read_text())

    def status(self):
        return json.loads(self.call("state", self.id).stdout)["status"]

    def run(self, args):
        assert self.create(args) == 0, (self.folder / "log").read_text()
        done = os.pidfd_open(self.pid())
        assert self.call("start", self.id).returncode == 0
        assert select.select([done], [], [], 30)[0], "the container did not end"
        os.close(done)
        return (self.folder / "out").read_text()


@pytest.fixture
def bundle(tmp_path):
    made = Bundle(tmp_path)
    yield made
    made.call("delete", "--force", made.id)
    left = [p for p in pathlib.Path("/sys/fs/cgroup").glob(f"*{made.cgroup}")]
    assert left == []


def test_life(bundle):
    assert bundle.create(["sleep", "1000"]) == 0
    assert bundle.status() == "created"
    assert bundle.call("start", bundle.id).returncode == 0
    assert bundle.status() == "running"
    assert bundle.call("start", bundle.id).returncode == 1
    done = os.pidfd_open(bundle.pid())
    assert bundle.call("kill", bundle.id, "KILL").returncode == 0
    assert select.select([done], [], [], 30)[0]
    os.close(done)
    assert bundle.call("delete", bundle.id).returncode == 0
    assert bundle.call("state", bundle.id).returncode == 1


@pytest.mark.parametrize("program, text", [
    ("nosuch", 'exec: "nosuch": executable file not found in $PATH'),
    ("/nosuch", "no such file or directory"),
    ("/etc", "is a directory"),
])
def test_program_that_cannot_run(bundle, program, text):
    assert bundle.create([program]) == 1
    message = bundle.last_error()
    assert message.startswith("runc create failed: unable to start container process: error during container init: ")
    assert text in message
    assert not (bundle.folder / "state" / bundle.id).exists()


def test_init_runs_from_a_sealed_copy(bundle):
    assert bundle.create(["true"]) == 0
    assert os.readlink(f"/proc/{bundle.pid()}/exe").startswith("/memfd:")


def test_inheritable_capabilities_are_empty(bundle):
    bundle.spec["process"]["capabilities"] = {name: ["CAP_CHOWN"] for name in ("bounding", "effective", "permitted")}
    lines = dict(line.split(":\t") for line in bundle.run(["cat", "/proc/self/status"]).splitlines() if ":\t" in line)
    assert lines["CapInh"] == lines["CapAmb"] == "0" * 16
    assert lines["CapEff"] == lines["CapBnd"] == lines["CapPrm"] == "0" * 15 + "1"


def test_unknown_container(bundle):
    assert bundle.call("state", "nobody").returncode == 1
    assert "container does not exist" in bundle.last_error()


@pytest.mark.parametrize("name, value", [
    ("kernel.core_pattern", "|/bin/evil"), ("kernel/core_pattern", "x"), ("vm.swappiness", "1"),
    ("net.ipv4..ip_forward", "1"), ("kernel.msgmax/../core_pattern", "x")])
def test_sysctls_of_the_host_are_refused(bundle, name, value):
    before = pathlib.Path("/proc/sys/kernel/core_pattern").read_text()
    bundle.spec["linux"]["sysctl"] = {name: value}
    assert bundle.create() == 1
    assert "is not in a separate kernel namespace" in json.dumps(bundle.last_error())
    assert pathlib.Path("/proc/sys/kernel/core_pattern").read_text() == before


def test_sysctls_of_the_container_are_set(bundle):
    bundle.spec["linux"]["sysctl"] = {"kernel.msgmax": "4242", "net.ipv4.ip_unprivileged_port_start": "0"}
    assert bundle.create(["sleep", "100"]) == 0
    assert bundle.call("delete", "--force", bundle.id).returncode == 0


@pytest.mark.parametrize("option", ["tmpcopyup", "idmap"])
def test_mount_options_that_are_not_there_yet_are_refused(bundle, option):
    bundle.spec["mounts"].append({"destination": "/etc", "type": "tmpfs", "source": "tmpfs", "options": [option]})
    assert bundle.create() == 1
    assert f"the mount option {option} is not supported yet" in json.dumps(bundle.last_error())
