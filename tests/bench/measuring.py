"""What the parts of `run` share: commands and requests that are timed, memory, and the lines of the table."""

import contextlib
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from support.engine import BIN, CLIENTS

BERTH, DOCKER = BIN / "berth", CLIENTS / "usr/bin/docker"


@contextlib.contextmanager
def disk():
    """A new ext4 in a file, with the journal that hosts have: how fast files are made on an old one, and above all on one without a
    journal, depends on what was removed from it before."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        file, folder = Path(name) / "file", Path(name) / "mounted"
        folder.mkdir()
        with file.open("wb") as out:
            out.truncate(32 << 30)
        subprocess.run(["mkfs.ext4", "-qF", file], check=True)
        loop = subprocess.run(["losetup", "--direct-io=on", "--find", "--show", file], capture_output=True, text=True, check=True).stdout.strip()
        try:
            subprocess.run(["mount", loop, folder], check=True)
            try:
                yield folder
            finally:
                subprocess.run(["umount", "-R", folder], check=True)
        finally:
            subprocess.run(["losetup", "--detach", loop], check=True)


def call(program, host, *arguments, check=True):
    return subprocess.run([program, "-H", host, *map(str, arguments)], stdout=subprocess.DEVNULL,
                          stderr=None if check else subprocess.DEVNULL, check=check).returncode


def timed(program, host, *arguments):
    start = time.monotonic()
    call(program, host, *arguments)
    return (time.monotonic() - start) * 1000


def pss(marker, name):
    """Sum of PSS, and count, of the processes whose command line has both texts."""
    total, count = 0, 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            # The supervisor's own folder tells whose a process is; nsenter's line would count twice.
            if marker not in line or name not in line.split(" ")[0]:
                continue
            for field in (process / "smaps_rollup").read_text().splitlines():
                if field.startswith("Pss:"):
                    total, count = total + int(field.split()[1]), count + 1
        except OSError:
            continue
    return total, count


def row(what, ours, theirs, unit):
    print(f"{what:<46} {ours:>10.1f} {theirs:>10.1f} {unit:<3} {ours / theirs if theirs else 0:>7.3f}", flush=True)


def medians(rounds, *measures):
    """Each measure's median over as many rounds, taken in turn."""
    samples = [[measure() for measure in measures] for _ in range(rounds)]
    return [statistics.median(column) for column in zip(*samples)]


def ask(connection, method, path, body=None):
    """One request on a kept-alive connection; its answer's text."""
    connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status >= 400:
        raise RuntimeError(f"{method} {path}: {answer.status} {text.decode()}")
    return text
