"""Every layer of the corpus, unpacked by berth-helper, beside a canary tree that must not notice."""
import os
import re
import shutil
import struct
import subprocess
import tempfile

import pytest

from support.hostile_streams import xz_with_window
from support.hostile_tars import check, corpus, inventory, make_canary
from support.tar_bytes import END, header, size_is

HELPER = os.path.join(os.environ.get("BERTH_BIN", "build/release/bin"), "berth-helper")
OUTSIDE = "/tmp/berth-canary-of-hostile-layers"
RESULT, TARGET = 3, 4
MEMORY = 64 << 10  # kB

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="unpacking needs root")


def unpack(layer, target, memory=MEMORY):
    """The error text, or None."""
    read_end, write_end = os.pipe()
    folder = os.open(target, os.O_RDONLY | os.O_DIRECTORY)
    # High numbers first, so that nothing is overwritten on its way to 3 and 4.
    result, directory = os.dup2(write_end, 200), os.dup2(folder, 201)

    def place():
        os.dup2(result, RESULT)
        os.dup2(directory, TARGET)

    with tempfile.TemporaryFile() as source:
        source.write(layer)
        source.seek(0)
        child = subprocess.Popen([HELPER, "unpack"], stdin=source, preexec_fn=place, pass_fds=(RESULT, TARGET),
                                 stderr=subprocess.PIPE)
        for fd in (write_end, folder, result, directory):
            os.close(fd)
        with os.fdopen(read_end, "rb") as pipe:
            answer = pipe.read()
        child.stderr.close()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode in (0, 1), f"the helper died: {child.returncode}"
    assert usage.ru_maxrss < memory, "a bomb"
    records = []
    while answer:
        length = struct.unpack("=I", answer[:4])[0]
        records.append(answer[4:4 + length].split(b"\0"))
        answer = answer[4 + length:]
    fields = records[-1]
    if fields[0] == b"error":
        assert child.returncode == 1
        return fields[3].decode(errors="replace")
    assert fields[0] == b"done", answer
    return None


@pytest.fixture(scope="module", autouse=True)
def canary():
    make_canary(OUTSIDE)
    yield
    shutil.rmtree(OUTSIDE)


@pytest.mark.parametrize("layer,expected", [pytest.param(*case[1:], id=case[0]) for case in corpus(OUTSIDE)])
def test_layer(layer, expected, tmp_path):
    target = tmp_path / "layer"
    target.mkdir()
    before = inventory(OUTSIDE)
    error = unpack(layer, str(target))
    assert inventory(OUTSIDE) == before, "the canary noticed"
    assert os.listdir(tmp_path) == ["layer"]
    if isinstance(expected, str):
        assert error is not None, "an error was expected"
        assert re.search(expected, error), error
    elif expected is not None:
        assert error is None, error
        for name, what in expected.items():
            check(str(target), name, what)
    # None: either outcome will do, as long as nothing outside changed and the helper lived.
    subprocess.run(["rm", "-rf", "--one-file-system", str(target)], check=True)


@pytest.mark.parametrize("megabytes, memory", [(8, 64), (80, 72)])
def test_the_widest_window_of_xz(megabytes, memory, tmp_path):
    """`xz -9` has one of 64 MiB: it is read, and takes that much only where there is as much in it."""
    size = megabytes << 20
    layer = xz_with_window(header("z", size=size) + b"\0" * size + END, 28)
    assert unpack(layer, tmp_path, memory << 10) is None
    check(str(tmp_path), "z", size_is(size))
