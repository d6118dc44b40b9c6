"""save, and what it saves: loaded again here and as an OCI layout."""

import hashlib
import io
import json
import tarfile


def saved(cli, *names):
    tar = tarfile.open(fileobj=io.BytesIO(cli("save", *names).bytes))
    return tar, {member.name: member for member in tar.getmembers()}


def read(tar, name):
    return tar.extractfile(name).read()


def test_an_archive_is_a_layout_and_a_docker_archive(engine, cli):
    cli("tag", "busybox", "saved/one:1")
    tar, members = saved(cli, "busybox:latest", "saved/one:1")
    assert json.loads(read(tar, "oci-layout")) == {"imageLayoutVersion": "1.0.0"}
    for name, member in members.items():
        assert (member.uid, member.gid, member.mtime) == (0, 0, 0)
        if member.isfile() and name.startswith("blobs/sha256/"):
            assert hashlib.sha256(read(tar, name)).hexdigest() == name.removeprefix("blobs/sha256/")
    index = json.loads(read(tar, "index.json"))
    assert [entry["annotations"]["io.containerd.image.name"] for entry in index["manifests"]] == [
        "docker.io/library/busybox:latest", "docker.io/saved/one:1"]
    assert index["manifests"][1]["annotations"]["org.opencontainers.image.ref.name"] == "1"
    docker = json.loads(read(tar, "manifest.json"))
    assert len(docker) == 1 and docker[0]["RepoTags"] == ["busybox:latest", "saved/one:1"]
    for path in [docker[0]["Config"], *docker[0]["Layers"]]:
        assert path in members
    diff_ids = json.loads(read(tar, docker[0]["Config"]))["rootfs"]["diff_ids"]
    assert list(docker[0]["LayerSources"]) == diff_ids
    cli("rmi", "saved/one:1")


def test_what_was_saved_is_loaded_again(engine, cli, tmp_path):
    container = cli("run", "-d", "busybox", "sh", "-c", "rm /bin/cat; echo mine > /mine; sleep 1000").out.strip()
    cli("exec", container, "sh", "-c", "while ! test -e /mine; do :; done")
    made = cli("commit", container, "saved/two:1").out.strip()
    cli("rm", "-f", container)
    cli("save", "-o", str(tmp_path / "two.tar"), "saved/two:1")
    cli("rmi", "saved/two:1")
    assert "No such image" in cli("save", "saved/two:1", status=1).err
    assert "Loaded image: saved/two:1" in cli("load", "-i", str(tmp_path / "two.tar")).out
    assert json.loads(cli("image", "inspect", "saved/two:1").out)[0]["Id"] == made
    assert cli("run", "--rm", "saved/two:1", "sh", "-c", "test ! -e /bin/cat && busybox cat /mine").out == "mine\n"
    cli("rmi", "saved/two:1")


def test_by_id_and_by_repository(engine, cli):
    image = json.loads(cli("image", "inspect", "busybox").out)[0]["Id"]
    tar, _ = saved(cli, image.removeprefix("sha256:")[:12])
    assert json.loads(read(tar, "manifest.json"))[0]["RepoTags"] is None
    assert "annotations" not in json.loads(read(tar, "index.json"))["manifests"][0]
    cli("tag", "busybox", "saved/three:1")
    cli("tag", "busybox", "saved/three:2")
    tar, _ = saved(cli, "saved/three")
    assert json.loads(read(tar, "manifest.json"))[0]["RepoTags"] == ["saved/three:1", "saved/three:2"]
    cli("rmi", "saved/three:1", "saved/three:2")


def test_refusals(engine, cli):
    assert "No such image: nope" in cli("save", "busybox", "nope", status=1).err
    refused = engine.api("GET", '/images/busybox/get?platform={"os":"linux","architecture":"arm64"}'.replace('"', "%22"))
    assert (refused.status, refused.json["message"]) == (500, "no suitable export target found for platform linux/arm64")
