"""How layers are kept, by whatever door they came in; and images of which some part has gone."""

import gzip
import hashlib
import json

import pytest
from support.archives import PACK, docker_archive, tar_of
from support.registry import docker_registry

TAR = {"Content-Type": "application/x-tar"}
GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"


def blob_path(engine, digest):
    return engine.data / "content/blobs/sha256" / digest.removeprefix("sha256:")


def manifest_of(engine, name):
    return json.loads(blob_path(engine, engine.api("GET", f"/images/{name}/json").json["Id"]).read_bytes())


def layer_of(engine, name):
    """The topmost layer's descriptor and its bytes."""
    descriptor = manifest_of(engine, name)["layers"][-1]
    return descriptor, blob_path(engine, descriptor["digest"]).read_bytes()


def is_gzip_of(engine, name, tar):
    descriptor, data = layer_of(engine, name)
    assert descriptor["size"] == len(data) < 50000 and gzip.decompress(data) == tar
    assert engine.api("GET", f"/images/{name}/json").json["RootFS"]["Layers"][-1] == "sha256:" + hashlib.sha256(tar).hexdigest()
    return descriptor["mediaType"]


def test_a_layer_of_a_commit_is_compressed(engine):
    container = engine.docker("create", "busybox", "true").out.strip()
    engine.docker("cp", "-", f"{container}:/", stdin=tar_of({"zeros": bytes(1 << 20)}))
    engine.docker("commit", container, "made:1")
    engine.docker("rm", container)
    assert is_gzip_of(engine, "made:1", gzip.decompress(layer_of(engine, "made:1")[1])) == GZIP
    engine.docker("rmi", "made:1")


@pytest.mark.parametrize("compression", PACK)
def test_imported(engine, compression):
    """What no media type speaks of is compressed anew, what comes as gzip or zstd stays what it is."""
    tar = tar_of({"zeros": bytes(1 << 20)})
    packed = PACK[compression](tar)
    answer = engine.api("POST", "/images/create?fromSrc=-&repo=made&tag=2", body=packed, headers=TAR)
    assert answer.status == 200, answer.text
    descriptor, data = layer_of(engine, "made:2")
    if compression in ("gzip", "zstd"):
        assert data == packed and descriptor["mediaType"].endswith("+" + compression)
    else:
        assert is_gzip_of(engine, "made:2", tar) == GZIP
    engine.docker("rmi", "made:2")


@pytest.mark.parametrize("compression", PACK)
def test_loaded_layers(engine, compression):
    """The layers of a docker-archive, each compressed on its own."""
    layers = [tar_of({"zeros": bytes(1 << 20)}), tar_of({"message": b"from within\n"})]
    answer = engine.api("POST", "/images/load", body=docker_archive("made:3", layers, PACK[compression]), headers=TAR)
    assert "Loaded image: made:3" in answer.text, answer.text
    types = {layer["mediaType"].removeprefix("application/vnd.docker.image.rootfs.diff.tar") for layer in manifest_of(engine, "made:3")["layers"]}
    assert types == {{"plain": "", "zstd": ".zstd"}.get(compression, ".gzip")}
    container = engine.docker("create", "made:3", "none").out.strip()
    assert b"from within" in engine.docker("cp", f"{container}:/message", "-").bytes
    engine.docker("rm", container)
    engine.docker("rmi", "made:3")


def test_a_base_that_has_gone(engine):
    """Its container goes on; an image cannot be made of it, as with dockerd."""
    engine.docker("tag", "busybox", "base:1")
    container = engine.docker("create", "base:1", "sh", "-c", "echo still here").out.strip()
    base = engine.api("GET", "/images/base:1/json").json["Id"]
    saved = engine.docker("save", "busybox").bytes
    assert engine.api("DELETE", f"/images/{base}?force=1").status == 200
    try:
        answer = engine.api("POST", f"/commit?container={container}&repo=nothing")
        assert answer.status == 404 and "the image of the container is gone" in answer.json["message"], answer.text
        assert engine.docker("start", "-a", container).out == "still here\n"
        engine.docker("rm", container)
    finally:
        engine.docker("load", "-q", stdin=saved)


def test_a_layer_that_has_gone_is_not_pushed(engine):
    engine.api("POST", "/images/create?fromSrc=-&repo=127.0.0.1:5999/hole&tag=1", body=tar_of({"x": b""}), headers=TAR)
    manifest = engine.api("GET", "/images/127.0.0.1:5999/hole:1/json").json["Id"]
    path = engine.data / "content/blobs/sha256" / manifest.removeprefix("sha256:")
    kept = path.read_bytes()
    path.unlink()
    said = engine.api("POST", "/images/127.0.0.1:5999/hole/push?tag=1").text
    assert "contentMissing" in said or "not found" in said, said
    path.write_bytes(kept)
    engine.docker("rmi", "127.0.0.1:5999/hole:1")


def test_one_layer_that_has_gone_is_not_pushed(engine):
    """dockerd's error; and what the registry has already is not missed."""
    with docker_registry(engine, 5050) as registry:
        name = f"{registry}/hole:1"
        engine.docker("tag", "busybox", name)
        digest = manifest_of(engine, name)["layers"][0]["digest"]
        path = blob_path(engine, digest)
        kept = path.read_bytes()
        path.unlink()
        try:
            lines = [json.loads(line) for line in engine.api("POST", f"/images/{registry}/hole/push?tag=1").text.splitlines()]
            assert lines[-1]["error"] == f"NotFound: content digest {digest}: not found"
            assert lines[-2]["aux"]["contentMissing"] is True
            assert engine.docker("push", name, status=1).err.strip().endswith(f"content digest {digest}: not found")
        finally:
            path.write_bytes(kept)
        engine.docker("push", name)
        path.unlink()
        try:
            assert "Layer already exists" in engine.docker("push", name).out
        finally:
            path.write_bytes(kept)
        engine.docker("rmi", name)
