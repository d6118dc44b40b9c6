"""Events: what a script of operations makes dockerd 28.5.2 emit, and what berthd does.

golden/events.json is a record of dockerd (support/event_script.py): for each step the type, action, ID, attributes and scope of
its events. "berth" is there only where berthd says something else: an image's events are those of dockerd's containerd store
(an untag names the tag, and no labels).
"""

import json
import subprocess
from pathlib import Path

import pytest

from support import event_script
from support.engine import CLIENTS
from support.registry import docker_registry

GOLDEN = json.loads((Path(__file__).parent / "golden/events.json").read_text())
EXPECTED = {step: engines.get("berth", engines["dockerd"]) for step, engines in GOLDEN.items()}


@pytest.fixture(scope="module")
def seen(engine, tmp_path_factory):
    return event_script.record(engine.host, CLIENTS / "usr/bin/docker", tmp_path_factory.mktemp("events"), EXPECTED)


@pytest.mark.parametrize("step", EXPECTED)
def test_as_dockerd_emits(seen, step):
    assert event_script.in_order(seen[step]) == event_script.in_order(EXPECTED[step])


def counted(engine, *filters, since="1", until=None):
    words = [word for one in filters for word in ("--filter", one)]
    until = until or engine.api("GET", "/info").json["SystemTime"]
    return engine.docker("events", "--since", since, "--until", until, "--format", "{{json .}}", *words).out.splitlines()


@pytest.mark.parametrize("filters, wanted", [
    (["type=network"], lambda e: e["Type"] == "network"), (["event=die"], lambda e: e["Action"] == "die"),
    (["event=exec_start"], lambda e: e["Action"].startswith("exec_start")), (["container=ev1"], lambda e: e["Type"] == "container" and e["Actor"]["Attributes"].get("name") == "ev1"),
    (["image=ev:1"], lambda e: e["Actor"]["Attributes"].get("image") == "ev:1" or e["Type"] == "image" and e["Actor"]["Attributes"].get("name") == "ev:1"),
    (["volume=evv"], lambda e: e["Type"] == "volume" and e["Actor"]["ID"] == "evv"), (["network=evn"], lambda e: e["Type"] == "network" and e["Actor"]["Attributes"].get("name") == "evn"),
    (["label=colour"], lambda e: "colour" in e["Actor"]["Attributes"]), (["label=colour=red"], lambda e: e["Actor"]["Attributes"].get("colour") == "red"),
    (["label=colour=blue"], lambda e: False), (["scope=local"], lambda e: True), (["scope=swarm"], lambda e: False),
    (["type=container", "type=volume"], lambda e: e["Type"] in ("container", "volume")), (["type=container", "event=destroy"], lambda e: (e["Type"], e["Action"]) == ("container", "destroy"))])
def test_filters(engine, seen, filters, wanted):
    until = engine.api("GET", "/info").json["SystemTime"]
    everything = [json.loads(line) for line in counted(engine, until=until)]
    assert len(everything) > 150
    assert [json.loads(line) for line in counted(engine, *filters, until=until)] == [event for event in everything if wanted(event)]


def test_since_and_until_are_borders(engine, seen):
    events = [json.loads(line) for line in counted(engine)]
    one = events[len(events) // 2]
    at = f"{one['timeNano'] // 10**9}.{one['timeNano'] % 10**9:09}"
    assert one in [json.loads(line) for line in counted(engine, since=at)]
    assert one in [json.loads(line) for line in counted(engine, until=at)]
    later = [json.loads(line) for line in counted(engine, since=at)]
    assert all(event["timeNano"] >= one["timeNano"] for event in later) and len(later) < len(events)


def test_they_outlive_the_daemon(engine, seen):
    before = counted(engine)
    engine.crash()
    engine.start()
    assert counted(engine)[:len(before)] == before


def test_what_is_followed_comes_at_once(engine):
    """Past and present in one stream, without a gap or a double."""
    engine.docker("volume", "create", "past")
    stream = engine.background(CLIENTS / "usr/bin/docker", "events", "--since", "1", "--filter", "type=volume", "--filter", "event=create",
                               "--format", "{{.Actor.ID}}", stdin=subprocess.DEVNULL)
    seen = []
    while "past" not in seen:
        seen.append(stream.stdout.readline().decode().strip())
    for i in range(5):
        engine.docker("volume", "create", f"now{i}")
        assert stream.stdout.readline().decode().strip() == f"now{i}"
    stream.kill()
    stream.wait()
    assert len(seen) == len(set(seen))


def test_events_of_images_have_their_labels(engine):
    with docker_registry(engine, 5998) as host:
        since = event_script.now(CLIENTS / "usr/bin/docker", engine.host)
        made = engine.docker("commit", "-c", "LABEL shelf=7", engine.docker("create", "--name", "labelled", "busybox").out.strip(), f"{host}/labelled").out.strip()
        engine.docker("push", "-q", f"{host}/labelled")
        archive = engine.docker("save", f"{host}/labelled").bytes
        engine.docker("rmi", f"{host}/labelled")
        engine.docker("pull", "-q", f"{host}/labelled")
        engine.docker("load", "-q", stdin=archive)
        engine.docker("tag", made, "labelled:again")
        engine.docker("rmi", f"{host}/labelled", "labelled:again")
        engine.docker("rm", "labelled")
        until = event_script.now(CLIENTS / "usr/bin/docker", engine.host)
        lines = engine.docker("events", "--since", since, "--until", until, "--filter", "type=image", "--filter", "label=shelf=7", "--format", "{{.Action}}").out
    # An untag and a delete tell of no labels, as in Docker's store.
    assert lines.split() == ["create", "tag", "push", "save", "pull", "load", "tag"]
