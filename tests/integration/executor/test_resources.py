"""Limits: what runc takes for "not given", where the cgroup lies, and what `update` makes of it."""

import json
import pathlib

import pytest

TOP = pathlib.Path("/sys/fs/cgroup")
V2 = (TOP / "cgroup.controllers").exists()


def value(bundle, v1, v2):
    controller, name = v1.split("/")
    path = TOP / bundle.cgroup.lstrip("/") / v2 if V2 else TOP / controller / bundle.cgroup.lstrip("/") / name
    return path.read_text().strip()


def test_zeros_are_not_given(bundle):
    bundle.spec["linux"]["resources"] = {
        "memory": {"limit": 0, "swap": 0, "reservation": 0},
        "cpu": {"shares": 0, "quota": 0, "period": 0, "realtimeRuntime": 0, "realtimePeriod": 0},
        "pids": {"limit": 0}, "blockIO": {"weight": 0}}
    bundle.up()
    assert value(bundle, "cpu/cpu.shares", "cpu.weight") == ("100" if V2 else "1024")
    assert value(bundle, "pids/pids.max", "pids.max") == "max"


def test_shares_of_an_idle_group(bundle):
    bundle.spec["linux"]["resources"] = {"cpu": {"shares": 512, "idle": 1}}
    bundle.up()
    assert value(bundle, "cpu/cpu.idle", "cpu.idle") == "1"


@pytest.mark.skipif(V2, reason="version 2 has no swappiness")
def test_a_swappiness_that_is_none(bundle):
    bundle.spec["linux"]["resources"] = {"memory": {"swappiness": 150}}
    assert bundle.create() == 1
    assert "invalid memory swappiness value: 150 (valid range is 0-100)" in bundle.last_error()


def test_what_no_file_stands_for_is_told(bundle):
    bundle.spec["linux"]["resources"] = {"memory": {"kernel": 1 << 20, "useHierarchy": False, "disableOOMKiller": V2},
                                         "cpu": {"realtimeRuntime": 1000 if V2 else 0}, "blockIO": {"leafWeight": 10 if V2 else 0}}
    assert bundle.create(["true"]) == 0
    told = [json.loads(line) for line in (bundle.folder / "log").read_text().splitlines()]
    names = [line["msg"].split()[0] for line in told if line["level"] == "warning"]
    assert names == ["resources.memory.kernel", "resources.memory.useHierarchy",
                     *(["resources.memory.disableOOMKiller", "resources.cpu.realtimeRuntime", "resources.blockIO.leafWeight"] if V2 else [])]


@pytest.mark.skipif(V2, reason="of version 1")
def test_unified_needs_version_2(bundle):
    bundle.spec["linux"]["resources"] = {"unified": {"memory.high": "1"}}
    assert bundle.create() == 1
    assert "invalid configuration" in bundle.last_error()


@pytest.mark.parametrize("path", ["berth-relative/x", None])
def test_relative_paths_lie_below_the_own_cgroup(bundle, path):
    if path:
        bundle.spec["linux"]["cgroupsPath"] = path
    else:
        del bundle.spec["linux"]["cgroupsPath"]
    bundle.up()
    name = path or bundle.id
    def places(pid):
        return {line.split(":")[1]: line.split(":", 2)[2] for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines()}
    own, theirs = places("self"), places(bundle.pid())
    for controller, place in theirs.items():
        above = own[controller]
        if V2:
            above = str(pathlib.PurePosixPath(above).parent)
        assert place == f"{above.rstrip('/')}/{name}", controller
    assert bundle.call("delete", "--force", bundle.id).returncode == 0
    if path:
        for folder in [*TOP.glob("berth-relative"), *TOP.glob("*/berth-relative")]:
            folder.rmdir()


def test_update_by_flags(bundle):
    bundle.spec["linux"]["resources"] = {"memory": {"limit": 64 << 20}, "cpu": {"shares": 512, "quota": 20000, "period": 100000}}
    bundle.up()
    done = bundle.call("update", "--memory", "96M", "--memory-reservation", "32MiB", "--pids-limit", "21", "--cpu-share", "100",
                       "--cpu-quota", "40000", "--cpuset-cpus", "0", bundle.id)
    assert done.returncode == 0, done.stderr
    assert value(bundle, "memory/memory.limit_in_bytes", "memory.max") == str(96 << 20)
    assert value(bundle, "memory/memory.soft_limit_in_bytes", "memory.low") == str(32 << 20)
    assert value(bundle, "pids/pids.max", "pids.max") == "21"
    assert value(bundle, "cpu/cpu.shares", "cpu.weight") == ("4" if V2 else "100")
    assert value(bundle, "cpu/cpu.cfs_quota_us", "cpu.max") == ("40000 100000" if V2 else "40000")
    assert value(bundle, "cpuset/cpuset.cpus", "cpuset.cpus") == "0"
    # What is not given stays.
    assert bundle.call("update", "--cpu-period", "50000", bundle.id).returncode == 0
    assert value(bundle, "cpu/cpu.cfs_quota_us", "cpu.max") == ("40000 50000" if V2 else "40000")
    assert value(bundle, "memory/memory.limit_in_bytes", "memory.max") == str(96 << 20)
    assert bundle.call("update", "--memory", "-1", bundle.id).returncode == 0
    assert value(bundle, "memory/memory.limit_in_bytes", "memory.max") == ("max" if V2 else "9223372036854771712")


def test_update_from_a_file(bundle):
    bundle.up()
    path = bundle.folder / "resources.json"
    path.write_text(json.dumps({"memory": {"limit": 33554432}, "pids": {"limit": 10}, "cpu": {"shares": 0, "cpus": ""}}))
    done = bundle.call("update", "-r", path, bundle.id)
    assert done.returncode == 0, done.stderr
    assert value(bundle, "memory/memory.limit_in_bytes", "memory.max") == "33554432"
    assert value(bundle, "pids/pids.max", "pids.max") == "10"


def test_an_update_that_is_refused_changes_nothing(bundle):
    bundle.spec["linux"]["resources"] = {"pids": {"limit": 20}}
    bundle.up()
    assert bundle.call("update", "--pids-limit", "30", "--cpuset-cpus", "999", bundle.id).returncode == 1
    assert value(bundle, "pids/pids.max", "pids.max") == "20"
    assert bundle.call("update", "--memory", "12x", bundle.id).returncode == 1
    assert "invalid value for memory: invalid size: '12x'" in bundle.last_error()


def test_a_limit_below_what_is_in_use_is_refused_if_asked(bundle):
    bundle.spec["linux"]["resources"] = {"memory": {"limit": 64 << 20}}
    bundle.up()
    path = bundle.folder / "resources.json"
    path.write_text(json.dumps({"memory": {"limit": 4096, "checkBeforeUpdate": True}}))
    assert bundle.call("update", "-r", path, bundle.id).returncode == 1
    assert "rejecting memory limit 4096 < usage" in bundle.last_error()


def test_events(bundle):
    bundle.spec["linux"]["resources"] = {"memory": {"limit": 64 << 20}, "pids": {"limit": 20}}
    bundle.up()
    event = json.loads(bundle.call("events", "--stats", bundle.id).stdout)
    assert (event["type"], event["id"]) == ("stats", bundle.id)
    assert event["data"]["memory"]["usage"]["limit"] == 64 << 20
    assert event["data"]["pids"] == {"current": 1, "limit": 20}
    assert bundle.call("events", "--interval", "0s", bundle.id).returncode == 1
    assert "duration interval must be greater than 0" in bundle.last_error()


def test_burst(bundle):
    bundle.spec["linux"]["resources"] = {"cpu": {"quota": 50000, "period": 100000, "burst": 20000}}
    bundle.up()
    assert value(bundle, "cpu/cpu.cfs_burst_us", "cpu.max.burst") == "20000"


def test_huge_pages(bundle):
    sizes = [path.name for path in pathlib.Path("/sys/kernel/mm/hugepages").glob("hugepages-2048kB")]
    places = [TOP, TOP / "unified", TOP / "hugetlb"]
    has = any("hugetlb" in (place / "cgroup.controllers").read_text() for place in places if (place / "cgroup.controllers").exists())
    if not sizes or not has and not list(TOP.glob("hugetlb/hugetlb.2MB.*")):
        pytest.skip("no control of huge pages")
    bundle.spec["linux"]["resources"] = {"hugepageLimits": [{"pageSize": "2MB", "limit": 4194304}]}
    bundle.up()
    found = [path for place in places for path in place.glob(f"{bundle.cgroup.lstrip('/')}/hugetlb.2MB.*")
             if path.name in ("hugetlb.2MB.max", "hugetlb.2MB.limit_in_bytes", "hugetlb.2MB.rsvd.max")]
    assert found and {path.read_text().strip() for path in found} == {"4194304"}


@pytest.mark.parametrize("resources, controller", [
    ({"rdma": {"mlx5_1": {"hcaHandles": 3, "hcaObjects": 10000}}}, "rdma"), ({"network": {"classID": 1048577}}, "net_cls"),
    ({"network": {"priorities": [{"name": "lo", "priority": 5}]}}, "net_prio")])
def test_a_controller_that_is_not_there_is_named(bundle, resources, controller):
    if any(TOP.glob(f"{controller}/cgroup.procs")) or V2 and controller in (TOP / "cgroup.controllers").read_text():
        pytest.skip("it is there")
    bundle.spec["linux"]["resources"] = resources
    assert bundle.create(["true"]) == 1
    text = "need cgroup version 1" if V2 and controller != "rdma" else f"the {controller} cgroup controller is not available"
    assert text in bundle.last_error() or V2 and controller in bundle.last_error()
