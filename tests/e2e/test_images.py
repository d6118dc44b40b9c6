"""load, import, tag, rmi, pull."""

import tarfile

import pytest
from support.archives import PACK
from support.engine import IMAGES
from support.registry import docker_registry, server


def names(engine):
    return {name for image in engine.api("GET", "/images/json").json for name in image["RepoTags"]}


@pytest.mark.parametrize("form", ["docker", "oci"])
@pytest.mark.parametrize("compression", PACK)
def test_load_takes_every_form(engine, form, compression):
    archive = PACK[compression]((IMAGES / f"busybox.{form}.tar").read_bytes())
    assert "Loaded image: busybox:latest" in engine.docker("load", stdin=archive).out
    assert engine.docker("run", "--rm", "busybox", "echo", "hi").out == "hi\n"


def test_inspect_by_name_id_and_prefix(engine):
    image = engine.api("GET", "/images/busybox/json").json
    digest = image["Id"].removeprefix("sha256:")
    for name in ("busybox:latest", "docker.io/library/busybox", digest, digest[:12], "sha256:" + digest):
        assert engine.api("GET", f"/images/{name}/json").json["Id"] == image["Id"], name
    assert image["Config"]["Cmd"] == ["sh"]
    assert image["Os"] == "linux"


def test_tag_and_rmi(engine, cli):
    cli("tag", "busybox", "other/name:1")
    assert "other/name:1" in names(engine)
    assert "Untagged: other/name:1" in cli("rmi", "other/name:1").out
    assert "other/name:1" not in names(engine)
    assert "No such image: nosuch:latest" in cli("rmi", "nosuch", status=1).err


def test_images_in_use_are_kept(engine, cli):
    container = cli("run", "-d", "busybox", "sleep", "100").out.strip()
    refused = cli("rmi", "busybox", status=1)
    assert "conflict" in refused.err
    cli("rm", "-f", container)


def test_import(engine, cli, tmp_path):
    (tmp_path / "hello.txt").write_text("imported\n")
    with tarfile.open(tmp_path / "root.tar", "w") as tar:
        tar.add("/bin/busybox", "bin/busybox")
        tar.add(tmp_path / "hello.txt", "hello.txt")
    assert cli("import", "-c", 'CMD ["/bin/busybox","cat","/hello.txt"]', tmp_path / "root.tar",
               "imported:1").out.startswith("sha256:")
    assert cli("run", "--rm", "imported:1").out == "imported\n"
    cli("rmi", "imported:1")


def test_hello_world_needs_nothing(engine, cli):
    assert "Berth" in cli("run", "--rm", "hello-world").out
    cli("rmi", "hello-world")


def test_truncated_archive(engine, cli, tmp_path):
    whole = (IMAGES / "busybox.docker.tar").read_bytes()
    (tmp_path / "cut.tar").write_bytes(whole[: len(whole) // 2])
    before = names(engine)
    assert cli("load", "-i", tmp_path / "cut.tar", status=1).err
    assert names(engine) == before


@pytest.fixture(scope="module")
def registry(engine):
    """Filled by skopeo."""
    with docker_registry(engine, 5000) as name:
        for tag in ("1", "latest"):
            engine.run("skopeo", "--insecure-policy", "copy", "-q", "--dest-tls-verify=false",
                       f"oci-archive:{IMAGES}/busybox.oci.tar", f"docker://{name}/box:{tag}", inside=True)
        yield name


def test_pull(engine, cli, registry):
    out = cli("pull", f"{registry}/box:1").out
    assert "Digest: sha256:" in out and f"Status: Downloaded newer image for {registry}/box:1" in out
    assert "Image is up to date" in cli("pull", f"{registry}/box:1").out
    assert cli("run", "--rm", f"{registry}/box:1", "echo", "pulled").out == "pulled\n"
    cli("rmi", f"{registry}/box:1")


def test_run_pulls_what_is_missing(engine, cli, registry):
    done = cli("run", "--rm", f"{registry}/box", "echo", "hi")
    assert done.out == "hi\n"
    assert f"Unable to find image '{registry}/box:latest' locally" in done.err
    cli("rmi", f"{registry}/box")


def test_pull_what_is_not_there(engine, cli, registry):
    refused = cli("pull", f"{registry}/box:nosuch", status=1)
    assert f'failed to resolve reference "{registry}/box:nosuch": {registry}/box:nosuch: not found' in refused.err


def test_a_registry_that_drops_the_line(engine, cli, registry):
    for image in engine.api("GET", "/images/json").json:
        engine.api("DELETE", f"/images/{image['Id']}?force=1")
    with server(engine, "cutting_proxy.py", 5001, 5000, 200000):
        refused = cli("pull", "127.0.0.1:5001/box:1", status=1)
        assert refused.err.strip()
    assert names(engine) == set()
    assert list((engine.data / "tmp").glob("*")) == []
    # What came before the cut is no obstacle.
    assert "Status: Downloaded newer image" in cli("pull", f"{registry}/box:1").out
    assert cli("run", "--rm", f"{registry}/box:1", "echo", "whole").out == "whole\n"
    cli("rmi", f"{registry}/box:1")
    engine.docker("load", "-q", "-i", IMAGES / "busybox.docker.tar")


def test_a_layer_with_a_wrong_digest(engine, cli, registry):
    root = engine.directory / "registry-5000/data"
    blobs = sorted((root / "docker/registry/v2/blobs").rglob("data"), key=lambda path: path.stat().st_size)
    damaged = blobs[-1]
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    try:
        before = names(engine)
        images_gone = [image["Id"] for image in engine.api("GET", "/images/json").json]
        for image in images_gone:
            engine.api("DELETE", f"/images/{image}?force=1")
        refused = cli("pull", f"{registry}/box:1", status=1)
        assert refused.err
        assert f"{registry}/box:1" not in names(engine)
        assert before is not None
    finally:
        damaged.write_bytes(whole)
        engine.docker("load", "-q", "-i", IMAGES / "busybox.docker.tar")
