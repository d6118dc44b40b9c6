"""Every filter of a list and of a prune."""

import json
from urllib.parse import quote

import pytest
from support.archives import tar_of

TAR = {"Content-Type": "application/x-tar"}


@pytest.fixture(scope="module")
def images(engine):
    """a, b and c, one after another; a nameless one, which was a once."""
    def make(name, data, *changes):
        query = "".join("&changes=" + quote(change) for change in changes)
        answer = engine.api("POST", f"/images/create?fromSrc=-&repo={name}&tag=1{query}", body=tar_of({"file": data}), headers=TAR)
        return json.loads(answer.text.splitlines()[-1])["status"]

    made = {"old": make("a", b"old", "LABEL kind=old"), "a": make("a", b"a", "LABEL kind=1", "LABEL more=x"),
            "b": make("b", b"b", "LABEL kind=2"), "c": make("deep/c", b"c")}
    yield made
    for image in made.values():
        engine.api("DELETE", f"/images/{image}?force=1")


def listed(engine, images, **filters):
    answer = engine.api("GET", "/images/json?filters=" + quote(json.dumps(filters)))
    assert answer.status == 200, answer.text
    names = {value: name for name, value in images.items()}
    return sorted(names[image["Id"]] for image in answer.json if image["Id"] in names)


@pytest.mark.parametrize("filters, wanted", [
    ({}, "a b c old"),
    ({"dangling": ["true"]}, "old"),
    ({"dangling": ["false"]}, "a b c"),
    ({"label": ["kind"]}, "a b old"),
    ({"label": ["kind=1"]}, "a"),
    ({"label": ["kind", "more=x"]}, "a"),
    ({"label!": ["kind"]}, "c"),
    ({"label!": ["kind=1"]}, "b c old"),
    ({"reference": ["a:1"]}, "a"),
    ({"reference": ["a", "b"]}, "a b"),
    ({"reference": ["?:*"]}, "a b"),
    ({"reference": ["deep/*"]}, "c"),
    ({"reference": ["docker.io/library/b:1"]}, "b"),
    ({"before": ["b:1"]}, "a old"),
    ({"since": ["a:1"]}, "b c"),
    ({"since": ["a:1"], "before": ["deep/c:1"]}, "b"),
    ({"until": ["1h"]}, ""),
    ({"until": ["2100-01-01"]}, "a b c old"),
    ({"until": ["2000-01-01T10:00"]}, ""),
    ({"until": ["2000-01-01T00:00:00Z"]}, ""),
], ids=json.dumps)
def test_lists(engine, images, filters, wanted):
    assert listed(engine, images, **filters) == wanted.split()


def test_the_cli_passes_them_on(engine, cli, images):
    assert cli("images", "-q", "--no-trunc", "-f", "label=kind=2").out.split() == [images["b"]]
    assert cli("images", "-q", "--no-trunc", "-f", "reference=a:*", "-f", "dangling=false").out.split() == [images["a"]]


@pytest.mark.parametrize("filters, status, text", [
    ({"nosuch": ["1"]}, 400, "invalid filter 'nosuch'"),
    ({"dangling": ["perhaps"]}, 400, "invalid filter 'dangling=[perhaps]'"),
    ({"before": ["nosuch"]}, 404, "No such image: nosuch:latest"),
    ({"until": ["soon"]}, 400, "invalid value for 'until' filter"),
])
def test_refused(engine, filters, status, text):
    answer = engine.api("GET", "/images/json?filters=" + quote(json.dumps(filters)))
    assert answer.status == status and text in answer.json["message"], answer.text


def test_the_list_follows_what_happens(engine, images):
    """It is remembered as text while nothing changes."""
    def entry():
        return next(image for image in engine.api("GET", "/images/json").json if image["Id"] == images["b"])

    assert entry() == entry() and entry()["RepoTags"] == ["b:1"] and entry()["Containers"] == 0
    engine.docker("tag", "b:1", "b:2")
    assert entry()["RepoTags"] == ["b:1", "b:2"]
    container = engine.docker("create", "b:1", "x").out.strip()
    assert entry()["Containers"] == 1
    engine.docker("rm", container)
    engine.docker("rmi", "b:2")
    assert entry()["RepoTags"] == ["b:1"] and entry()["Containers"] == 0
    assert "Descriptor" in entry() and "Descriptor" not in engine.api("GET", "/v1.44/images/json").json[0]


@pytest.mark.parametrize("filters, gone", [
    ({"dangling": ["false"], "label": ["drop=1"]}, "one"),
    ({"dangling": ["false"], "label": ["drop"], "label!": ["drop=2"]}, "one"),
    ({"dangling": ["false"], "label": ["drop"], "until": ["1h"]}, ""),
    ({"dangling": ["false"], "label": ["drop"], "until": ["2100-01-01"]}, "one two"),
    ({"dangling": ["true"], "label": ["drop"]}, ""),
    ({"label": ["drop"]}, ""),
], ids=json.dumps)
def test_prunes(engine, filters, gone):
    for name, value in (("one", 1), ("two", 2)):
        answer = engine.api("POST", f"/images/create?fromSrc=-&repo={name}&changes=LABEL%20drop={value}", body=tar_of({name: b""}), headers=TAR)
        assert answer.status == 200
    report = engine.api("POST", "/images/prune?filters=" + quote(json.dumps(filters))).json
    untagged = sorted(line["Untagged"] for line in report["ImagesDeleted"] or [] if "Untagged" in line)
    assert untagged == [f"{name}:latest" for name in gone.split()]
    assert (report["SpaceReclaimed"] > 0) == bool(gone)
    for name in ("one", "two"):
        engine.api("DELETE", f"/images/{name}")
