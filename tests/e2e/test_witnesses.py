"""podman from Debian, beside skopeo, as one who does not know us: what is pushed it pulls, what it pushes is pulled."""

import io
import json
import tarfile

import pytest
from support.registry import docker_registry


@pytest.fixture(scope="module")
def registry(engine):
    with docker_registry(engine, 5500) as registry:
        yield registry


@pytest.fixture(scope="module")
def podman(engine):
    root = engine.directory / "podman"
    # It insists on the file that $DOCKER_CONFIG promises.
    (engine.directory / "client/config.json").write_text("{}")

    def run(*arguments, **options):
        return engine.run("podman", "--root", root / "root", "--runroot", root / "run", "--tmpdir", root / "tmp", "--storage-driver",
                          "vfs", "--events-backend", "none", "--cgroup-manager", "cgroupfs", *arguments, inside=True, **options).out

    return run


def test_what_is_pushed_it_pulls(engine, registry, podman):
    """An image with a layer of ours on one of somebody else's."""
    name = f"{registry}/ours:1"
    container = engine.docker("create", "busybox", "true").out.strip()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        entry = tarfile.TarInfo("witness")
        entry.size = 11
        tar.addfile(entry, io.BytesIO(b"from berth\n"))
    engine.docker("cp", "-", f"{container}:/", stdin=out.getvalue())
    engine.docker("commit", container, name)
    engine.docker("rm", container)
    engine.docker("push", "-q", name)
    digest = engine.api("GET", f"/images/{name}/json").json["Id"]
    podman("pull", "-q", "--tls-verify=false", name)
    assert json.loads(podman("image", "inspect", name))[0]["Digest"] == digest
    mounted = podman("image", "mount", name).strip()
    try:
        assert engine.run("cat", f"{mounted}/witness").out == "from berth\n"
        assert engine.run("test", "-e", f"{mounted}/bin/busybox").status == 0
    finally:
        podman("image", "umount", name)
    engine.docker("rmi", name)


def test_what_it_pushes_is_pulled(engine, cli, registry, podman, tmp_path):
    name = f"{registry}/theirs:{cli.program[0].name}"
    with tarfile.open(tmp_path / "root.tar", "w") as tar:
        tar.add("/bin/busybox", "bin/busybox")
        entry = tarfile.TarInfo("witness")
        entry.size = 12
        tar.addfile(entry, io.BytesIO(b"from podman\n"))
    podman("import", "-q", tmp_path / "root.tar", name)
    podman("push", "-q", "--tls-verify=false", name)
    cli("pull", "-q", name)
    assert cli("run", "--rm", name, "/bin/busybox", "cat", "/witness").out == "from podman\n"
    cli("rmi", name)
