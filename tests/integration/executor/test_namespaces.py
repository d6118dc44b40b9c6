"""User, time and joined namespaces, and containers of users without privileges."""

import os
import pathlib
import shutil
import subprocess

import pytest

from support.bundle import BINARY

DEV = {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]}


def with_user(bundle, host=100000, size=65536):
    bundle.spec["linux"]["namespaces"].append({"type": "user"})
    bundle.spec["linux"]["uidMappings"] = bundle.spec["linux"]["gidMappings"] = [{"containerID": 0, "hostID": host, "size": size}]
    for path in [bundle.folder, *bundle.folder.parents]:
        if path.name.startswith("pytest-of") or path == bundle.folder:
            path.chmod(path.stat().st_mode | 0o711)
    for path in bundle.folder.parents:
        if "pytest-" in path.name:
            path.chmod(path.stat().st_mode | 0o711)
    for folder, names, files in os.walk(bundle.folder / "rootfs"):
        os.chown(folder, host, host)


def test_ids_are_mapped_and_root_inside_is_nobody_outside(bundle):
    with_user(bundle)
    bundle.spec["mounts"].append(DEV)
    bundle.spec["process"]["user"] = {"uid": 0, "gid": 0, "additionalGids": [5]}
    bundle.applets("grep", "mknod")
    bundle.up(["sh", "-c", "cat /proc/self/uid_map /proc/self/gid_map; id -u; id -G; echo x > /dev/null; "
               "mknod /dev/other c 1 3 || echo denied; : > /dev/said; exec sleep 1000"])
    status = pathlib.Path(f"/proc/{bundle.pid()}/status").read_text()
    assert "Uid:\t100000\t100000\t100000\t100000" in status and "Groups:\t100005" in status
    done = bundle.call("exec", "--user", "7:8", bundle.id, "sh", "-c", "until [ -e /dev/said ]; do :; done; id -u; id -g; cat /proc/self/uid_map")
    assert done.stdout.split() == ["7", "8", "0", "100000", "65536"]
    said = (bundle.folder / "out").read_text()
    assert said.split()[:8] == ["0", "100000", "65536", "0", "100000", "65536", "0", "0"]
    assert said.split()[-1] == "denied"


def test_limits_of_the_host_can_be_had_in_a_user_namespace(bundle):
    with_user(bundle)
    bundle.spec["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 300, "hard": 400}]
    assert bundle.run(["sh", "-c", "ulimit -n; ulimit -Hn"]).split() == ["300", "400"]


def test_sources_that_nobody_inside_can_reach(bundle):
    with_user(bundle)
    hidden = bundle.folder / "hidden"
    (hidden / "below").mkdir(parents=True)
    (hidden / "below/file").write_text("found")
    hidden.chmod(0o700)
    bundle.spec["mounts"].append({"destination": "/etc", "type": "bind", "source": str(hidden / "below"), "options": ["rbind", "ro"]})
    assert bundle.run(["sh", "-c", "cat /etc/file"]) == "found"


@pytest.mark.parametrize("spaces, mappings, text", [
    ([{"type": "user"}], False, "no namespace path to join nor mappings to apply specified"),
    ([], True, "user namespace isn't enabled in the config"),
    ([{"type": "pid"}], False, "duplicated ns"),
    ([{"type": "nosuch"}], False, "does not exist")])
def test_what_does_not_fit(bundle, spaces, mappings, text):
    bundle.spec["linux"]["namespaces"] += spaces
    if mappings:
        bundle.spec["linux"]["uidMappings"] = [{"containerID": 0, "hostID": 1, "size": 1}]
    assert bundle.create() == 1
    assert text in bundle.last_error()


time_space = pytest.mark.skipif(not os.path.exists("/proc/self/ns/time"), reason="no time namespaces")


@time_space
def test_time_offsets(bundle):
    bundle.spec["linux"]["namespaces"].append({"type": "time"})
    bundle.spec["linux"]["timeOffsets"] = {"monotonic": {"secs": 7881}, "boottime": {"secs": 1337000000, "nanosecs": 5}}
    bundle.up()
    assert os.readlink(f"/proc/{bundle.pid()}/ns/time") != os.readlink("/proc/self/ns/time")
    offsets = pathlib.Path(f"/proc/{bundle.pid()}/timens_offsets").read_text().split()
    assert offsets == ["monotonic", "7881", "0", "boottime", "1337000000", "5"]
    done = bundle.call("exec", bundle.id, "sh", "-c", "busybox readlink /proc/self/ns/time; cat /proc/uptime")
    link, uptime, _ = done.stdout.split()
    assert link == os.readlink(f"/proc/{bundle.pid()}/ns/time")
    assert float(uptime) > 1337000000


def test_time_offsets_need_the_namespace(bundle):
    bundle.spec["linux"]["timeOffsets"] = {"monotonic": {"secs": 1}}
    assert bundle.create() == 1
    assert "time namespace offsets specified, but time namespace isn't enabled" in bundle.last_error()


@pytest.mark.parametrize("types", [["mnt"], ["user", "net", "uts"]])
def test_joined_by_path(bundle, types):
    """With and without the process that stands between the runtime and init."""
    words = {"mnt": "--mount", "user": "--user", "net": "--net", "uts": "--uts"}
    extra = ["--map-root-user"] if "user" in types else ["--propagation", "private"]
    # No program is loaded later: the root of everybody in a mount namespace changes with the container's.
    holder = subprocess.Popen(["unshare", *[words[name] for name in types], *extra, "sh", "-c", "echo up; read end"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert holder.stdout.readline() == b"up\n"
        names = {"mnt": "mount", "net": "network"}
        for name in types:
            wanted = names.get(name, name)
            spaces = bundle.spec["linux"]["namespaces"]
            spaces[:] = [space for space in spaces if space["type"] != wanted]
            spaces.append({"type": wanted, "path": f"/proc/{holder.pid}/ns/{name}"})
        bundle.up()
        for name in types:
            assert os.readlink(f"/proc/{bundle.pid()}/ns/{name}") == os.readlink(f"/proc/{holder.pid}/ns/{name}")
        assert bundle.call("exec", bundle.id, "true").returncode == 0
        assert bundle.call("delete", "--force", bundle.id).returncode == 0
    finally:
        holder.kill()
        holder.communicate()


def test_without_privileges(bundle):
    """A user with nothing but his own ids: create, exec, kill, delete, and no cgroup of his own."""
    if pathlib.Path("/proc/sys/user/max_user_namespaces").read_text().strip() == "0":
        pytest.skip("no user namespaces")
    for path in [bundle.folder, *bundle.folder.parents]:
        if "pytest-" in path.name or path == bundle.folder:
            path.chmod(0o755)
    # Where it was built may be closed to him.
    bundle.binary = shutil.copy(BINARY, bundle.folder)
    subprocess.run(["chown", "-R", "-h", "1000:1000", bundle.folder], check=True)
    spec = bundle.spec
    spec["linux"].pop("cgroupsPath")
    spec["linux"]["namespaces"] = [{"type": name} for name in ("pid", "mount", "ipc", "uts", "user")]
    spec["linux"]["uidMappings"] = spec["linux"]["gidMappings"] = [{"containerID": 0, "hostID": 1000, "size": 1}]
    spec["mounts"] += [DEV, {"destination": "/sys", "type": "none", "source": "/sys", "options": ["rbind", "ro"]}]
    (bundle.folder / "rootfs/sys").mkdir()
    as_user = {"user": 1000, "group": 1000, "extra_groups": [], "umask": 0o022}
    assert bundle.create(["sh", "-c", "id -u; echo x > /dev/null && exec sleep 1000"], **as_user) == 0, bundle.last_error()
    assert bundle.call("start", bundle.id, **as_user).returncode == 0
    done = bundle.call("exec", bundle.id, "id", "-u", **as_user)
    assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr
    assert bundle.call("kill", bundle.id, "KILL", **as_user).returncode == 0
    assert bundle.call("delete", "--force", bundle.id, **as_user).returncode == 0
    assert (bundle.folder / "out").read_text() == "0\n"
    spec["linux"]["resources"] = {"pids": {"limit": 5}}
    assert bundle.create(["true"], **as_user) == 1
    assert "container could not join or create cgroup" in bundle.last_error()


def test_a_profile_that_the_host_cannot_apply(bundle):
    if not os.path.exists("/sys/module/apparmor"):
        bundle.spec["process"]["apparmorProfile"] = "some"
        assert bundle.create() == 1
        assert "apparmor: config provided but apparmor not supported" in bundle.last_error()
        del bundle.spec["process"]["apparmorProfile"]
    if not os.path.exists("/sys/fs/selinux/status"):
        bundle.spec["process"]["selinuxLabel"] = "some"
        assert bundle.create() == 1
        assert "selinux label is specified in config, but selinux is disabled or not supported" in bundle.last_error()


def test_scheduling_and_the_like(bundle):
    bundle.spec["process"]["scheduler"] = {"policy": "SCHED_BATCH", "nice": 5}
    bundle.spec["process"]["ioPriority"] = {"class": "IOPRIO_CLASS_BE", "priority": 4}
    bundle.spec["linux"]["personality"] = {"domain": "LINUX32"}
    bundle.applets("uname")
    bundle.up(["sh", "-c", "uname -m; exec sleep 1000"])
    assert os.sched_getscheduler(bundle.pid()) == os.SCHED_BATCH
    assert os.getpriority(os.PRIO_PROCESS, bundle.pid()) == 5
    assert bundle.call("exec", bundle.id, "uname", "-m").stdout == (bundle.folder / "out").read_text() != os.uname().machine + "\n"


@pytest.mark.parametrize("process, text", [
    ({"scheduler": {"policy": "SCHED_OTHER", "priority": 3}}, "scheduler.priority can only be specified"),
    ({"scheduler": {"policy": "SCHED_NOSUCH"}}, "invalid scheduler policy: SCHED_NOSUCH"),
    ({"ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 9}}, "invalid ioPriority.Priority: 9"),
    ({"execCPUAffinity": {"initial": "0-x"}}, "invalid list: 0-x")])
def test_attributes_that_are_none(bundle, process, text):
    bundle.spec["process"].update(process)
    assert bundle.create() == 1
    assert text in bundle.last_error()


def test_cpu_affinity_of_exec(bundle):
    bundle.spec["process"]["execCPUAffinity"] = {"initial": "0", "final": "0"}
    bundle.up()
    done = bundle.call("exec", bundle.id, "sh", "-c", "busybox grep Cpus_allowed_list /proc/self/status")
    assert done.stdout.split() == ["Cpus_allowed_list:", "0"]


def test_cpu_affinity_of_the_caller_is_not_inherited(bundle):
    own = os.sched_getaffinity(0)
    bundle.write(["sleep", "1000"])
    words = bundle.command("create", "--bundle", bundle.folder, "--pid-file", bundle.folder / "pid", bundle.id)
    subprocess.run(["taskset", "-c", str(min(own)), *words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, check=True)
    assert os.sched_getaffinity(bundle.pid()) >= own
