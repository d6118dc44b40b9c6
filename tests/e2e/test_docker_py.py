"""What people do with docker-py (Debian's python3-docker)."""

import io
import tarfile
import time

import docker
import pytest


@pytest.fixture(scope="module")
def client(engine):
    made = docker.DockerClient(base_url=engine.host, version="auto")
    yield made
    made.close()


def tar_of(name, content):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def test_run(client):
    assert client.containers.run("busybox", "echo hello", remove=True) == b"hello\n"
    with pytest.raises(docker.errors.ContainerError) as failed:
        client.containers.run("busybox", ["sh", "-c", "echo no >&2; exit 3"], remove=True)
    assert failed.value.exit_status == 3 and failed.value.stderr == b"no\n"
    with pytest.raises(docker.errors.ImageNotFound):
        client.containers.create("127.0.0.1:1/nothing-of-this-name")
    assert client.containers.list(all=True) == []


def test_life(client):
    box = client.containers.run("busybox", ["sh", "-c", "echo up; trap 'exit 5' TERM; while :; do sleep 0.05; done"], name="life",
                                detach=True, labels={"a": "1"}, environment={"B": "2"}, mem_limit="64m", ports={"80/tcp": None},
                                volumes={"life-data": {"bind": "/data", "mode": "rw"}}, ulimits=[docker.types.Ulimit(name="nofile", soft=64, hard=64)])
    assert next(box.logs(stream=True)) == b"up\n"
    assert [found.name for found in client.containers.list(filters={"label": "a=1"})] == ["life"]
    box.reload()
    assert box.status == "running" and box.ports["80/tcp"][0]["HostPort"]
    assert box.exec_run("sh -c 'echo $B; ulimit -n'").output == b"2\n64\n"
    assert "sh" in box.top()["Processes"][0][-1]
    stats = box.stats(stream=False)
    assert stats["memory_stats"]["limit"] == 64 << 20 and stats["pids_stats"]["current"] >= 1
    box.put_archive("/data", tar_of("file", b"content"))
    parts, about = box.get_archive("/data/file")
    with tarfile.open(fileobj=io.BytesIO(b"".join(parts))) as archive:
        assert about["size"] == 7 and archive.extractfile("file").read() == b"content"
    box.pause()
    box.reload()
    assert box.status == "paused"
    box.unpause()
    box.rename("life2")
    box.update(mem_limit="96m", memswap_limit="128m")
    assert client.api.inspect_container("life2")["HostConfig"]["Memory"] == 96 << 20
    box.stop()
    assert box.wait()["StatusCode"] == 5
    box.restart(timeout=0)
    box.kill()
    assert box.wait()["StatusCode"] == 137
    assert {"Kind": 1, "Path": "/data"} in box.diff()
    box.remove(v=True)
    client.volumes.get("life-data").remove()
    with pytest.raises(docker.errors.NotFound):
        client.containers.get("life2")


def test_attach_socket(client):
    box = client.containers.create("busybox", "cat", stdin_open=True, name="socket")
    stream = box.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
    box.start()
    stream._sock.sendall(b"typed\n")
    stream._sock.shutdown(1)
    with stream._sock.makefile("rb") as answer:
        assert answer.read() == b"\x01\0\0\0\0\0\0\x06typed\n"
    stream.close()
    assert box.wait(condition="not-running")["StatusCode"] == 0
    box.remove()


def test_networks_and_events(client):
    since = time.time()
    network = client.networks.create("py", driver="bridge", labels={"n": "1"})
    box = client.containers.run("busybox", "sleep 1000", network="py", name="netted", detach=True)
    network.reload()
    assert [member.name for member in network.containers] == ["netted"]
    network.disconnect(box)
    network.connect(box, aliases=["other"])
    box.remove(force=True)
    network.remove()
    actions = [event["Action"] for event in client.events(since=since, until=time.time(), decode=True)
               if event["Type"] == "container"]
    assert actions == ["create", "start", "kill", "die", "destroy"]


def test_prune_and_system(client):
    client.containers.create("busybox", name="pruned", labels={"prune": "me"})
    pruned = client.containers.prune(filters={"label": "prune=me"})
    assert len(pruned["ContainersDeleted"]) == 1
    assert client.ping() and client.version()["ApiVersion"] == "1.51" and client.info()["OSType"] == "linux"
    assert any("busybox:latest" in image.tags for image in client.images.list())


def test_volumes(client):
    made = client.volumes.create("py-data", driver="local", labels={"of": "py"}, driver_opts={"type": "tmpfs", "device": "tmpfs", "o": "size=1m"})
    try:
        assert made.attrs["Labels"] == {"of": "py"} and made.attrs["Options"]["o"] == "size=1m" and made.attrs["Driver"] == "local"
        assert client.volumes.get("py-data").id == "py-data"
        assert [found.name for found in client.volumes.list(filters={"label": "of=py"})] == ["py-data"]
        mount = docker.types.Mount("/data", "py-data", no_copy=True)
        said = client.containers.run("busybox", ["sh", "-c", "grep ' /data ' /proc/mounts"], mounts=[mount], remove=True)
        assert said.startswith(b"tmpfs /data tmpfs") and b"size=1024k" in said
        user = client.containers.create("busybox", mounts=[mount])
        with pytest.raises(docker.errors.APIError, match="volume is in use") as refused:
            made.remove()
        assert refused.value.status_code == 409
        user.remove()
        client.containers.create("busybox", volumes=["/anonymous"]).remove(v=True)
        assert [found.name for found in client.volumes.list()] == ["py-data"]
        assert client.api.prune_volumes({"all": ["true"], "label": ["of=nobody"]})["VolumesDeleted"] == []
    finally:
        made.remove(force=True)
    with pytest.raises(docker.errors.NotFound, match="no such volume"):
        client.volumes.get("py-data")
    anonymous = client.volumes.create()
    assert anonymous.name in client.api.prune_volumes()["VolumesDeleted"]


def test_ways_to_mount(client, tmp_path):
    (tmp_path / "file").write_text("from the host")
    client.volumes.create("py-ways")
    try:
        kinds = docker.types.Mount
        mounts = [kinds("/bind", str(tmp_path), type="bind", read_only=True), kinds("/named", "py-ways"),
                  kinds("/tmp-of-its-own", None, type="tmpfs", tmpfs_size=65536, tmpfs_mode=0o700)]
        script = "cat /bind/file; touch /bind/x 2>/dev/null || echo ' ro'; echo kept > /named/file; stat -c %a /tmp-of-its-own"
        assert client.containers.run("busybox", ["sh", "-c", script], mounts=mounts, remove=True) == b"from the host ro\n700\n"
        assert client.containers.run("busybox", "cat /v/file", volumes={"py-ways": {"bind": "/v", "mode": "ro"}}, remove=True) == b"kept\n"
        box = client.containers.create("busybox", mounts=mounts)
        assert {(one["Type"], one["Destination"], one["RW"]) for one in box.attrs["Mounts"]} == {
            ("bind", "/bind", False), ("volume", "/named", True), ("tmpfs", "/tmp-of-its-own", True)}
        box.remove()
        with pytest.raises(docker.errors.APIError, match="bind source path does not exist") as refused:
            client.containers.create("busybox", mounts=[kinds("/x", "/nowhere/to/be/found", type="bind")])
        assert refused.value.status_code == 400
    finally:
        client.volumes.get("py-ways").remove()
