"""-v, --mount and --tmpfs: what ends up where, how writable it is, and what is refused."""

import subprocess

import pytest


@pytest.fixture
def tree(engine, request):
    """A folder with a tmpfs mounted below it, in the namespace that the daemon runs in."""
    top = engine.directory / f"tree-{request.node.name.replace('/', '-')}"
    (top / "sub").mkdir(parents=True)
    (top / "file").write_text("file\n")
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", top / "sub"], check=True)
    yield top
    subprocess.run(["umount", top / "sub"], check=True)


def writable(cli, mount, path, status=None):
    done = cli("run", "--rm", *mount, "busybox", "touch", path, status=status)
    return done.status == 0


def test_read_only_goes_for_what_is_mounted_below(engine, cli, tree):
    assert writable(cli, ["-v", f"{tree}:/m"], "/m/sub/x")
    assert not writable(cli, ["-v", f"{tree}:/m:ro"], "/m/x")
    assert not writable(cli, ["-v", f"{tree}:/m:ro"], "/m/sub/y")
    bind = f"type=bind,src={tree},dst=/m"
    assert not writable(cli, ["--mount", f"{bind},readonly"], "/m/sub/y")
    assert not writable(cli, ["--mount", f"{bind},readonly,bind-recursive=enabled"], "/m/sub/y")
    assert not writable(cli, ["--mount", f"{bind},ro,bind-recursive=readonly,bind-propagation=rprivate"], "/m/sub/y")
    # As before version 25, when asked for.
    assert writable(cli, ["--mount", f"{bind},ro,bind-recursive=writable"], "/m/sub/z")
    assert not writable(cli, ["--mount", f"{bind},ro,bind-recursive=writable"], "/m/z")
    # What is mounted below stays out.
    assert "x" not in cli("run", "--rm", "--mount", f"{bind},bind-nonrecursive", "busybox", "ls", "/m/sub").out.split()
    assert "x" not in cli("run", "--rm", "--mount", f"{bind},bind-recursive=disabled", "busybox", "ls", "/m/sub").out.split()
    assert sorted(path.name for path in (tree / "sub").iterdir()) == ["x", "z"]


def test_words_of_a_mode(engine, cli, tree):
    for mode in ("cached", "delegated,ro", "consistent,z", "Z,ro", ""):
        cli("run", "--rm", "-v", f"{tree}:/m:{mode}" if mode else f"{tree}:/m", "busybox", "cat", "/m/file")
    assert "invalid mode: ro,rw" in cli("run", "--rm", "-v", f"{tree}:/m:ro,rw", "busybox", "true", status=125).err
    listing = cli("run", "--rm", "-v", "words1:/etc:z,nocopy", "busybox", "ls", "/etc").out.split()
    assert "passwd" not in listing
    cli("volume", "rm", "words1")


def test_propagation_needs_a_shared_source(engine, cli, tree):
    refused = cli("run", "--rm", "-v", f"{tree}:/m:rslave", "busybox", "true", status=125)
    assert f"path {tree} is mounted on / but it is not a shared or slave mount" in refused.err
    refused = cli("run", "--rm", "-v", f"{tree}/sub:/m:rshared", "busybox", "true", status=125)
    assert f"path {tree}/sub is mounted on {tree}/sub but it is not a shared mount" in refused.err


def test_below_proc(engine, cli, tree):
    own = cli("run", "--rm", "-v", f"{tree}/file:/proc/meminfo:ro", "busybox", "cat", "/proc/meminfo")
    assert own.out == "file\n"
    for target in ("/proc", "/proc/1", "/proc/sys/kernel", "/x/../proc/sysrq-trigger"):
        for mount in (["-v", f"{tree}:{target}"], ["--mount", f"type=bind,src={tree},dst={target}"], ["--tmpfs", target]):
            assert "inside /proc" in cli("run", "--rm", *mount, "busybox", "true", status=125).err


def test_nested_mounts_in_any_order(engine, cli, tree):
    out = cli("run", "--rm", "-v", f"{tree}/file:/a/b/c/one", "--tmpfs", "/a/b/c", "-v", "nest1:/a", "-v", f"{tree}:/a/b",
              "busybox", "sh", "-c", "cat /a/b/c/one; ls /a /a/b; grep ' /a' /proc/mounts | wc -l").out.split()
    assert out[0] == "file" and out[-1] == "5" and "sub" in out
    # The folders that were missing were made in what was mounted there, nowhere else.
    assert (tree / "c").is_dir() and not (tree / "c/one").exists()
    assert [path.name for path in (engine.data / "volumes/nest1/_data").iterdir()] == ["b"]
    cli("volume", "rm", "nest1")


def test_tmpfs_in_every_form(engine, cli):
    def mount_line(*flags):
        return cli("run", "--rm", *flags, "busybox", "grep", " /t ", "/proc/mounts").out

    line = mount_line("--mount", "type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1770")
    assert "size=1024k" in line and "mode=1770" in line and "noexec" in line
    assert "noexec" not in mount_line("--tmpfs", "/t:exec,uid=7")
    assert mount_line("--mount", "type=tmpfs,dst=/t,readonly").split()[3].startswith("ro")
    assert "invalid tmpfs option" in cli("run", "--rm", "--tmpfs", "/t:huge=x", "busybox", "true", status=125).err


def test_tmpfs_options_of_the_api(engine):
    def create(**options):
        return engine.api("POST", "/containers/create", {"Image": "busybox", "Cmd": ["grep", " /t ", "/proc/mounts"], "HostConfig": {
            "Mounts": [{"Type": "tmpfs", "Target": "/t", "TmpfsOptions": options}]}})

    made = create(Options=[["exec"]])
    assert made.status == 201
    assert "noexec" not in engine.docker("start", "-a", made.json["Id"]).out
    assert create(Options=[["x"]]).json["message"] == 'invalid mount config for type "tmpfs": invalid option: x'
    assert create(Options=[[]]).json["message"] == 'invalid mount config for type "tmpfs": invalid option array length'
    engine.docker("rm", made.json["Id"])


def test_read_only_root_with_tmpfs_and_volume(engine, cli):
    out = cli("run", "--rm", "--read-only", "--tmpfs", "/run", "-v", "rw1:/data", "--shm-size", "2m", "busybox", "sh", "-c",
              "touch /run/x /data/x /dev/shm/x && ! touch /x && grep ' /dev/shm ' /proc/mounts").out
    assert "size=2048k" in out
    cli("volume", "rm", "rw1")
