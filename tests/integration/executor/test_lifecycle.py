"""berth-runtime alone, from create to delete."""

import errno
import json
import os
import pathlib
import select
import shutil
import subprocess

import pytest

from support.bundle import BINARY


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


def test_a_signal_right_after_the_start_waits_for_the_handler(bundle):
    # A first process loses what it has no handler for; this one has none in its first moments.
    bundle.applets("usleep")
    bundle.up(["sh", "-c", 'usleep 30000; trap "echo heard; exit 0" TERM; sleep 1000 & wait'])
    done = os.pidfd_open(bundle.pid())
    assert bundle.call("kill", bundle.id, "TERM").returncode == 0
    assert select.select([done], [], [], 30)[0]
    os.close(done)
    assert (bundle.folder / "out").read_text() == "heard\n"


def cannot_be_written(program):
    with pytest.raises(OSError) as refused:
        os.open(program, os.O_WRONLY)
    return refused.value.errno


def test_init_runs_through_a_readonly_overlay(bundle):
    assert bundle.create(["true"], flags=["--no-pivot"]) == 0
    program = f"/proc/{bundle.pid()}/exe"
    assert cannot_be_written(program) == errno.EROFS
    assert os.stat(program).st_dev != os.stat(bundle.binary).st_dev


def test_init_runs_from_a_sealed_copy_where_there_is_no_overlay(bundle):
    # What has no name any more cannot be found in a folder.
    copy = bundle.folder / "copy"
    shutil.copy(bundle.binary, copy)
    program = os.open(copy, os.O_RDONLY)
    copy.unlink()
    bundle.binary = f"/proc/self/fd/{program}"
    assert bundle.create(["true"], pass_fds=[program]) == 0
    exe = f"/proc/{bundle.pid()}/exe"
    assert os.readlink(exe).startswith("/memfd:")
    assert cannot_be_written(exe) in (errno.EPERM, errno.ETXTBSY)
    os.close(program)
    bundle.binary = BINARY


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


def devices_folder():
    top = pathlib.Path("/sys/fs/cgroup")
    return top / "devices" if (top / "devices").exists() else top


def test_a_cgroup_with_somebody_in_it_is_refused(bundle):
    folder = devices_folder() / bundle.cgroup.lstrip("/")
    folder.mkdir()
    stranger = subprocess.Popen(["sleep", "1000"])
    try:
        (folder / "cgroup.procs").write_text(str(stranger.pid))
        assert bundle.create(["true"]) == 1
        assert "container's cgroup is not empty: 1 process(es) found" in bundle.last_error()
        bundle.call("delete", "--force", bundle.id)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
        folder.rmdir()


@pytest.mark.parametrize("path", ["/", "//", "/.", "/./", "/a/.."])
def test_the_root_cgroup_is_refused(bundle, path):
    bundle.spec["linux"]["cgroupsPath"] = path
    assert bundle.create(["true"]) == 1
    assert "invalid cgroup path" in bundle.last_error()


@pytest.mark.parametrize("resources", [None, {}, {"devices": []}])
def test_without_device_rules_only_the_basic_devices_are_there(bundle, resources):
    if resources is not None:
        bundle.spec["linux"]["resources"] = resources
    script = "cat < /dev/null && echo null; mknod /kmsg c 1 11 && cat < /kmsg > /dev/null || echo denied"
    bundle.spec["mounts"] += [{"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["mode=755"]}]
    for name in ("mknod",):
        (bundle.folder / "rootfs/bin" / name).symlink_to("busybox")
    # As far as capabilities go, it may.
    everything = ["CAP_MKNOD", "CAP_SYS_ADMIN", "CAP_SYSLOG", "CAP_DAC_OVERRIDE"]
    bundle.spec["process"]["capabilities"] = {name: everything for name in ("bounding", "effective", "permitted")}
    assert bundle.run(["sh", "-c", script]).split()[-1] == "denied"


def test_kill_ends_a_paused_container(bundle):
    assert bundle.create(["sleep", "1000"]) == 0
    assert bundle.call("start", bundle.id).returncode == 0
    assert bundle.call("pause", bundle.id).returncode == 0
    done = os.pidfd_open(bundle.pid())
    assert bundle.call("kill", bundle.id, "KILL").returncode == 0
    assert select.select([done], [], [], 30)[0]
    os.close(done)


def test_a_name_has_one_value_and_home_is_never_empty(bundle):
    (bundle.folder / "rootfs/etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    bundle.spec["process"]["env"] = ["A=1", "HOME=/x", "PATH=/bin", "A=2", "HOME="]
    assert bundle.run(["busybox", "env"]).split() == ["PATH=/bin", "A=2", "HOME=/root"]


def test_unknown_capabilities_are_told_and_left_out(bundle):
    bundle.spec["process"]["capabilities"] = {"bounding": ["CAP_UNKNOWN", "CAP_CHOWN"]}
    assert "CapBnd:\t0000000000000001" in bundle.run(["cat", "/proc/self/status"])
    assert "ignoring unknown or unavailable capabilities: [CAP_UNKNOWN]" in (bundle.folder / "log").read_text()
