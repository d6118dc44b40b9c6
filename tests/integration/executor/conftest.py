import pathlib

import pytest

from support.bundle import Bundle


@pytest.fixture
def bundle(tmp_path):
    made = Bundle(tmp_path)
    yield made
    made.call("delete", "--force", made.id)
    top = pathlib.Path("/sys/fs/cgroup")
    assert [*top.glob(f".{made.cgroup}"), *top.glob(f"*{made.cgroup}")] == []
