"""Mounts: copied-up tmpfs, mapped ids, propagation, roots that cannot pivot."""

import os
import subprocess

import pytest


def test_tmpcopyup(bundle):
    etc = bundle.folder / "rootfs/etc"
    (etc / "sub").mkdir()
    (etc / "sub/file").write_text("kept")
    os.chown(etc / "sub/file", 7, 8)
    (etc / "sub/file").chmod(0o640)
    (etc / "link").symlink_to("/outside")
    bundle.spec["mounts"].append({"destination": "/etc", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup", "ro"]})
    said = bundle.run(["sh", "-c", "cat /etc/sub/file; echo; busybox stat -c '%a %u %g' /etc/sub/file; busybox readlink /etc/link; "
                       "echo x > /etc/new || echo readonly"])
    assert said.splitlines()[:3] == ["kept", "640 7 8", "/outside"]
    assert said.endswith("readonly\n")
    assert sorted(os.listdir(etc)) == ["link", "sub"]


def test_tmpcopyup_needs_a_tmpfs(bundle):
    bundle.spec["mounts"].append({"destination": "/etc", "type": "bind", "source": "/etc", "options": ["bind", "tmpcopyup"]})
    assert bundle.create() == 1
    assert "tmpcopyup is only supported for tmpfs" in bundle.last_error()


def mapping(host, size=1000):
    return [{"containerID": 0, "hostID": host, "size": size}]


def test_idmapped_bind(bundle):
    source = bundle.folder / "source"
    source.mkdir()
    (source / "file").write_text("")
    os.chown(source / "file", 5, 6)
    bundle.spec["mounts"].append({"destination": "/etc", "type": "bind", "source": str(source), "options": ["bind"],
                                  "uidMappings": mapping(20000), "gidMappings": mapping(30000)})
    done = bundle.foreground(["busybox", "stat", "-c", "%u %g", "/etc/file"])
    if "MOUNT_ATTR_IDMAP" in done.stderr:
        pytest.skip("no idmapped mounts on this file system")
    assert done.stdout == "20005 30006\n"


@pytest.mark.parametrize("mount, text", [
    ({"type": "tmpfs", "source": "tmpfs", "options": ["idmap"]}, "id-mapped mounts are only supported for bind-mounts"),
    ({"type": "bind", "source": "/etc", "options": ["bind", "idmap"]}, "must have mappings of their own"),
    ({"type": "bind", "source": "/etc", "options": ["bind", "size=5"]}, "cannot have any filesystem-specific options"),
    ({"type": "bind", "source": "/nosuch", "options": ["bind"]}, "no such file or directory")])
def test_mounts_that_cannot_be(bundle, mount, text):
    bundle.spec["mounts"].append({"destination": "/etc", **mount})
    assert bundle.create() == 1
    assert text in bundle.last_error()


def test_no_pivot(bundle):
    done = bundle.foreground(["sh", "-c", "busybox ls /; busybox grep -c ' /proc ' /proc/self/mountinfo"], "--no-pivot")
    assert done.stdout.split() == ["bin", "dev", "etc", "proc", "1"], done.stderr


@pytest.mark.parametrize("kind, tag", [("shared", "shared:"), ("slave", ""), ("private", ""), ("unbindable", "unbindable")])
def test_propagation_of_the_root(bundle, kind, tag):
    bundle.spec["linux"]["rootfsPropagation"] = kind
    bundle.write(["sh", "-c", "busybox grep ' / / ' /proc/self/mountinfo || busybox grep ' / ' /proc/self/mountinfo"])
    # A mount namespace of the test's own: what is made shared must not be the host's.
    done = subprocess.run(["unshare", "--mount", "--propagation", "private",
                           *map(str, bundle.command("run", "--bundle", bundle.folder, bundle.id))],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stdout.splitlines() if line.split()[4] == "/")
    assert (tag in line.split(" - ")[0]) if tag else "shared:" not in line


def test_a_file_is_bound_over_a_file_that_is_made(bundle):
    bundle.spec["mounts"].append({"destination": "/new/file", "type": "bind", "source": "/etc/hostname", "options": ["bind", "ro"]})
    with open("/etc/hostname") as file:
        assert bundle.run(["cat", "/new/file"]) == file.read()


def test_readonly_binds_are_readonly_with_all_below(bundle):
    source = bundle.folder / "source"
    (source / "sub").mkdir(parents=True)
    bundle.spec["mounts"] += [
        {"destination": "/etc", "type": "bind", "source": str(source), "options": ["rbind", "rro"]},
        {"destination": "/dev/x", "type": "bind", "source": str(source), "options": ["rbind"]}]
    assert bundle.run(["sh", "-c", "echo > /etc/sub/x || echo no; echo > /dev/x/sub/x && echo yes"]).split()[-2:] == ["no", "yes"]


def test_targets_behind_links_that_lead_nowhere_yet(bundle):
    root = bundle.folder / "rootfs"
    (root / "etc/hosts").symlink_to("/made/../kept/hosts")
    (root / "dangling").symlink_to("../../../far/away")
    bundle.spec["mounts"] += [
        {"destination": "/etc/hosts", "type": "bind", "source": "config.json", "options": ["bind"]},
        {"destination": "/dangling/sub", "type": "tmpfs", "source": "tmpfs"},
        {"destination": str(root) + "/bin/../inside", "type": "tmpfs", "source": "tmpfs"}]
    assert bundle.run(["sh", "-c", "busybox wc -c < /kept/hosts; busybox grep -c -E ' /far/away/sub | /inside ' /proc/self/mounts"]).split() == [
        str((bundle.folder / "config.json").stat().st_size), "2"]


def test_tmpfs_has_the_mode_of_the_folder_below(bundle):
    folder = bundle.folder / "rootfs/etc"
    folder.chmod(0o710)
    for target, options in (("/etc", []), ("/new", []), ("/other", ["mode=1500"])):
        bundle.spec["mounts"].append({"destination": target, "type": "tmpfs", "source": "tmpfs", "options": options})
    assert bundle.run(["busybox", "stat", "-c", "%a", "/etc", "/new", "/other"]).split() == ["710", "1777", "1500"]
