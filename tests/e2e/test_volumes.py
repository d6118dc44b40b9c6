"""Bind mounts, named and anonymous volumes, tmpfs."""


def test_named_volume_keeps_data(engine, cli):
    assert cli("volume", "create", "data1").out == "data1\n"
    cli("run", "--rm", "-v", "data1:/data", "busybox", "sh", "-c", "echo kept > /data/file")
    assert cli("run", "--rm", "-v", "data1:/data:ro", "busybox", "cat", "/data/file").out == "kept\n"
    assert "data1" in cli("volume", "ls", "-q").out.split()
    assert cli("volume", "inspect", "-f", "{{.Mountpoint}}", "data1").out.strip() == str(engine.data / "volumes/data1/_data")
    cli("volume", "rm", "data1")
    assert "no such volume" in cli("volume", "inspect", "data1", status=1).err.lower()


def test_volume_in_use(engine, cli):
    container = cli("create", "-v", "used1:/data", "busybox", "true").out.strip()
    assert "volume is in use" in cli("volume", "rm", "used1", status=1).err
    cli("rm", container)
    cli("volume", "rm", "used1")


def test_copy_up(engine, cli):
    listing = cli("run", "--rm", "-v", "up1:/etc", "busybox", "ls", "/etc").out.split()
    assert "passwd" in listing and "group" in listing
    cli("volume", "rm", "up1")


def test_anonymous_volumes_go_with_rm_v(engine, cli):
    before = set(cli("volume", "ls", "-q").out.split())
    container = cli("create", "-v", "/data", "busybox", "true").out.strip()
    assert len(set(cli("volume", "ls", "-q").out.split()) - before) == 1
    cli("rm", "-v", container)
    cli("run", "--rm", "-v", "/data", "busybox", "true")
    assert set(cli("volume", "ls", "-q").out.split()) == before


def test_binds(engine, cli):
    folder = engine.directory / "bind"
    folder.mkdir(exist_ok=True)
    (folder / "in").write_text("from the host\n")
    done = cli("run", "--rm", "-v", f"{folder}:/mnt", "busybox", "sh", "-c", "cat /mnt/in; echo back > /mnt/out")
    assert done.out == "from the host\n"
    assert (folder / "out").read_text() == "back\n"
    refused = cli("run", "--rm", "--mount", f"type=bind,source={folder},target=/mnt,readonly", "busybox", "touch", "/mnt/x",
                  status=1)
    assert "Read-only file system" in refused.err


def test_missing_bind_source(engine, cli):
    refused = cli("run", "--rm", "--mount", "type=bind,source=/no/such/place,target=/mnt", "busybox", "true", status=125)
    assert "bind source path does not exist: /no/such/place" in refused.err


def test_tmpfs(engine, cli):
    out = cli("run", "--rm", "--tmpfs", "/scratch:size=1m", "busybox", "grep", " /scratch ", "/proc/mounts").out
    assert out.startswith("tmpfs /scratch tmpfs") and "size=1024k" in out and "noexec" in out
