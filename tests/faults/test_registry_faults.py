"""Pulls from registries that misbehave: no bad byte is kept, nothing hangs, what came is not fetched twice."""

import base64
import contextlib
import json
import subprocess
import threading

import pytest
from support.engine import Engine
from support.registry import docker_registry, server


class Hostile:
    def __init__(self, address, log):
        self.address, self.file = address, log

    def log(self, **fields):
        entries = [json.loads(line) for line in self.file.read_text().splitlines()]
        return [entry for entry in entries if fields.items() <= entry.items()]

    def blobs(self, mode):
        return [entry for entry in self.log(method="GET") if entry["path"].startswith(f"/v2/{mode}/blobs/")]

    def forget(self):
        self.file.write_text("")


@contextlib.contextmanager
def hostile_registry(engine, port=5100):
    log = engine.directory / f"hostile-{port}.log"
    log.touch()
    with server(engine, "hostile_registry.py", port, log):
        yield Hostile(f"127.0.0.1:{port}", log)


@pytest.fixture(scope="module")
def engine():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BERTH_REGISTRY_PATIENCE_MS", "1500")
        with Engine("--max-download-attempts", "3") as shared:
            yield shared
    assert shared.left == []


@pytest.fixture(scope="module")
def hostile(engine):
    with hostile_registry(engine) as registry:
        yield registry


@pytest.fixture(autouse=True)
def clean(engine):
    yield
    for image in engine.api("GET", "/images/json").json:
        if not any(name.startswith("busybox") for name in image["RepoTags"]):
            engine.api("DELETE", f"/images/{image['Id']}?force=1")
    engine.api("POST", "/images/prune")


def pull(engine, registry, mode, tag="1", **headers):
    answer = engine.api("POST", f"/images/create?fromImage={registry.address}/{mode}&tag={tag}", headers=headers)
    lines = [json.loads(line) for line in answer.text.splitlines()]
    return answer.status, lines[-1].get("error", lines[-1].get("message", lines[-1].get("status")))


def blobs(engine):
    return {path.name for path in (engine.data / "content/blobs/sha256").iterdir()}


def partials(engine):
    return list((engine.data / "content/partial").iterdir())


@pytest.mark.parametrize("mode, text", [
    ("truncate", "unexpected EOF"),
    ("flip", "filesystem layer verification failed for digest sha256:"),
    ("long", "is longer than the"),
    ("loop", "stopped after 10 redirects"),
    ("nested", "the image's index is nested too deeply"),
    ("lies", "verification failed"),
    ("huge", "the registry's answer is too long"),
    ("schema1", "Docker Image Format v1 and Docker Image manifest version 2, schema 1 support has been removed. Suggest the "
                "author of 127.0.0.1:5100/schema1:1 to upgrade the image to the OCI Format or Docker Image manifest v2, schema 2."),
    ("slow", "read from the registry"),
    ("stall", "read from the registry"),
    ("mute", "failed to resolve reference"),
    ("storm", "429 Too Many Requests"),
])
def test_what_cannot_be_pulled(engine, hostile, mode, text):
    before = blobs(engine)
    _, said = pull(engine, hostile, mode)
    assert text in said or (mode == "truncate" and "read" in said) or (mode == "storm" and "503 Service" in said), said
    assert blobs(engine) == before
    assert mode not in str(engine.api("GET", "/images/json").json)


@pytest.mark.parametrize("mode", ["good", "busy", "reset", "norange", "short", "elsewhere", "expiring"])
def test_what_can(engine, hostile, mode):
    hostile.forget()
    _, said = pull(engine, hostile, mode)
    assert said == f"Status: Downloaded newer image for {hostile.address}/{mode}:1"
    assert partials(engine) == []
    sent = sum(entry["sent"] for entry in hostile.blobs(mode))
    if mode not in ("norange", "elsewhere"):
        assert sent < 650 << 10, "nothing is sent twice"


def test_one_platform_goes(engine, hostile):
    name = f"{hostile.address}/good:1"
    for platform in ("linux/amd64", "linux/arm64"):
        engine.api("POST", f"/images/create?fromImage={hostile.address}/good&tag=1&platform={platform}")
    before = blobs(engine)
    arm = "%7B%22os%22:%22linux%22,%22architecture%22:%22arm64%22%7D"
    assert engine.api("DELETE", f"/images/{name}?platforms={arm}").status == 400
    removed = engine.api("DELETE", f"/images/{name}?platforms={arm}&force=1")
    assert removed.status == 200 and [list(entry) for entry in removed.json] == [["Deleted"]]
    assert len(before - blobs(engine)) == 3  # manifest, config, layer
    assert engine.api("GET", f"/images/{name}/json?platform={arm}").status == 404
    assert engine.api("GET", f"/images/{name}/json").json["Architecture"] == "amd64"
    again = engine.api("DELETE", f"/images/{name}?platforms={arm}&force=1")
    assert again.status == 404 and "failed to delete platform linux/arm64 for image sha256:" in again.json["message"]


def test_credentials_stay_with_their_host(engine, hostile):
    hostile.forget()
    auth = {"registrytoken": "s3cret", "serveraddress": hostile.address}
    header = base64.urlsafe_b64encode(json.dumps(auth).encode()).decode()
    _, said = pull(engine, hostile, "elsewhere", **{"X-Registry-Auth": header})
    assert "Downloaded newer image" in said
    assert {entry["authorization"] for entry in hostile.log(port=5100) if "elsewhere" in entry["path"]} == {"Bearer s3cret"}
    other = hostile.log(port=5101)
    assert other and all(entry["authorization"] is None for entry in other)


def test_all_tags_over_pages(engine, hostile):
    answer = engine.api("POST", f"/images/create?fromImage={hostile.address}/good")
    for tag in ("1", "2"):
        assert f"newer image for {hostile.address}/good:{tag}" in answer.text or "up to date" in answer.text


def test_a_pull_goes_on_where_it_stopped_after_a_crash(engine, hostile):
    """The line breaks for good; the daemon dies; another one fetches the rest."""
    hostile.forget()
    _, said = pull(engine, hostile, "truncate")
    assert "Downloaded" not in said
    have = sum(path.stat().st_size for path in partials(engine))
    assert have > 0
    engine.crash()
    engine.start()
    assert sum(path.stat().st_size for path in partials(engine)) == have
    hostile.forget()
    _, said = pull(engine, hostile, "good")
    assert "Downloaded newer image" in said
    assert any(entry["range"] == f"bytes={have}-" or entry["range"] for entry in hostile.blobs("good"))
    assert sum(entry["sent"] for entry in hostile.blobs("good")) < (600 << 10) + 2048
    assert partials(engine) == []


def test_prune_takes_what_a_broken_pull_left(engine, hostile):
    pull(engine, hostile, "truncate")
    assert partials(engine) != []
    engine.api("POST", "/images/prune")
    assert partials(engine) == []


def test_two_pulls_share_a_download(engine, hostile):
    hostile.forget()
    threads = [threading.Thread(target=pull, args=(engine, hostile, "reset", tag)) for tag in ("1", "2", "3")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = str(engine.api("GET", "/images/json").json)
    assert all(f"{hostile.address}/reset:{tag}" in names for tag in ("1", "2", "3"))
    assert sum(entry["sent"] for entry in hostile.blobs("reset")) < 650 << 10


def test_closing_the_request_ends_the_pull(engine, hostile):
    client = engine.background("/usr/bin/curl", "-sN", "--unix-socket", engine.socket, "-XPOST",
                               f"http://d/images/create?fromImage={hostile.address}/reset&tag=1", stderr=subprocess.DEVNULL)
    assert client.stdout.readline()
    client.kill()
    client.communicate()
    # Whoever comes next finds nobody in the way.
    _, said = pull(engine, hostile, "reset")
    assert "Downloaded newer image" in said


def test_an_image_for_another_platform(engine, hostile):
    name = f"{hostile.address}/good:arm"
    answer = engine.api("POST", f"/images/create?fromImage={hostile.address}/good&tag=arm&platform=linux/arm64")
    assert f"Downloaded newer image for {name}" in answer.text
    assert engine.api("GET", f"/images/{name}/json").json["Architecture"] == "arm64"
    assert hostile.log(path="/foreign") == [], "nobody goes where a layer's urls lead"
    wanted = engine.api("POST", f"/images/create?fromImage={hostile.address}/good&tag=arm&platform=linux/s390x")
    assert "no matching manifest for linux/s390x in the manifest list entries" in wanted.text


@pytest.mark.parametrize("mode, text", [("empty", "not found"), ("closed", "403 Forbidden")])
def test_a_digest_from_another_repository(engine, hostile, mode, text):
    """What may not be read there is not given out because it is here."""
    pull(engine, hostile, "good")
    digest = engine.api("GET", f"/images/{hostile.address}/good:1/json").json["Id"]
    answer = engine.api("POST", f"/images/create?fromImage={hostile.address}/{mode}&tag={digest}")
    assert "Downloaded" not in answer.text and "up to date" not in answer.text and text in answer.text
    assert f"{hostile.address}/{mode}" not in str(engine.api("GET", "/images/json").json)
    again = engine.api("POST", f"/images/create?fromImage={hostile.address}/good&tag={digest}")
    assert f"Digest: {digest}" in again.text


def test_an_index_of_which_not_all_is_here(engine, hostile):
    """Its one manifest goes out in its place, and the client is told."""
    pull(engine, hostile, "good")
    with docker_registry(engine, 5110) as registry:
        engine.docker("tag", f"{hostile.address}/good:1", f"{registry}/part:1")
        out = engine.docker("push", f"{registry}/part:1").out
        assert "1: digest: sha256:" in out
        said = engine.api("POST", f"/images/{registry}/part/push?tag=1").text
        assert '"manifestPushedInsteadOfIndex":true' in said
        engine.docker("rmi", f"{registry}/part:1")
        engine.docker("pull", f"{registry}/part:1")


def test_search(engine, hostile):
    out = engine.docker("search", f"{hostile.address}/box").out
    assert out.splitlines()[1].split() == ["box", "a", "box", "7", "[OK]"]
    assert engine.berth("search", f"{hostile.address}/box").out.split() == out.split()
    assert "ann/box" not in engine.docker("search", "-f", "is-official=true", f"{hostile.address}/box").out
    assert engine.api("GET", "/images/search?term=x&limit=101").json["message"] == \
        "limit 101 is outside the range of [1, 100]"


def test_a_mirror_serves_docker_hub(new_engine):
    """And gets no credentials: they are for Docker Hub."""
    engine = new_engine("--registry-mirror", "http://127.0.0.1:5120")
    with hostile_registry(engine, 5120) as mirror:
        auth = {"username": "ann", "password": "x", "serveraddress": "https://index.docker.io/v1/"}
        header = base64.urlsafe_b64encode(json.dumps(auth).encode()).decode()
        answer = engine.api("POST", "/images/create?fromImage=docker.io/library/good&tag=1",
                            headers={"X-Registry-Auth": header})
        assert "Status: Downloaded newer image for good:1" in answer.text
        assert all(entry["authorization"] is None for entry in mirror.log())
        # What the mirror does not have is asked of Docker Hub, which nobody reaches here.
        missing = engine.api("POST", "/images/create?fromImage=docker.io/library/good&tag=nosuch")
        assert missing.status == 500 and "registry-1.docker.io" in missing.json["message"]
