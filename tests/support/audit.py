"""What an engine says, against what the kernel and the disk say and what it has acknowledged.

    ledger = Ledger()                 # what the engine has acknowledged so far
    findings(engine, ledger)          # {} or {what: ...}: whatever is unexplained or missing
    settle(engine, ledger)            # the same, once the engine has had the time to clear away

`engine` is a support.engine.Engine or a support.peer.Peer: each has its own view of where it keeps things."""

import contextlib
import json
import os
import re
import subprocess
import time
from collections import Counter
from pathlib import Path

from support.peer import Peer

IDENTITY = re.compile("[0-9a-f]{64}")


class Ledger:
    """Acknowledged operations. `there`, `gone`: objects that must be, or must not be any more, by kind; `tried`: asked for,
    and never answered."""

    def __init__(self):
        kinds = ("containers", "volumes", "networks", "tags")
        self.there, self.gone, self.tried = ({kind: set() for kind in kinds} for _ in range(3))
        self.names, self.limits = {}, {}  # of a container: every value it may have

    def made(self, kind, key):
        self.there[kind].add(key)

    def removing(self, kind, key):
        self.there[kind].discard(key)
        self.tried[kind].add(key)

    def removed(self, kind, key):
        self.removing(kind, key)
        self.gone[kind].add(key)


def below(folder):
    return set(os.listdir(folder)) if folder.is_dir() else set()


def identities(names):
    return {name for name in names if IDENTITY.fullmatch(name)}


def processes(engine):
    """pid -> words, of every process whose command line names the engine's folder or network namespace."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if any(str(engine.directory) in word for word in words):
                found[int(process.name)] = words
    return found


class BerthView:
    """Where Berth keeps what belongs to containers."""

    def __init__(self, engine):
        self.engine = engine

    def layers(self):
        found = set()
        for copy in (self.engine.store / "snapshots").glob("*/snapshot.json"):
            with contextlib.suppress(OSError):
                record = json.loads(copy.read_text())
                if not record["committed"]:
                    found.add(record["key"])
        return found

    def tasks(self):
        return below(self.engine.exec_root / "tasks")

    def shims(self, words_of):
        return {words[words.index("--id") + 1] for words in words_of.values() if "--bundle" in words and "--reap" not in words}

    def namespaces(self):
        return len(below(self.engine.exec_root / "netns"))

    def own_processes(self):
        return {"berthd": 1, "berth-netd": (0, 1)}

    def mounts(self, live):
        """Mounts that name the engine's folder: the network namespaces are all."""
        return len(live)

    def volumes(self):
        return below(self.engine.store / "volumes")

    def sockets(self, live):
        own = {str(path) for path in (self.engine.socket, self.engine.exec_root / "netd.sock") if path.exists()}
        return {*own, *(str(self.engine.exec_root / "tasks" / one / "shim.sock") for one in live)}


class DockerView(BerthView):
    def layers(self):
        return below(self.engine.store / "image/overlay2/layerdb/mounts")

    def tasks(self):
        return below(self.engine.exec_root / "containerd/daemon/io.containerd.runtime.v2.task/moby")

    def shims(self, words_of):
        return {words[words.index("-id") + 1] for words in words_of.values() if "-id" in words and "shim" in words[0]}

    def namespaces(self):
        return len(below(self.engine.exec_root / "netns") - {"default"})

    def own_processes(self):
        return {"dockerd": 1, "containerd": 1}

    def mounts(self, live):
        # The merged root, /run/containerd's bundle and the namespace of each; what is private to dockerd is its own.
        return None

    def volumes(self):
        return {name for name in below(self.engine.store / "volumes") if name not in ("metadata.db", "backingFsBlockDev")}

    def sockets(self, live):
        return None


def view_of(engine):
    return DockerView(engine) if isinstance(engine, Peer) else BerthView(engine)


def lines_inside(engine, *command):
    return subprocess.run(["nsenter", f"--net={engine.netns}", *command], capture_output=True, text=True).stdout.splitlines()


def compare(found, what, there, wanted):
    if there is None or wanted is None or there == wanted:
        return
    if isinstance(there, set) and isinstance(wanted, set):
        found[what] = {"unexplained": sorted(there - wanted), "missing": sorted(wanted - there)}
    else:
        found[what] = {"there": there, "wanted": wanted}


def check_ledger(found, ledger, kind, there):
    if lost := ledger.there[kind] - there:
        found[f"{kind} that were acknowledged and are lost"] = sorted(lost)
    if back := ledger.gone[kind] & there:
        found[f"{kind} that were removed and are back"] = sorted(back)


def check_containers(found, ledger, listed):
    by_id = {entry["Id"]: entry for entry in listed}
    for one, allowed in ledger.names.items():
        if one in by_id and by_id[one]["Names"][0][1:] not in allowed:
            found[f"name of {one[:12]}"] = (by_id[one]["Names"], sorted(allowed))


def check_kernel(found, engine, view, live, ports, ports6):
    compare(found, "cgroups", identities(folder.name for folder in engine.cgroups()), live)
    compare(found, "network namespaces", view.namespaces(), len(live))
    links = lines_inside(engine, "ip", "-o", "link")
    compare(found, "veths", sum("veth" in line for line in links), len(live))
    bridges = {line.split(": ")[1].split("@")[0] for line in links if re.search(r": (docker0|br-[0-9a-f]{12})[:@]", line)}
    networks = engine.api("GET", "/networks").json
    compare(found, "bridges", bridges, {"docker0" if one["Name"] == "bridge" else "br-" + one["Id"][:12]
                                        for one in networks if one["Driver"] == "bridge"})
    endpoints = [endpoint for network in networks
                 for endpoint in engine.api("GET", f"/networks/{network['Id']}").json["Containers"].values()]
    addresses = Counter(endpoint[kind] for endpoint in endpoints for kind in ("IPv4Address", "IPv6Address") if endpoint[kind])
    if twice := [address for address, times in addresses.items() if times > 1]:
        found["addresses with two owners"] = twice
    rules = {int(re.search(r"--dport (\d+)", line)[1]) for line in lines_inside(engine, "iptables-save", "-t", "nat")
             if "--to-destination" in line}
    compare(found, "rules of published ports", rules, ports)
    rules6 = {int(re.search(r"--dport (\d+)", line)[1]) for line in lines_inside(engine, "ip6tables-save", "-t", "nat")
              if "--to-destination" in line}
    compare(found, "IPv6 rules of published ports", rules6, ports6)
    listening = {int(line.split()[3].rsplit(":", 1)[1]) for line in lines_inside(engine, "ss", "-Hlnt")}
    compare(found, "listeners", {port for port in listening if port > 1023 and not line_is_resolver(port)}, ports)
    # The daemon's own view: it may live in a mount namespace of its test's.
    mounts = sum(str(engine.directory) in line for line in Path(f"/proc/{engine.process.pid}/mountinfo").read_text().splitlines())
    compare(found, "mounts", mounts, view.mounts(live))


def line_is_resolver(port):
    return port == 53


def check_processes(found, engine, view, live):
    words_of = processes(engine)
    compare(found, "shims", view.shims(words_of), live)
    programs = Counter(os.path.basename(words[0]) for words in words_of.values())
    for program, wanted in view.own_processes().items():
        allowed = wanted if isinstance(wanted, tuple) else (wanted,)
        if programs[program] not in allowed:
            found[f"processes {program}"] = (programs[program], allowed)
    family = {engine.process.pid, *words_of}
    zombies = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            name, _, rest = (process / "stat").read_text().rpartition(") ")
            state, parent = rest.split()[:2]
            if state == "Z" and int(parent) in family:
                zombies.append(name)
    if zombies:
        found["zombies"] = zombies


def check_disk(found, engine, view, known, live):
    compare(found, "folders", identities(below(engine.store / "containers")), known)
    compare(found, "layers", view.layers(), known)
    compare(found, "tasks", view.tasks(), live)
    volumes = {one["Name"] for one in engine.api("GET", "/volumes").json["Volumes"]}
    compare(found, "volumes' folders", view.volumes(), volumes)
    sockets = {str(path) for folder in (engine.directory, engine.exec_root) for path in folder.glob("*.sock")}
    sockets |= {str(path) for path in (engine.exec_root / "tasks").glob("*/*.sock")}
    compare(found, "sockets", sockets, view.sockets(live))
    return volumes


def findings(engine, ledger=None):
    ledger, view, found = ledger or Ledger(), view_of(engine), {}
    listed = engine.api("GET", "/containers/json?all=1").json
    known = {entry["Id"] for entry in listed}
    live = {entry["Id"] for entry in listed if entry["State"] in ("running", "paused")}
    ports = {port["PublicPort"] for entry in listed for port in entry["Ports"] if "PublicPort" in port}
    # What comes to an address of version 6 a rule hands on only where the container has such an address.
    ports6 = {port["PublicPort"] for entry in listed for port in entry["Ports"] if ":" in port.get("IP", "")
              if any(one["GlobalIPv6Address"] for one in entry["NetworkSettings"]["Networks"].values())}
    check_ledger(found, ledger, "containers", known)
    check_containers(found, ledger, listed)
    check_kernel(found, engine, view, live, ports, ports6)
    check_processes(found, engine, view, live)
    check_ledger(found, ledger, "volumes", check_disk(found, engine, view, known, live))
    check_ledger(found, ledger, "networks", {one["Name"] for one in engine.api("GET", "/networks").json})
    check_ledger(found, ledger, "tags", {tag for image in engine.api("GET", "/images/json").json for tag in image["RepoTags"] or []})
    return found


def settle(engine, ledger=None, seconds=15):
    end = time.monotonic() + seconds
    while (found := findings(engine, ledger)) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def weight(engine):
    """What must not grow: the daemon's descriptors, threads and private memory in kB."""
    process = Path(f"/proc/{engine.process.pid}")
    status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
    return {"descriptors": len(os.listdir(process / "fd")), "threads": int(status["Threads"]),
            "memory": int(status["RssAnon"].split()[0])}
