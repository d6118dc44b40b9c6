"""update: new limits and restart policies for containers that are there already."""

import os

import pytest


@pytest.fixture
def container(engine, cli):
    name = f"updated-{os.urandom(4).hex()}"
    cli("run", "-d", "--name", name, "-m", "64m", "--cpus", "0.5", "busybox", "sleep", "1000")
    yield name
    cli("rm", "-f", name, status=None)


def host_config(engine, container):
    return engine.api("GET", f"/containers/{container}/json").json["HostConfig"]


def kernel(engine, container):
    """What the kernel says of the container's limits, by version 1's or version 2's files."""
    identity = engine.api("GET", f"/containers/{container}/json").json["Id"]
    found = {}
    for folder in engine.cgroups():
        if folder.name == identity:
            for key, names in {"memory": ("memory.limit_in_bytes", "memory.max"), "pids": ("pids.max",),
                               "quota": ("cpu.cfs_quota_us", "cpu.max")}.items():
                for name in names:
                    if (folder / name).exists():
                        found[key] = (folder / name).read_text().split()[0]
    return found


def test_live(engine, cli, container):
    assert cli("update", "-m", "96m", "--memory-swap", "200m", "--cpus", "0.25", "--pids-limit", "44", container).out.strip() == container
    assert kernel(engine, container) == {"memory": str(96 << 20), "pids": "44", "quota": "25000"}
    host = host_config(engine, container)
    assert (host["Memory"], host["MemorySwap"], host["NanoCpus"], host["PidsLimit"]) == (96 << 20, 200 << 20, 250000000, 44)
    cli("update", "-m", "32m", "--memory-swap", "64m", "--pids-limit", "-1", container)
    assert host_config(engine, container)["PidsLimit"] == 0
    assert kernel(engine, container)["memory"] == str(32 << 20)
    assert kernel(engine, container)["pids"] == "max"


def test_it_lasts(engine, cli, container):
    cli("update", "--restart", "on-failure:3", "-m", "80m", "--memory-swap", "160m", container)
    engine.crash()
    engine.start()
    assert host_config(engine, container)["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 3}
    cli("restart", "-t", "0", container)
    assert kernel(engine, container)["memory"] == str(80 << 20)


@pytest.mark.parametrize("body, status, text", [
    ({"Memory": 1000}, 400, "Minimum memory limit allowed is 6MB"),
    ({"Memory": 256 << 20}, 409, "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at "
                                 "the same time"),
    ({"NanoCpus": 1000000000, "CpuQuota": 1000}, 400, "Conflicting options: Nano CPUs and CPU Quota cannot both be set"),
    ({"CpuPeriod": 50000}, 409, "Conflicting options: CPU Period cannot be updated as NanoCPUs has already been set"),
    ({"RestartPolicy": {"Name": "sometimes"}}, 400, "invalid restart policy: unknown policy 'sometimes'"),
    ({"Memory": "much"}, 400, "cannot unmarshal string"),
])
def test_what_is_refused(engine, container, body, status, text):
    before = host_config(engine, container)
    answer = engine.api("POST", f"/containers/{container}/update", body)
    assert answer.status == status and text in answer.json["message"], answer.text
    assert host_config(engine, container) == before


@pytest.mark.skipif(os.path.exists("/sys/fs/cgroup/cgroup.controllers"), reason="version 2 has weights for shares")
def test_shares_that_the_kernel_would_change(engine, container):
    for shares, text in ((1, "the minimum allowed cpu-shares is 2"), (300_000, "the maximum allowed cpu-shares is 262144")):
        refused = engine.api("POST", f"/containers/{container}/update", {"CpuShares": shares})
        assert refused.status >= 400 and text in refused.json["message"]
        assert host_config(engine, container)["CpuShares"] == 0


def test_what_goes_by_itself_takes_no_policy(engine, cli):
    name = cli("run", "-d", "--rm", "busybox", "sleep", "1000").out.strip()
    refused = engine.api("POST", f"/containers/{name}/update", {"RestartPolicy": {"Name": "always"}})
    assert (refused.status, refused.json["message"]) == (
        409, f"Cannot update container {name}: Restart policy cannot be updated because AutoRemove is enabled for the container")
    cli("rm", "-f", name)


def test_nothing_given(cli, container):
    assert "you must provide one or more flags when using this command" in cli("update", container, status=1).err
