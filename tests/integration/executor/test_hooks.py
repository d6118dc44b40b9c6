"""The six hooks: when they run, what they read, what their failure means."""

import json
import os

import pytest

KINDS = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]


def recorder(bundle, kind, where):
    return {"path": "/bin/busybox", "args": ["busybox", "sh", "-c", f"busybox cat > {where}/{kind}; echo {kind} >> {where}/order"]}


def test_each_in_its_place_with_the_state_on_its_input(bundle):
    (bundle.folder / "rootfs/rec").mkdir()
    bundle.spec["mounts"].append({"destination": "/rec", "type": "bind", "source": str(bundle.folder / "rec"), "options": ["bind"]})
    record = bundle.folder / "rec"
    record.mkdir()
    bundle.spec["annotations"] = {"a": "b"}
    bundle.spec["hooks"] = {kind: [recorder(bundle, kind, "/rec" if kind == "startContainer" else record)] for kind in KINDS}
    bundle.up()
    pid = bundle.pid()
    assert (record / "order").read_text().split() == KINDS[:5]
    assert bundle.call("delete", "--force", bundle.id).returncode == 0
    assert (record / "order").read_text().split() == KINDS
    states = {kind: json.loads((record / kind).read_text()) for kind in KINDS}
    for state in states.values():
        assert (state["id"], state["bundle"], state["annotations"]) == (bundle.id, str(bundle.folder), {"a": "b"})
    assert [states[kind]["status"] for kind in KINDS] == ["creating", "creating", "creating", "created", "running", "stopped"]
    assert [states[kind].get("pid") for kind in KINDS] == [pid, pid, 1, 1, pid, None]


@pytest.mark.parametrize("kind", KINDS[:3])
def test_a_failure_undoes_create(bundle, kind):
    bundle.spec["hooks"] = {kind: [{"path": "/bin/true"}, {"path": "/bin/busybox", "args": ["sh", "-c", "echo why >&2; exit 3"]}]}
    assert bundle.create() == 1
    assert f"error running {kind} hook #1: exit status 3, stdout: , stderr: why\n" in bundle.last_error()
    assert bundle.call("state", bundle.id).returncode == 1


def test_a_failure_before_the_program(bundle):
    bundle.spec["hooks"] = {"startContainer": [{"path": "/bin/busybox", "args": ["busybox", "sh", "-c", "echo $FROM; exit 1"]}]}
    bundle.spec["process"]["env"].append("FROM=config")
    assert bundle.create(["sh", "-c", "echo ran"]) == 0
    assert bundle.call("start", bundle.id).returncode == 1
    assert "error running startContainer hook #0: exit status 1, stdout: config\n" in bundle.last_error()
    assert (bundle.folder / "out").read_text() == ""


def test_a_failure_before_the_program_of_run(bundle):
    bundle.spec["hooks"] = {"startContainer": [{"path": "/bin/busybox", "args": ["busybox", "sh", "-c", "exit 1"]}]}
    done = bundle.foreground(["sh", "-c", "echo ran"])
    assert (done.returncode, done.stdout) == (1, "")
    assert "error running startContainer hook #0: exit status 1" in bundle.last_error()
    assert bundle.call("state", bundle.id).returncode == 1


def test_a_failure_after_the_start_ends_the_container(bundle):
    bundle.spec["hooks"] = {"poststart": [{"path": "/bin/false"}]}
    done = bundle.foreground(["sleep", "1000"])
    assert done.returncode == 1
    assert "error running poststart hook #0: exit status 1" in bundle.last_error()
    assert bundle.call("state", bundle.id).returncode == 1


def test_a_failure_after_the_end_is_only_told(bundle):
    mark = bundle.folder / "mark"
    bundle.spec["hooks"] = {"poststop": [{"path": "/bin/false"}, {"path": "/bin/busybox", "args": ["touch", str(mark)]}]}
    bundle.up()
    assert bundle.call("delete", "--force", bundle.id).returncode == 0
    assert mark.exists()
    assert "error running poststop hook #0" in (bundle.folder / "log").read_text()


def test_time_out(bundle):
    bundle.spec["hooks"] = {"createRuntime": [{"path": "/bin/busybox", "args": ["sleep", "1000"], "timeout": 1}]}
    assert bundle.create() == 1
    assert "hook ran past specified timeout of 1.0s" in bundle.last_error()


def test_hooks_run_in_the_hosts_namespaces_though_others_are_joined(bundle):
    fd = os.open("/proc/self/ns/net", os.O_RDONLY)
    own = os.readlink("/proc/self/ns/net")
    other = bundle.folder / "net"
    other.touch()
    import subprocess
    subprocess.run(["unshare", f"--net={other}", "true"], check=True)
    try:
        where = bundle.folder / "where"
        bundle.spec["hooks"] = {"createRuntime": [{"path": "/bin/busybox", "args": ["sh", "-c", f"busybox readlink /proc/self/ns/net > {where}"]}]}
        for space in bundle.spec["linux"]["namespaces"]:
            if space["type"] == "network":
                space["path"] = str(other)
        bundle.up()
        assert where.read_text().strip() == own
        assert os.readlink(f"/proc/{bundle.pid()}/ns/net") != own
    finally:
        bundle.call("delete", "--force", bundle.id)
        subprocess.run(["umount", other], check=True)
        os.close(fd)
