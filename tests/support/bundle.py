"""An OCI bundle with a busybox root, and berth-runtime driven on it by runc's command line."""

import json
import os
import pathlib
import select
import shutil
import subprocess
import uuid

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("BERTH_BIN", REPOSITORY / "build/release/bin")) / "berth-runtime"


class Bundle:
    def __init__(self, folder):
        self.folder = folder
        self.id = "t" + uuid.uuid4().hex[:12]
        self.cgroup = f"/berth-test-{self.id}"
        self.binary = BINARY
        binaries = folder / "rootfs/bin"
        binaries.mkdir(parents=True)
        shutil.copy("/bin/busybox", binaries / "busybox")
        for name in ("sh", "cat", "sleep", "true", "id"):
            (binaries / name).symlink_to("busybox")
        for name in ("proc", "dev", "etc"):
            (folder / "rootfs" / name).mkdir()
        self.spec = {
            "ociVersion": "1.0.2",
            "process": {"user": {"uid": 0, "gid": 0}, "args": ["true"], "env": ["PATH=/bin"], "cwd": "/"},
            "root": {"path": "rootfs"},
            "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
            "linux": {"cgroupsPath": self.cgroup,
                      "namespaces": [{"type": t} for t in ("pid", "mount", "ipc", "uts", "network")]},
        }

    def applets(self, *names):
        for name in names:
            (self.folder / "rootfs/bin" / name).symlink_to("busybox")

    def command(self, *words):
        return [self.binary, "--root", self.folder / "state", "--log", self.folder / "log", "--log-format", "json", *words]

    def call(self, *words, **options):
        return subprocess.run(self.command(*words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, **options)

    def write(self, args=None):
        if args:
            self.spec["process"]["args"] = args
        (self.folder / "config.json").write_text(json.dumps(self.spec))

    def create(self, args=None, flags=(), **options):
        self.write(args)
        # Init inherits create's streams: files, since it outlives the call.
        with open(self.folder / "out", "w") as out:
            command = self.command("create", "--bundle", self.folder, "--pid-file", self.folder / "pid", *flags, self.id)
            return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, **options).returncode

    def last_error(self):
        return json.loads((self.folder / "log").read_text().splitlines()[-1])["msg"]

    def pid(self):
        return int((self.folder / "pid").read_text())

    def status(self):
        return json.loads(self.call("state", self.id).stdout)["status"]

    def up(self, args=("sleep", "1000"), **options):
        assert self.create(list(args), **options) == 0, (self.folder / "log").read_text()
        assert self.call("start", self.id).returncode == 0, (self.folder / "log").read_text()

    def run(self, args, **options):
        assert self.create(args, **options) == 0, (self.folder / "log").read_text()
        done = os.pidfd_open(self.pid())
        assert self.call("start", self.id).returncode == 0, (self.folder / "log").read_text()
        assert select.select([done], [], [], 30)[0], "the container did not end"
        os.close(done)
        return (self.folder / "out").read_text()

    def foreground(self, args, *flags, **options):
        """`run` to the end; what it said and how it ended."""
        self.write(args)
        return self.call("run", "--bundle", self.folder, *flags, self.id, **options)
