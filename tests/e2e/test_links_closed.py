"""Links of the default bridge where its containers reach nothing of each other (icc=false): a link opens the ports that
its target exposes, to its owner alone, wherever the target goes."""

import json

import pytest

from test_firewall import until
from test_names import pid

SERVE = "mkdir /w; echo hi > /w/index.html; httpd -h /w -p 80; exec httpd -f -h /w -p 81"


def address(engine, name):
    return json.loads(engine.docker("inspect", name).out)[0]["NetworkSettings"]["IPAddress"]


def reaches(engine, name, where, port):
    return engine.run("nsenter", "-t", pid(engine, name), "-n", "curl", "-s", "--connect-timeout", "0.3", "-m", "2",
                      f"http://{where}:{port}/", status=None).out == "hi\n"


@pytest.mark.parametrize("backend", ["iptables", "nftables"])
def test_links_open_ports(new_engine, backend):
    engine = new_engine("--icc=false", "--firewall-backend", backend)
    # Whatever the host has set: the bridge itself is told to filter.
    engine.run("sh", "-c", "echo 0 > /proc/sys/net/bridge/bridge-nf-call-iptables", inside=True)
    serve = ("run", "-d", "--name", "db", "--expose", "80", "-e", "COLOUR=red", "busybox", "sh", "-c", SERVE)
    engine.docker(*serve)
    engine.docker("run", "-d", "--name", "app", "--link", "db:data", "busybox", "sleep", "1000")
    engine.docker("run", "-d", "--name", "stranger", "busybox", "sleep", "1000")
    there = address(engine, "db")
    until(lambda: reaches(engine, "app", there, 80))
    assert not reaches(engine, "app", there, 81), "not exposed"
    assert not reaches(engine, "stranger", there, 80)
    assert engine.docker("exec", "app", "wget", "-qO-", "http://data/").out == "hi\n"
    assert f"DATA_PORT_80_TCP_ADDR={there}\n" in engine.docker("exec", "app", "env").out
    assert "DATA_ENV_COLOUR=red\n" in engine.docker("exec", "app", "env").out
    # The daemon comes back, and others flush.
    engine.crash()
    engine.start()
    assert reaches(engine, "app", there, 80) and not reaches(engine, "stranger", there, 80)
    engine.run("nft", "flush", "ruleset", inside=True)
    until(lambda: not reaches(engine, "stranger", there, 80))
    until(lambda: reaches(engine, "app", there, 80))
    # Another container gets the address, the target another one: the link follows.
    engine.docker("stop", "-t", "0", "db")
    engine.docker("run", "-d", "--name", "heir", "busybox", "sh", "-c", SERVE)
    assert address(engine, "heir") == there
    until(lambda: reaches(engine, "heir", "127.0.0.1", 80))
    assert not reaches(engine, "app", there, 80)
    engine.docker("start", "db")
    moved = address(engine, "db")
    assert moved != there
    until(lambda: reaches(engine, "app", moved, 80))
    assert not reaches(engine, "app", there, 80) and engine.docker("exec", "app", "wget", "-qO-", "http://data/").out == "hi\n"
    engine.docker("rm", "-f", "app")
    left = engine.run("iptables-save", inside=True).out + engine.run("nft", "list", "ruleset", inside=True).out
    assert f"{moved}/32 -i" not in left and f". {moved} . tcp" not in left
    engine.docker("rm", "-f", "db", "stranger", "heir")
