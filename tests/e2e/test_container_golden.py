"""Containers as inspect, the list and the command line show them, field by field as Docker's own daemon does."""

import json
import shlex
from pathlib import Path
from urllib.parse import quote

import pytest

from support.container_cases import CASES, VERSIONS, collect

GOLDEN = json.loads((Path(__file__).parent / "golden" / "containers.json").read_text())


@pytest.fixture(scope="module", params=["docker", "berth"])
def found(request, engine):
    shared = engine.directory / "shared"
    shared.mkdir(exist_ok=True)
    command = {"docker": engine.docker, "berth": engine.berth}[request.param]

    def docker(line):
        done = command(*shlex.split(line.replace("{dir}", str(shared))), status=None)
        return done.status, done.out, done.err.replace("berth", "docker")

    def get(path):
        return engine.api("GET", quote(path, safe="/?&=")).json

    result = collect(docker, get, {str(engine.data): "<data>", str(shared): "<dir>"})
    for case in CASES:
        engine.docker("rm", "-fv", case, status=None)
    engine.docker("network", "rm", "cases", "cases-two")
    engine.docker("volume", "rm", "-f", "named", "other", "driven")
    return result


def differences(path, docker, berth):
    """Each leaf where the two differ, as 'path: docker's != ours'."""
    if isinstance(docker, dict) and isinstance(berth, dict):
        return [line for key in sorted(docker.keys() | berth.keys())
                for line in differences(f"{path}.{key}", docker.get(key, "<absent>"), berth.get(key, "<absent>"))]
    if isinstance(docker, list) and isinstance(berth, list) and len(docker) == len(berth):
        return [line for i, (a, b) in enumerate(zip(docker, berth)) for line in differences(f"{path}[{i}]", a, b)]
    return [] if docker == berth else [f"{path}: {json.dumps(docker)} != {json.dumps(berth)}"]


@pytest.mark.parametrize("case", [*CASES, *(f"{version} {name}" for version, names in VERSIONS.items() for name in names)])
def test_as_docker_has_it(found, case):
    assert differences("", GOLDEN[case], found[case]) == []
