"""pause, top, stats: a running container from outside."""

import json
import os
import time

import pytest


@pytest.fixture
def container(engine, cli):
    name = f"used-{os.urandom(4).hex()}"
    cli("run", "-d", "--name", name, "-m", "64m", "--pids-limit", "20", "busybox", "sh", "-c",
        "i=0; while :; do i=$((i+1)); echo $i > /tmp/count; done")
    yield name
    cli("rm", "-f", name, status=None)



def state(engine, container):
    return engine.api("GET", f"/containers/{container}/json").json["State"]



def used_cpu(engine, container):
    return engine.api("GET", f"/containers/{container}/stats?stream=0&one-shot=1").json["cpu_stats"]["cpu_usage"]["total_usage"]


def test_pause(engine, cli, container):
    assert cli("pause", container).out.strip() == container
    paused = state(engine, container)
    assert (paused["Status"], paused["Paused"], paused["Running"]) == ("paused", True, True)
    assert "(Paused)" in cli("ps", "--filter", f"name={container}").out
    before = used_cpu(engine, container)
    time.sleep(0.2)  # nothing to wait for: that nothing happens is the point
    assert used_cpu(engine, container) == before
    identity = engine.api("GET", f"/containers/{container}/json").json["Id"]
    again = engine.api("POST", f"/containers/{container}/pause")
    assert (again.status, again.json["message"]) == (409, f"Container {identity} is already paused")
    assert "is paused" in cli("exec", container, "true", status=1).err
    refused = engine.api("POST", f"/containers/{container}/start")
    assert (refused.status, refused.json["message"]) == (409, "cannot start a paused container, try unpause instead")
    assert "container is paused and must be unpaused first" in cli("rm", container, status=1).err
    assert cli("unpause", container).out.strip() == container
    assert state(engine, container)["Status"] == "running"
    end = time.monotonic() + 10
    while used_cpu(engine, container) == before and time.monotonic() < end:
        pass
    assert used_cpu(engine, container) > before
    again = engine.api("POST", f"/containers/{container}/unpause")
    assert (again.status, again.json["message"]) == (500, f"Container {identity} is not paused")


def test_pause_of_what_does_not_run(engine, cli):
    created = cli("create", "busybox", "true").out.strip()
    answer = engine.api("POST", f"/containers/{created}/pause")
    assert (answer.status, answer.json["message"]) == (409, f"container {created} is not running")
    answer = engine.api("GET", f"/containers/{created}/top")
    assert (answer.status, answer.json["message"]) == (409, f"container {created} is not running")
    cli("rm", created)


@pytest.mark.parametrize("end", [["kill"], ["stop", "-t", "1"], ["rm", "-f"]])
def test_a_paused_container_can_be_ended(engine, cli, container, end):
    cli("pause", container)
    cli(*end, container)
    if end[0] != "rm":
        assert state(engine, container)["Status"] == "exited"
        assert state(engine, container)["ExitCode"] == 137


def test_a_paused_container_outlives_the_daemon(engine, cli, container):
    cli("pause", container)
    engine.crash()
    engine.start()
    assert state(engine, container)["Status"] == "paused"
    cli("unpause", container)
    assert state(engine, container)["Status"] == "running"


def test_top(engine, cli, container):
    lines = cli("top", container).out.splitlines()
    assert lines[0].split() == ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]
    assert len(lines) == 2 and "sh -c i=0; while" in lines[1]
    assert str(state(engine, container)["Pid"]) in lines[1].split()
    assert cli("top", container, "-o", "pid,comm").out.split()[:2] == ["PID", "COMMAND"]
    assert "Couldn't find PID field in ps output" in cli("top", container, "-o", "args", status=1).err
    assert "ps: error: unknown gnu long option" in cli("top", container, "--nosuch", status=1).err


def test_one_sample(engine, cli, container):
    sample = engine.api("GET", f"/containers/{container}/stats?stream=false").json
    identity = engine.api("GET", f"/containers/{container}/json").json["Id"]
    assert (sample["name"], sample["id"]) == ("/" + container, identity)
    now, before = sample["cpu_stats"], sample["precpu_stats"]
    assert now["cpu_usage"]["total_usage"] > before["cpu_usage"]["total_usage"] > 0
    assert now["system_cpu_usage"] > before["system_cpu_usage"] > 0
    assert now["online_cpus"] == os.cpu_count()
    assert sample["read"] > sample["preread"] > "2000"
    assert sample["memory_stats"]["limit"] == 64 << 20
    assert 0 < sample["memory_stats"]["usage"] < 64 << 20
    assert "inactive_file" in sample["memory_stats"]["stats"]
    assert sample["pids_stats"] == {"current": 1, "limit": 20}
    assert set(sample["networks"]) == {"eth0"}


def test_samples_of_what_does_not_run(engine, cli):
    created = cli("create", "busybox", "true").out.strip()
    sample = engine.api("GET", f"/containers/{created}/stats?stream=false").json
    assert sample["cpu_stats"]["cpu_usage"]["total_usage"] == 0 and sample["read"] == "0001-01-01T00:00:00Z"
    cli("rm", created)
    assert engine.api("GET", "/containers/nosuch/stats?stream=false").status == 404


def test_a_stream_of_samples(engine, container):
    from support.engine import UnixConnection
    connection = UnixConnection(engine.socket)
    connection.request("GET", f"/containers/{container}/stats")
    answer = connection.getresponse()
    first, second = json.loads(answer.readline()), json.loads(answer.readline())
    assert second["precpu_stats"] == first["cpu_stats"] and second["preread"] == first["read"]
    connection.close()


def test_stats_command(cli, container):
    line = cli("stats", "--no-stream", "--format", "{{.Name}}|{{.CPUPerc}}|{{.MemUsage}}|{{.PIDs}}|{{.NetIO}}", container).out
    name, cpu, memory, pids, network = line.strip().split("|")
    assert name == container and float(cpu.rstrip("%")) > 0
    assert memory.endswith(" / 64MiB") and pids == "1" and " / " in network
    header = cli("stats", "--no-stream", container).out.splitlines()[0]
    assert header.split()[:4] == ["CONTAINER", "ID", "NAME", "CPU"]
