"""A tree of the host's that no container, archive or image may read into a container, change, add to or delete from; and what
swaps things under somebody's feet."""

import ctypes
import hashlib
import multiprocessing
import os
import stat
from pathlib import Path

AT_FDCWD, RENAME_EXCHANGE = -100, 2
# What a runtime that is led astray writes to.
HOST_FILES = [path for path in ("/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/kernel/sysrq",
                                 "/proc/sys/net/ipv4/ip_forward") if os.access(path, os.R_OK)]
SECRET = "secret of the host"


def ups(path):
    """`path` as a relative link out of anywhere."""
    return "../" * 12 + str(path).lstrip("/")


class Canary:
    def __init__(self, folder):
        self.folder = Path(folder)
        (self.folder / "b").mkdir(parents=True, exist_ok=True)
        for name in ("secret", "b/secret", "b/file", "b/setuid"):
            (self.folder / name).write_text(SECRET)
        (self.folder / "b/setuid").chmod(0o4755)
        if not (self.folder / "b/fifo").exists():
            os.mkfifo(self.folder / "b/fifo")
        self.before = self.state()

    def state(self):
        found = {name: Path(name).read_text() for name in HOST_FILES}
        for top, folders, files in os.walk(self.folder):
            for name in [".", *folders, *files]:
                path = os.path.join(top, name)
                status = os.lstat(path)
                content = hashlib.sha256(Path(path).read_bytes()).hexdigest() if stat.S_ISREG(status.st_mode) else ""
                found[path] = (status.st_ino, status.st_mode, status.st_nlink, status.st_uid, status.st_mtime_ns, content, str(os.listxattr(path)))
        return found

    def check(self):
        after = self.state()
        assert after == self.before, [key for key in after.keys() | self.before.keys() if after.get(key) != self.before.get(key)]


def _swap(pairs):
    libc = ctypes.CDLL(None)
    pairs = [(os.fsencode(one), os.fsencode(other)) for one, other in pairs]
    while True:
        for one, other in pairs:
            libc.renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE)


class Swapper:
    """Exchanges two names, again and again, as fast as it can: `with Swapper((folder, link)):`."""

    def __init__(self, *pairs):
        self.process = multiprocessing.get_context("fork").Process(target=_swap, args=(pairs,), daemon=True)

    def __enter__(self):
        self.process.start()
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.join()
