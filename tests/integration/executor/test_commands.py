"""berth-runtime's other commands: run, ps, spec, features, list, help."""

import json
import os
import pathlib
import pty
import select
import subprocess

import pytest

from support.bundle import BINARY

PTS = {"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["newinstance", "ptmxmode=0666", "mode=0620"]}
DEV = {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["mode=755"]}


def test_run_ends_as_its_process_does_and_leaves_nothing(bundle):
    done = bundle.foreground(["sh", "-c", "echo out; echo err >&2; exit 7"])
    assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "err\n")
    assert bundle.call("state", bundle.id).returncode == 1


def test_run_keep_and_detach(bundle):
    assert bundle.foreground(["true"], "--keep").returncode == 0
    assert bundle.status() == "stopped"
    assert bundle.call("delete", bundle.id).returncode == 0
    bundle.write(["sleep", "1000"])
    done = subprocess.run(bundle.command("run", "--detach", "--bundle", bundle.folder, bundle.id), stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert done.returncode == 0
    assert bundle.status() == "running"


def test_run_hands_signals_on(bundle):
    bundle.write(["sh", "-c", "trap 'exit 9' TERM; echo up; while :; do sleep 0.05; done"])
    process = subprocess.Popen(bundle.command("run", "--bundle", bundle.folder, bundle.id), stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"up\n"
    process.terminate()
    assert process.wait(30) == 9
    process.stdout.close()


def read_until(master, text):
    said = b""
    while text not in said:
        assert select.select([master], [], [], 30)[0], said
        said += os.read(master, 1000)
    return said


@pytest.mark.parametrize("command", ["run", "exec"])
def test_a_terminal_in_the_foreground(bundle, command):
    bundle.spec["mounts"] += [DEV, PTS]
    script = ["sh", "-c", "busybox tty; read line; echo got $line; exit 5"]
    if command == "run":
        bundle.spec["process"]["terminal"] = True
        bundle.write(script)
        words = ["run", "--bundle", bundle.folder, bundle.id]
    else:
        bundle.up()
        words = ["exec", "--tty", bundle.id, *script]
    master, slave = pty.openpty()
    process = subprocess.Popen(bundle.command(*words), stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    read_until(master, b"/dev/pts/0\r\n")
    os.write(master, b"hello\r")
    read_until(master, b"got hello\r\n")
    assert process.wait(30) == 5
    os.close(slave)
    os.close(master)


def test_console_size(bundle):
    bundle.spec["mounts"] += [DEV, PTS]
    bundle.spec["process"].update(terminal=True, consoleSize={"height": 11, "width": 22})
    done = bundle.foreground(["busybox", "stty", "size"])
    assert done.stdout == "11 22\n"


def test_ps(bundle):
    bundle.up()
    assert json.loads(bundle.call("ps", "--format", "json", bundle.id).stdout) == [bundle.pid()]
    lines = bundle.call("ps", bundle.id).stdout.splitlines()
    assert lines[0].split() == ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]
    assert len(lines) == 2 and lines[1].endswith("sleep 1000")
    assert bundle.call("ps", bundle.id, "-o", "pid,comm").stdout.split() == ["PID", "COMMAND", str(bundle.pid()), "sleep"]
    assert bundle.call("ps", bundle.id, "-o", "comm").returncode == 1
    assert "couldn't find PID field in ps output" in bundle.last_error()


def test_list(bundle):
    bundle.up()
    assert bundle.call("list", "-q").stdout == bundle.id + "\n"
    (row,) = json.loads(bundle.call("list", "-f", "json").stdout)
    assert (row["id"], row["pid"], row["status"], row["owner"]) == (bundle.id, bundle.pid(), "running", "root")
    title, line = bundle.call("list").stdout.splitlines()
    assert title.split() == ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]
    assert [line.index(word) for word in (str(bundle.pid()), "running")] == [title.index("PID"), title.index("STATUS")]


def test_spec_can_be_run_after_what_callers_patch(bundle):
    folder = bundle.folder / "made"
    folder.mkdir()
    assert bundle.call("spec", "--bundle", folder).returncode == 0
    assert bundle.call("spec", cwd=folder).returncode == 1
    assert bundle.last_error() == "File config.json exists. Remove it first"
    spec = json.loads((folder / "config.json").read_text())
    assert (spec["process"]["terminal"], spec["root"], spec["hostname"]) == (True, {"path": "rootfs", "readonly": True}, "runc")
    assert [mount["destination"] for mount in spec["mounts"]] == ["/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys",
                                                                  "/sys/fs/cgroup"]
    bundle.spec = spec
    spec["process"].update(terminal=False, args=["sh", "-c", "busybox hostname; touch /x || echo readonly"])
    spec["linux"]["cgroupsPath"] = bundle.cgroup
    spec["root"]["readonly"] = True
    spec["process"]["env"] = ["PATH=/bin"]
    for name in ("sys",):
        (bundle.folder / "rootfs" / name).mkdir()
    bundle.applets("touch")
    assert bundle.run(spec["process"]["args"]).splitlines()[0::2] == ["runc", "readonly"]


def test_spec_rootless(bundle):
    assert bundle.call("spec", "--rootless", "--bundle", bundle.folder).returncode == 0
    spec = json.loads((bundle.folder / "config.json").read_text())
    assert {"type": "user"} in spec["linux"]["namespaces"]
    assert spec["linux"]["uidMappings"] == [{"containerID": 0, "hostID": os.geteuid(), "size": 1}]
    assert "resources" not in spec["linux"]


def test_features(bundle):
    features = json.loads(bundle.call("features").stdout)
    assert features["ociVersionMin"] == "1.0.0"
    assert features["hooks"] == ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]
    assert {"cgroup", "user", "time"} <= set(features["linux"]["namespaces"])
    assert features["linux"]["seccomp"]["enabled"] and "SCMP_ACT_NOTIFY" in features["linux"]["seccomp"]["actions"]
    assert "tmpcopyup" in features["mountOptions"]
    assert features["linux"]["cgroup"]["systemd"] is False


def test_checkpoint_without_criu(bundle):
    bundle.up()
    assert bundle.call("checkpoint", bundle.id, env={"PATH": "/nowhere"}).returncode == 1
    assert 'checkpoint needs criu, which is not installed: exec: "criu": executable file' in bundle.last_error()


@pytest.mark.parametrize("words, first, second", [
    (["--version"], "runc version 1.3.0", "commit: "),
    (["--help"], "NAME:", "   runc - Open Container Initiative runtime"),
    (["kill", "--help"], "NAME:", "   runc kill - kill sends the specified signal (default: SIGTERM) to the container's init process"),
    (["help", "run"], "NAME:", "   runc run - create and run a container")])
def test_by_the_name_of_runc(tmp_path, words, first, second):
    (tmp_path / "runc").symlink_to(BINARY)
    done = subprocess.run([tmp_path / "runc", *words], stdout=subprocess.PIPE, text=True, check=True)
    lines = done.stdout.splitlines()
    assert lines[0] == first and lines[1].startswith(second)


def test_no_such_command():
    done = subprocess.run([BINARY, "foo"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 1 and "No help topic for 'foo'" in done.stdout


def test_exec_in_a_sub_cgroup(bundle):
    bundle.up()
    top = pathlib.Path("/sys/fs/cgroup")
    folders = [folder for folder in [*top.glob(bundle.cgroup.lstrip("/")), *top.glob("*" + bundle.cgroup)]]
    for folder in folders:
        (folder / "below").mkdir()
        if (folder / "below/cpuset.cpus").exists() and not (folder / "cgroup.controllers").exists():
            for name in ("cpuset.cpus", "cpuset.mems"):
                (folder / "below" / name).write_text((folder / name).read_text())
    done = bundle.call("exec", "--cgroup", "below", bundle.id, "cat", "/proc/self/cgroup")
    assert done.returncode == 0, done.stderr
    assert bundle.cgroup + "/below" in done.stdout
    assert bundle.call("exec", "--cgroup", "../x", bundle.id, "true").returncode == 255
    assert "../x is not a sub cgroup path" in bundle.last_error()
    assert bundle.call("exec", "--cgroup", "nosuch:x", bundle.id, "true").returncode == 255
    assert "unknown controller nosuch in SubCgroupPaths" in bundle.last_error()


def test_without_a_pid_namespace_a_kill_reaches_all(bundle):
    bundle.spec["linux"]["namespaces"] = [space for space in bundle.spec["linux"]["namespaces"] if space["type"] != "pid"]
    bundle.up(["sh", "-c", "sleep 1000 & sleep 1001 & wait"])
    done = os.pidfd_open(bundle.pid())
    assert bundle.call("kill", bundle.id, "KILL").returncode == 0
    assert select.select([done], [], [], 30)[0]
    os.close(done)
    assert bundle.call("delete", bundle.id).returncode == 0
