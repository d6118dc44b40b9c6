"""Volumes as the unmodified docker CLI and plain HTTP see them; no container is needed."""

import json
import stat
import time
import urllib.parse

import pytest


@pytest.fixture
def engine(new_engine):
    return new_engine(images=())


def create(engine, **body):
    return engine.api("POST", "/volumes/create", body)


def names(engine, **filters):
    query = urllib.parse.quote(json.dumps(filters))
    return [volume["Name"] for volume in engine.api("GET", f"/volumes?filters={query}").json["Volumes"]]


def test_the_cli_makes_lists_inspects_and_removes(engine):
    assert engine.docker("volume", "create", "--label", "a=b", "data").out == "data\n"
    assert engine.docker("volume", "ls", "-q").out == "data\n"
    (volume,) = json.loads(engine.docker("volume", "inspect", "data").out)
    assert volume.pop("CreatedAt").endswith("Z")
    folder = engine.data / "volumes/data/_data"
    assert volume == {"Driver": "local", "Labels": {"a": "b"}, "Mountpoint": str(folder), "Name": "data",
                      "Options": None, "Scope": "local"}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    assert engine.docker("volume", "rm", "data").out == "data\n"
    assert not folder.parent.exists()
    assert "no such volume" in engine.docker("volume", "rm", "data", status=1).err
    engine.docker("volume", "rm", "-f", "data")


@pytest.mark.parametrize("body, status, message", [
    ({"Name": "a"}, 400, "create a: volume name is too short, names should be at least two alphanumeric characters"),
    ({"Name": "../x"}, 400, 'create ../x: "../x" includes invalid characters for a local volume name, only '
     '"[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path'),
    ({"Name": "xx", "Driver": "foo"}, 404, 'create xx: error looking up volume plugin foo: plugin "foo" not found'),
    ({"Name": "xx", "DriverOpts": {"foo": "x"}}, 400, 'create xx: invalid option: "foo"'),
    ({"Name": "xx", "DriverOpts": {"type": "tmpfs"}}, 400, 'create xx: missing required option: "device"'),
    ({"Name": 7}, 400, "invalid JSON: json: cannot unmarshal number into Go struct field CreateOptions.Name of type "
     "string"),
    ({"Name": "xx", "ClusterVolumeSpec": {}}, 503, None),
    ({"Name": "xx", "Labels": ["a"]}, 400, None),
    ({"Name": "xx", "Labels": {"a": 1}}, 400, None),
    ("{", 400, None),
    ("[]", 400, None),
])
def test_what_is_wrong_is_said_and_leaves_nothing(engine, body, status, message):
    answer = engine.api("POST", "/volumes/create", body, {"Content-Type": "application/json"})
    assert answer.status == status, answer.text
    assert message in (None, answer.json["message"])
    assert names(engine) == []
    assert list((engine.data / "volumes").iterdir()) == []


def test_filters_and_prune(engine):
    anonymous = create(engine).json["Name"]
    assert len(anonymous) == 64
    create(engine, Name="one", Labels={"a": "1"})
    create(engine, Name="two", Labels={"a": "2"})
    assert names(engine, label=["a"]) == ["one", "two"]
    assert names(engine, label={"a=1": True}) == ["one"]
    assert names(engine, name=["tw"]) == ["two"]
    assert names(engine, driver=["nfs"]) == []
    assert names(engine, dangling=["true"]) == sorted([anonymous, "one", "two"])
    assert names(engine, dangling=["false"]) == []
    unknown = engine.api("GET", "/volumes?filters=" + urllib.parse.quote('{"foo":["x"]}'))
    assert (unknown.status, unknown.json["message"]) == (400, "invalid filter 'foo'")
    (engine.data / "volumes" / anonymous / "_data/file").write_bytes(b"x" * 10000)
    pruned = engine.api("POST", "/volumes/prune").json
    assert pruned["VolumesDeleted"] == [anonymous] and pruned["SpaceReclaimed"] >= 10000
    all_but = urllib.parse.quote('{"all":["1"],"label!":["a=2"]}')
    assert engine.api("POST", f"/volumes/prune?filters={all_but}").json["VolumesDeleted"] == ["one"]
    assert engine.api("POST", "/volumes/prune").json == {"VolumesDeleted": [], "SpaceReclaimed": 0}
    assert names(engine) == ["two"]


def test_events_name_the_volume(engine):
    create(engine, Name="data")
    create(engine, Name="data")
    engine.api("DELETE", "/volumes/data")
    lines = engine.api("GET", f"/events?since=1&until={time.time():.9f}").text.splitlines()
    seen = [json.loads(line) for line in lines]
    assert [(event["Action"], event["Actor"]) for event in seen if event["Type"] == "volume"] == [
        ("create", {"ID": "data", "Attributes": {"driver": "local"}}),
        ("destroy", {"ID": "data", "Attributes": {"driver": "local"}})]


def test_volumes_outlive_a_crash_and_a_lost_database(engine):
    create(engine, Name="data", Labels={"a": "b"})
    before = engine.api("GET", "/volumes/data").json
    (engine.data / "volumes/data/_data/file").write_text("text")
    engine.crash()
    engine.start()
    assert engine.api("GET", "/volumes/data").json == before
    engine.crash()
    for file in engine.data.glob("berth.db*"):
        file.write_bytes(b"not a database" * 1000)
    engine.start()
    assert engine.api("GET", "/volumes/data").json == before
    assert (engine.data / "volumes/data/_data/file").read_text() == "text"
