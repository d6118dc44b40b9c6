"""Flags that no other test of a command or a feature gives."""

import json
import os
import pathlib
import socket
import subprocess

import pytest

from support.bundle import BINARY


def test_systemds_cgroups_are_refused(bundle):
    done = subprocess.run([BINARY, "--systemd-cgroup", "list"], capture_output=True, text=True)
    assert done.returncode == 1 and "--systemd-cgroup is not supported yet" in done.stderr


def pidfd_from(connection):
    text, fds, _, _ = socket.recv_fds(connection, 100, 1)
    number = pathlib.Path(f"/proc/self/fdinfo/{fds[0]}").read_text().split("Pid:\t")[1].split()[0]
    os.close(fds[0])
    return text.decode(), int(number)


def test_pidfds_are_handed_over(bundle):
    path = bundle.folder / "pidfds"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        assert bundle.create(["sleep", "1000"], flags=["--pidfd-socket", path]) == 0
        with listening.accept()[0] as connection:
            assert pidfd_from(connection) == ("standard", bundle.pid())
        assert bundle.call("start", bundle.id).returncode == 0
        with open(bundle.folder / "said", "w") as said:
            words = ["exec", "--detach", "--pid-file", bundle.folder / "second", "--pidfd-socket", path, bundle.id, "sleep", "1000"]
            assert subprocess.run(bundle.command(*words), stdin=subprocess.DEVNULL, stdout=said, stderr=said).returncode == 0
        with listening.accept()[0] as connection:
            assert pidfd_from(connection) == ("setns", int((bundle.folder / "second").read_text()))


@pytest.mark.parametrize("flags, own", [([], True), (["--no-new-keyring"], False)])
def test_a_session_keyring_of_its_own(bundle, flags, own):
    bundle.applets("grep")
    bundle.foreground(["sh", "-c", "cat /proc/keys"], *flags)
    said = bundle.foreground(["cat", "/proc/keys"], *flags).stdout
    assert ("_ses." + bundle.id in said) == own


@pytest.mark.skipif(pathlib.Path("/sys/fs/selinux/enforce").exists(), reason="a host with SELinux")
def test_a_label_that_the_host_cannot_give(bundle):
    bundle.up()
    done = bundle.call("exec", "--process-label", "system_u:system_r:container_t:s0", bundle.id, "true")
    assert done.returncode == 255 and "selinux" in bundle.last_error().lower()


def test_logs_as_text_and_as_json(bundle):
    def log(*words):
        path = bundle.folder / "own.log"
        subprocess.run([BINARY, "--log", path, *words, "state", "none"], stderr=subprocess.PIPE)
        text = path.read_text()
        path.unlink()
        return text
    assert 'level=error msg="container does not exist"' in log()
    assert 'level=error msg="container does not exist"' in log("--log-format", "text")
    line = json.loads(log("--log-format", "json"))
    assert (line["level"], line["msg"]) == ("error", "container does not exist") and line["time"]
    done = subprocess.run([BINARY, "--log-format", "xml", "list"], capture_output=True, text=True)
    assert done.returncode == 1 and "invalid log-format: xml" in done.stderr


@pytest.mark.parametrize("value", ["true", "false", "auto"])
def test_rootless_takes_three_words(bundle, value):
    assert subprocess.run([BINARY, "--rootless", value, "--root", bundle.folder / "state", "list"], capture_output=True).returncode == 0
    done = subprocess.run([BINARY, "--rootless", "perhaps", "list"], capture_output=True, text=True)
    assert done.returncode == 1 and "-rootless" in done.stderr
