"""run, create, start, attach, wait, logs and their exit codes."""

import json
import os
import tarfile
import time
from pathlib import Path

import pytest

from support.engine import CLIENTS


def inspect(engine, name):
    return engine.api("GET", f"/containers/{name}/json").json


def test_run_prints_and_exits(engine, cli):
    done = cli("run", "--rm", "busybox", "sh", "-c", "echo out; echo err >&2; exit 7", status=7)
    assert (done.out, done.err) == ("out\n", "err\n")


def test_nothing_is_left_of_rm(engine, cli):
    cli("run", "--rm", "--name", "gone", "busybox", "true")
    assert engine.api("GET", "/containers/gone/json").status == 404


@pytest.mark.parametrize("command, status", [
    (["nosuchcommand"], 127), (["/etc"], 126), (["/etc/passwd"], 126)])
def test_commands_that_cannot_run(engine, cli, command, status):
    done = cli("run", "--rm", "busybox", *command, status=status)
    assert "OCI runtime create failed" in done.err
    # Said once: the container's end says nothing of its start.
    assert "Error waiting for container" not in done.err


def test_a_signal_right_at_the_start(engine):
    """What a program prints may be seen before its start is answered; a signal then waits for that."""
    for _ in range(5):
        run = engine.background(CLIENTS / "usr/bin/docker", "run", "--rm", "busybox", "sh", "-c",
                                "trap 'echo term; exit 9' TERM; echo up; while :; do usleep 10000; done")
        assert run.stdout.readline() == b"up\n"
        run.terminate()
        assert (run.communicate(timeout=30)[0], run.returncode) == (b"term\n", 9)


def test_engine_errors_exit_125(engine, cli):
    assert "No such image" in cli("run", "--pull", "never", "nosuchimage", status=125).err
    assert cli("run", "--nosuchflag", "busybox", status=125).err.startswith("unknown flag: --nosuchflag")


def test_stdin(engine, cli):
    assert cli("run", "--rm", "-i", "busybox", "cat", stdin="one\ntwo\n").out == "one\ntwo\n"


def test_much_output_arrives_whole(engine, cli):
    done = cli("run", "--rm", "busybox", "sh", "-c", "seq 1 200000; seq 1 1000 >&2")
    assert done.out == "".join(f"{n}\n" for n in range(1, 200001))
    assert done.err == "".join(f"{n}\n" for n in range(1, 1001))


def test_signal_exit_codes(engine, cli):
    # Process 1 cannot be killed from inside: its child is, and hands the code on.
    cli("run", "--rm", "busybox", "sh", "-c", "sh -c 'kill -9 $$'; exit $?", status=137)


def test_detached_logs_wait(engine, cli):
    container = cli("run", "-d", "busybox", "sh", "-c", "echo one; echo two >&2; exit 3").out.strip()
    assert len(container) == 64
    assert cli("wait", container).out == "3\n"
    logs = cli("logs", container)
    assert (logs.out, logs.err) == ("one\n", "two\n")
    assert cli("logs", "--tail", "1", container).out + cli("logs", "--tail", "1", container).err == "two\n"
    stamped = cli("logs", "-t", container).out
    assert stamped.split(" ")[0].endswith("Z") and stamped.endswith(" one\n")
    state = inspect(engine, container)["State"]
    assert (state["Status"], state["ExitCode"], state["OOMKilled"]) == ("exited", 3, False)
    assert cli("rm", container).out.strip() == container


def test_logs_follow_until_the_end(engine, cli):
    container = cli("run", "-d", "busybox", "sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.2; done").out.strip()
    assert cli("logs", "-f", container).out == "1\n2\n3\n"
    cli("rm", container)


def test_options_take_effect(engine, cli):
    done = cli("run", "--rm", "-w", "/tmp/made", "-u", "1000:2000", "-e", "FOO=bar", "--hostname", "host1",
               "--entrypoint", "sh", "busybox", "-c", "pwd; id -u; id -g; echo $FOO; hostname; cat /etc/hostname")
    assert done.out.splitlines() == ["/tmp/made", "1000", "2000", "bar", "host1", "host1"]


def test_tty(engine, cli):
    done = cli("run", "--rm", "-t", "busybox", "sh", "-c", "tty; echo done")
    assert done.out == "/dev/pts/0\r\ndone\r\n"


@pytest.mark.parametrize("mode", ["none", "host"])
def test_network_modes(engine, cli, mode):
    links = cli("run", "--rm", "--network", mode, "busybox", "ip", "-o", "link").out
    assert ("docker0" in links) == (mode == "host")
    assert "lo" in links and "eth0" not in links


def test_resources_are_in_the_cgroup(engine, cli):
    container = cli("run", "-d", "-m", "64m", "--cpus", "0.5", "--pids-limit", "33", "busybox", "sleep", "100").out.strip()
    limits = {}
    for folder in engine.cgroups():
        if folder.name == container:
            for name in ("memory.limit_in_bytes", "memory.max", "cpu.cfs_quota_us", "cpu.max", "pids.max"):
                if (folder / name).exists():
                    limits[name] = (folder / name).read_text().split()[0]
    assert limits.get("memory.limit_in_bytes", limits.get("memory.max")) == str(64 << 20)
    assert limits.get("cpu.cfs_quota_us", limits.get("cpu.max")) == "50000"
    assert limits["pids.max"] == "33"
    cli("rm", "-f", container)


def test_start_stop_restart_kill(engine, cli):
    name = "cycle"
    cli("create", "--name", name, "busybox", "sh", "-c", "trap 'exit 9' TERM; echo up; while :; do sleep 0.05; done")
    assert inspect(engine, name)["State"]["Status"] == "created"
    assert cli("start", name).out.strip() == name
    assert engine.api("POST", f"/containers/{name}/start").status == 304
    cli("restart", "-t", "5", name)
    assert inspect(engine, name)["State"]["Running"] is True
    cli("stop", name)
    assert inspect(engine, name)["State"]["ExitCode"] == 9
    assert engine.api("POST", f"/containers/{name}/stop").status == 304
    cli("start", name)
    cli("kill", name)
    assert cli("wait", name).out == "137\n"
    assert engine.api("POST", f"/containers/{name}/kill").status == 409
    cli("rm", name)


def test_signals_wait_for_a_program_that_has_only_just_been_started(engine, cli):
    """Process 1 loses what it has no handler for, and our start is quicker than most programs' own."""
    name = "early"
    cli("create", "--name", name, "busybox", "sh", "-c", "sleep 0.1; trap 'exit 9' TERM; while :; do sleep 0.05; done")
    assert engine.api("POST", f"/containers/{name}/start").status == 204
    assert engine.api("POST", f"/containers/{name}/stop?t=20").status == 204
    assert inspect(engine, name)["State"]["ExitCode"] == 9
    cli("rm", name)
    # What never listens is not waited for.
    cli("run", "-d", "--name", name, "busybox", "sleep", "1000")
    cli("kill", "-s", "TERM", name)
    assert inspect(engine, name)["State"]["Running"] is True
    cli("rm", "-f", name)


def test_what_every_root_has_is_not_the_containers_own(engine, cli):
    name = "furnished"
    cli("run", "-d", "--name", name, "busybox", "sleep", "1000")
    assert cli("exec", name, "sh", "-c", "readlink /etc/mtab; stat -c '%a %u %F' /.dockerenv").out == "/proc/mounts\n755 0 regular empty file\n"
    layer = inspect(engine, name)["GraphDriver"]["Data"]
    assert os.listdir(layer["UpperDir"]) == [] == os.listdir(layer["MergedDir"])
    # It is below the image's layers, and nobody changes it.
    scaffold = Path(layer["LowerDir"].split(":")[-1])
    cli("exec", name, "sh", "-c", "echo x > /.dockerenv; rm /etc/mtab")
    assert (scaffold / ".dockerenv").read_text() == "" and (scaffold / "etc/mtab").is_symlink()
    assert cli("diff", name).out.splitlines() == ["C /.dockerenv", "C /etc", "D /etc/mtab"]
    assert cli("run", "--rm", "busybox", "readlink", "/etc/mtab").out == "/proc/mounts\n"
    cli("rm", "-f", name)


def test_start_attached(engine, cli):
    container = cli("create", "-i", "busybox", "sh", "-c", "read x; echo got $x; exit 4").out.strip()
    assert cli("start", "-a", "-i", container, stdin="this\n", status=4).out == "got this\n"
    cli("rm", container)


def test_names_and_ids(engine, cli):
    container = cli("create", "--name", "taken", "busybox", "true").out.strip()
    refused = cli("create", "--name", "taken", "busybox", "true", status=None)
    assert refused.status != 0
    assert f'Conflict. The container name "/taken" is already in use by container "{container}"' in refused.err
    assert inspect(engine, container[:8])["Name"] == "/taken"
    assert cli("rm", container[:12]).out.strip() == container[:12]


def test_running_containers_are_not_removed(engine, cli):
    container = cli("run", "-d", "busybox", "sleep", "100").out.strip()
    refused = cli("rm", container, status=1)
    assert "cannot remove" in refused.err
    cli("rm", "-f", container)


def test_ps(engine, cli):
    running = cli("run", "-d", "--name", "ps1", "--label", "a=b", "busybox", "sleep", "100").out.strip()
    ended = cli("run", "-d", "--name", "ps2", "busybox", "true").out.strip()
    cli("wait", ended)
    assert cli("ps", "--no-trunc", "-q").out.split() == [running]
    assert set(cli("ps", "-a", "--no-trunc", "-q").out.split()) == {running, ended}
    assert cli("ps", "-a", "--filter", "label=a=b", "--format", "{{.Names}}").out == "ps1\n"
    assert cli("ps", "-a", "--filter", "status=exited", "--format", "{{.Names}}").out == "ps2\n"
    assert "Exited (0)" in cli("ps", "-a", "--filter", "name=ps2").out
    cli("rm", "-f", running, ended)


def test_events_of_a_run(engine, cli):
    since = f"{time.time():.6f}"
    cli("run", "--rm", "--name", "eventful", "busybox", "true")
    events = engine.docker("events", "--since", since, "--until", f"{time.time() + 0.5:.6f}", "--filter",
                           "container=eventful", "--format", "{{json .}}").out
    actions = [json.loads(line)["Action"] for line in events.splitlines()]
    assert [a for a in actions if a in ("create", "attach", "start", "die", "destroy")] == [
        "create", "attach", "start", "die", "destroy"]


def bare_archive(engine):
    """A root file system without a command to run."""
    path = engine.directory / "bare.tar"
    with tarfile.open(path, "w") as tar:
        tar.add("/bin/busybox", "bin/busybox")
    return path


@pytest.mark.parametrize("body, status, message", [
    (b"{", 400, "invalid JSON"),
    (b'{"Image":5}', 400, ""),
    (b'{}', 400, "config cannot be empty in order to create a container"),
    (b'{"Image":"bare:1"}', 400, "no command specified"),
    (b'{"Image":"nosuch:1","Cmd":["x"]}', 404, "No such image: nosuch:1"),
    (b'{"Image":"busybox","ExposedPorts":{"x/tcp":{}}}', 400, ""),
])
def test_bad_bodies(engine, body, status, message):
    if b"bare:1" in body:
        engine.docker("import", bare_archive(engine), "bare:1")
    answer = engine.api("POST", "/containers/create", body, {"Content-Type": "application/json"})
    assert answer.status == status, answer.text
    assert message in answer.json["message"]


def test_no_such_container(engine):
    for method, path in [("GET", "json"), ("POST", "start"), ("POST", "stop"), ("POST", "kill"), ("POST", "wait"),
                         ("GET", "logs?stdout=1"), ("POST", "attach?stream=1"), ("POST", "restart")]:
        answer = engine.api(method, f"/containers/nosuch/{path}")
        prefix = "cannot kill container: nosuch: " if path == "kill" else ""
        assert (answer.status, answer.json["message"]) == (404, prefix + "No such container: nosuch"), path


def test_workdir_that_is_a_file(engine, cli):
    done = cli("run", "--rm", "-w", "/etc/passwd", "busybox", "true", status=None)
    assert done.status in (125, 126, 127)
    assert "not a directory" in done.err.lower()


def test_the_default_sandbox(engine):
    script = ("grep -E '^(Cap|NoNewPrivs|Seccomp):?' /proc/self/status; cat /proc/sys/kernel/core_pattern > /dev/null; "
              "echo x > /proc/sys/kernel/core_pattern; ls /proc/acpi | wc -l; unshare -m true; mount -t tmpfs x /mnt; "
              "ls -A /sys/firmware | wc -l; touch /sys/x")
    done = engine.docker("run", "--rm", "busybox", "sh", "-c", script, status=None)
    assert "CapEff:\t00000000a80425fb" in done.out
    assert "CapInh:\t0000000000000000" in done.out
    assert "Seccomp:\t2" in done.out
    assert "Read-only file system" in done.err
    assert "Operation not permitted" in done.err or "Permission denied" in done.err or "permission denied" in done.err
