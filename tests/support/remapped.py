"""An engine with --userns-remap, on a host that has users and ranges for it: /etc is the machine's with a few lines
more, in a mount namespace that outlives the daemon."""

import contextlib
import io
import os
import subprocess
import tarfile
from pathlib import Path

from .engine import Engine

FIRST, COUNT = 200000, 65536
MAP = f"0 {FIRST} {COUNT}"

# The shell's end is the namespace's.
HOST = f"""
set -e
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work"
mount -t overlay overlay -o lowerdir=/etc,upperdir="$1/upper",workdir="$1/work" /etc
sed -i /^dockremap:/d /etc/passwd /etc/group
for name in remapped:5005 norange:5006; do
    echo "${{name%:*}}:x:${{name#*:}}:${{name#*:}}::/nonexistent:/bin/false" >>/etc/passwd
    echo "${{name%:*}}:x:${{name#*:}}:" >>/etc/group
done
echo "loner:x:5007:5007::/nonexistent:/bin/false" >>/etc/passwd
printf 'other:100000:65536\\nremapped:{FIRST}:{COUNT}\\n' >/etc/subuid
cp /etc/subuid /etc/subgid
echo ready
read -r end
"""


class RemappedHost:
    """That host's mount namespace."""

    def __init__(self, directory):
        self.directory = directory
        directory.mkdir()
        self.process = subprocess.Popen(["unshare", "-m", "sh", "-c", HOST, "host", directory], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    @property
    def prefix(self):
        return ["nsenter", f"--mount=/proc/{self.process.pid}/ns/mnt"]

    def close(self):
        self.process.communicate("\n")
        self.directory.rmdir()


class RemappedEngine(Engine):
    def __init__(self, *flags, remap="remapped", **options):
        super().__init__(f"--userns-remap={remap}", *flags, **options)
        self.top = self.data
        # The remapped root walks through here.
        self.mode = 0o711

    def __enter__(self):
        self.mount_host = RemappedHost(Path("/var/tmp") / self.name.replace("test", "etc"))
        self.wrapper = self.mount_host.prefix
        try:
            return super().__enter__()
        except BaseException:
            with contextlib.suppress(Exception):
                self.mount_host.close()
            raise

    def close(self):
        try:
            super().close()
        finally:
            self.mount_host.close()

    @property
    def store(self):
        return self.top / f"{FIRST}.{FIRST}"


def owner(path):
    status = os.lstat(path)
    return status.st_uid, status.st_gid


def host(uid, gid=None):
    return FIRST + uid, FIRST + (uid if gid is None else gid)


def sh(engine, script, *flags, **options):
    return engine.docker("run", "--rm", *flags, "busybox", "sh", "-c", script, **options).out


def archive(text_or_bytes):
    return {entry.name: entry for entry in tarfile.open(fileobj=io.BytesIO(text_or_bytes))}
