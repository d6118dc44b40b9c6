"""--platform of load, save, inspect, history, push, pull and rmi, on an image that has two."""

import io
import json
import tarfile

import pytest
from support.archives import oci_layout, tar_of
from support.registry import docker_registry

AMD, ARM = "linux/amd64", "linux/arm64"
LAYERS = {platform: tar_of({"platform": platform.encode()}) for platform in (AMD, ARM)}
ARCHIVE, DIGESTS = oci_layout("two:1", LAYERS)


@pytest.fixture
def two(engine, cli):
    cli("load", stdin=ARCHIVE)
    yield "two:1"
    engine.api("DELETE", "/images/two:1?force=1")


def available(engine, name="two:1"):
    image = engine.api("GET", f"/images/{name}/json?manifests=1").json
    return {manifest["ID"] for manifest in image["Manifests"] if manifest["Available"]}


def test_load(engine, cli):
    for wanted in (ARM, AMD):
        out = cli("load", "--platform", wanted, stdin=ARCHIVE).out
        assert "Loaded image: two:1" in out
        assert available(engine) == {DIGESTS[wanted]}
        cli("rmi", "two:1")
    refused = cli("load", "--platform", "linux/s390x", stdin=ARCHIVE, status=1)
    assert "requested platform (linux/s390x) not found: image might be filtered out" in refused.err
    assert cli("load", "--platform", "/", stdin=ARCHIVE, status=1).err.startswith("invalid platform")


def test_inspect_and_history(cli, two):
    for platform in (AMD, ARM):
        image, = json.loads(cli("image", "inspect", "--platform", platform, two).out)
        assert image["Architecture"] == platform.split("/")[1] and image["Config"]["Cmd"] == [platform]
        assert platform in cli("history", "--platform", platform, two).out
    assert "does not provide the specified platform (linux/s390x)" in cli("image", "inspect", "--platform", "linux/s390x", two, status=1).err


def test_save(cli, two):
    with tarfile.open(fileobj=io.BytesIO(cli("save", "--platform", ARM, two).bytes)) as tar:
        names = {name.removeprefix("blobs/sha256/") for name in tar.getnames()}
    assert DIGESTS[ARM].removeprefix("sha256:") in names and DIGESTS[AMD].removeprefix("sha256:") not in names


def test_push_and_pull(engine, cli, two):
    with docker_registry(engine, 5060) as registry:
        name = f"{registry}/{cli.program[0].name}:1"
        cli("tag", two, name)
        assert f"1: digest: {DIGESTS[ARM]} size: " in cli("push", "--platform", ARM, name).out
        whole = cli("push", name).out
        assert DIGESTS[ARM] not in whole and "1: digest: sha256:" in whole
        cli("rmi", name, two)
        cli("pull", "--platform", ARM, name)
        assert available(engine, name) == {DIGESTS[ARM]}
        cli("pull", "--platform", AMD, name)
        assert available(engine, name) == set(DIGESTS.values())
        cli("rmi", "-f", "--platform", ARM, name)
        assert available(engine, name) == {DIGESTS[AMD]}
        cli("rmi", name)
