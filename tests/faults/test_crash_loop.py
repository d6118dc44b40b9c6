"""kill -9 of the daemon, again and again, at random moments of run, stop and rm: nothing is lost, nothing is left.

$BERTH_CRASH_ROUNDS kills (12); $BERTH_CRASH_SEED repeats a run."""

import contextlib
import json
import os
import random
import subprocess
import threading
import time
from pathlib import Path

ROUNDS = int(os.environ.get("BERTH_CRASH_ROUNDS", "12"))
SECONDS = 60 if "BERTH_CRASH_ROUNDS" not in os.environ else 24 * 3600


class Worker(threading.Thread):
    """Creates, starts, stops and removes containers until the daemon is gone, and keeps what was acknowledged."""

    def __init__(self, engine, ledger, number, seed):
        super().__init__(daemon=True)
        self.engine, self.ledger, self.random = engine, ledger, random.Random(seed)
        self.prefix, self.count = f"w{number}-{seed & 0xffff:x}", 0

    def run(self):
        with contextlib.suppress(OSError, AttributeError, ValueError):
            while True:
                self.step()

    def call(self, method, path, body=None):
        answer = self.engine.api(method, path, body)
        if answer.status >= 500:
            raise OSError(answer.text)
        return answer

    def step(self):
        name = f"{self.prefix}-{self.count}"
        self.count += 1
        body = {"Image": "busybox", "Cmd": ["sleep", self.random.choice(["0.01", "1000"])],
                "HostConfig": {"AutoRemove": self.random.random() < 0.3, "Binds": [f"{name}:/v"]}}
        self.ledger["tried"].add(name)
        if self.call("POST", f"/containers/create?name={name}", body).status == 201 and not body["HostConfig"]["AutoRemove"]:
            self.ledger["there"].add(name)
        self.call("POST", f"/containers/{name}/start")
        if self.random.random() < 0.5:
            self.call("POST", f"/containers/{name}/stop?t=0")
        if self.random.random() < 0.8:
            self.ledger["there"].discard(name)
            if self.call("DELETE", f"/containers/{name}?force=1").status == 204:
                self.ledger["gone"].add(name)


def below(folder):
    return set(os.listdir(folder)) if folder.is_dir() else set()


def shims(engine):
    """Containers that have a shim, by the shims' command lines."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if "--bundle" in words and str(engine.directory) in words[words.index("--bundle") + 1] and "--reap" not in words:
                found.add(words[words.index("--id") + 1])
    return found


def findings(engine):
    """What the API says against what the kernel and the disk say."""
    listed = engine.api("GET", "/containers/json?all=1").json
    known = {entry["Id"] for entry in listed}
    live = {entry["Id"] for entry in listed if entry["State"] in ("running", "paused")}
    snapshots = set()
    for copy in (engine.data / "snapshots").glob("*/snapshot.json"):
        record = json.loads(copy.read_text())
        if not record["committed"]:
            snapshots.add(record["key"])
    links = subprocess.run(["ip", "-n", engine.name, "-o", "link"], capture_output=True, text=True).stdout
    cgroups = {folder.name for folder in engine.cgroups() if len(folder.name) == 64}
    pairs = {"folders": (below(engine.data / "containers"), known), "snapshots": (snapshots, known),
             "tasks": (below(engine.exec_root / "tasks"), live), "shims": (shims(engine), live), "cgroups": (cgroups, live),
             "namespaces": (below(engine.exec_root / "netns"), live),
             "veths": ({line.split(":")[1] for line in links.splitlines() if "veth" in line}, live)}
    return {what: (sorted(has), sorted(wanted)) for what, (has, wanted) in pairs.items()
            if (len(has) != len(wanted) if what in ("veths", "namespaces") else has != wanted)}


def settle(engine, seconds=15):
    end = time.monotonic() + seconds
    while (found := findings(engine)) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def test_nothing_is_lost_and_nothing_is_left(new_engine):
    seed = int(os.environ.get("BERTH_CRASH_SEED", random.randrange(1 << 30)))
    print(f"BERTH_CRASH_SEED={seed}")
    dice = random.Random(seed)
    engine = new_engine()
    steady = engine.docker("run", "-d", "--name", "steady", "busybox", "sh", "-c",
                           "i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done").out.strip()
    pid = engine.docker("inspect", "-f", "{{.State.Pid}}", steady).out.strip()
    ledger = {"tried": set(), "there": set(), "gone": set()}
    end = time.monotonic() + SECONDS
    rounds = 0
    while rounds < ROUNDS and time.monotonic() < end:
        workers = [Worker(engine, ledger, number, dice.randrange(1 << 30)) for number in range(3)]
        for worker in workers:
            worker.start()
        time.sleep(dice.uniform(0.01, 0.5))
        engine.crash()
        for worker in workers:
            worker.join(60)
        engine.start()
        rounds += 1
        assert settle(engine) == {}, f"round {rounds}"
        names = {entry["Names"][0][1:] for entry in engine.api("GET", "/containers/json?all=1").json}
        assert ledger["there"] <= names, f"round {rounds}: lost"
        assert not ledger["gone"] & names, f"round {rounds}: back from the dead"
        assert names <= ledger["tried"] | {"steady"}
        for name in names - {"steady"}:
            ledger["there"].discard(name)
            # 409: it is being removed already, by its own wish.
            assert engine.api("DELETE", f"/containers/{name}?force=1").status in (204, 404, 409)
        assert settle(engine) == {}, f"round {rounds}: after removal"
    assert engine.docker("inspect", "-f", "{{.State.Pid}} {{.State.Running}}", "steady").out.strip() == f"{pid} true"
    engine.docker("kill", "steady")
    numbers = [int(line) for line in engine.docker("logs", "steady").out.split()]
    assert numbers == list(range(1, len(numbers) + 1))
    print(f"{rounds} kills, {len(ledger['tried'])} containers")
    engine.docker("volume", "prune", "-af")
