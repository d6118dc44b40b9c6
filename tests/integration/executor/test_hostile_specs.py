"""Specifications that try to lead the runtime astray: what they ask for is refused, or has no effect outside of the container."""

import os
import pathlib

import pytest

DESCRIPTORS = int(os.environ.get("HOSTILE_DESCRIPTORS", "24"))
DEV = {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "strictatime", "mode=755"]}

BELOW_PROC = ["/proc", "/proc/1", "/proc/self", "/proc/thread-self", "/proc/sys", "/proc/sys/kernel", "/proc/sys/kernel/core_pattern", "/proc/sys/net",
              "/proc/sysrq-trigger", "/proc/keys", "/proc/kcore", "/proc/irq", "/proc/bus", "/proc/fs", "/proc/acpi", "/proc/interrupts", "/proc/net",
              "/proc/self/attr", "/proc/self/attr/exec", "/proc/self/exe", "/proc/self/fd", "/proc/self/ns", "/proc/1/attr/apparmor/exec",
              "/proc/mounts", "/proc/version", "/proc/cmdline", "/proc/./sys", "/proc/../proc/sys", "//proc//sys/", "/bin/../proc/timer_list"]


@pytest.mark.parametrize("kind", ["tmpfs", "bind"])
def test_no_mount_below_proc(bundle, kind):
    source = bundle.folder / "source"
    source.mkdir()
    bundle.spec["mounts"].append(None)
    for target in BELOW_PROC:
        bundle.spec["mounts"][-1] = ({"destination": target, "type": "tmpfs", "source": "tmpfs"} if kind == "tmpfs" else
                                     {"destination": target, "type": "bind", "source": str(source), "options": ["rbind"]})
        assert bundle.create() == 1, target
        said = bundle.last_error()
        # A file cannot be covered by a folder in the first place, and some of them are links.
        assert any(text in said for text in ("cannot be mounted because it is", "not a directory", "no such file", "too many levels")), (target, said)


def test_a_working_folder_is_never_a_descriptor_of_the_runtimes(bundle):
    canary = bundle.folder / "canary"
    canary.mkdir()
    outside = {os.readlink(path) for path in (f"/proc/{os.getpid()}/cwd", f"/proc/{os.getpid()}/root")}
    bundle.applets("readlink")
    bundle.up()
    for number in range(DESCRIPTORS):
        for flags in (["--cwd", f"/proc/self/fd/{number}"], ["--cwd", f"/proc/self/fd/{number}/.."]):
            done = bundle.call("exec", *flags, bundle.id, "readlink", "/proc/self/cwd")
            # Some are the container's own: init's streams, a folder of its root.
            assert done.returncode != 0 or not any(done.stdout.startswith(str(path)) for path in (bundle.folder, *(outside - {"/"}))), done
            assert done.returncode != 0 or not done.stdout.startswith("(unreachable)"), done


def test_the_own_group_denies(bundle):
    """A file that everybody may read but its group: a user whose group that is may not."""
    secret = bundle.folder / "rootfs/secret"
    secret.write_text("secret\n")
    os.chown(secret, 0, 4321)
    secret.chmod(0o604)
    bundle.folder.chmod(0o755)
    bundle.spec["process"]["user"] = {"uid": 1234, "gid": 4321}
    denied = bundle.foreground(["cat", "/secret"])
    assert denied.returncode != 0 and "secret\n" not in denied.stdout.splitlines(True)
    bundle.spec["process"]["user"] = {"uid": 1234, "gid": 1, "additionalGids": [4321]}
    assert bundle.foreground(["cat", "/secret"]).stdout == ""
    bundle.spec["process"]["user"] = {"uid": 1234, "gid": 1}
    assert bundle.foreground(["cat", "/secret"]).stdout == "secret\n"


@pytest.mark.parametrize("own_namespace", [False, True])
def test_no_file_of_the_cgroups_can_be_written(bundle, own_namespace):
    for name in ("sys", "sys/fs", "sys/fs/cgroup"):
        (bundle.folder / "rootfs" / name).mkdir(exist_ok=True)
    bundle.spec["mounts"] += [
        DEV, {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
        {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["nosuid", "noexec", "nodev", "relatime", "ro"]}]
    if own_namespace:
        bundle.spec["linux"]["namespaces"].append({"type": "cgroup"})
    bundle.applets("find")
    script = ("for file in $(find /sys/fs/cgroup -type f); do (: >>$file) 2>/dev/null && echo opened $file; done;"
              "for folder in $(find /sys/fs/cgroup -type d); do busybox mkdir $folder/made 2>/dev/null && echo made $folder; done;"
              "find /sys/fs/cgroup -type f | busybox wc -l")
    said = bundle.foreground(["sh", "-c", script]).stdout.splitlines()
    assert len(said) == 1 and int(said[0]) > 5, said


HOST_VALUES = ["/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname", "/proc/sys/vm/overcommit_memory", "/proc/sys/net/ipv4/ip_forward",
               "/proc/sys/fs/file-max", "/proc/sys/kernel/shm_rmid_forced"]
SYSCTLS = [(name, "1") for name in (
    "kernel.core_pattern", "kernel/core_pattern", "kernel.shm_rmid_forced+kernel.core_pattern", "kernel.shm_rmid_forced\nkernel.core_pattern",
    "kernel.shm_rmid_forced=1+kernel.core_pattern", "kernel.shm/../core_pattern", "kernel.shm..core_pattern", "kernel.msg/../../kernel/core_pattern",
    "net/../kernel/core_pattern", "net.ipv4/../../kernel/core_pattern", "net/ipv4/../../kernel/core_pattern", "net...kernel.core_pattern", "net",
    "net.", "net/", ".net.ipv4.ip_forward", "/net/ipv4/ip_forward", "../net/ipv4/ip_forward", "vm.overcommit_memory", "fs.file-max",
    "fs.mqueue", "fs.mqueue/../file-max", "fs/mqueue/../file-max", "kernel.hostname", "kernel.ostype", "kernel.modprobe", "kernel.sysrq",
    "kernel.panic", "kernel.yama.ptrace_scope", "kernel.sem/../core_pattern", "kernel.sem\0kernel.core_pattern", "dev.cdrom.info", "user.max_user_namespaces",
    "abi.vsyscall32", "debug.exception-trace", "sunrpc.nfs_debug", "", " ", "kernel.shmmax ", "NET.ipv4.ip_forward")]


def test_sysctls_that_are_not_the_containers_own(bundle):
    before = {path: pathlib.Path(path).read_text() for path in HOST_VALUES}
    bundle.spec["hostname"] = ""
    accepted = []
    for name, value in SYSCTLS:
        bundle.spec["linux"]["sysctl"] = {name: value}
        if bundle.create() == 0:
            accepted.append(name)
            bundle.call("delete", "--force", bundle.id)
        assert {path: pathlib.Path(path).read_text() for path in HOST_VALUES} == before, name
    assert accepted == []


def test_the_value_of_a_sysctl_is_one_value(bundle):
    before = {path: pathlib.Path(path).read_text() for path in HOST_VALUES}
    for value in ("1\nkernel.core_pattern=|/evil", "1+kernel.core_pattern=|/evil", "1;kernel.core_pattern=|/evil"):
        bundle.spec["linux"]["sysctl"] = {"kernel.shm_rmid_forced": value}
        if bundle.create() == 0:
            bundle.call("delete", "--force", bundle.id)
        assert {path: pathlib.Path(path).read_text() for path in HOST_VALUES} == before, value


def test_annotations_reach_nobody(bundle):
    before = {path: pathlib.Path(path).read_text() for path in HOST_VALUES}
    bundle.spec["annotations"] = {"org.systemd.property.ExecStart": "'/bin/evil'", "io.kubernetes.cri-o.Devices": "/dev/vda", "kernel.core_pattern": "|/evil",
                                  "run.oci.hooks.stderr": str(bundle.folder / "made"), "run.oci.handler": "/bin/evil", "a\nb": "c\nd"}
    assert bundle.run(["true"]) == ""
    assert not (bundle.folder / "made").exists()
    assert {path: pathlib.Path(path).read_text() for path in HOST_VALUES} == before


@pytest.mark.parametrize("text", ["x\nroot::0:0::/:/bin/sh", "x\r\nroot::0:0::/:/bin/sh", "/root:/bin/sh\nevil::0:0::/:"])
def test_no_line_gets_into_a_file_by_a_name(bundle, text):
    etc = bundle.folder / "rootfs/etc"
    files = {"passwd": "root:x:0:0::/root:/bin/sh\n", "group": "root:x:0:\n", "hosts": "127.0.0.1 localhost\n", "hostname": "one\n"}
    for name, content in files.items():
        (etc / name).write_text(content)
    bundle.spec["process"]["env"] += [f"HOME={text}", f"USER={text}"]
    bundle.spec["hostname"] = text
    bundle.spec["domainname"] = text
    bundle.foreground(["true"])
    assert {path.name: path.read_text() for path in etc.iterdir()} == files


def test_a_nul_byte_ends_no_string(bundle):
    for put in (lambda spec: spec["process"]["env"].append("A=b\0c"), lambda spec: spec["process"]["args"].append("a\0b"),
                lambda spec: spec.update(hostname="a\0b"), lambda spec: spec["process"].update(cwd="/\0x")):
        spec = bundle.spec
        bundle.write(["true"])
        put(spec)
        assert bundle.create() == 1
        assert "a NUL byte in a string" in bundle.last_error()
        spec["process"].update(env=["PATH=/bin"], args=["true"], cwd="/")
        spec["hostname"] = ""


def test_memory_policy(bundle):
    bundle.applets("grep")
    bundle.spec["linux"]["memoryPolicy"] = {"mode": "MPOL_BIND", "nodes": "0"}
    assert "bind:0" in bundle.run(["grep", "-m1", "stack", "/proc/self/numa_maps"])


@pytest.mark.parametrize("policy, text", [
    ({"mode": "MPOL_NONE"}, "MPOL_NONE"), ({"mode": "MPOL_BIND", "nodes": "0-x"}, "0-x"), ({"mode": "MPOL_BIND", "nodes": "1000000"}, "1000000"),
    ({"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_NO"]}, "MPOL_F_NO"), ({"mode": "MPOL_BIND", "nodes": "900"}, "memory policy")])
def test_memory_policies_that_cannot_be(bundle, policy, text):
    bundle.spec["linux"]["memoryPolicy"] = policy
    assert bundle.create() == 1
    assert text in bundle.last_error()
