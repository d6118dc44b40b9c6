"""What pull, push, load, import, tag, rmi and prune say, and their events: as dockerd 28.5.2 with containerd's store.

golden/images.json is a record of dockerd (support/image_script.py). "berth" is there only where berthd says something else: where
dockerd gives away its own paths, tags an import that failed or keeps what it could not load; where the registry is asked in another
way; prunes, which are events here; and what is left of an image of which one platform was loaded twice.
"""

import json
from pathlib import Path

import pytest
from support import image_script
from support.engine import Engine

GOLDEN = json.loads((Path(__file__).parent / "golden/images.json").read_text())


@pytest.fixture(scope="module")
def seen():
    with Engine(images=()) as engine:
        yield image_script.record(engine)
    assert engine.left == []


@pytest.mark.parametrize("step", GOLDEN)
def test_as_dockerd_says(seen, step):
    assert seen[step] == GOLDEN[step].get("berth", GOLDEN[step]["dockerd"])


def test_there_is_no_other_step(seen):
    assert seen.keys() == GOLDEN.keys()
