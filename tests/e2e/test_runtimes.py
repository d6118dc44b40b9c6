"""Runtimes that are not our own: runc and crun of the distribution, by daemon.json, with a path and options."""

import shutil
import time
from pathlib import Path

import pytest

from support.audit import settle
from support.engine import Engine


@pytest.fixture(scope="module", params=["runc", "crun"])
def other(request):
    program = shutil.which(request.param)
    if not program:
        pytest.skip(f"{request.param} is not installed")
    if request.param == "crun" and not Path("/sys/fs/cgroup/cgroup.controllers").exists():
        pytest.skip("crun takes no host but one of pure cgroup version 2")
    settings = {"runtimes": {"other": {"path": program, "runtimeArgs": ["--debug"]}}, "default-runtime": "other"}
    with Engine("--live-restore", settings=settings) as engine:
        engine.program = request.param
        yield engine
    assert engine.left == []


def test_run_and_exit_codes(other):
    assert other.docker("run", "--rm", "-i", "busybox", "cat", stdin="typed").out == "typed"
    assert other.docker("run", "--rm", "busybox", "sh", "-c", "echo err >&2; exit 3", status=3).err == "err\n"
    # The command line knows runc's words alone.
    assert "/nope" in other.docker("run", "--rm", "busybox", "/nope", status=127 if other.program == "runc" else 125).err
    assert other.docker("run", "--rm", "-t", "busybox", "sh", "-c", "test -t 0 && echo terminal").out == "terminal\r\n"
    assert other.docker("run", "--rm", "--init", "busybox", "sh", "-c", "kill -9 $$", status=137).out == ""


def test_the_life_of_one(other):
    other.docker("run", "-d", "--name", "lives", "-m", "64m", "--health-cmd", "true", "--health-interval", "100ms", "busybox", "sh",
                 "-c", "trap 'exit 7' TERM; i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done")
    assert other.docker("exec", "lives", "echo", "there").out == "there\n"
    assert other.docker("exec", "-u", "1000", "-w", "/tmp", "-e", "A=b", "lives", "sh", "-c", "id -u; pwd; echo $A").out == "1000\n/tmp\nb\n"
    assert other.docker("exec", "lives", "sh", "-c", "exit 5", status=5).out == ""
    assert other.docker("exec", "lives", "/nope", status=127)
    other.docker("pause", "lives")
    assert other.docker("inspect", "-f", "{{.State.Status}}", "lives").out == "paused\n"
    other.docker("unpause", "lives")
    other.docker("update", "-m", "96m", "--memory-swap", "192m", "lives")
    assert "lives" in other.docker("stats", "--no-stream", "--format", "{{.Name}}", "lives").out
    assert "sleep" in other.docker("top", "lives").out
    end = time.monotonic() + 10
    while other.docker("inspect", "-f", "{{.State.Health.Status}}", "lives").out != "healthy\n":
        assert time.monotonic() < end
        time.sleep(0.05)
    pid = other.docker("inspect", "-f", "{{.State.Pid}}", "lives").out
    other.crash()
    other.start()
    assert other.docker("inspect", "-f", "{{.State.Pid}}", "lives").out == pid
    assert other.docker("exec", "lives", "echo", "again").out == "again\n"
    other.docker("stop", "lives")
    assert other.docker("inspect", "-f", "{{.State.ExitCode}} {{.HostConfig.Runtime}}", "lives").out == "7 other\n"
    lines = [int(line) for line in other.docker("logs", "lives").out.split()]
    assert lines == list(range(1, len(lines) + 1))
    assert settle(other) == {}
    other.docker("start", "lives")
    other.docker("rm", "-f", "lives")
    assert settle(other) == {}


def test_a_container_may_have_ours_beside_it(other):
    assert other.docker("run", "--rm", "--runtime", "runc", "busybox", "echo", "ours").out == "ours\n"
    assert other.api("GET", "/info").json["DefaultRuntime"] == "other"
