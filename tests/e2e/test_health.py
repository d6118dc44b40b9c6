"""Health checks: the shim's probes, and what the API says of them."""

import json
import tarfile
import time
from pathlib import Path

import pytest


def health(engine, name):
    return engine.api("GET", f"/containers/{name}/json").json["State"].get("Health")


def await_health(engine, name, accept, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        state = health(engine, name)
        if state and accept(state):
            return state
        time.sleep(0.02)
    raise AssertionError(f"health of {name} stays {state}")


def test_from_starting_to_healthy_to_unhealthy(engine, cli):
    since = f"{time.time():.6f}"
    cli("run", "-d", "--name", "probed", "--health-cmd", "echo said; test -e /well", "--health-interval", "100ms",
        "--health-start-period", "1h", "--health-start-interval", "100ms", "--health-retries", "2", "busybox",
        "sh", "-c", "trap exit TERM; while :; do sleep 0.1; done")
    assert health(engine, "probed")["Status"] == "starting"
    assert "(health: starting)" in cli("ps", "--filter", "name=probed").out
    failing = await_health(engine, "probed", lambda state: state["Log"])
    # Failures of the start period do not count.
    assert (failing["Status"], failing["FailingStreak"], failing["Log"][0]["ExitCode"]) == ("starting", 0, 1)
    cli("exec", "probed", "touch", "/well")
    well = await_health(engine, "probed", lambda state: state["Status"] == "healthy")
    assert well["Log"][-1]["Output"] == "said\n" and well["Log"][-1]["ExitCode"] == 0
    assert "(healthy)" in cli("ps", "--filter", "health=healthy").out
    cli("exec", "probed", "rm", "/well")
    ill = await_health(engine, "probed", lambda state: state["Status"] == "unhealthy")
    assert ill["FailingStreak"] >= 2 and len(ill["Log"]) <= 5
    assert "probed" in cli("ps", "--filter", "health=unhealthy").out
    assert "probed" not in cli("ps", "-a", "--filter", "health=none").out
    cli("stop", "-t", "1", "probed")
    assert health(engine, "probed")["Status"] == "unhealthy"
    events = engine.docker("events", "--since", since, "--until", f"{time.time() + 0.1:.6f}", "--filter",
                           "container=probed", "--filter", "event=health_status", "--format", "{{.Action}}").out
    assert events.splitlines() == ["health_status: healthy", "health_status: unhealthy"]
    cli("rm", "-f", "probed")


def test_a_probe_that_takes_too_long_is_killed(engine):
    engine.docker("run", "-d", "--name", "slow", "--health-cmd", "echo begun; exec sleep 1000", "--health-interval", "50ms",
                  "--health-timeout", "200ms", "--health-retries", "1", "busybox", "sleep", "1000")
    state = await_health(engine, "slow", lambda state: state["Status"] == "unhealthy")
    assert state["Log"][-1]["ExitCode"] == -1
    assert state["Log"][-1]["Output"] == "Health check exceeded timeout (200ms): begun\n"
    # The one that may be under way, and no other.
    assert engine.docker("exec", "slow", "sh", "-c", "ps -o args | grep -c '^sleep 1000'").out in ("1\n", "2\n")
    engine.docker("rm", "-f", "slow")


def test_a_probe_that_cannot_run(engine):
    body = {"Image": "busybox", "Cmd": ["sleep", "1000"],
            "Healthcheck": {"Test": ["CMD", "nosuchprobe"], "Interval": 50_000_000, "Retries": 1}}
    container = engine.api("POST", "/containers/create", json.dumps(body), {"Content-Type": "application/json"}).json["Id"]
    engine.docker("start", container)
    state = await_health(engine, container, lambda state: state["Status"] == "unhealthy")
    assert "nosuchprobe" in state["Log"][-1]["Output"] and state["Log"][-1]["ExitCode"] == -1
    engine.docker("rm", "-f", container)


def test_output_is_limited(engine):
    engine.docker("run", "-d", "--name", "loud", "--health-cmd", "seq 1 100000", "--health-interval", "50ms", "busybox",
                  "sleep", "1000")
    output = await_health(engine, "loud", lambda state: state["Log"])["Log"][0]["Output"]
    assert len(output) == 4096 + 3 and output.startswith("1\n2\n") and output.endswith("...")
    engine.docker("rm", "-f", "loud")


def test_probes_go_on_while_the_daemon_is_dead(engine):
    engine.docker("run", "-d", "--name", "alone", "--health-cmd", "test -e /well && cut -d. -f1 /proc/uptime >> /probes", "--health-interval",
                  "50ms", "--health-retries", "1", "busybox", "sh", "-c", "sleep 1; touch /well; sleep 1000")
    await_health(engine, "alone", lambda state: state["Status"] == "unhealthy")
    engine.crash()
    time.sleep(3)
    with open("/proc/uptime") as uptime:
        restarted = int(uptime.read().split(".")[0])
    engine.start()
    # Known at once, not after the next probe.
    assert health(engine, "alone")["Status"] == "healthy"
    probes = engine.docker("exec", "alone", "cat", "/probes").out.split()
    assert sum(int(at) < restarted for at in probes) >= 3
    engine.docker("rm", "-f", "alone")


def test_of_the_image_and_of_the_create(engine, cli):
    root = engine.directory / "probed.tar"
    with tarfile.open(root, "w") as tar:
        tar.add("/bin/busybox", "bin/busybox")
    engine.docker("import", "--change", 'HEALTHCHECK CMD ["true"]', "--change", 'CMD ["sleep", "1000"]',
                  root, "probed:1")
    inherited = cli("create", "probed:1").out.strip()
    config = engine.api("GET", f"/containers/{inherited}/json").json["Config"]
    assert config["Healthcheck"] == {"Test": ["CMD", "true"]}
    longer = cli("create", "--health-interval", "7s", "probed:1").out.strip()
    config = engine.api("GET", f"/containers/{longer}/json").json["Config"]
    assert config["Healthcheck"] == {"Test": ["CMD", "true"], "Interval": 7_000_000_000}
    none = cli("create", "--no-healthcheck", "probed:1").out.strip()
    assert engine.api("GET", f"/containers/{none}/json").json["Config"]["Healthcheck"] == {"Test": ["NONE"]}
    cli("rm", inherited, longer, none)


@pytest.mark.parametrize("field, message", [
    ({"Interval": 5}, "Interval in Healthcheck cannot be less than 1ms"),
    ({"Timeout": -1}, "Timeout in Healthcheck cannot be less than 1ms"),
    ({"Retries": -1}, "Retries in Healthcheck cannot be negative"),
    ({"StartPeriod": 5}, "StartPeriod in Healthcheck cannot be less than 1ms"),
    ({"StartInterval": 5}, "StartInterval in Healthcheck cannot be less than 1ms")])
def test_bad_values(engine, field, message):
    body = {"Image": "busybox", "Cmd": ["true"], "Healthcheck": {"Test": ["CMD", "true"], **field}}
    answer = engine.api("POST", "/containers/create", json.dumps(body), {"Content-Type": "application/json"})
    assert (answer.status, answer.json["message"]) == (400, message)


def test_a_probe_that_cannot_be_killed_is_no_reason_to_stay_healthy(engine):
    freezer = Path("/sys/fs/cgroup/freezer")
    if not freezer.is_dir():
        pytest.skip("without the freezer of cgroup version 1 a process that SIGKILL does not end is not to be had")
    engine.docker("run", "-d", "--name", "stuck", "--health-cmd", "test -e /hang && { touch /hangs; sleep 1000; }; true",
                  "--health-interval", "100ms", "--health-timeout", "500ms", "--health-retries", "2", "busybox", "sleep", "1000")
    await_health(engine, "stuck", lambda state: state["Status"] == "healthy")
    identity = engine.api("GET", "/containers/stuck/json").json["Id"]
    cell = freezer / engine.name / identity / "cell"
    cell.mkdir()
    engine.docker("exec", "stuck", "sh", "-c", "touch /hang; until [ -e /hangs ]; do :; done")
    # Every process of the probe, before its time is up.
    sleepers = [pid for pid in (freezer / engine.name / identity / "cgroup.procs").read_text().split()
                if "test -e /hang" in Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")]
    for pid in sleepers:
        (cell / "cgroup.procs").write_text(pid)
    (cell / "freezer.state").write_text("FROZEN")
    try:
        state = await_health(engine, "stuck", lambda state: state["Status"] == "unhealthy")
        assert state["Log"][-1]["Output"] == "Health check exceeded timeout (500ms): the probe before it cannot be killed"
        # What is stuck holds up no other call.
        assert engine.docker("exec", "stuck", "echo", "there").out == "there\n"
        engine.docker("exec", "stuck", "rm", "/hang")
    finally:
        (cell / "freezer.state").write_text("THAWED")
    await_health(engine, "stuck", lambda state: state["Status"] == "healthy")
    end = time.monotonic() + 10
    while (cell / "cgroup.procs").read_text() and time.monotonic() < end:
        time.sleep(0.02)
    cell.rmdir()
    engine.docker("rm", "-f", "stuck")
