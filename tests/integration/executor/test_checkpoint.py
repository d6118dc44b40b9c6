"""checkpoint and restore by criu, where it is installed and can work on this kernel."""

import contextlib
import os
import shutil
import subprocess

import pytest


@pytest.fixture(scope="module")
def criu():
    if not shutil.which("criu"):
        pytest.skip("criu is not installed")
    check = subprocess.run(["criu", "check"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if check.returncode != 0:
        said = check.stdout.strip().splitlines() or ["it does not say why"]
        pytest.skip(f"criu cannot work on this kernel: exit {check.returncode}, {said[0]}")


@pytest.fixture
def talking(bundle):
    """A container that answers each line, over pipes which outlive it."""
    ins, outs = os.pipe(), os.pipe()
    bundle.spec["mounts"].append({"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]})
    bundle.write(["sh", "-c", "i=0; while read word; do i=$((i+1)); echo $i $word; done"])

    def call(*words):
        return subprocess.run(bundle.command(*words), stdin=ins[0], stdout=outs[1], stderr=outs[1]).returncode

    def say(word):
        os.write(ins[1], word.encode() + b"\n")
        return os.read(outs[0], 4096).decode()

    assert call("run", "--detach", "--bundle", bundle.folder, bundle.id) == 0
    yield bundle, call, say
    for fd in (*ins, *outs):
        os.close(fd)


def paths(bundle):
    return ["--image-path", bundle.folder / "images", "--work-path", bundle.folder / "work"]


def log(bundle):
    with contextlib.suppress(FileNotFoundError):
        return (bundle.folder / "log").read_text()
    return ""


def test_a_process_goes_on_where_it_was(criu, talking):
    bundle, call, say = talking
    assert say("one") == "1 one\n"
    for number, word in ((2, "two"), (3, "three")):
        assert call("checkpoint", *paths(bundle), bundle.id) == 0, log(bundle)
        assert "container does not exist" in bundle.call("state", bundle.id).stderr
        assert call("restore", "--detach", "--bundle", bundle.folder, "--pid-file", bundle.folder / "pid", *paths(bundle),
                    bundle.id) == 0, log(bundle)
        assert bundle.status() == "running"
        assert say(word) == f"{number} {word}\n"
        assert f"{bundle.cgroup}\n" in open(f"/proc/{bundle.pid()}/cgroup").read()
        assert bundle.call("exec", bundle.id, "id", "-u").stdout == "0\n"


def test_left_running(criu, talking):
    bundle, call, say = talking
    assert call("checkpoint", "--leave-running", *paths(bundle), bundle.id) == 0, log(bundle)
    assert bundle.status() == "running"
    assert say("still") == "1 still\n"
    assert (bundle.folder / "images/inventory.img").exists()


@pytest.mark.skipif(not shutil.which("criu"), reason="criu is not installed")
@pytest.mark.parametrize("flags,text", [
    (["--parent-path", "/absolute"], "--parent-path must be relative"),
    (["--parent-path", "../missing"], "invalid --parent-path"),
    (["--page-server", "nowhere"], "Use --page-server ADDRESS:PORT"),
    (["--manage-cgroups-mode", "odd"], "invalid manage-cgroups-mode value"),
    (["--empty-ns", "uts"], 'namespace "uts" is not supported')])
def test_what_cannot_be(talking, flags, text):
    bundle, call, say = talking
    assert call("checkpoint", *flags, "--image-path", bundle.folder / "images", bundle.id) == 1
    assert text in bundle.last_error()
    assert bundle.status() == "running"


def test_only_what_runs(bundle):
    assert bundle.create(["true"]) == 0
    assert bundle.call("checkpoint", bundle.id).returncode == 1
    assert "Container cannot be checkpointed in created state" in bundle.last_error()


def test_images_that_are_none_leave_nothing(criu, bundle):
    bundle.write(["true"])
    (bundle.folder / "images").mkdir()
    assert bundle.call("restore", "--detach", "--bundle", bundle.folder, *paths(bundle), bundle.id).returncode == 1
    assert not (bundle.folder / "state" / bundle.id).exists()
