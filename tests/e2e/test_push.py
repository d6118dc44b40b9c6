"""push, pull -a, and what other programs make of it."""

import json
import subprocess

import pytest
from support.engine import IMAGES
from support.registry import docker_registry


@pytest.fixture(scope="module")
def registry(engine):
    with docker_registry(engine, 5000) as registry:
        yield registry


def lines(engine, method, path, **headers):
    answer = engine.api(method, path, headers=headers)
    assert answer.status == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def skopeo(engine, *arguments):
    return engine.run("skopeo", "--insecure-policy", *arguments, inside=True).out


def test_the_stream_of_a_push(engine, registry):
    engine.docker("tag", "busybox", f"{registry}/stream:1")
    digest = engine.api("GET", "/images/busybox/json").json["Id"]
    said = lines(engine, "POST", f"/images/{registry}/stream/push?tag=1")
    assert said[0] == {"status": f"The push refers to repository [{registry}/stream]"}
    assert [line["status"] for line in said if "id" in line and line["status"] != "Pushing"] == ["Waiting", "Pushed"]
    assert said[-2]["status"].startswith(f"1: digest: {digest} size: ")
    assert said[-1]["aux"] == {"Tag": "1", "Digest": digest, "Size": int(said[-2]["status"].split()[-1])}
    again = lines(engine, "POST", f"/images/{registry}/stream/push?tag=1")
    assert "Layer already exists" in [line["status"] for line in again if "id" in line]
    # To another repository of the registry nothing is sent.
    engine.docker("tag", "busybox", f"{registry}/streaming:1")
    mounted = lines(engine, "POST", f"/images/{registry}/streaming/push?tag=1")
    assert "Mounted from stream" in [line["status"] for line in mounted if "id" in line]
    engine.docker("rmi", f"{registry}/stream:1", f"{registry}/streaming:1")


def test_the_stream_of_a_pull(engine, registry):
    """Line by line as dockerd with containerd's store has it; and the events of both ways."""
    name = f"{registry}/stream:2"
    engine.docker("tag", "busybox", name)
    since = engine.api("GET", "/info").json["SystemTime"]
    engine.docker("push", "-q", name)
    manifest = json.loads(skopeo(engine, "inspect", "--raw", "--tls-verify=false", f"docker://{name}"))
    digest = engine.api("GET", "/images/busybox/json").json["Id"]
    saved = engine.docker("save", "busybox").bytes
    engine.docker("rmi", "-f", digest)
    said = lines(engine, "POST", f"/images/create?fromImage={registry}/stream&tag=2")
    layer = manifest["layers"][0]["digest"].removeprefix("sha256:")[:12]
    assert said[0] == {"status": "Pulling from stream", "id": "2"}
    steps = [line["status"] for line in said if line.get("id") == layer and line["status"] not in ("Downloading", "Extracting")]
    assert steps == ["Pulling fs layer", "Download complete", "Pull complete"]
    for line in said:
        if line["status"] == "Downloading":
            assert line["progressDetail"]["total"] == manifest["layers"][0]["size"] >= line["progressDetail"]["current"]
    assert [line["status"] for line in said[-2:]] == [f"Digest: {digest}", f"Status: Downloaded newer image for {name}"]
    again = lines(engine, "POST", f"/images/create?fromImage={registry}/stream&tag=2")
    assert [line["status"] for line in again] == ["Pulling from stream", f"Digest: {digest}", f"Status: Image is up to date for {name}"]
    until = engine.api("GET", "/info").json["SystemTime"]
    events = engine.docker("events", "--since", since, "--until", until, "--filter", "type=image", "--format",
                           "{{.Action}} {{.Actor.ID}} {{.Actor.Attributes.name}}").out.splitlines()
    assert events[0] == f"push {name} {registry}/stream" and events[-1] == f"pull {name} {registry}/stream", events
    engine.docker("rmi", name)
    engine.docker("load", "-q", stdin=saved)


def test_what_is_pushed_is_pulled_byte_for_byte(engine, cli, registry):
    name = f"{registry}/bytes:{cli.program[0].name}"
    cli("tag", "busybox", name)
    out = cli("push", name).out
    digest = engine.api("GET", f"/images/{name}/json").json["Id"]
    seen = json.loads(skopeo(engine, "inspect", "--tls-verify=false", f"docker://{name}"))
    assert seen["Digest"] == digest and digest in out
    copy = engine.directory / f"copy-{cli.program[0].name}"
    skopeo(engine, "copy", "-q", "--src-tls-verify=false", f"docker://{name}", f"dir:{copy}")
    assert subprocess.run(["sha256sum", copy / "manifest.json"], capture_output=True,
                          text=True).stdout.split()[0] == digest.removeprefix("sha256:")
    cli("rmi", name)
    assert cli("pull", "-q", name).out == name + "\n"
    assert engine.api("GET", f"/images/{name}/json").json["Id"] == digest
    assert cli("run", "--rm", name, "echo", "there and back").out == "there and back\n"
    cli("rmi", name)


def test_what_others_push_keeps_its_digest(engine, cli, registry):
    """gzip layers of an OCI image: pulled, pushed elsewhere, the same to the byte."""
    source, target = f"{registry}/theirs:1", f"{registry}/ours:{cli.program[0].name}"
    skopeo(engine, "copy", "-q", "--dest-tls-verify=false", f"oci-archive:{IMAGES}/busybox.oci.tar", f"docker://{source}")
    cli("pull", source)
    cli("tag", source, target)
    cli("push", target)
    digests = [json.loads(skopeo(engine, "inspect", "--tls-verify=false", f"docker://{name}"))["Digest"]
               for name in (source, target)]
    assert digests[0] == digests[1]
    cli("rmi", source, target)


def test_all_tags(engine, cli, registry):
    repository = f"{registry}/all-{cli.program[0].name}"
    for tag in ("1", "2"):
        cli("tag", "busybox", f"{repository}:{tag}")
    out = cli("push", "-a", repository).out
    assert "1: digest: " in out and "2: digest: " in out
    cli("rmi", f"{repository}:1", f"{repository}:2")
    out = cli("pull", "-a", repository).out
    assert f"Downloaded newer image for {repository}:1" in out and f"{repository}:2" in out
    cli("rmi", f"{repository}:1", f"{repository}:2")


def test_what_is_not_there_is_not_pushed(engine, cli, registry):
    assert f"tag does not exist: {registry}/nosuch:1" in cli("push", f"{registry}/nosuch:1", status=1).err
    assert f"An image does not exist locally with the tag: {registry}/nosuch" in \
        cli("push", "-a", f"{registry}/nosuch", status=1).err
    assert "tag can't be used with --all-tags/-a" in cli("push", "-a", f"{registry}/nosuch:1", status=1).err


def test_a_platform_that_is_not_there(engine, registry):
    engine.docker("tag", "busybox", f"{registry}/platform:1")
    wanted = "%7B%22os%22:%22linux%22,%22architecture%22:%22s390x%22%7D"
    said = lines(engine, "POST", f"/images/{registry}/platform/push?tag=1&platform={wanted}")
    assert said[-1]["error"] == (f"image with reference {registry}/platform:1 was found but does not provide the specified "
                                 "platform (linux/s390x)")
    engine.docker("rmi", f"{registry}/platform:1")


def test_pull_by_digest(engine, cli, registry):
    name = f"{registry}/digest"
    cli("tag", "busybox", name)
    cli("push", name)
    digest = engine.api("GET", f"/images/{name}/json").json["Id"]
    cli("rmi", name)
    out = cli("pull", f"{name}@{digest}").out
    assert f"Digest: {digest}" in out and f"Status: Downloaded newer image for {name}@{digest}" in out
    assert cli("run", "--rm", f"{name}@{digest}", "echo", "by digest").out == "by digest\n"
    cli("rmi", f"{name}@{digest}")


def test_distribution(engine, registry):
    engine.docker("tag", "busybox", f"{registry}/info:1")
    engine.docker("push", "-q", f"{registry}/info:1")
    info = engine.api("GET", f"/distribution/{registry}/info:1/json").json
    assert info["Descriptor"]["digest"] == engine.api("GET", "/images/busybox/json").json["Id"]
    assert info["Platforms"] == [{"architecture": "amd64", "os": "linux"}]
    missing = engine.api("GET", f"/distribution/{registry}/info:nosuch/json")
    assert (missing.status, missing.json["message"]) == (404, "manifest unknown: manifest unknown")
    assert engine.api("GET", "/distribution/UPPER/json").status == 400
    engine.docker("rmi", f"{registry}/info:1")




def test_the_repository_of_an_unknown_registry(cli):
    refused = cli("pull", "127.0.0.1:5999/x", status=1)
    assert 'failed to resolve reference "127.0.0.1:5999/x:latest": failed to do request: Head ' in refused.err
