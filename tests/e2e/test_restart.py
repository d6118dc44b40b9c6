"""--init, restart policies, and what becomes of containers when the daemon ends in order."""

import os
import signal
import time

import pytest


def inspect(engine, name):
    return engine.api("GET", f"/containers/{name}/json").json


def await_state(engine, name, accept, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        container = inspect(engine, name)
        if accept(container):
            return container
        time.sleep(0.02)
    raise AssertionError(f"{name} stays {container['State']}, restarted {container['RestartCount']} times")


def test_init_is_process_one(engine, cli):
    done = cli("run", "--rm", "--init", "busybox", "sh", "-c", "cat /proc/1/comm; readlink /proc/1/exe; exit 5", status=5)
    assert done.out == "docker-init\n/sbin/docker-init\n"


def test_init_reaps_orphans(engine):
    script = "(sleep 0.1 & ) ; sleep 0.5; ps -o stat,args | grep -c '^Z' || true"
    assert engine.docker("run", "--rm", "--init", "busybox", "sh", "-c", script).out == "0\n"


def test_init_hands_signals_on(engine, cli):
    container = cli("run", "-d", "--init", "busybox", "sh", "-c",
                    "trap 'echo heard; exit 9' USR1; echo ready; while :; do sleep 0.05; done").out.strip()
    await_log(engine, container, "ready\n")
    cli("kill", "-s", "USR1", container)
    assert cli("wait", container).out == "9\n"
    assert cli("logs", container).out == "ready\nheard\n"
    cli("rm", container)


def await_log(engine, name, text, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if text in engine.docker("logs", name).out:
            return
        time.sleep(0.02)
    raise AssertionError(f"no {text!r} in the log of {name}")


def test_init_dies_of_a_signal_as_its_program(engine):
    engine.docker("run", "--rm", "--init", "busybox", "sh", "-c", "kill -TERM $$", status=143)
    # Unlike process 1, the program has its default handlers.
    container = engine.docker("run", "-d", "--init", "busybox", "sleep", "1000").out.strip()
    engine.docker("stop", container)
    assert inspect(engine, container)["State"]["ExitCode"] == 143
    engine.docker("rm", container)


@pytest.mark.parametrize("command, status", [("nosuchprogram", 127), ("/etc/passwd", 126)])
def test_init_cannot_start_the_program(engine, command, status):
    assert "exec " + command in engine.docker("run", "--rm", "--init", "busybox", command, status=status).err


def test_init_on_a_terminal(engine):
    done = engine.docker("run", "--rm", "--init", "-t", "busybox", "sh", "-c", "tty; exit 3", status=3)
    assert done.out == "/dev/pts/0\r\n"


def test_on_failure_gives_up(engine, cli):
    cli("run", "-d", "--name", "failing", "--restart", "on-failure:2", "busybox", "sh", "-c", "exit 4")
    container = await_state(engine, "failing", lambda c: c["RestartCount"] == 2 and c["State"]["Status"] == "exited")
    assert container["State"]["ExitCode"] == 4
    cli("rm", "failing")


def test_on_failure_leaves_success_alone(engine):
    engine.docker("run", "-d", "--name", "fine", "--restart", "on-failure", "busybox", "true")
    container = await_state(engine, "fine", lambda c: c["State"]["Status"] == "exited")
    assert container["RestartCount"] == 0
    engine.docker("rm", "fine")


def test_always_comes_back_until_it_is_stopped(engine, cli):
    cli("run", "-d", "--name", "again", "--restart", "always", "busybox", "sh", "-c", "sleep 0.05")
    await_state(engine, "again", lambda c: c["RestartCount"] >= 2)
    cli("stop", "again")
    count = inspect(engine, "again")["RestartCount"]
    assert inspect(engine, "again")["State"]["Status"] == "exited"
    # Longer than the pause that would have followed.
    time.sleep(1)
    assert inspect(engine, "again")["RestartCount"] == count
    cli("rm", "again")


def test_a_stop_comes_through_at_any_moment_of_a_restart(engine):
    """Also while it waits for the start that is under way."""
    for moment in range(12):
        engine.docker("run", "-d", "--name", "pulsing", "--restart", "always", "busybox", "true")
        await_state(engine, "pulsing", lambda c: c["RestartCount"] >= 1)
        time.sleep(moment * 0.01)
        assert engine.api("POST", "/containers/pulsing/stop").status == 204
        assert inspect(engine, "pulsing")["State"]["Status"] == "exited"
        time.sleep(0.3)
        assert inspect(engine, "pulsing")["State"]["Status"] == "exited"
        engine.docker("rm", "pulsing")


def test_a_restart_by_hand_is_not_the_end_of_what_goes_by_itself(engine, cli):
    cli("run", "-d", "--rm", "--name", "passing", "busybox", "sh", "-c", "echo up; exec sleep 1000")
    first = inspect(engine, "passing")
    for _ in range(2):
        assert cli("restart", "-t", "0", "passing").out == "passing\n"
    again = inspect(engine, "passing")
    assert again["State"]["Running"] and (again["Id"], again["State"]["Pid"]) != (first["Id"], first["State"]["Pid"])
    assert cli("logs", "passing").out == "up\n" * 3
    cli("kill", "passing")
    end = time.monotonic() + 10
    while engine.api("GET", "/containers/passing/json").status != 404:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_an_orderly_end_stops_containers_and_policies_bring_them_back(engine):
    def run(name, policy):
        engine.docker("run", "-d", "--name", name, "--restart", policy, "busybox", "sh", "-c",
                      "trap 'exit 0' TERM; while :; do sleep 0.05; done")

    policies = {"of-no": "no", "of-always": "always", "of-unless": "unless-stopped", "of-failure": "on-failure",
                "was-always": "always", "was-unless": "unless-stopped"}
    for name, policy in policies.items():
        run(name, policy)
    engine.docker("stop", "was-always", "was-unless")
    pids = {name: inspect(engine, name)["State"]["Pid"] for name in policies}
    assert engine.stop() == 0
    engine.start()
    back = {"of-always", "of-unless", "was-always"}
    for name in back:
        container = await_state(engine, name, lambda c: c["State"]["Running"])
        assert container["State"]["Pid"] != pids[name], name
    for name in policies.keys() - back:
        assert inspect(engine, name)["State"]["Status"] == "exited", name
    engine.docker("rm", "-f", *policies)


def test_a_shim_that_is_killed(engine, cli):
    cli("run", "-d", "--name", "lost", "busybox", "sleep", "1000")
    pid = inspect(engine, "lost")["State"]["Pid"]
    with open(f"/proc/{pid}/status") as status:
        shim = int(next(line for line in status if line.startswith("PPid")).split()[1])
    os.kill(shim, signal.SIGKILL)
    container = await_state(engine, "lost", lambda c: not c["State"]["Running"], seconds=2)
    assert container["State"]["ExitCode"] == 137 and "shim" in container["State"]["Error"]
    # Dead, whether or not the machine's process 1 has reaped it yet.
    assert not os.path.exists(f"/proc/{pid}/root/bin")
    cli("rm", "-f", "lost")
