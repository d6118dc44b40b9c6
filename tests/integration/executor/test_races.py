"""Somebody who changes the image, or looks around inside, at the very moment the runtime works there."""

import contextlib
import ctypes
import hashlib
import os
import stat
import subprocess
import threading

import pytest

ROUNDS = int(os.environ.get("RACE_ROUNDS", "10"))
DEV = {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "strictatime", "mode=755"]}


@pytest.fixture
def canary(tmp_path):
    folder = tmp_path / "canary"
    folder.mkdir()
    (folder / "file").write_text("untouched")
    (folder / "file").chmod(0o640)
    yield folder
    assert sorted(path.name for path in folder.iterdir()) == ["file"]
    assert (folder / "file").read_text() == "untouched"
    assert stat.S_IMODE((folder / "file").stat().st_mode) == 0o640


@contextlib.contextmanager
def exchanging(one, other):
    """The two names change places as fast as the kernel can."""
    over = threading.Event()
    renameat2 = ctypes.CDLL(None).renameat2

    def race():
        while not over.is_set():
            renameat2(-100, os.fsencode(one), -100, os.fsencode(other), 2)

    racer = threading.Thread(target=race)
    racer.start()
    try:
        yield
    finally:
        over.set()
        racer.join()


def attempts(bundle, args):
    """Whether each succeeds depends on the moment; what they said."""
    for _ in range(ROUNDS):
        done = bundle.foreground(args)
        yield done
        if done.returncode != 0:
            bundle.call("delete", "--force", bundle.id)


@pytest.mark.parametrize("kind", ["tmpfs", "bind", "file"])
def test_a_mount_target_that_becomes_a_link(bundle, canary, kind):
    folder = bundle.folder / "rootfs/volume"
    (folder / "real").mkdir(parents=True)
    (folder / "link").symlink_to(canary)
    source = bundle.folder / "source"
    source.write_text("mine") if kind == "file" else source.mkdir()
    bundle.spec["mounts"].append(
        {"destination": "/volume/real/made", "type": "tmpfs", "source": "tmpfs"} if kind == "tmpfs" else
        {"destination": "/volume/real/made", "type": "bind", "source": str(source), "options": ["bind"]})
    with exchanging(folder / "real", folder / "link"):
        for _ in attempts(bundle, ["true"]):
            assert sorted(path.name for path in canary.iterdir()) == ["file"]


def test_a_mask_whose_null_device_becomes_a_link(bundle, canary):
    device = bundle.folder / "rootfs/dev"
    os.mknod(device / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    (device / "other").symlink_to(canary / "file")
    (bundle.folder / "rootfs/secret").write_text("secret")
    bundle.spec["linux"]["maskedPaths"] = ["/secret"]
    bundle.applets("tee")
    with exchanging(device / "null", device / "other"):
        for done in attempts(bundle, ["sh", "-c", "echo changed >/secret; cat /secret"]):
            assert done.stdout == ""


def test_a_masked_path_that_becomes_a_link(bundle, canary):
    root = bundle.folder / "rootfs"
    (root / "one").mkdir()
    (root / "one/file").write_text("secret")
    (root / "two").symlink_to("/proc")
    bundle.spec["mounts"].append(DEV)
    bundle.spec["linux"]["maskedPaths"] = ["/one"]
    bundle.spec["linux"]["readonlyPaths"] = ["/one"]
    with exchanging(root / "one", root / "two"):
        for _ in attempts(bundle, ["true"]):
            pass
    assert (root / "one/file").exists() or (root / "two/file").exists()


def test_proc_that_becomes_a_link_gets_no_sysctl(bundle, canary):
    root = bundle.folder / "rootfs"
    (root / "fake/sys/net/ipv4").mkdir(parents=True)
    (root / "other").symlink_to("/fake")
    bundle.spec["linux"]["sysctl"] = {"net.ipv4.ip_forward": "1"}
    with exchanging(root / "proc", root / "other"):
        for _ in attempts(bundle, ["true"]):
            pass
    assert list((root / "fake/sys/net/ipv4").iterdir()) == []


def test_a_device_folder_that_becomes_a_link(bundle, canary):
    root = bundle.folder / "rootfs"
    (root / "other").symlink_to(canary)
    bundle.spec["linux"]["devices"] = [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 0o666, "uid": 5, "gid": 5}]
    with exchanging(root / "dev", root / "other"):
        for _ in attempts(bundle, ["true"]):
            assert sorted(path.name for path in canary.iterdir()) == ["file"]


def test_a_system_folder_that_becomes_a_link(bundle, canary):
    root = bundle.folder / "rootfs"
    (root / "sys").mkdir()
    (root / "fake").mkdir()
    (root / "fake/file").write_text("secret")
    (root / "other").symlink_to("/fake")
    bundle.spec["mounts"].append({"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]})
    bundle.spec["linux"]["maskedPaths"] = ["/sys/firmware"]
    with exchanging(root / "sys", root / "other"):
        for done in attempts(bundle, ["sh", "-c", "cat /fake/file; busybox ls /sys/firmware /other/firmware"]):
            assert done.stdout.split(":")[0] in ("secret/sys/firmware", "secret/other/firmware", "secret", ""), done
            assert "acpi" not in done.stdout and "efi" not in done.stdout and "memmap" not in done.stdout, done


def test_a_console_whose_place_becomes_a_link(bundle, canary):
    device = bundle.folder / "rootfs/dev"
    (device / "console").touch()
    (device / "other").symlink_to(canary / "file")
    bundle.spec["process"]["terminal"] = True
    bundle.spec["mounts"].append({"destination": "/dev/pts", "type": "devpts", "source": "devpts",
                                  "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]})
    with exchanging(device / "console", device / "other"):
        for _ in attempts(bundle, ["true"]):
            pass


def test_the_binary_cannot_be_overwritten_from_inside(bundle):
    before = hashlib.sha256(bundle.binary.read_bytes()).hexdigest()
    evil = bundle.folder / "rootfs/bin/evil"
    evil.write_text("#!/proc/self/exe\n")
    evil.chmod(0o755)
    bundle.spec["mounts"].append(DEV)
    bundle.up(["sh", "-c", "while :; do for exe in /proc/[0-9]*/exe; do case $exe in /proc/1/*) ;; *) echo overwritten 2>/dev/null >$exe;; esac; done; done"])
    for _ in range(ROUNDS):
        bundle.call("exec", bundle.id, "/bin/evil")
    assert hashlib.sha256(bundle.binary.read_bytes()).hexdigest() == before


def test_nothing_of_the_runtime_can_be_looked_into_from_inside(bundle):
    """With every capability: the process that becomes the user's is closed until it is his."""
    everything = ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH"]
    bundle.spec["process"]["capabilities"] = {name: everything for name in ("bounding", "effective", "permitted")}
    bundle.spec["mounts"].append(DEV)
    bundle.applets("readlink")
    bundle.up(["sh", "-c", "while :; do for file in /proc/[0-9]*/fd/* /proc/[0-9]*/cwd /proc/[0-9]*/root; do readlink $file; done; done 2>/dev/null"])
    for _ in range(ROUNDS):
        assert bundle.call("exec", bundle.id, "true").returncode == 0
    seen = set((bundle.folder / "out").read_text().split("\n"))
    # The streams that the caller gave it are all that has a name of outside.
    assert {name for name in seen if str(bundle.folder) in name} <= {str(bundle.folder / "out")}, seen


USERS = ["root", "01", "0x1", "1 ", " 1", "+1", "-1", "1:", ":1", "1:-1", "1:x", "4294967296", "99999999999999999999", "1:4294967296",
         "1.0", "1e3", "１", "1\n", "0\n0", "1:2:3", "", ":", "::", "1::", "0b1", "0o7", "1_0", "1,0", "1 0", "\t1", "1\t", "--1", "+0", "-0", "1-", "a1",
         "1a", "0x", "nan", "inf", "1/0", "%31", "$UID", "~", "*", "root:root", "0:root", "root:0", "1:1:", "1:1 ", "1: 1", "1:+1", "1:0x1",
         "4294967296:0", "18446744073709551616", "18446744073709551615:1", "-4294967295", "1:18446744073709551616", "1;0", "1&0", "1|0"]


@pytest.mark.parametrize("user", USERS)
def test_users_of_exec_are_numbers_or_nothing(running, user):
    done = running.call("exec", "--user", user, running.id, "id", "-u")
    allowed = {"01": "1\n", "": "0\n"}  # digits are that number; nothing is the spec's own
    assert done.returncode == 255 or done.stdout == allowed.get(user), (user, done.stdout, done.stderr)


@pytest.fixture
def running(bundle):
    bundle.up()
    return bundle


def test_no_inheritable_capabilities_whatever_is_asked(bundle):
    names = ["CAP_CHOWN", "CAP_NET_RAW"]
    bundle.applets("grep")
    bundle.spec["process"]["capabilities"] = {name: names for name in ("bounding", "effective", "permitted")}
    bundle.up()
    modes = [[], ["--cap", "CAP_CHOWN"], ["--user", "1000"], ["--no-new-privs"], ["--cwd", "/proc"], ["--user", "1000:1000"],
             ["--user", "1000", "--cap", "CAP_CHOWN"], ["--user", "1000", "--no-new-privs"], ["--additional-gids", "7"], ["--ignore-paused"],
             ["--env", "A=b"], ["--cap", "CAP_NET_RAW", "--no-new-privs"]]
    for flags in modes:
        done = bundle.call("exec", *flags, bundle.id, "grep", "CapInh", "/proc/self/status")
        # An ambient capability, which --cap asks for, is inheritable by the kernel's own rule.
        assert "--cap" in flags or done.stdout.split()[1:] == ["0" * 16], (flags, done)
