"""What a host lacks: each call refused with ENOSYS, as an older kernel or a filter around the runtime does."""

import ctypes
import os
import pathlib
import struct
import subprocess
import time

import pytest

# System calls by number, the same on every architecture since Linux 5.1.
CALLS = {"pidfd_send_signal": 424, "pidfd_open": 434, "clone3": 435, "close_range": 436, "openat2": 437, "mount_setattr": 442}


def refuse(*numbers):
    """Runs in the child before exec: these calls do not exist any more, for it and all that it starts."""
    def statement(code, jump_true, jump_false, value):
        return struct.pack("HBBI", code, jump_true, jump_false, value)
    program = statement(0x20, 0, 0, 0)  # load the number
    for i, number in enumerate(numbers):
        program += statement(0x15, len(numbers) - i, 0, number)
    program += statement(0x06, 0, 0, 0x7FFF0000) + statement(0x06, 0, 0, 0x00050000 | 38)
    code = ctypes.create_string_buffer(program)
    libc = ctypes.CDLL(None, use_errno=True)
    head = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(code)))
    assert libc.prctl(22, 2, head, 0, 0) == 0


@pytest.fixture
def life(bundle):
    """A whole life: everything that walks paths, mounts, kills and waits."""
    source = bundle.folder / "source"
    source.mkdir()
    (bundle.folder / "rootfs/link").symlink_to("/etc")
    bundle.spec["mounts"] += [
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
        {"destination": "/link/made", "type": "bind", "source": str(source), "options": ["rbind", "ro", "nosuid"]},
        {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro", "nosuid"]}]
    bundle.spec["root"]["readonly"] = True
    bundle.spec["linux"].update(maskedPaths=["/proc/keys", "/proc/acpi"], readonlyPaths=["/proc/sys"])

    def run(calls):
        def call(*words):
            return subprocess.run(bundle.command(*words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  text=True, preexec_fn=lambda: refuse(*(CALLS[name] for name in calls)))
        script = ("touch /root-is-writable 2>/dev/null; touch /etc/made/x 2>/dev/null; echo >/proc/sys/kernel/hostname 2>/dev/null;"
                  "cat /proc/keys; busybox ls / /etc/made; sleep 1000 & exec sleep 1000")
        bundle.write(["sh", "-c", script])
        with open(bundle.folder / "out", "w") as out:
            started = subprocess.run(bundle.command("run", "--detach", "--bundle", bundle.folder, "--pid-file", bundle.folder / "pid", bundle.id),
                                     stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                     preexec_fn=lambda: refuse(*(CALLS[name] for name in calls)))
        assert started.returncode == 0, (bundle.folder / "log").read_text()
        # However it got there, by birth, by its own doing or by being moved.
        places = pathlib.Path(f"/proc/{bundle.pid()}/cgroup").read_text().splitlines()
        assert all(place.endswith(bundle.cgroup) for place in places), places
        said = call("exec", bundle.id, "sh", "-c", "touch /root-is-writable; touch /etc/made/x; echo >/proc/sys/kernel/hostname; cat /proc/keys")
        assert said.stderr.count("ead-only file system") == 3 and said.stdout == "", said
        assert call("kill", "--all", bundle.id, "KILL").returncode == 0
        assert call("delete", "--force", bundle.id).returncode == 0
        assert not pathlib.Path(f"/proc/{bundle.pid()}/root/bin").exists()
    return run


@pytest.mark.parametrize("name", CALLS)
def test_without(life, name):
    life([name])


def test_without_any_of_them(life):
    life(list(CALLS))


@pytest.mark.parametrize("calls", [["pidfd_open"], ["pidfd_open", "pidfd_send_signal"]])
def test_ends_are_heard_of_without_a_pidfd(bundle, calls):
    def call(*words):
        return subprocess.run(bundle.command(*words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=60, preexec_fn=lambda: refuse(*(CALLS[name] for name in calls)))
    bundle.up()
    stats = subprocess.Popen(bundle.command("events", "--interval", "50ms", bundle.id), stdout=subprocess.PIPE, text=True,
                             preexec_fn=lambda: refuse(*(CALLS[name] for name in calls)))
    assert '"type":"stats"' in stats.stdout.readline()
    assert call("kill", bundle.id, "KILL").returncode == 0
    assert stats.wait(30) == 0
    stats.stdout.close()
    done = call("kill", bundle.id, "KILL")
    assert done.returncode == 1 and "container not running" in done.stderr
    assert call("delete", bundle.id).returncode == 0


def unwritable_kill_files(bundle):
    """Shell words that take cgroup.kill away, in a mount namespace of their own, and go on with what follows."""
    files = [path for path in pathlib.Path("/sys/fs/cgroup").glob(f"*{bundle.cgroup}/cgroup.kill")]
    files += pathlib.Path("/sys/fs/cgroup").glob(f"{bundle.cgroup[1:]}/cgroup.kill")
    assert files, "the kernel has none anyway"
    covers = "".join(f"mount --bind /proc/version {file} && " for file in files)
    return ["unshare", "--mount", "sh", "-c", covers + 'exec "$@"', "sh"]


def test_without_cgroup_kill(bundle):
    bundle.up(["sh", "-c", "for i in 1 2 3 4 5; do sh -c 'sleep 1000 & sleep 1000' & done; wait"])
    inside = pathlib.Path(f"/proc/{bundle.pid()}/task/{bundle.pid()}/children")
    deadline = 200
    while len(inside.read_text().split()) < 5 and deadline:
        deadline -= 1
        os.sched_yield()
        time.sleep(0.01)
    done = subprocess.run([*unwritable_kill_files(bundle), *bundle.command("delete", "--force", bundle.id)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not pathlib.Path(f"/proc/{bundle.pid()}/root/bin").exists()
    assert not list(pathlib.Path("/sys/fs/cgroup").glob(f"*{bundle.cgroup}"))


def test_an_idmapped_mount_says_what_it_lacks(bundle):
    source = bundle.folder / "source"
    source.mkdir()
    mapping = [{"containerID": 0, "hostID": 100000, "size": 1000}]
    bundle.spec["mounts"].append({"destination": "/etc", "type": "bind", "source": str(source), "options": ["bind"],
                                  "uidMappings": mapping, "gidMappings": mapping})
    assert bundle.create(["true"], preexec_fn=lambda: refuse(CALLS["mount_setattr"])) == 1
    assert f"failed to set MOUNT_ATTR_IDMAP on {source}: function not implemented" in bundle.last_error()
