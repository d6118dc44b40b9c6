"""The corners of the API that no other test uses, beside dockerd 28.5.2: golden/surface.json is a record of it
(support/surface_script.py). "berth" is there only where berthd says something else: a swarm is refused by name, a plugin is
looked for before the body is read, and fields of an endpoint that the engine finds out itself are not taken over.
"""

import json
from pathlib import Path

import pytest

from support import surface_script

GOLDEN = json.loads((Path(__file__).parent / "golden/surface.json").read_text())
EXPECTED = {request: engines.get("berth", engines["dockerd"]) for request, engines in GOLDEN.items()}


@pytest.fixture(scope="module")
def request_of(engine):
    def request(method, path, body):
        answer = engine.api(method, path, json.dumps(body) if body is not None else None, {"Content-Type": "application/json"} if body is not None else {})
        return answer.status, answer.text
    return request


@pytest.mark.parametrize("line", surface_script.REFUSED)
def test_what_an_engine_alone_refuses(request_of, line):
    method, path = line.split(" ")
    status, answer = surface_script.asked(request_of, method, path, {} if method == "POST" else None)
    assert [status, answer.get("message", answer) if isinstance(answer, dict) else answer] == EXPECTED[line]


@pytest.mark.parametrize("method, path", [("GET", "/plugins/privileges?remote=x"), ("POST", "/plugins/pull?remote=x"), ("POST", "/plugins/create?name=x")])
def test_managed_plugins_are_refused_by_name(engine, method, path):
    answer = engine.api(method, path, [] if method == "POST" else None)
    assert (answer.status, answer.json) == (501, {"message": "managed plugins are not supported"})


def test_a_plugin_that_is_not_there_is_not_upgraded(engine):
    assert engine.api("POST", "/plugins/nope/upgrade?remote=x", []).json == {"message": 'plugin "nope" not found'}


def test_a_mount_point_that_is_made(engine, tmp_path):
    mount = {"Type": "bind", "Source": str(tmp_path / "made"), "Target": "/x", "BindOptions": {"CreateMountpoint": True}}
    made = engine.api("POST", "/containers/create", {"Image": "busybox", "Cmd": ["touch", "/x/y"], "HostConfig": {"Mounts": [mount]}}).json["Id"]
    engine.docker("start", "-a", made)
    assert (tmp_path / "made/y").exists()
    engine.docker("rm", made)


@pytest.mark.parametrize("name", surface_script.CREATED)
def test_rare_fields(request_of, name):
    assert surface_script.created(request_of, name, surface_script.CREATED[name]) == EXPECTED[f"create {name}"]
