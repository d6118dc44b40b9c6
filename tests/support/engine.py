"""A berthd of a test's own: its network namespace, data root, state root, socket and cgroups are nobody else's.

    with Engine() as engine:
        engine.docker("run", "--rm", "busybox", "true")     # the unmodified docker CLI
        engine.berth("ps")                                   # our own
        engine.crash(); engine.start()                       # kill -9 and a new daemon
    engine.leftovers()                                       # [] or what the engine left behind

The binaries are those of $BERTH_BIN, else build/release/bin.
"""

import contextlib
import http.client
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from .recorder import RECORDER

REPOSITORY = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("BERTH_BIN", REPOSITORY / "build/release/bin"))
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
CLIENTS = CACHE / "berth-clients"
IMAGES = CACHE / "berth-images"


class Finished:
    """What a command printed and how it ended."""

    def __init__(self, process: subprocess.CompletedProcess):
        self.status = process.returncode
        self.bytes = process.stdout
        # Decoded here: text mode would take the \r of a terminal away.
        self.out, self.err = (stream.decode(errors="replace") for stream in (process.stdout, process.stderr))

    def __repr__(self):
        return f"<status {self.status} out={self.out!r} err={self.err!r}>"


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=60):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


class Engine:
    def __init__(self, *flags, images=("busybox",), settings=None):
        self.name = "berth-test-" + secrets.token_hex(4)
        self.directory = Path("/var/tmp") / self.name
        self.data, self.exec_root = self.directory / "data", self.directory / "run"
        self.socket = self.directory / "api.sock"
        self.host = f"unix://{self.socket}"
        self.flags, self.images = flags, images
        # A daemon.json of its own, in a folder of its own, where a test gives settings.
        self.config = self.directory / "etc/daemon.json" if settings is not None else None
        self.settings = settings
        self.process = None
        self.others = []  # what has to be closed with it, and before
        # What the daemon is started by, and who may walk through the directory.
        self.wrapper, self.mode = [], 0o700

    # Life

    def __enter__(self):
        self.directory.mkdir()
        self.directory.chmod(self.mode)
        (self.directory / "client").mkdir()
        if self.config:
            self.config.parent.mkdir()
            self.config.write_text(json.dumps(self.settings))
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        subprocess.run(["ip", "-n", self.name, "link", "set", "lo", "up"], check=True)
        try:
            self.start()
            for image in self.images:
                self.docker("load", "-q", "-i", IMAGES / f"{image}.docker.tar")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def netns(self):
        return f"/run/netns/{self.name}"

    @property
    def store(self):
        """Where it keeps what it has."""
        return self.data

    def start(self):
        log = (self.directory / "log").open("ab")
        self.process = subprocess.Popen(
            ["nsenter", f"--net={self.netns}", *self.wrapper, BIN / "berthd", "--data-root", self.data, "--exec-root",
             self.exec_root, "--pidfile", self.directory / "pid", "-H", self.host,
             "--cgroup-parent", "/" + self.name, *(["--config-file", self.config] if self.config else []),
             *(RECORDER.join(self) if RECORDER else []), *self.flags],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        log.close()
        self.await_ready()

    def await_ready(self, seconds=30):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            with contextlib.suppress(OSError):
                if self.api("GET", "/_ping").status == 200:
                    return
            time.sleep(0.01)
        raise RuntimeError("berthd is not ready:\n" + self.log()[-4000:])

    def crash(self):
        """kill -9 of the daemon alone."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """SIGTERM and an orderly end. Returns its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def close(self):
        """Removes every container, stops the daemon, removes the directory and the namespace."""
        try:
            for other in list(self.others):
                other.close()
            if self.process and self.process.poll() is None:
                containers = self.api("GET", "/containers/json?all=1")
                for container in containers.json if containers.status == 200 else []:
                    self.api("DELETE", f"/containers/{container['Id']}?force=1&v=1")
                self.stop()
        finally:
            if self.process and self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self.left = self.leftovers()
            subprocess.run(["ip", "netns", "del", self.name], check=False)
            if not any("mount" in line for line in self.left):
                shutil.rmtree(self.directory, ignore_errors=True)
            for cgroup in self.cgroups():
                with contextlib.suppress(OSError):
                    cgroup.rmdir()

    # Talking to it

    def environment(self):
        return {**os.environ, "DOCKER_HOST": self.host, "DOCKER_CONFIG": str(self.directory / "client"),
                "DOCKER_CLI_HINTS": "false", "DOCKER_API_VERSION": "",
                "PATH": f"{CLIENTS}/usr/bin:{BIN}:{os.environ['PATH']}"}

    def run(self, *command, status=0, stdin="", timeout=120, inside=False):
        """Runs a command with the engine's environment; `inside` the engine's network namespace if asked. `status` is
        what it must end with (None: anything)."""
        prefix = ["nsenter", f"--net={self.netns}"] if inside else []
        done = Finished(subprocess.run([*prefix, *map(str, command)], input=stdin if isinstance(stdin, bytes) else stdin.encode(), capture_output=True,
                                       timeout=timeout, env=self.environment(), cwd=self.directory))
        assert status is None or done.status == status, f"{' '.join(map(str, command))}: {done}\n{self.log()[-2000:]}"
        return done

    def docker(self, *arguments, **options):
        return self.run(CLIENTS / "usr/bin/docker", *arguments, **options)

    def berth(self, *arguments, **options):
        return self.run(BIN / "berth", *arguments, **options)

    def background(self, *command, inside=False, **options):
        """A command that goes on while the test does; the caller ends it."""
        prefix = ["nsenter", f"--net={self.netns}"] if inside else []
        options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        return subprocess.Popen([*prefix, *map(str, command)], env=self.environment(), cwd=self.directory, **options)

    def api(self, method, path, body=None, headers=None, timeout=60):
        """One plain HTTP request. The answer has .status, .headers, .text and .json."""
        connection = UnixConnection(self.socket, timeout)
        headers = dict(headers or {})
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            answer.text = answer.read().decode(errors="replace")
        finally:
            connection.close()
        with contextlib.suppress(ValueError):
            answer.json = json.loads(answer.text)
        return answer

    def log(self):
        return (self.directory / "log").read_text(errors="replace")

    # What it left

    def cgroups(self):
        """Our cgroups, deepest first."""
        found = []
        for top in [Path("/sys/fs/cgroup"), *Path("/sys/fs/cgroup").glob("*")]:
            for folder, _, _ in os.walk(top / self.name, topdown=False):
                found.append(Path(folder))
        return found

    def leftovers(self, seconds=5):
        """Processes, mounts, cgroups and interfaces that outlive the daemon and its containers. A dying namespace takes
        its interfaces along a little later, hence the patience."""
        end = time.monotonic() + seconds
        while (left := self._leftovers()) and time.monotonic() < end:
            time.sleep(0.05)
        return left

    def _leftovers(self):
        left = []
        marker = str(self.directory)
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if marker in line and process.name != str(os.getpid()) and "pytest" not in line:
                    left.append(f"process {process.name}: {line}")
        for line in Path("/proc/self/mountinfo").read_text().splitlines():
            if marker in line:
                left.append(f"mount {line}")
        left += [f"cgroup {path}" for path in self.cgroups() if path.name != self.name]
        links = subprocess.run(["ip", "-n", self.name, "-o", "link"], capture_output=True, text=True).stdout
        left += [f"interface {line.split(':')[1].strip()}" for line in links.splitlines() if "veth" in line]
        for family in ("iptables-save", "ip6tables-save"):
            rules = subprocess.run(["nsenter", f"--net={self.netns}", family], capture_output=True, text=True).stdout
            left += [f"rule {rule}" for rule in rules.splitlines() if "--to-destination" in rule]
        return left
