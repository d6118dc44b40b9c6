"""linux.intelRdt: where no processor can do it, refused; elsewhere a group of resctrl. A file tree in its place shows what is written."""

import json
import shlex
import subprocess

import pytest


@pytest.fixture
def resctrl(bundle):
    """Runs a script with a resctrl tree; commands of the runtime are "$@"."""
    def run(script, *features):
        tree = bundle.folder / "resctrl"
        (tree / "info").mkdir(parents=True)
        (tree / "schemata").write_text("L3:0=ffff\nMB:0=100\n")
        (tree / "info/last_cmd_status").write_text("mask f0f not contiguous\n")
        for feature in features:
            (tree / "info" / feature).mkdir()
        spare = bundle.folder / "cgroups"
        spare.mkdir()
        setup = (f"mount --make-rprivate /; mount --rbind /sys/fs/cgroup {spare}; mount -t tmpfs none /sys/fs; mkdir /sys/fs/cgroup /sys/fs/resctrl;"
                 f"mount --move {spare} /sys/fs/cgroup; mount --bind {tree} /sys/fs/resctrl;")
        words = " ".join(shlex.quote(str(word)) for word in bundle.command())
        script = f'set -e; {setup} rt() {{ {words} "$@"; }}; cd {bundle.folder}; {script}'
        bundle.write()
        return tree, subprocess.run(["unshare", "-m", "sh", "-c", script], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return run


def test_where_there_is_none_it_is_refused(bundle):
    bundle.spec["linux"]["intelRdt"] = {"closID": "one", "l3CacheSchema": "L3:0=f"}
    assert bundle.create() == 1
    assert "Intel RDT is not enabled" in bundle.last_error()


def test_a_group_of_its_own_lives_as_long_as_the_container(bundle, resctrl):
    bundle.spec["linux"]["intelRdt"] = {"l3CacheSchema": "L3:0=f", "memBwSchema": "MB:0=50", "schemata": ["L2:0=3"]}
    group = f"/sys/fs/resctrl/{bundle.id}"
    script = (f"rt create --bundle . --pid-file pid {bundle.id} >/dev/null 2>&1; cat {group}/schemata; cmp pid {group}/tasks && echo same;"
              f"rt update --l3-cache-schema L3:0=3 --mem-bw-schema MB:0=20 {bundle.id}; cat {group}/schemata; rm {group}/*; rt delete --force {bundle.id};"
              f"test ! -e {group} && echo gone")
    _, done = resctrl(script, "L3", "MB")
    assert done.stdout == "L3:0=f\nMB:0=50\nL2:0=3\nsame\nL3:0=3\nMB:0=20\ngone\n", done


def test_a_named_group_stays_and_a_monitoring_group_goes(bundle, resctrl):
    bundle.spec["linux"]["intelRdt"] = {"closID": "gold", "enableMonitoring": True}
    group = "/sys/fs/resctrl/gold"
    script = (f"rt create --bundle . {bundle.id} 2>/dev/null || echo missing; mkdir -p {group}/mon_groups;"
              f"rt create --bundle . --pid-file pid {bundle.id} >/dev/null 2>&1; cmp pid {group}/mon_groups/{bundle.id}/tasks; cmp pid {group}/tasks;"
              f"rm {group}/mon_groups/{bundle.id}/*; rt delete --force {bundle.id}; ls {group} {group}/mon_groups")
    _, done = resctrl(script, "L3_MON")
    assert done.stdout == f"missing\n{group}:\nmon_groups\ntasks\n\n{group}/mon_groups:\n", done
    assert "must be pre-created" in (bundle.folder / "log").read_text()


@pytest.mark.parametrize("asked, text", [
    ({"closID": ".."}, "invalid intelRdt.ClosID"), ({"closID": "a/b"}, "invalid intelRdt.ClosID"), ({"l3CacheSchema": "L3:0=f"}, "Intel RDT/CAT is not enabled"),
    ({"memBwSchema": "MB:0=5"}, "Intel RDT/MBA is not enabled"), ({"enableCMT": True}, "monitoring is not enabled"), ({"schemata": ["a\nb"]}, "line break")])
def test_what_the_processor_has_not(bundle, resctrl, asked, text):
    bundle.spec["linux"]["intelRdt"] = asked
    _, done = resctrl(f"rt create --bundle . {bundle.id}")
    assert done.returncode == 1
    assert text in bundle.last_error()


def test_a_failure_says_what_the_kernel_said(bundle, resctrl):
    bundle.spec["linux"]["intelRdt"] = {"closID": "gold", "schemata": ["L3:0=f0f"]}
    _, done = resctrl(f"mkdir -p /sys/fs/resctrl/gold/schemata; rt create --bundle . {bundle.id}", "L3")
    assert done.returncode == 1
    assert "last_cmd_status: mask f0f not contiguous" in bundle.last_error()
    assert json.loads(bundle.call("list", "--format", "json").stdout) in (None, [])
