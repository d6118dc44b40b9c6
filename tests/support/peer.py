"""The real dockerd, started and killed as an Engine is, for what is said of both.

Its programs are those of $BERTH_PEER, else ~/.cache/engine-peers/usr, else the clients' folder."""

import os
import subprocess
from pathlib import Path

from support.engine import CACHE, CLIENTS, Engine


def folders():
    roots = [Path(os.environ["BERTH_PEER"])] if "BERTH_PEER" in os.environ else [CACHE / "engine-peers", CLIENTS]
    return [str(root / "usr" / name) for root in roots for name in ("bin", "sbin")]


class Peer(Engine):
    def __init__(self, *flags, **options):
        super().__init__(*flags, **options)
        self.exec_root = self.directory / "exec"

    def start(self):
        log = (self.directory / "log").open("ab")
        # A killed dockerd leaves its pid file; the number in it may be somebody else's by now.
        (self.directory / "pid").unlink(missing_ok=True)
        self.process = subprocess.Popen(
            ["nsenter", f"--net={self.netns}", "dockerd", "--data-root", self.data, "--exec-root", self.exec_root, "--pidfile",
             self.directory / "pid", "-H", self.host, "--cgroup-parent", "/" + self.name,
             *(["--config-file", self.config] if self.config else []), *self.flags],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            env={**os.environ, "PATH": ":".join([*folders(), os.environ["PATH"]])})
        log.close()
        self.await_ready(seconds=120)
