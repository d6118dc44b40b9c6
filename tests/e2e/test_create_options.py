"""What the options of `create` and `run` do in the container and to the kernel's limits."""

import os

import pytest


@pytest.fixture
def names(engine, cli):
    """A function that gives names of containers, which go at the end."""
    made = []

    def name(what):
        made.append(f"{what}-{os.urandom(4).hex()}")
        return made[-1]

    yield name
    for container in reversed(made):
        cli("rm", "-fv", container, status=None)


def inspect(engine, name):
    return engine.api("GET", f"/containers/{name}/json").json


def kernel(engine, name, file):
    """The container's own file of a version 1 controller."""
    identity = inspect(engine, name)["Id"]
    found = [folder / file for folder in engine.cgroups() if folder.name == identity and (folder / file).exists()]
    if not found:
        pytest.skip(f"this host has no {file}")
    return found[0].read_text().strip()


def test_pid_namespace_of_another(engine, cli, names):
    target = names("target")
    cli("run", "-d", "--name", target, "busybox", "sleep", "1000")
    assert "sleep 1000" in cli("run", "--rm", "--pid", f"container:{target}", "busybox", "ps").out
    stopped = names("stopped")
    identity = cli("create", "--name", stopped, "busybox").out.strip()
    refused = cli("run", "--rm", "--pid", f"container:{stopped}", "busybox", "true", status=125)
    assert f"failed to join PID namespace: container {identity} is not running" in refused.err
    missing = cli("run", "--rm", "--pid", "container:nope", "busybox", "true", status=125)
    assert "No such container: nope" in missing.err and "Unable to find image" not in missing.err


def test_ipc_of_another(engine, cli, names):
    donor = names("donor")
    cli("run", "-d", "--name", donor, "--ipc", "shareable", "busybox", "sh", "-c", "echo shared >/dev/shm/file; sleep 1000")
    joins = ["run", "--rm", "--ipc", f"container:{donor}", "busybox", "sh", "-c"]
    cli("exec", donor, "sh", "-c", "until [ -s /dev/shm/file ]; do :; done")
    assert cli(*joins, "cat /dev/shm/file; echo back >/dev/shm/answer; readlink /proc/self/ns/ipc").out.splitlines() == [
        "shared", cli("exec", donor, "readlink", "/proc/self/ns/ipc").out.strip()]
    assert cli("exec", donor, "cat", "/dev/shm/answer").out == "back\n"
    # Who joined may be joined, and keeps what it has when the first is gone.
    second = names("second")
    cli("run", "-d", "--name", second, "--ipc", f"container:{donor}", "busybox", "sleep", "1000")
    cli("rm", "-f", donor)
    assert cli("run", "--rm", "--ipc", f"container:{second}", "busybox", "cat", "/dev/shm/answer").out == "back\n"
    assert f"No such container: " in cli("restart", "-t", "0", second, status=1).err
    private = names("private")
    cli("run", "-d", "--name", private, "busybox", "sleep", "1000")
    refused = cli("run", "--rm", "--ipc", f"container:{private}", "busybox", "true", status=125)
    assert "non-shareable IPC (hint: use IpcMode:shareable for the donor container)" in refused.err


@pytest.mark.parametrize("mode", ["bridge", "host"])
def test_without_a_network(engine, names, mode):
    name = names("offline")
    body = {"Image": "busybox", "Cmd": ["sleep", "1000"], "NetworkDisabled": True, "HostConfig": {"NetworkMode": mode}}
    assert engine.api("POST", f"/containers/create?name={name}", body).status == 201
    assert engine.api("POST", f"/containers/{name}/start").status == 204
    links = engine.docker("exec", name, "ip", "-o", "link").out.splitlines()
    assert len(links) == 1 and "lo: <LOOPBACK,UP" in links[0]
    found = engine.api("GET", f"/containers/{name}/json").json
    assert found["Config"]["NetworkDisabled"] is True
    assert (found["NetworkSettings"]["Networks"], found["NetworkSettings"]["SandboxKey"], found["HostsPath"]) == ({}, "", "")
    refused = engine.api("POST", "/networks/bridge/connect", {"Container": name})
    assert (refused.status, refused.json["message"]) == (404, f"network sandbox for container {found['Id']} not found")
    engine.docker("restart", "-t", "0", name)
    assert len(engine.docker("exec", name, "ip", "-o", "link").out.splitlines()) == 1


def test_links(engine, cli, names):
    database, web = names("database"), names("web")
    cli("run", "-d", "--name", database, "-e", "SECRET=1", "--expose", "5432", "busybox", "sleep", "1000")
    cli("run", "-d", "--name", web, "--link", f"{database}:data", "busybox", "sleep", "1000")
    address = inspect(engine, database)["NetworkSettings"]["IPAddress"]
    env = cli("exec", web, "env").out.splitlines()
    assert f"DATA_PORT=tcp://{address}:5432" in env and f"DATA_NAME=/{web}/data" in env and "DATA_ENV_SECRET=1" in env
    assert "1 packets received" in cli("exec", web, "ping", "-c", "1", "data").out
    assert inspect(engine, web)["HostConfig"]["Links"] == [f"/{database}:/{web}/data"]
    assert inspect(engine, f"{web}/data")["Name"] == f"/{database}"
    # It comes back at another address, and is found there.
    cli("stop", "-t", "0", database)
    taker = names("taker")
    cli("run", "-d", "--name", taker, "busybox", "sleep", "1000")
    cli("start", database)
    again = inspect(engine, database)["NetworkSettings"]["IPAddress"]
    assert again != address
    assert "1 packets received" in cli("exec", web, "sh", "-c",
                                       f"until grep -q '^{again}' /etc/hosts; do :; done; ping -c 1 data").out
    cli("rm", "--link", f"{web}/data")
    assert inspect(engine, web)["HostConfig"]["Links"] is None
    cli("stop", "-t", "0", database, web)
    lonely = names("lonely")
    cli("create", "--name", lonely, "--link", f"{database}:data", "busybox", "true")
    assert f"Cannot link to a non running container: /{database} AS /{lonely}/data" in cli("start", lonely, status=1).err


def test_volumes_from(engine, cli, names):
    data, volume = names("data"), names("volume")
    cli("run", "--name", data, "-v", f"{volume}:/named", "-v", "/anonymous", "busybox", "sh", "-c",
        "echo one >/named/file; echo two >/anonymous/file")
    assert cli("run", "--rm", "--volumes-from", data, "busybox", "cat", "/named/file", "/anonymous/file").out == "one\ntwo\n"
    refused = cli("run", "--rm", "--volumes-from", f"{data}:ro", "busybox", "touch", "/named/x", status=1)
    assert "Read-only file system" in refused.err
    # --rm has not taken the other's anonymous volume away.
    assert cli("run", "--rm", "--volumes-from", data, "busybox", "cat", "/anonymous/file").out == "two\n"
    cli("rm", "-fv", data)
    cli("volume", "rm", volume)


def test_device_rules(engine, cli):
    script = "mknod /k c 10 229 && : </k"
    assert cli("run", "--rm", "busybox", "sh", "-c", script, status=None).status != 0
    cli("run", "--rm", "--device-cgroup-rule", "c 10:229 rwm", "busybox", "sh", "-c", script)


def test_limits_in_the_kernel(engine, cli, names):
    name = names("limits")
    device = next((line.split()[2] for line in open("/proc/mounts") if line.startswith("/dev/")), None) and \
        next(f"/dev/{entry}" for entry in os.listdir("/sys/block") if os.path.exists(f"/dev/{entry}"))
    cli("run", "-d", "--name", name, "-m", "64m", "--memory-swappiness", "20", "--oom-kill-disable", "--device-read-bps",
        f"{device}:1mb", "--device-write-iops", f"{device}:77", "busybox", "sleep", "1000")
    number = os.stat(device).st_rdev
    assert kernel(engine, name, "memory.swappiness") == "20"
    assert kernel(engine, name, "memory.oom_control").splitlines()[0] == "oom_kill_disable 1"
    assert kernel(engine, name, "blkio.throttle.read_bps_device") == f"{os.major(number)}:{os.minor(number)} 1048576"
    assert kernel(engine, name, "blkio.throttle.write_iops_device") == f"{os.major(number)}:{os.minor(number)} 77"


def test_warnings(engine, cli, names):
    made = cli("create", "--name", names("warned"), "--oom-kill-disable", "busybox")
    if engine.api("GET", "/info").json["OomKillDisable"]:
        assert "WARNING: OOM killer is disabled for the container, but no memory limit is set" in made.err


def test_sizes(engine, cli, names):
    name = names("sized")
    cli("run", "--name", name, "busybox", "dd", "if=/dev/zero", "of=/big", "bs=1M", "count=3")
    sized = inspect(engine, f"{name}")
    assert "SizeRw" not in sized
    sized = engine.api("GET", f"/containers/{name}/json?size=1").json
    assert 3 << 20 <= sized["SizeRw"] < 4 << 20 and sized["SizeRootFs"] > sized["SizeRw"] + (100 << 10)
    listed = cli("ps", "-a", "-s", "--filter", f"name={name}", "--format", "{{.Size}}").out
    assert listed.startswith("3.1") and "MB (virtual " in listed
    assert cli("inspect", "-s", "-f", "{{.SizeRw}}", name).out.strip() == str(sized["SizeRw"])


@pytest.mark.parametrize("options, text", [
    (["--gpus", "all"], 'could not select device driver "" with capabilities: [[gpu]]'),
    (["--device", "vendor.com/class=name"], "CDI device injection failed: unresolvable CDI devices vendor.com/class=name"),
    (["--storage-opt", "size=1g"], "--storage-opt is supported only for overlay over xfs with 'pquota' mount option"),
    (["--cpuset-cpus", "99"], "Requested CPUs are not available - requested 99, available: "),
    (["--security-opt", "what=ever"], 'invalid --security-opt 2: "what=ever"'),
    (["--cpus", "9999"], "range of CPUs is from 0.01 to "),
])
def test_refused(engine, cli, options, text):
    assert text in cli("run", "--rm", *options, "busybox", "true", status=125).err
