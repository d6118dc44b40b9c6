"""kill -9 of an engine's daemon at seeded random moments of what clients do, with heartbeat containers beside it."""

import contextlib
import ctypes
import datetime
import http.client
import json
import os
import random
import socket
import threading
import time

from support.audit import Ledger, settle

PORT = 18088
SHELL = ["sh", "-c"]
# What runs all the while: the daemon's death must mean nothing to it.
HEARTBEATS = {
    "numbers": {"Cmd": [*SHELL, "i=0; while :; do i=$((i+1)); echo $i; usleep 20000; done"]},
    "server": {"Cmd": [*SHELL, "echo here >/index.html; exec httpd -f -h /"], "ExposedPorts": {"80/tcp": {}},
               "HostConfig": {"PortBindings": {"80/tcp": [{"HostPort": str(PORT)}]}}},
    "mortal": {"Cmd": [*SHELL, "trap 'exit 143' TERM; while :; do usleep 20000; done"]},
    "paused": {"Cmd": ["sleep", "100000"]},
    "probed": {"Cmd": ["sleep", "100000"], "Healthcheck": {"Test": ["CMD", "true"], "Interval": 500_000_000}},
}
FLEETING = {"Cmd": ["sleep", "100000"], "HostConfig": {"AutoRemove": True}}


class Gone(Exception):
    """The daemon has answered nothing, or that it ends."""


class Worker(threading.Thread):
    """Does what clients do until the daemon is gone, and notes what was acknowledged."""

    def __init__(self, engine, ledger, prefix, seed):
        super().__init__(daemon=True)
        self.engine, self.ledger, self.prefix, self.dice = engine, ledger, prefix, random.Random(seed)
        self.wrong = None

    def run(self):
        try:
            for count in range(1000):
                self.life(f"{self.prefix}-{count}")
        except (Gone, OSError, http.client.HTTPException):
            pass
        except Exception as error:  # noqa: BLE001 a finding of its own
            self.wrong = error

    def call(self, method, path, body=None, accept=()):
        answer = self.engine.api(method, path, body)
        if answer.status >= 500 and answer.status not in accept:
            raise Gone(answer.text)
        return answer

    def life(self, name):
        volume = f"v-{name}"
        self.ledger.tried["volumes"].add(volume)
        self.ledger.tried["containers"].add(name)
        body = {"Image": "busybox", "Cmd": ["sleep", self.dice.choice(["0.01", "1000"])],
                "HostConfig": {"Binds": [f"{volume}:/v"], "AutoRemove": self.dice.random() < 0.2}}
        made = self.call("POST", f"/containers/create?name={name}", body)
        if made.status != 201:
            return
        one = made.json["Id"]
        self.ledger.names[one] = {name}
        self.ledger.made("volumes", volume)
        if not body["HostConfig"]["AutoRemove"]:
            self.ledger.made("containers", one)
        for _ in range(self.dice.randrange(1, 6)):
            self.step(one, name)
        if self.dice.random() < 0.8:
            self.ledger.removing("containers", one)
            if self.call("DELETE", f"/containers/{one}?force=1").status == 204:
                self.ledger.removed("containers", one)
            self.ledger.removing("volumes", volume)
            if self.call("DELETE", f"/volumes/{volume}").status == 204:
                self.ledger.removed("volumes", volume)

    def step(self, one, name):
        what = self.dice.choice(["start", "start", "stop", "exec", "kill", "rename", "update"])
        if what == "start":
            self.call("POST", f"/containers/{one}/start")
        elif what == "stop":
            self.call("POST", f"/containers/{one}/stop?t=0", accept=(500,))
        elif what == "exec":
            made = self.call("POST", f"/containers/{one}/exec", {"Cmd": ["true"]})
            if made.status == 201:
                self.call("POST", f"/exec/{made.json['Id']}/start", {"Detach": True}, accept=(500,))
        elif what == "kill":
            self.call("POST", f"/containers/{one}/kill", accept=(500,))
        elif what == "rename":
            new = f"{name}-r{self.dice.randrange(1 << 20)}"
            self.ledger.names[one] = self.ledger.names[one] | {new}
            if self.call("POST", f"/containers/{one}/rename?name={new}").status == 204:
                self.ledger.names[one] = {new}
        else:
            # An update of a container that is on its way out fails as it may.
            self.call("POST", f"/containers/{one}/update", {"PidsLimit": self.dice.randrange(50, 100)}, accept=(500,))


class Prober(threading.Thread):
    """Asks the server every 20 ms, in the engine's network namespace: the longest time without an answer."""

    def __init__(self, engine):
        super().__init__(daemon=True)
        self.netns, self.longest, self.answers, self.ended = engine.netns, 0.0, 0, threading.Event()

    def run(self):
        with open(self.netns) as namespace:
            assert ctypes.CDLL(None).setns(namespace.fileno(), 0x40000000) == 0  # this thread alone
        last = time.monotonic()
        while not self.ended.wait(0.02):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", PORT), timeout=2) as connection:
                connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
                if b"here" in connection.makefile("rb").read():
                    now = time.monotonic()
                    self.longest, last, self.answers = max(self.longest, now - last), now, self.answers + 1

    def end(self):
        self.ended.set()
        self.join()


def inspect(engine, name):
    return engine.api("GET", f"/containers/{name}/json")


def start_container(engine, ledger, name, body):
    made = engine.api("POST", f"/containers/create?name={name}", {"Image": "busybox", **body})
    assert made.status == 201, made.text
    if not body.get("HostConfig", {}).get("AutoRemove"):
        ledger.made("containers", made.json["Id"])
    assert engine.api("POST", f"/containers/{name}/start").status == 204
    return inspect(engine, name).json


def gaps(engine, identity):
    """Of the numbers' log: whether a line is lost or double, and the longest time between two."""
    last, longest, number = None, 0.0, 0
    for line in (engine.data / "containers" / identity / f"{identity}-json.log").open():
        record = json.loads(line)
        number += 1
        if int(record["log"]) != number:
            return f"line {number} says {record['log']!r}", longest
        at = datetime.datetime.fromisoformat(record["time"][:26].rstrip("Z") + "+00:00").timestamp()
        longest, last = max(longest, at - last if last else 0), at
    return None, longest


def end_of(pid):
    end = time.monotonic() + 10
    while time.monotonic() < end and os.path.exists(f"/proc/{pid}"):
        time.sleep(0.002)


class Loop:
    """One run: `kills` deaths, or as many as `seconds` allow."""

    def __init__(self, engine, kills, seconds, seed, patience=15):
        self.engine, self.kills, self.seconds, self.dice, self.patience = engine, kills, seconds, random.Random(seed), patience
        self.ledger, self.found, self.rounds, self.ready = Ledger(), [], 0, []

    def heartbeats(self):
        return {name: start_container(self.engine, self.ledger, name, body) for name, body in HEARTBEATS.items()}

    def run(self):
        before = self.heartbeats()
        assert self.engine.api("POST", "/containers/paused/pause").status == 204
        prober = Prober(self.engine)
        prober.start()
        end = time.monotonic() + self.seconds
        while self.rounds < self.kills and time.monotonic() < end and len(self.found) < 20:
            self.round()
            self.rounds += 1
            if self.rounds % 5 == 0:
                self.clear()
        prober.end()
        self.clear()
        for name, was in before.items():
            now = inspect(self.engine, name).json["State"]
            if name != "mortal" and (now["Pid"], now["StartedAt"]) != (was["State"]["Pid"], was["State"]["StartedAt"]):
                self.say(f"{name} is not what it was: {now}")
        self.check_states()
        wrong, longest = gaps(self.engine, before["numbers"]["Id"])
        if wrong:
            self.say("numbers: " + wrong)
        for name in HEARTBEATS:
            self.engine.api("DELETE", f"/containers/{name}?force=1")
        return {"kills": self.rounds, "findings": self.found, "containers": len(self.ledger.names), "answers": prober.answers,
                "gap of lines": longest, "gap of answers": prober.longest, "ready": sorted(self.ready)}

    def say(self, what):
        self.found.append(f"round {self.rounds}: {what}")

    def check_states(self):
        if (state := inspect(self.engine, "paused").json["State"]["Status"]) != "paused":
            self.say(f"paused is {state}")
        if (health := inspect(self.engine, "probed").json["State"]["Health"]["Status"]) != "healthy":
            self.say(f"probed is {health}")

    def round(self):
        fleeting = start_container(self.engine, self.ledger, f"fleeting-{self.rounds}", FLEETING)
        before = inspect(self.engine, "mortal").json["State"]
        mortal = before["Pid"]
        workers = [Worker(self.engine, self.ledger, f"w{self.rounds}-{number}", self.dice.randrange(1 << 30)) for number in range(3)]
        for worker in workers:
            worker.start()
        time.sleep(self.dice.uniform(0.01, 0.4))
        self.engine.crash()
        # These two end while nobody but their shims is there.
        os.kill(mortal, 15)
        os.kill(fleeting["State"]["Pid"], 9)
        for worker in workers:
            worker.join(60)
            if worker.wrong:
                self.say(f"worker: {worker.wrong!r}")
        end_of(mortal)
        away = datetime.datetime.now(datetime.timezone.utc)
        begun = time.monotonic()
        self.engine.start()
        self.ready.append(time.monotonic() - begun)
        if found := settle(self.engine, self.ledger, self.patience):
            self.say(found)
        self.check_mortals(before, away, fleeting["Id"])

    def check_mortals(self, before, away, fleeting):
        state = inspect(self.engine, "mortal").json["State"]
        ended = datetime.datetime.fromisoformat(state["FinishedAt"][:26].rstrip("Z") + "+00:00")
        if state["StartedAt"] != before["StartedAt"]:
            self.say(f"mortal was started at {before['StartedAt']}, and now at {state['StartedAt']}")
        # Its shim looks at the clock a little after it has gone; a daemon that has to guess, much later.
        if (state["Status"], state["ExitCode"]) != ("exited", 143) or ended > away + datetime.timedelta(milliseconds=20):
            self.say(f"mortal: {state}, started again after {away}")
        end = time.monotonic() + self.patience
        while inspect(self.engine, fleeting).status != 404:
            if time.monotonic() > end:
                self.say("what was to go by itself is there")
                self.engine.api("DELETE", f"/containers/{fleeting}?force=1")
                break
            time.sleep(0.02)
        self.engine.api("POST", "/containers/mortal/start")

    def clear(self):
        """Away with what the workers have left, and everything of it has to go at the first try."""
        for entry in self.engine.api("GET", "/containers/json?all=1").json:
            if entry["Names"][0][1:] not in HEARTBEATS:
                self.ledger.removing("containers", entry["Id"])
                answer = self.engine.api("DELETE", f"/containers/{entry['Id']}?force=1")
                # 409: it is being removed already, by its own wish.
                if answer.status not in (204, 404, 409):
                    self.say(f"rm -f: {answer.status} {answer.text}")
        for volume in self.engine.api("GET", "/volumes").json["Volumes"]:
            self.ledger.removing("volumes", volume["Name"])
            self.engine.api("DELETE", f"/volumes/{volume['Name']}?force=1")
        if found := settle(self.engine, self.ledger, self.patience):
            self.say(found)


def report(result):
    ready = result["ready"]
    lines = [f"{result['kills']} kills, {result['containers']} containers, {result['answers']} answers",
             f"findings: {len(result['findings'])}", f"longest gap between two lines: {result['gap of lines'] * 1000:.0f} ms",
             f"longest gap between two answers: {result['gap of answers'] * 1000:.0f} ms",
             f"ready again: median {ready[len(ready) // 2] * 1000:.0f} ms, worst {ready[-1] * 1000:.0f} ms" if ready else ""]
    return "\n".join([*lines, *map(str, result["findings"])])
