"""The resolver at 127.0.0.11, asked by the real dig."""

import json
import threading
import time

import pytest

from test_names import UPSTREAM, address, pid

PAIRS = 40  # containers that share a name: more than 512 bytes hold


@pytest.fixture(scope="module")
def asked(engine):
    """A network with IPv6 and a container in it that asks."""
    engine.docker("network", "create", "--ipv6", "--subnet", "10.91.0.0/24", "dug")
    for name in ("asker", "web"):
        engine.docker("run", "-d", "--name", name, "--network", "dug", "--network-alias", name + "-alias", "busybox", "sleep", "1000")
    yield engine
    engine.docker("rm", "-f", "asker", "web")
    engine.docker("network", "rm", "dug")


def dig(engine, container, *words):
    """dig's output, from where the container is."""
    return engine.run("nsenter", "-t", pid(engine, container), "-n", "dig", "@127.0.0.11", "+tries=1", "+time=6", *words, status=None).out


def short(engine, container, *words):
    return sorted(dig(engine, container, "+short", *words).split())


def status(engine, container, *words):
    return dig(engine, container, *words).split("status: ")[1].split(",")[0]


@pytest.mark.parametrize("way", [(), ("+tcp",), ("+noedns",), ("+bufsize=600",), ("+noedns", "+tcp")])
def test_kinds(asked, way):
    networks = json.loads(asked.docker("inspect", "web").out)[0]["NetworkSettings"]["Networks"]["dug"]
    for name in ("web", "web-alias", "WEB.dug", "web."):
        assert short(asked, "asker", *way, name) == [networks["IPAddress"]]
        assert short(asked, "asker", *way, name, "AAAA") == [networks["GlobalIPv6Address"]]
    assert short(asked, "asker", *way, "-x", networks["IPAddress"]) == ["web.dug."]
    assert short(asked, "asker", *way, "-x", networks["GlobalIPv6Address"]) == ["web.dug."]
    for kind in ("TXT", "MX", "SRV"):
        answer = dig(asked, "asker", *way, "web", kind)
        assert "status: NOERROR" in answer and "ANSWER: 0" in answer
    # EDNS is spoken by both or by none.
    assert ("EDNS: version: 0" in dig(asked, "asker", *way, "web")) == ("+noedns" not in way)


def test_more_than_a_datagram_holds(asked):
    """Every address of a shared name by TCP; by UDP what the asker can take, marked as cut."""
    names = [f"many{number}" for number in range(PAIRS)]
    threads = [threading.Thread(target=lambda part=part: [asked.docker(
        "run", "-d", "--name", name, "--network", "dug", "--network-alias", "many", "busybox", "sleep", "1000") for name in names[part::2]])
        for part in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    everyone = sorted(address(asked, name, "dug") for name in names)
    assert short(asked, "asker", "+tcp", "many") == everyone
    cut = dig(asked, "asker", "+noedns", "+ignore", "many")
    flags = cut.split("flags: ")[1].split(";")[0].split()
    assert "tc" in flags and 20 < cut.count("\tA\t10.91.0.") < PAIRS
    # Without +ignore dig asks again by TCP; with room it need not.
    assert short(asked, "asker", "+noedns", "many") == everyone
    roomy = dig(asked, "asker", "+bufsize=4096", "+ignore", "many")
    assert " tc " not in roomy and roomy.count("\tA\t10.91.0.") == PAIRS
    # In turn: another one leads each time.
    assert len({dig(asked, "asker", "+short", "+tcp", "many").split()[0] for _ in range(5)}) > 1
    asked.docker("rm", "-f", *names)


@pytest.fixture
def upstream(asked):
    """A name server on the host's end of the network, of both families; "slow" names get no answer."""
    gateway6 = json.loads(asked.docker("network", "inspect", "dug").out)[0]["IPAM"]["Config"][1]["Gateway"]
    servers = [asked.background("/usr/bin/python3", "-c", UPSTREAM.replace("AF_INET,", family + ",").replace("socket.socket()", f"socket.socket(socket.{family})"),
                                where, inside=True)
               for family, where in (("AF_INET", "10.91.0.1"), ("AF_INET6", gateway6))]
    for server in servers:
        assert server.stdout.readline() == b"ready\n"
    yield {"v4": "10.91.0.1", "v6": gateway6}
    for server in servers:
        server.kill()
        server.wait()


@pytest.mark.parametrize("family", ["v4", "v6"])
def test_forwarding(asked, upstream, family):
    asked.docker("run", "-d", "--name", "fwd", "--network", "dug", "--dns", upstream[family], "--dns-search", "example.org", "busybox", "sleep", "1000")
    assert short(asked, "fwd", "some.example.org") == ["192.0.2.7"]
    assert short(asked, "fwd", "+tcp", "some.example.org") == ["192.0.2.7"]
    cut = dig(asked, "fwd", "+ignore", "big.example.org")
    assert " tc " in cut.split("flags:")[1].split(";")[0] + " "
    assert dig(asked, "fwd", "big.example.org").count("\tA\t192.0.2.7") == 100  # by TCP, as the mark says
    before = time.monotonic()
    assert status(asked, "fwd", "slow.example.org") == "SERVFAIL" and time.monotonic() - before < 5
    # The name goes as it is, or with the search domain that resolv.conf names.
    assert short(asked, "fwd", "web") == [address(asked, "web", "dug")]
    assert "search example.org" in asked.docker("exec", "fwd", "cat", "/etc/resolv.conf").out
    assert "192.0.2.7" in asked.docker("exec", "fwd", "nslookup", "undotted", status=None).out
    asked.docker("rm", "-f", "fwd")


def test_ndots(asked, upstream):
    """Who sets ndots gets names without a dot answered here alone, and comes again with its search domains."""
    asked.docker("run", "-d", "--name", "dotted", "--network", "dug", "--dns", upstream["v4"], "--dns-opt", "ndots:2", "busybox", "sleep", "1000")
    assert "options ndots:2" in asked.docker("exec", "dotted", "cat", "/etc/resolv.conf").out
    assert status(asked, "dotted", "undotted") == "NOERROR" and short(asked, "dotted", "undotted") == []
    assert short(asked, "dotted", "undotted.org") == ["192.0.2.7"] and short(asked, "dotted", "web") == [address(asked, "web", "dug")]
    asked.docker("rm", "-f", "dotted")
    asked.docker("run", "-d", "--name", "plain", "--network", "dug", "--dns", upstream["v4"], "busybox", "sleep", "1000")
    assert short(asked, "plain", "undotted") == ["192.0.2.7"]
    asked.docker("rm", "-f", "plain")


FLOOD = '''
import socket, struct, sys
def query(n): return struct.pack(">HHHHHH", n, 0x0100, 1, 0, 0, 0) + b"\\x04slow\\x03org\\0" + struct.pack(">HH", 1, 1)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(("127.0.0.11", 53)); s.settimeout(8)
s.setsockopt(socket.SOL_SOCKET, 33, 1 << 21)  # SO_RCVBUFFORCE: none is lost here
for n in range(600): s.send(query(n))
print("sent", flush=True)
codes = [s.recv(600)[3] & 15 for _ in range(600)]
print(set(codes))
'''


def test_one_that_asks_too_much(asked, upstream):
    """Questions without an answer by the hundred, of one container: it gets its failures, the others their answers."""
    asked.docker("run", "-d", "--name", "greedy", "--network", "dug", "--dns", upstream["v4"], "busybox", "sleep", "1000")
    asked.docker("run", "-d", "--name", "modest", "--network", "dug", "--dns", upstream["v4"], "busybox", "sleep", "1000")
    flood = asked.background("nsenter", "-t", pid(asked, "greedy"), "-n", "/usr/bin/python3", "-c", FLOOD)
    assert flood.stdout.readline() == b"sent\n"
    for _ in range(5):
        assert short(asked, "modest", "some.example.org") == ["192.0.2.7"]
        assert short(asked, "modest", "web") == [address(asked, "web", "dug")]
    answered, errors = flood.communicate(timeout=30)
    assert answered == b"{2}\n", errors
    assert short(asked, "greedy", "some.example.org") == ["192.0.2.7"]
    asked.docker("rm", "-f", "greedy", "modest")


def test_inside_of_an_internal_network(asked, upstream):
    asked.docker("network", "create", "--internal", "closed")
    for name in ("locked", "other"):
        asked.docker("run", "-d", "--name", name, "--network", "closed", "--dns", upstream["v4"], "busybox", "sleep", "1000")
    assert short(asked, "locked", "other") == [address(asked, "other", "closed")]
    before = time.monotonic()
    assert status(asked, "locked", "some.example.org") == "SERVFAIL" and time.monotonic() - before < 5
    asked.docker("rm", "-f", "locked", "other")
    asked.docker("network", "rm", "closed")
