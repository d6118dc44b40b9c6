"""A client that goes in the middle of a create or a start: the container is there whole, or not at all."""

import json
import os
import random
import socket
import time

import pytest

from support.audit import settle, Ledger

ROUNDS = int(os.environ.get("BERTH_CUTS", "20"))


def connect(engine):
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(engine.socket))
    return client


def request(method, path, body=b""):
    return (f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body


def cut(engine, text, after):
    """Sends it, and is gone `after` seconds later without a look at the answer."""
    client = connect(engine)
    client.sendall(text)
    if after:
        time.sleep(after)
    client.close()


def state_of(engine, name):
    found = engine.api("GET", f"/containers/{name}/json")
    return found.json["State"]["Status"] if found.status == 200 else None


def await_whole(engine, name):
    """Whether it had been made; if not it is made now. A name may be held for as long as a create is at work."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        made = engine.api("POST", f"/containers/create?name={name}", json.loads(BODY))
        if made.status == 201:
            return False
        assert made.status == 409
        if state_of(engine, name):
            return True
        time.sleep(0.01)
    raise AssertionError(f"{name} is neither there nor free")


BODY = json.dumps({"Image": "busybox", "Cmd": ["sleep", "1000"], "HostConfig": {"Binds": ["kept:/v"]}, "Volumes": {"/anonymous": {}}}).encode()


def test_a_body_that_breaks_off_makes_nothing(engine):
    whole = request("POST", "/containers/create?name=half", BODY)
    for size in (len(whole) - len(BODY), len(whole) - len(BODY) // 2, len(whole) - 1):
        cut(engine, whole[:size], 0)
        assert state_of(engine, "half") is None
        made = engine.api("POST", "/containers/create?name=half", json.loads(BODY))
        assert made.status == 201
        assert engine.api("DELETE", "/containers/half?v=1").status == 204
    engine.docker("volume", "rm", "kept")
    assert settle(engine, Ledger()) == {}


@pytest.mark.parametrize("operation", ["create", "start", "run"])
def test_a_client_that_goes(engine, operation):
    seed = int(os.environ.get("BERTH_SEED", "1"))
    moments, seen = random.Random(seed), set()
    longest = 0.03 if operation == "create" else 0.1
    for number in range(ROUNDS):
        name, after = f"cut-{number}", moments.random() * longest
        if operation != "start":
            cut(engine, request("POST", f"/containers/create?name={name}", BODY), after)
        else:
            assert engine.api("POST", f"/containers/create?name={name}", json.loads(BODY)).status == 201
        if operation != "create":
            cut(engine, request("POST", f"/containers/{name}/start"), after)
        seen.add(await_whole(engine, name))
        assert state_of(engine, name) in ("created", "running")
        # What is there can be used; a start that is still at work comes first.
        assert engine.api("POST", f"/containers/{name}/start").status in (204, 304)
        assert state_of(engine, name) == "running"
        assert engine.api("DELETE", f"/containers/{name}?force=1&v=1").status == 204
        assert state_of(engine, name) is None
    engine.docker("volume", "rm", "kept")
    assert settle(engine, Ledger()) == {}
