"""Every layer of the corpus, unpacked by berth-helper, beside a canary tree that must not notice."""
import os
import re
import shutil
import stat
import struct
import subprocess
import tempfile

import pytest

from hostile_tars import corpus

HELPER = os.path.join(os.environ.get("BERTH_BIN", "build/release/bin"), "berth-helper")
OUTSIDE = "/tmp/berth-canary-of-hostile-layers"
RESULT, TARGET = 3, 4
DEADLINE = 60

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="unpacking needs root")


def unpack(layer, target):
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
        child.communicate(timeout=DEADLINE)
    assert child.returncode in (0, 1), f"the helper died: {child.returncode}"
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


def describe(path):
    status = os.lstat(path)
    content = os.readlink(path) if stat.S_ISLNK(status.st_mode) else None
    if stat.S_ISREG(status.st_mode):
        with open(path, "rb") as file:
            content = file.read()
    return (status.st_ino, status.st_mode, status.st_uid, status.st_gid, status.st_nlink, status.st_mtime_ns,
            status.st_ctime_ns, content, tuple(os.listxattr(path, follow_symlinks=False)))


def inventory(top):
    found = {top: describe(top)}
    for folder, folders, files in os.walk(top):
        for name in folders + files:
            path = os.path.join(folder, name)
            found[path] = describe(path)
    return found


@pytest.fixture(scope="module", autouse=True)
def canary():
    shutil.rmtree(OUTSIDE, ignore_errors=True)
    os.makedirs(OUTSIDE + "/dir")
    for name, mode in (("file", 0o644), ("setuid", 0o4755), ("dir/inner", 0o600)):
        with open(f"{OUTSIDE}/{name}", "w") as file:
            file.write("canary\n")
        os.chmod(f"{OUTSIDE}/{name}", mode)
    yield
    shutil.rmtree(OUTSIDE)


def check(target, name, expected):
    path = os.path.join(target, name.lstrip("/"))
    if expected == "absent":
        assert not os.path.lexists(path), name
        return
    status = os.lstat(path)
    if callable(expected):
        assert expected(status), (name, status)
        return
    word, _, text = expected.partition(":")
    kind = stat.S_IFMT(status.st_mode)
    if word == "file":
        assert kind == stat.S_IFREG, name
        with open(path, "rb") as file:
            assert file.read() == text.encode(), name
    elif word == "link":
        assert os.readlink(path) == text
    elif word == "whiteout":
        assert kind == stat.S_IFCHR and status.st_rdev == 0, name
    elif word == "opaque":
        assert os.getxattr(path, "trusted.overlay.opaque") == b"y"
    elif word == "no-trusted":
        assert not [attribute for attribute in os.listxattr(path) if attribute.startswith("trusted.")]
    else:
        assert kind == {"dir": stat.S_IFDIR, "fifo": stat.S_IFIFO, "char": stat.S_IFCHR}[word], name


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
