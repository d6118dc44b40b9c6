"""What a bundle, an image or a caller must not be able to do to the host, or to the container next door."""

import os
import pathlib
import select
import stat
import subprocess

import pytest

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


def test_no_descriptor_of_the_callers_or_the_runtimes_is_left_in_init(bundle, canary):
    leak = os.open(canary, os.O_RDONLY)
    assert bundle.create(["sleep", "1000"], pass_fds=[leak]) == 0
    os.close(leak)
    folder = pathlib.Path(f"/proc/{bundle.pid()}/fd")
    links = {int(fd.name): os.readlink(fd) for fd in folder.iterdir()}
    state = str(bundle.folder / "state" / bundle.id)
    assert {links.pop(fd) for fd in (0, 1, 2)} == {"/dev/null", str(bundle.folder / "out")}
    assert sorted(links.values()) == [f"{state}/exec.fifo"]
    assert bundle.call("start", bundle.id).returncode == 0
    assert sorted(int(fd.name) for fd in folder.iterdir()) == [0, 1, 2]


def test_preserved_descriptors(bundle):
    bundle.write(["sh", "-c", "echo here >&3; busybox ls /proc/self/fd"])
    kept = bundle.folder / "kept"
    words = bundle.command("run", "--bundle", bundle.folder, "--preserve-fds", "1", bundle.id)
    done = subprocess.run(["sh", "-c", f"exec 3>{kept}; exec 5</; exec \"$@\"", "sh", *words], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, text=True)
    assert kept.read_text() == "here\n"
    assert done.stdout.split() == ["0", "1", "2", "3", "4"]  # the fourth is the listing's own


def test_preserved_descriptors_must_be_open(bundle):
    assert bundle.create(["true"], flags=["--preserve-fds", "3"]) == 1
    assert "descriptor 3 is to be preserved: bad file descriptor" in bundle.last_error()


def test_mount_targets_stay_inside(bundle, canary):
    (bundle.folder / "rootfs/link").symlink_to(f"../../../../../../../..{canary}")
    (bundle.folder / f"rootfs{canary}").mkdir(parents=True)
    bundle.spec["mounts"].append({"destination": "/link/made", "type": "tmpfs", "source": "tmpfs"})
    assert bundle.run(["true"]) == ""
    assert (bundle.folder / f"rootfs{canary}/made").is_dir()


@pytest.mark.parametrize("kind", ["proc", "sysfs"])
def test_kernel_mounts_go_on_ordinary_folders(bundle, kind):
    (bundle.folder / "rootfs/elsewhere").mkdir()
    (bundle.folder / "rootfs/link").symlink_to("elsewhere")
    bundle.spec["mounts"].append({"destination": "/link", "type": kind, "source": kind})
    assert bundle.create() == 1
    assert "must be mounted on ordinary directory" in bundle.last_error()


@pytest.mark.parametrize("target", ["/proc", "/proc/sys", "/proc/self/attr", "/bin/../proc/sys", "/toproc/sys"])
def test_nothing_is_mounted_over_proc(bundle, target):
    (bundle.folder / "rootfs/toproc").symlink_to("proc")
    bundle.spec["mounts"].append({"destination": target, "type": "tmpfs", "source": "tmpfs"})
    assert bundle.create() == 1
    assert "cannot be mounted because it is" in bundle.last_error()


def test_a_mask_is_the_null_device_or_nothing(bundle, canary):
    image_dev = bundle.folder / "rootfs/dev"
    (image_dev / "null").symlink_to(canary / "file")
    bundle.spec["linux"]["maskedPaths"] = ["/proc/keys"]
    assert bundle.create() == 1
    assert "can't mask path \"/proc/keys\"" in bundle.last_error()


def test_nodes_are_made_in_the_images_dev_and_links_there_are_not_followed(bundle, canary):
    image_dev = bundle.folder / "rootfs/dev"
    (image_dev / "zero").symlink_to(canary / "file")
    bundle.spec["linux"]["devices"] = [{"path": "/dev/zero", "type": "c", "major": 1, "minor": 5, "fileMode": 0o777, "uid": 7}]
    assert bundle.run(["sh", "-c", "echo x > /dev/null && echo made"]) == "made\n"
    assert stat.S_ISCHR((image_dev / "null").stat().st_mode)
    assert (image_dev / "zero").is_symlink()


def test_dev_that_is_a_link_leads_nowhere_outside(bundle, canary):
    (bundle.folder / "rootfs/dev").rmdir()
    (bundle.folder / "rootfs/dev").symlink_to(f"../../../../../../../..{canary}")
    bundle.create(["true"])


def test_devices_have_the_owner_and_mode_of_the_spec(bundle):
    bundle.spec["mounts"].append(DEV)
    bundle.spec["linux"]["devices"] = [
        {"path": "/dev/mine", "type": "c", "major": 1, "minor": 5, "fileMode": 0o622, "uid": 7, "gid": 8},
        {"path": "/dev/fifo", "type": "p", "fileMode": 0o600}]
    said = bundle.run(["sh", "-c", "busybox stat -c '%a %u %g %F' /dev/mine /dev/fifo /dev/null"])
    assert said == "622 7 8 character special file\n600 0 0 fifo\n666 0 0 character special file\n"


def test_a_console_that_is_a_link_is_refused(bundle, canary):
    image_dev = bundle.folder / "rootfs/dev"
    (image_dev / "pts").mkdir()
    (image_dev / "console").symlink_to(canary / "file")
    bundle.spec["process"]["terminal"] = True
    bundle.spec["mounts"].append({"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["newinstance"]})
    assert bundle.foreground(["true"]).returncode == 1
    assert "/dev/console" in bundle.last_error()


def test_a_false_multiplexer_is_refused(bundle):
    (bundle.folder / "rootfs/dev/pts").mkdir()
    (bundle.folder / "rootfs/dev/pts/ptmx").write_text("")
    bundle.spec["process"]["terminal"] = True
    assert bundle.foreground(["true"]).returncode == 1
    assert "/dev/pts/ptmx is not a terminal multiplexer" in bundle.last_error()


def test_sysctls_need_the_kernels_own_proc(bundle, canary):
    bundle.spec["mounts"] = [{"destination": "/proc", "type": "bind", "source": str(canary), "options": ["bind"]}]
    bundle.spec["linux"]["sysctl"] = {"kernel.msgmax": "4242"}
    assert bundle.create() == 1
    assert "not of type proc" in bundle.last_error()
    bundle.spec["mounts"] = []
    assert bundle.create() == 1
    assert "/proc is not procfs" in bundle.last_error()


@pytest.mark.parametrize("mode, user, text", [
    (0o700, 1000, 'exec: "/bin/tool": permission denied'),
    (0o644, 0, 'exec: "/bin/tool": permission denied'),
    (0o745, 1000, None)])
def test_who_may_execute_is_the_kernels_word(bundle, mode, user, text):
    tool = bundle.folder / "rootfs/bin/tool"
    tool.write_bytes(pathlib.Path("/bin/busybox").read_bytes())
    tool.chmod(mode)
    bundle.spec["process"]["user"] = {"uid": user, "gid": user}
    bundle.folder.chmod(0o755)
    assert (bundle.create(["/bin/tool"]) == 0) == (text is None)
    if text:
        assert bundle.last_error().endswith(text)


def test_a_noexec_mount_denies(bundle):
    bundle.spec["mounts"].append({"destination": "/etc", "type": "bind", "source": str(bundle.folder / "rootfs/bin"),
                                  "options": ["bind", "noexec"]})
    assert bundle.create(["/etc/busybox"]) == 1
    assert bundle.last_error().endswith('exec: "/etc/busybox": permission denied')


def test_what_cannot_be_executed_ends_with_255_and_says_why(bundle):
    (bundle.folder / "rootfs/bin/text").write_text("no program")
    (bundle.folder / "rootfs/bin/text").chmod(0o755)
    assert bundle.foreground(["text"]).returncode == 255
    assert bundle.foreground(["text"]).stderr.endswith("exec /bin/text: exec format error\n")


def test_start_of_a_process_that_died(bundle):
    assert bundle.create(["sleep", "1000"]) == 0
    done = os.pidfd_open(bundle.pid())
    os.kill(bundle.pid(), 9)
    assert select.select([done], [], [], 30)[0]
    os.close(done)
    assert bundle.call("start", bundle.id).returncode == 1
    assert bundle.last_error() == "cannot start a container that has stopped"


def test_streams_belong_to_the_user(bundle):
    bundle.spec["process"]["user"] = {"uid": 1234, "gid": 1234}
    bundle.folder.chmod(0o755)
    bundle.spec["mounts"].append(DEV)
    assert bundle.run(["sh", "-c", "echo out > /dev/stdout"]) == "out\n"


def test_working_folder_of_the_users_own(bundle):
    home = bundle.folder / "rootfs/home"
    home.mkdir(mode=0o700)
    os.chown(home, 1234, 1234)
    bundle.spec["process"].update(user={"uid": 1234, "gid": 1234}, cwd="/home",
                                  capabilities={name: [] for name in ("bounding", "effective", "permitted")})
    assert bundle.run(["sh", "-c", "pwd; echo $HOME"]) == "/home\n/\n"
