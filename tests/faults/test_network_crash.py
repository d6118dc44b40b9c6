"""Networks and the daemon's death: kill -9 in the middle of whatever changes networks, again and again, and many
cycles without. Nothing is left in the end, and no address has two owners in between.

In CI both are boxed in time; BERTH_NETWORK_KILLS and BERTH_NETWORK_CYCLES say how many there are to be instead."""

import contextlib
import http.client
import os
import random
import threading
import time

KILLS = int(os.environ.get("BERTH_NETWORK_KILLS", "0"))
CYCLES = int(os.environ.get("BERTH_NETWORK_CYCLES", "0"))
BOX = 12  # seconds for each test in CI


def going_on(count, limit, start):
    return count < limit if limit else time.monotonic() - start < BOX


def state(engine):
    """What a network or a container could leave: links, addresses, rules, namespaces, records, names."""
    links = engine.run("ip", "-o", "addr", inside=True).out
    rules = sorted(line for tool in ("iptables-save", "ip6tables-save") for line in engine.run(tool, inside=True).out.splitlines()
                   if line.startswith("-A"))
    folders = [sorted(p.name for p in (engine.exec_root / name).iterdir()) for name in ("netns", "network", "names")]
    return [line.split()[1:4] for line in links.splitlines() if "fe80" not in line], rules, folders


def clean(engine):
    for container in engine.api("GET", "/containers/json?all=1").json:
        engine.api("DELETE", f"/containers/{container['Id']}?force=1")
    engine.api("POST", "/networks/prune")


def settle(engine, before):
    end = time.monotonic() + 10
    while state(engine) != before and time.monotonic() < end:
        time.sleep(0.05)
    assert state(engine) == before


def body(network, port):
    return {"Image": "busybox", "Cmd": ["sleep", "1000"], "ExposedPorts": {"80/tcp": {}},
            "HostConfig": {"NetworkMode": network, "PortBindings": {"80/tcp": [{"HostPort": str(port)}]}}}


def churn(engine, number, stop):
    """Networks and containers come and go until told to stop, whatever the daemon answers."""
    dice = random.Random(number)
    while not stop.is_set():
        network, second = f"n{number}-{dice.randrange(3)}", f"n{number}-x"
        with contextlib.suppress(OSError, http.client.HTTPException, AttributeError, KeyError):
            engine.api("POST", "/networks/create", {"Name": network, "EnableIPv6": dice.random() < 0.3}, timeout=20)
            engine.api("POST", "/networks/create", {"Name": second}, timeout=20)
            made = engine.api("POST", "/containers/create", body(network, 8000 + number), timeout=20).json["Id"]
            engine.api("POST", f"/containers/{made}/start", timeout=20)
            engine.api("POST", f"/networks/{second}/connect", {"Container": made}, timeout=20)
            engine.api("POST", f"/networks/{network}/disconnect", {"Container": made}, timeout=20)
            engine.api("DELETE", f"/containers/{made}?force=1", timeout=20)
            engine.api("DELETE", f"/networks/{network}", timeout=20)


def addresses(engine):
    found = []
    for container in engine.api("GET", "/containers/json").json:
        found += [n["IPAddress"] for n in container["NetworkSettings"]["Networks"].values() if n["IPAddress"]]
    return found


def test_kills(new_engine):
    engine = new_engine()
    warm = engine.api("POST", "/containers/create", body("bridge", 7999)).json["Id"]
    assert engine.api("POST", f"/containers/{warm}/start").status == 204
    clean(engine)
    settle(engine, before := state(engine))
    dice, kills, start = random.Random(6), 0, time.monotonic()
    while going_on(kills, KILLS, start):
        stop = threading.Event()
        workers = [threading.Thread(target=churn, args=(engine, number, stop)) for number in range(2)]
        for worker in workers:
            worker.start()
        time.sleep(dice.uniform(0.01, 0.35))  # the moment of the kill
        engine.crash()
        stop.set()
        for worker in workers:
            worker.join()
        engine.start()
        kills += 1
        taken = addresses(engine)
        assert len(taken) == len(set(taken)), taken
        if kills % 5 == 0:
            clean(engine)
    clean(engine)
    settle(engine, before)
    # And it works as on the first day.
    made = engine.api("POST", "/containers/create", body("bridge", 8000)).json["Id"]
    assert engine.api("POST", f"/containers/{made}/start").status == 204
    clean(engine)
    settle(engine, before)
    assert kills > 3


def test_cycles(new_engine):
    engine = new_engine()
    settle(engine, before := state(engine))
    cycles, start = 0, time.monotonic()
    while going_on(cycles, CYCLES, start):
        network = engine.api("POST", "/networks/create", {"Name": "cycle", "EnableIPv6": cycles % 4 == 0})
        assert network.status == 201, network.text
        container = engine.api("POST", "/containers/create", body("cycle", 8080)).json["Id"]
        assert engine.api("POST", f"/containers/{container}/start").status == 204
        assert engine.api("DELETE", f"/containers/{container}?force=1").status == 204
        assert engine.api("DELETE", "/networks/cycle").status == 204
        cycles += 1
    settle(engine, before)
    assert cycles > 10
