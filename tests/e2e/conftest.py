import pytest


@pytest.fixture(params=["docker", "berth"])
def cli(request, engine):
    """The command line under test: the real docker, then berth."""
    return getattr(engine, request.param)
