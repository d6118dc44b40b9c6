"""Who meets published ports: all the world as docker has it, the host alone, or whom the host's own INPUT rules let in.
With both firewalls and both families."""

import subprocess

import pytest

from support.engine import BIN, IMAGES
from test_firewall import HOST, Neighbour, serve, until

HOST6, NEIGHBOUR6 = "2001:db8:9::1", "2001:db8:9::2"
TO_LOOPBACK, BY_INPUT = "berth.network.publish_to_loopback", "berth.network.publish_by_input"


@pytest.fixture(params=["iptables", "nftables"])
def place(request, new_engine):
    """A function that starts an engine with a neighbour who knows both of its addresses."""
    neighbours = []

    def start(*flags):
        engine = new_engine("--firewall-backend", request.param, *flags)
        neighbours.append(neighbour := Neighbour(engine))
        engine.run("ip", "addr", "add", HOST6 + "/64", "dev", "eth9", "nodad", inside=True)
        subprocess.run(["ip", "-n", neighbour.name, "addr", "add", NEIGHBOUR6 + "/64", "dev", "eth0", "nodad"], check=True)
        return engine, neighbour

    yield start
    for neighbour in neighbours:
        neighbour.close()


def seen(neighbour, port):
    """By which addresses of the host the neighbour reaches a port."""
    return [address for address in (HOST, f"[{HOST6}]") if neighbour.reaches(address, port)]


def of_host(engine, port):
    """The same for the host itself and its loopback."""
    fetch = lambda address: engine.run("curl", "-s", "--connect-timeout", "0.5", "-m", "2", f"http://{address}:{port}/", inside=True, status=None).out
    return [address for address in ("127.0.0.1", "[::1]") if fetch(address) == "hi\n"]


def said(engine):
    """What info says of it."""
    return [option for option in engine.api("GET", "/info").json["SecurityOptions"] if "publish" in option]


BOTH, LOOPBACK = [HOST, f"[{HOST6}]"], ["127.0.0.1", "[::1]"]


def test_to_loopback(place):
    engine, neighbour = place("--publish-to-loopback")
    assert said(engine) == ["name=publish-to-loopback"]
    assert "  publish-to-loopback\n" in engine.docker("info").out and "publish-to-loopback\n" in engine.berth("info").out
    engine.docker("network", "create", "--ipv6", "six")
    engine.docker("network", "create", "-o", TO_LOOPBACK + "=false", "open")
    engine.docker("network", "create", "-o", "com.docker.network.bridge.host_binding_ipv4=" + HOST, "bound")
    for network in ("bridge", "six"):
        serve(engine, "srv", "--network", network, "-p", "8080:80", "-p", f"{HOST}:8081:81", "-p", "0.0.0.0:8082:82", "-p", "80")
        shown = engine.docker("port", "srv").out.splitlines()
        assert "80/tcp -> 127.0.0.1:8080" in shown and "80/tcp -> [::1]:8080" in shown
        assert f"81/tcp -> {HOST}:8081" in shown and "82/tcp -> 0.0.0.0:8082" in shown and len(shown) == 6
        chosen = {line.rsplit(":", 1)[1] for line in shown if line.startswith("80/tcp") and "8080" not in line}
        assert len(chosen) == 1 and of_host(engine, chosen.pop()) == LOOPBACK
        assert of_host(engine, 8080) == LOOPBACK and seen(neighbour, 8080) == []
        assert seen(neighbour, 8081) == [HOST] and seen(neighbour, 8082) == [HOST]
        engine.crash()
        engine.start()
        assert of_host(engine, 8080) == LOOPBACK and seen(neighbour, 8080) == []
        engine.docker("rm", "-f", "srv")
    serve(engine, "srv", "--network", "open", "-p", "8080:80")
    assert seen(neighbour, 8080) == BOTH
    engine.docker("rm", "-f", "srv")
    serve(engine, "srv", "--network", "bound", "-p", "8080:80")
    assert seen(neighbour, 8080) == [HOST]
    engine.docker("rm", "-f", "srv")
    engine.docker("network", "rm", "six", "open", "bound")


RULES = """table inet hosts-own {
  chain input { type filter hook input priority 0; policy accept;
    iifname "eth9" tcp dport { 8080, 8083 } drop
    iifname "eth9" udp dport 8080 drop
  }
}"""

ECHO = ("import socket, threading\n"
        "s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s.setsockopt(41, 26, 0); s.bind(('::', 80))\n"
        "while True: text, peer = s.recvfrom(100); s.sendto(b'pong ' + text, peer)\n")
PING = ("import socket, sys\n"
        "s = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(0.3)\n"
        "s.connect((sys.argv[1], int(sys.argv[2])))\n"
        "for _ in range(int(sys.argv[3])):\n"
        "    try: s.send(b'x'); print(s.recv(100).decode()); break\n"
        "    except OSError: pass\n")


def pings(neighbour, port, times):
    """Datagrams to a connected socket: only an answer from the very address that was asked counts."""
    return [address for address in (HOST, HOST6)
            if neighbour.run("/usr/bin/python3", "-c", PING, address, str(port), str(times)) == "pong x\n"]


def test_by_input(place):
    engine, neighbour = place("--publish-by-input")
    assert said(engine) == ["name=publish-by-input"] and "  publish-by-input\n" in engine.docker("info").out
    engine.docker("load", "-q", "-i", IMAGES / "python.docker.tar")
    engine.docker("network", "create", "--ipv6", "six")
    engine.docker("network", "create", "-o", BY_INPUT + "=false", "docker-like")
    serve(engine, "like", "--network", "docker-like", "-p", "8083:80")
    for network in ("bridge", "six"):
        serve(engine, "srv", "--network", network, "-p", "8080:80", "-p", "8081:81", "-p", "127.0.0.1:8082:82")
        engine.docker("run", "-d", "--name", "echo", "--network", network, "-p", "8080:80/udp", "-p", "8081:80/udp", "python", "python3", "-c", ECHO)
        assert seen(neighbour, 8080) == BOTH and pings(neighbour, 8080, 30) == [HOST, HOST6]
        engine.run("nft", "-f", "-", stdin=RULES, inside=True)
        assert seen(neighbour, 8080) == [] and pings(neighbour, 8080, 2) == []
        assert seen(neighbour, 8081) == BOTH and pings(neighbour, 8081, 30) == [HOST, HOST6]
        assert of_host(engine, 8080) == LOOPBACK and of_host(engine, 8082) == ["127.0.0.1"] and seen(neighbour, 8082) == []
        # What rules lead on passes by them, as docker has it.
        assert seen(neighbour, 8083)[:1] == [HOST]
        # Nor is there another way in.
        there = engine.docker("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", "srv").out.strip()
        assert not neighbour.reaches(there, 80)
        engine.crash()
        assert seen(neighbour, 8081) == BOTH and seen(neighbour, 8080) == []
        engine.start()
        assert seen(neighbour, 8081) == BOTH and seen(neighbour, 8080) == []
        engine.run("nft", "delete", "table", "inet", "hosts-own", inside=True)
        until(lambda: seen(neighbour, 8080) == BOTH)
        engine.docker("rm", "-f", "srv", "echo")
        assert seen(neighbour, 8081) == []
    engine.docker("rm", "-f", "like")
    engine.docker("network", "rm", "six", "docker-like")


def test_off_by_default_and_by_network(place):
    engine, neighbour = place()
    assert said(engine) == []
    engine.docker("network", "create", "-o", TO_LOOPBACK + "=1", "-o", BY_INPUT + "=true", "own")
    serve(engine, "srv", "--network", "own", "-p", "8080:80")
    assert of_host(engine, 8080) == LOOPBACK and seen(neighbour, 8080) == []
    engine.docker("rm", "-f", "srv")
    serve(engine, "srv", "-p", "8080:80")
    assert seen(neighbour, 8080) == BOTH
    engine.docker("rm", "-f", "srv")
    engine.docker("network", "rm", "own")


def test_what_cannot_be(new_engine):
    engine = new_engine("--userland-proxy=false")
    for option, text in ((BY_INPUT + "=true", "needs the userland proxy"), (TO_LOOPBACK + "=maybe", "failed to parse " + TO_LOOPBACK)):
        name, value = option.split("=")
        answer = engine.api("POST", "/networks/create", {"Name": "x", "Options": {name: value}})
        assert answer.status == 400 and text in answer.json["message"]
    refused = subprocess.run([BIN / "berthd", "--validate", "--publish-by-input", "--userland-proxy=false"], capture_output=True, text=True, check=False)
    assert refused.returncode != 0 and "publish-by-input needs the userland proxy" in refused.stderr
