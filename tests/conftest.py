"""Fixtures for every Python suite: see support/engine.py."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from support.engine import Engine  # noqa: E402


@pytest.fixture(scope="module")
def engine():
    """One daemon for the tests of a module; what it leaves behind fails the module."""
    with Engine() as shared:
        yield shared
    assert shared.left == []


@pytest.fixture
def new_engine():
    """A function that starts a daemon of the test's own."""
    started = []

    def start(*flags, **options):
        started.append(Engine(*flags, **options).__enter__())
        return started[-1]

    yield start
    for own in started:
        own.close()
        assert own.left == []
