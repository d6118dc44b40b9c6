"""berth-runtime exec: one more process in a container that runs."""

import json
import os
import pathlib
import select
import socket
import subprocess

import pytest

from support.bundle import BINARY


@pytest.fixture
def running(bundle):
    bundle.spec["process"]["env"].append("FROM=config")
    assert bundle.create(["sleep", "1000"]) == 0
    assert bundle.call("start", bundle.id).returncode == 0
    return bundle


def spec_of(bundle, **changes):
    process = {"user": {"uid": 0, "gid": 0}, "env": ["PATH=/bin"], "cwd": "/", **changes}
    path = bundle.folder / "process.json"
    path.write_text(json.dumps(process))
    return path


def test_output_and_exit_code(running):
    done = running.call("exec", running.id, "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "err\n")


def test_signal_death_is_128_and_the_signal(running):
    assert running.call("exec", running.id, "sh", "-c", "kill -9 $$").returncode == 137


def test_namespaces_and_cgroup_are_the_containers(running):
    pid = running.pid()
    done = running.call("exec", running.id, "sh", "-c", "for n in mnt pid net ipc uts; do busybox readlink /proc/self/ns/$n; done; "
                        "cat /proc/self/cgroup")
    assert done.returncode == 0, done.stderr
    links = done.stdout.splitlines()
    assert links[:5] == [os.readlink(f"/proc/{pid}/ns/{name}") for name in ("mnt", "pid", "net", "ipc", "uts")]
    assert sorted(links[5:]) == sorted(pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines())


def test_flags_change_the_containers_process(running):
    done = running.call("exec", "--cwd", "/etc", "--env", "A=b", "--user", "1000:2000", "-g", "3000", running.id,
                        "sh", "-c", "pwd; echo $FROM $A; id -u; id -g; id -G")
    assert done.stdout.split() == ["/etc", "config", "b", "1000", "2000", "2000", "3000"]


def test_process_file(running):
    path = spec_of(running, args=["sh", "-c", "echo $X; pwd"], env=["PATH=/bin", "X=y"], cwd="/proc")
    assert running.call("exec", "--process", path, running.id).stdout == "y\n/proc\n"


def test_capabilities_of_the_process_file(running):
    none = {name: [] for name in ("bounding", "effective", "permitted", "inheritable", "ambient")}
    path = spec_of(running, args=["cat", "/proc/self/status"], capabilities={**none, "bounding": ["CAP_CHOWN"]},
                   noNewPrivileges=True)
    status = dict(line.split(":\t") for line in running.call("exec", "--process", path, running.id).stdout.splitlines()
                  if line.startswith(("Cap", "NoNew")))
    assert (status["CapBnd"], status["CapEff"], status["NoNewPrivs"]) == ("0000000000000001", "0" * 16, "1")


@pytest.mark.parametrize("arguments, text", [
    (["nosuch"], 'exec failed: unable to start container process: exec: "nosuch": executable file not found in $PATH'),
    (["/nosuch"], 'exec failed: unable to start container process: exec: "/nosuch": stat /nosuch: no such file or directory'),
    (["/etc"], 'exec failed: unable to start container process: exec: "/etc": is a directory'),
])
def test_program_that_cannot_run(running, arguments, text):
    assert running.call("exec", running.id, *arguments).returncode == 255
    assert running.last_error() == text


def test_folder_that_is_missing(running):
    assert running.call("exec", "--cwd", "/nosuch", running.id, "true").returncode == 255
    assert 'chdir to cwd ("/nosuch") set in config.json failed: no such file or directory' in running.last_error()


def test_not_a_program(running):
    (running.folder / "rootfs/bin/text").write_text("no program")
    (running.folder / "rootfs/bin/text").chmod(0o755)
    assert running.call("exec", running.id, "text").returncode == 255
    assert running.last_error() == 'exec failed: unable to start container process: exec /bin/text: exec format error'


def test_detached(running):
    pid_file = running.folder / "exec.pid"
    # What runs on keeps the streams: no pipe that somebody reads to its end.
    subprocess.run([BINARY, "--root", running.folder / "state", "exec", "--detach", "--pid-file", pid_file, running.id,
                    "sleep", "500"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    pid = int(pid_file.read_text())
    assert pathlib.Path(f"/proc/{pid}/cmdline").read_bytes() == b"sleep\x00500\x00"
    fds = sorted(int(name) for name in os.listdir(f"/proc/{pid}/fd"))
    assert fds == [0, 1, 2]


def test_terminal(bundle):
    bundle.spec["mounts"] += [{"destination": "/dev/pts", "type": "devpts", "source": "devpts",
                               "options": ["newinstance", "ptmxmode=0666", "mode=0620"]}]
    (bundle.folder / "rootfs/dev/pts").mkdir()
    assert bundle.create(["sleep", "1000"]) == 0
    assert bundle.call("start", bundle.id).returncode == 0
    path = bundle.folder / "console"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        process = spec_of(bundle, args=["sh", "-c", "busybox tty; busybox stty size"], terminal=True,
                          consoleSize={"height": 33, "width": 77})
        done = bundle.call("exec", "--process", process, "--detach", "--console-socket", path, bundle.id)
        assert done.returncode == 0, bundle.last_error()
        peer, _ = listening.accept()
        with peer:
            _, (master,), _, _ = socket.recv_fds(peer, 100, 1)
    said = b""
    try:
        while piece := os.read(master, 1000):
            said += piece
    except OSError:
        pass
    os.close(master)
    assert said == b"/dev/pts/0\r\n33 77\r\n"


def test_paused_and_stopped(running):
    assert running.call("pause", running.id).returncode == 0
    assert running.call("exec", running.id, "true").returncode == 255
    assert running.last_error() == "exec failed: cannot exec in a paused container (use --ignore-paused to override)"
    assert running.call("resume", running.id).returncode == 0
    done = os.pidfd_open(running.pid())
    running.call("kill", running.id, "KILL")
    assert select.select([done], [], [], 30)[0]
    os.close(done)
    assert running.call("exec", running.id, "true").returncode == 255
    assert running.last_error() == "exec failed: cannot exec in a stopped container"


def test_foreground_hands_signals_on(running):
    process = subprocess.Popen([BINARY, "--root", running.folder / "state", "exec", running.id, "sh", "-c",
                                "trap 'exit 9' TERM; echo up; while :; do sleep 0.05; done"], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"up\n"
    process.terminate()
    assert process.wait(30) == 9
    process.stdout.close()


def test_a_sub_cgroup_that_is_not_there(bundle):
    bundle.up()
    done = bundle.call("exec", "--cgroup", "nonexistent", bundle.id, "true")
    assert done.returncode == 255
    assert " adding pid " in done.stderr and "/nonexistent/cgroup.procs: no such file or directory" in done.stderr
