"""The connection between the daemon and a shim breaks, and both live."""

import ctypes
import os
import signal
import socket
import time
from pathlib import Path


def shim_of(engine, container):
    """The pid of a container's shim: its init's parent."""
    pid = engine.docker("inspect", "-f", "{{.State.Pid}}", container).out.strip()
    return int(next(line.split()[1] for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("PPid:")))


def break_connections(pid):
    """Shuts down every connected unix socket of another process."""
    libc = ctypes.CDLL(None, use_errno=True)
    process = os.pidfd_open(pid)
    broken = 0
    for entry in os.listdir(f"/proc/{pid}/fd"):
        if not os.readlink(f"/proc/{pid}/fd/{entry}").startswith("socket:"):
            continue
        fd = libc.syscall(438, process, int(entry), 0)  # pidfd_getfd
        assert fd >= 0, os.strerror(ctypes.get_errno())
        with socket.socket(fileno=fd) as theirs:
            if theirs.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 0:
                theirs.shutdown(socket.SHUT_RDWR)
                broken += 1
    os.close(process)
    return broken


def test_the_container_goes_on(new_engine):
    engine = new_engine()
    engine.docker("run", "-d", "--name", "kept", "busybox", "sh", "-c", "trap 'exit 7' TERM; while :; do sleep 0.05; done")
    before = engine.docker("inspect", "-f", "{{.State.Pid}}", "kept").out
    shim = shim_of(engine, "kept")
    for _ in range(3):
        assert break_connections(shim) == 1
        end = time.monotonic() + 20
        while time.monotonic() < end and engine.api("POST", "/containers/kept/kill?signal=CONT").status != 204:
            time.sleep(0.02)
        assert engine.docker("exec", "kept", "echo", "here").out == "here\n"
    assert engine.docker("inspect", "-f", "{{.State.Pid}}", "kept").out == before
    # Its end is heard of on the new connection.
    engine.docker("stop", "kept")
    assert engine.docker("inspect", "-f", "{{.State.ExitCode}} {{.State.Error}}", "kept").out.strip() == "7"


def test_an_end_in_between_is_not_missed(new_engine):
    engine = new_engine()
    engine.docker("run", "-d", "--name", "short", "busybox", "sh", "-c", "while [ ! -e /gate ]; do sleep 0.02; done; exit 43")
    pid = engine.docker("inspect", "-f", "{{.State.Pid}}", "short").out.strip()
    shim = shim_of(engine, "short")
    open(f"/proc/{pid}/root/gate", "w").close()
    break_connections(shim)
    assert engine.docker("wait", "short").out == "43\n"


def test_an_exec_that_ends_in_between_keeps_its_code(new_engine):
    engine = new_engine()
    engine.docker("run", "-d", "--name", "kept", "busybox", "sleep", "1000")
    shim = shim_of(engine, "kept")
    for code in (3, 4):
        exec_id = engine.api("POST", "/containers/kept/exec", {"Cmd": ["sh", "-c", f"until [ -e /gate{code} ]; do :; done; exit {code}"]}).json["Id"]
        assert engine.api("POST", f"/exec/{exec_id}/start", {"Detach": True}).status == 200
        pid = engine.api("GET", f"/exec/{exec_id}/json").json["Pid"]
        # The daemon stands still while the exec ends and the connection goes.
        engine.process.send_signal(signal.SIGSTOP)
        open(f"/proc/{pid}/root/gate{code}", "w").close()
        end = time.monotonic() + 10
        while time.monotonic() < end and os.path.exists(f"/proc/{pid}"):
            time.sleep(0.01)
        assert break_connections(shim) == 1
        engine.process.send_signal(signal.SIGCONT)
        end = time.monotonic() + 10
        while time.monotonic() < end and (found := engine.api("GET", f"/exec/{exec_id}/json").json)["Running"]:
            time.sleep(0.02)
        assert (found["Running"], found["ExitCode"]) == (False, code)


def test_a_dead_shim_is_still_found_out(new_engine):
    engine = new_engine()
    engine.docker("run", "-d", "--name", "orphan", "busybox", "sleep", "1000")
    os.kill(shim_of(engine, "orphan"), 9)
    assert engine.docker("wait", "orphan").out == "137\n"
    engine.docker("rm", "-f", "orphan")
