"""What images are listed as, how they go, and what is said about it: as dockerd 28.5 does with its containerd store."""

import json
import tarfile
from urllib.parse import quote

import pytest
from support.engine import IMAGES
from support.registry import docker_registry

ARM = quote(json.dumps({"os": "linux", "architecture": "arm64"}))
AMD = quote(json.dumps({"os": "linux", "architecture": "amd64"}))


@pytest.fixture
def busybox(engine):
    """The busybox image alone, loaded freshly; its id."""
    for image in engine.api("GET", "/images/json").json:
        engine.api("DELETE", f"/images/{image['Id']}?force=1")
    engine.docker("load", "-q", "-i", IMAGES / "busybox.docker.tar")
    return engine.api("GET", "/images/busybox/json").json["Id"]


@pytest.fixture(scope="module")
def registry(engine):
    with docker_registry(engine, 5000) as name:
        engine.run("skopeo", "--insecure-policy", "copy", "-q", "--dest-tls-verify=false",
                   f"docker-archive:{IMAGES}/busybox.docker.tar", f"docker://{name}/box:1", inside=True)
        yield name


def removed(answer):
    assert answer.status == 200, answer.text
    return [next(iter(line.items())) for line in answer.json]


def test_a_list_tells_descriptor_sizes_and_manifests(engine, busybox):
    image, = engine.api("GET", "/images/json?manifests=1&shared-size=1").json
    assert image["Descriptor"]["digest"] == busybox and image["Descriptor"]["size"] > 100
    manifest, = image["Manifests"]
    assert manifest["Kind"] == "image" and manifest["Available"]
    assert manifest["ImageData"]["Platform"] == {"architecture": "amd64", "os": "linux"}
    sizes = manifest["Size"]
    assert sizes["Total"] == sizes["Content"] + manifest["ImageData"]["Size"]["Unpacked"] == image["Size"]
    assert image["SharedSize"] == 0 and image["Containers"] == 0
    details = engine.api("GET", "/images/busybox/json").json
    assert details["Size"] == sizes["Content"]
    assert details["Metadata"]["LastTagTime"].startswith("20")
    assert engine.docker("images", "--tree").out.count("linux/amd64") == 1


def test_old_clients_get_what_they_know(engine, busybox):
    assert "Descriptor" not in engine.api("GET", "/v1.43/images/json").json[0]
    assert "Manifests" not in engine.api("GET", "/images/json").json[0]


def test_a_platform_that_is_not_there(engine, busybox):
    missing = "image with reference busybox:latest was found but does not provide the specified platform (linux/arm64)"
    for path in ("/images/busybox/json", "/images/busybox/history"):
        answer = engine.api("GET", f"{path}?platform={ARM}")
        assert (answer.status, answer.json["message"]) == (404, missing)
        assert engine.api("GET", f"{path}?platform={AMD}").status == 200
    both = engine.api("GET", f"/images/busybox/json?manifests=1&platform={AMD}")
    assert (both.status, both.json["message"]) == (
        400, "conflicting options: manifests and platform options cannot both be set")


def test_a_tag_takes_the_digest_of_its_repository_along(engine, busybox, registry):
    digest = engine.docker("pull", "-q", f"{registry}/box:1") and engine.api(
        "GET", f"/images/{registry}/box:1/json").json["Id"]
    engine.docker("pull", "-q", f"{registry}/box@{digest}")
    assert removed(engine.api("DELETE", f"/images/{registry}/box:1"))[:2] == [
        ("Untagged", f"{registry}/box:1"), ("Untagged", f"{registry}/box@{digest}")]


def test_another_tag_of_the_repository_keeps_the_image(engine, busybox):
    engine.docker("tag", "busybox", "other:1")
    engine.docker("tag", "busybox", "other:2")
    refused = engine.api("DELETE", f"/images/{busybox}")
    assert refused.status == 409
    assert refused.json["message"].endswith("(must be forced) - image is referenced in multiple repositories")
    assert removed(engine.api("DELETE", "/images/other:1")) == [("Untagged", "other:1")]
    assert removed(engine.api("DELETE", f"/images/{busybox}?force=1")) == [
        ("Untagged", "busybox:latest"), ("Untagged", "other:2"), ("Deleted", busybox)]


def test_conflicts_with_containers(engine, busybox):
    short = busybox[7:19]
    container = engine.docker("create", "--name", "user", "busybox", "true").out[:12]
    try:
        for name, text in (("busybox", f"container {container} is using its referenced image {short}"),
                           (short, f"image is being used by stopped container {container}")):
            answer = engine.api("DELETE", f"/images/{name}")
            shown = "busybox:latest" if name == "busybox" else short
            assert (answer.status, answer.json["message"]) == (
                409, f"conflict: unable to delete {shown} (must be forced) - {text}")
        assert removed(engine.api("DELETE", "/images/busybox?force=1")) == [("Untagged", "busybox:latest")]
        image, = engine.api("GET", "/images/json").json
        assert image["RepoTags"] == [] and image["Containers"] == 1
        assert engine.api("POST", "/images/prune").json["ImagesDeleted"] is None
    finally:
        engine.docker("rm", "user")
    gone = engine.api("POST", "/images/prune").json
    assert {"Deleted": busybox} in gone["ImagesDeleted"] and gone["SpaceReclaimed"] > 2_000_000
    assert engine.api("GET", "/images/json").json == []


def test_prune_filters(engine, busybox):
    def prune(**filters):
        answer = engine.api("POST", "/images/prune?filters=" + quote(json.dumps(filters)))
        assert answer.status == 200, answer.text
        return answer.json["ImagesDeleted"]

    assert prune() is None
    assert prune(dangling=["false"], until=["1h"]) is None
    assert prune(dangling=["false"], label=["nosuch"]) is None
    engine.docker("create", "--name", "user", "busybox", "true")
    assert prune(dangling=["false"]) is None
    engine.docker("rm", "user")
    assert prune(dangling=["false"], **{"label!": ["nosuch"]}) == [
        {"Untagged": "busybox:latest"}, {"Deleted": busybox}]
    bad = engine.api("POST", "/images/prune?filters=" + quote(json.dumps({"nosuch": ["1"]})))
    assert (bad.status, bad.json["message"]) == (400, "invalid filter 'nosuch'")


def test_after_a_prune_nothing_is_left(engine, busybox):
    engine.docker("image", "prune", "-af")
    left = [path for place in ("content/blobs", "snapshots") for path in (engine.data / place).rglob("*")
            if path.is_file()]
    assert left == []


@pytest.mark.parametrize("bad,error", [(b"hello\n", "unexpected EOF"), (b"", "unrecognized image format")])
def test_a_bad_archive_is_an_error_in_the_stream(engine, bad, error):
    answer = engine.api("POST", "/images/load", body=bad, headers={"Content-Type": "application/x-tar"})
    line = json.loads(answer.text.splitlines()[-1])
    assert answer.status == 200
    assert error in line["error"] and line["errorDetail"]["message"] == line["error"]


def test_load_of_one_platform(engine, busybox):
    archive = (IMAGES / "busybox.docker.tar").read_bytes()
    bad = engine.api("POST", f"/images/load?platform={ARM}", body=archive)
    assert "requested platform (linux/arm64) not found" in bad.text
    assert "Loaded image: busybox:latest" in engine.api("POST", f"/images/load?platform={AMD}", body=archive).text
    assert engine.api("POST", "/images/load?platform=linux/arm64", body=b"").status == 400


def test_events_of_an_import(engine, tmp_path):
    with tarfile.open(tmp_path / "root.tar", "w") as tar:
        tar.add("/bin/busybox", "bin/busybox")
    since = engine.api("GET", "/info").json["SystemTime"]
    engine.docker("import", tmp_path / "root.tar", "imported:1")
    engine.docker("rmi", "imported:1")
    until = engine.api("GET", "/info").json["SystemTime"]
    lines = engine.docker("events", "--since", since, "--until", until, "--format", "{{.Action}}").out.split()
    assert lines == ["tag", "import", "untag", "delete"]


def test_small_print(engine, busybox):
    refused = engine.api("POST", "/images/create?fromImage=scratch")
    assert (refused.status, refused.json["message"]) == (403, "'scratch' is a reserved name")
    assert engine.api("POST", "/images/busybox/tag?repo=&tag=x").status == 200
    assert engine.api("POST", "/images/busybox/tag?repo=UPPER&tag=x").status == 400
