"""Every answer about volumes, and every event, as the real dockerd's."""

import json
from pathlib import Path

import pytest

from support.volume_cases import OLD_STEPS, STEPS, collect

GOLDEN = json.loads((Path(__file__).parent / "golden" / "volumes.json").read_text())


@pytest.fixture(scope="module")
def found(engine):
    return collect(engine.api, {str(engine.data): "<data>"})


@pytest.mark.parametrize("case", [*STEPS, *OLD_STEPS])
def test_as_docker_answers(found, case):
    assert found[case] == GOLDEN[case]


def test_events(found):
    # Mounts of one container come in no order.
    assert sorted(map(json.dumps, found["events"])) == sorted(map(json.dumps, GOLDEN["events"]))
