import pytest

from support.canary import Canary
from support.engine import BIN, CLIENTS


class Cli:
    """A command line: call it to run a command to its end, or hand `program` to engine.background()."""

    def __init__(self, engine, program):
        self.engine, self.program = engine, [program]

    def __call__(self, *arguments, **options):
        return self.engine.run(*self.program, *arguments, **options)


@pytest.fixture(params=["docker", "berth"])
def cli(request, engine):
    """The command line under test: the real docker, then berth."""
    return Cli(engine, {"docker": CLIENTS / "usr/bin/docker", "berth": BIN / "berth"}[request.param])


@pytest.fixture
def canary(engine):
    """Files of the host's that nothing in the test may touch: the folder."""
    made = Canary(engine.directory / "canary")
    yield made.folder
    made.check()
