"""tests/images/make: the same packages give the same bytes."""

import subprocess
from pathlib import Path

MAKE = Path(__file__).resolve().parents[2] / "images/make"


def made(directory):
    printed = subprocess.run([MAKE, "--dir", directory, "busybox"], check=True, capture_output=True, text=True).stdout
    return {Path(line).name: Path(line).read_bytes() for line in printed.splitlines()}


def test_two_makings_are_equal(tmp_path):
    first, second = made(tmp_path / "one"), made(tmp_path / "two")
    assert sorted(first) == ["busybox.docker.tar", "busybox.oci.tar"]
    assert first == second
