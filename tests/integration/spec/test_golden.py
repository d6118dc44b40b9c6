"""What engine/spec makes, field by field, against the bundles of dockerd 28.5 for the same options.

golden/NAME.json is dockerd's config.json without what differs from run to run (IDs, paths, environment, the engine's
files in /etc) and without what says nothing (an empty blockIO, a rule of the device list that comes twice). Lists whose
order means nothing are sorted. The seccomp section has unit tests of its own."""

import json
import subprocess
from pathlib import Path

import pytest
from support.engine import BIN

GOLDEN = Path(__file__).parent / "golden"

CASES = {
    "plain": {},
    "privileged": {"privileged": True},
    "restricted": {"cap_add": ["SYS_ADMIN"], "cap_drop": ["NET_RAW"], "no_new_privileges": True, "user": "1000:1001",
                   "readonly_root": True, "domainname": "d.example",
                   "tmpfs_options": {"/run": [], "/t2": ["size=64m", "exec"]}},
    "resources": {"devices": {"/dev/xnull": "/dev/null"}, "device_cgroup_rules": ["c 7:* rmw"], "oom_score_adj": 100,
                  "sysctls": {"net.ipv4.ip_forward": "1"}, "shm_size": 33554432},
    "host_namespaces": {"host": ["network", "pid", "ipc", "uts"], "seccomp": "unconfined"},
    "all_but_sys_admin": {"ipc_none": True, "annotations": {"x": "y"}, "cap_add": ["ALL"], "cap_drop": ["SYS_ADMIN"],
                          "masked_paths": [], "readonly_paths": []},
}
# The machine that the bundles come from lacked it.
MISSING = "CAP_SYS_RESOURCE"


def without_what_differs(config):
    process, linux = config["process"], config["linux"]
    for name in ("args", "env", "cwd"):
        process.pop(name, None)
    config["readonly"] = config.pop("root").get("readonly", False)
    for name in ("ociVersion", "hostname"):
        config.pop(name, None)
    for name in ("cgroupsPath", "seccomp"):
        linux.pop(name, None)
    linux["namespaces"] = [space for space in linux["namespaces"] if space["type"] != "cgroup"]
    for name in ("maskedPaths", "readonlyPaths"):
        paths = [path for path in linux.get(name, []) if not path.endswith("/thermal_throttle")]
        linux.pop(name, None)
        if paths:
            linux[name] = sorted(paths)
    process["capabilities"] = {kind: sorted(set(names) - {MISSING})
                               for kind, names in process["capabilities"].items() if names}
    return config


@pytest.mark.parametrize("case", CASES)
def test_as_dockerd(case, tmp_path):
    (tmp_path / "etc").mkdir()
    options = {"args": ["true"], "root": str(tmp_path), "cgroup": "/c", **CASES[case]}
    made = subprocess.run([BIN.parent / "tests/spec-config"], input=json.dumps(options), capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    ours = without_what_differs(json.loads(made.stdout))
    if case == "privileged":
        nodes = {device["path"] for device in ours["linux"].pop("devices")}
        assert {"/dev/null", "/dev/zero", "/dev/full"} <= nodes and "/dev/console" not in nodes
    assert ours == json.loads((GOLDEN / f"{case}.json").read_text())
