"""What the outside reaches and what it does not, with both firewalls: a neighbour on the host's own wire, made of a
namespace, knows every route and tries them all."""

import json
import subprocess
import time

import pytest

SERVE = "mkdir /w; echo hi > /w/index.html; httpd -h /w -p 80; httpd -h /w -p 81; httpd -h /w -p 82; exec nc -ll -p 90 -e cat"
HOST, NEIGHBOUR = "198.51.100.1", "198.51.100.2"


class Neighbour:
    """A host at the other end of eth9."""

    def __init__(self, engine):
        self.engine, self.name = engine, engine.name + "-n"
        engine.others.append(self)
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        engine.run("ip", "link", "add", "eth9", "type", "veth", "peer", "name", "eth0", "netns", self.name, inside=True)
        engine.run("ip", "addr", "add", HOST + "/24", "dev", "eth9", inside=True)
        engine.run("ip", "link", "set", "eth9", "up", inside=True)
        for command in ("link set lo up", f"addr add {NEIGHBOUR}/24 dev eth0", "link set eth0 up", f"route add default via {HOST}"):
            subprocess.run(["ip", "-n", self.name, *command.split()], check=True)

    def run(self, *command):
        return subprocess.run(["nsenter", f"--net=/run/netns/{self.name}", *command], capture_output=True, text=True, check=False).stdout

    def reaches(self, address, port):
        return self.run("curl", "-s", "--connect-timeout", "0.25", "-m", "2", f"http://{address}:{port}/") == "hi\n"

    def connect(self, address, port):
        """A TCP connection from there."""
        made = "import socket, sys\n" \
               "s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)\n" \
               "for line in sys.stdin:\n s.sendall(line.encode()); print(s.recv(100).decode(), end='', flush=True)\n"
        return subprocess.Popen(["nsenter", f"--net=/run/netns/{self.name}", "/usr/bin/python3", "-c", made, address, str(port)],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def close(self):
        if self in self.engine.others:
            self.engine.others.remove(self)
            subprocess.run(["ip", "netns", "del", self.name], check=False)


@pytest.fixture(params=["iptables", "nftables"])
def hosts(request, new_engine):
    engine = new_engine("--firewall-backend", request.param)
    # As on a host where nobody has loaded br_netfilter.
    engine.run("sh", "-c", "for file in /proc/sys/net/bridge/bridge-nf-call-ip*; do [ ! -e $file ] || echo 0 > $file; done", inside=True)
    neighbour = Neighbour(engine)
    yield engine, neighbour
    neighbour.close()


def address(engine, container, network):
    return json.loads(engine.docker("inspect", container).out)[0]["NetworkSettings"]["Networks"][network]["IPAddress"]


def serve(engine, name, *options):
    engine.docker("run", "-d", "--name", name, *options, "busybox", "sh", "-c", SERVE)
    inside = engine.docker("inspect", "-f", "{{.State.Pid}}", name).out.strip()
    until(lambda: engine.run("nsenter", "-t", inside, "-n", "curl", "-s", "http://127.0.0.1:82/", status=None).out == "hi\n")


def until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    assert condition()


def fetch(engine, address, port, container=None):
    """From the host, or from a container's place."""
    curl = ["curl", "-s", "--connect-timeout", "0.25", "-m", "2", f"http://{address}:{port}/"]
    if container:
        pid = engine.docker("inspect", "-f", "{{.State.Pid}}", container).out.strip()
        return engine.run("nsenter", "-t", pid, "-n", *curl, status=None).out == "hi\n"
    return engine.run(*curl, inside=True, status=None).out == "hi\n"


def test_ways_in(hosts):
    engine, neighbour = hosts
    for network in ("own", "other"):
        engine.docker("network", "create", network)
    serve(engine, "open", "--network", "own", "-p", "8080:80", "-p", "127.0.0.1:8081:81")
    serve(engine, "shut", "--network", "own")
    serve(engine, "apart", "--network", "other")
    published, hidden = address(engine, "open", "own"), address(engine, "shut", "own")
    # By the published port, from everywhere.
    assert neighbour.reaches(HOST, 8080) and fetch(engine, HOST, 8080) and fetch(engine, "127.0.0.1", 8080)
    for container in ("open", "shut", "apart"):
        assert fetch(engine, HOST, 8080, container=container), container
    # By containers' own addresses, from the host and their own network alone.
    assert fetch(engine, published, 82) and fetch(engine, published, 82, container="shut")
    for port in (80, 81, 82):
        assert not neighbour.reaches(published, port) and not neighbour.reaches(hidden, port)
    assert not fetch(engine, published, 80, container="apart") and not fetch(engine, hidden, 80, container="apart")
    # What is the host's alone, even for whoever sends it packets to 127.0.0.1.
    assert fetch(engine, "127.0.0.1", 8081) and not neighbour.reaches(HOST, 8081)
    for command in ("addr del 127.0.0.1/8 dev lo", "route add 127.0.0.1/32 via 198.51.100.1 src 198.51.100.2"):
        subprocess.run(["ip", "-n", neighbour.name, *command.split()], check=True)
    neighbour.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet")
    assert not neighbour.reaches("127.0.0.1", 8081)
    # Gone with the container.
    engine.docker("rm", "-f", "open", "shut", "apart")
    assert not neighbour.reaches(HOST, 8080)
    engine.docker("network", "rm", "own", "other")
    for left in (engine.run("iptables-save", inside=True).out, engine.run("nft", "list", "ruleset", inside=True).out):
        assert "br-" not in left and "8080" not in left


@pytest.mark.parametrize("mode, reached", [("routed", {80}), ("nat-unprotected", {80, 81, 82})])
def test_gateway_modes(hosts, mode, reached):
    engine, neighbour = hosts
    engine.docker("network", "create", "-o", f"com.docker.network.bridge.gateway_mode_ipv4={mode}", "moded")
    engine.docker("network", "create", "plain")
    serve(engine, "srv", "--network", "moded", "-p", "8080:80")
    serve(engine, "peer", "--network", "plain")
    there = address(engine, "srv", "moded")
    assert {port for port in (80, 81, 82) if neighbour.reaches(there, port)} == reached
    assert neighbour.reaches(HOST, 8080) == (mode != "routed")
    ports = json.loads(engine.docker("inspect", "srv").out)[0]["NetworkSettings"]["Ports"]["80/tcp"]
    assert ports[0] == {"HostIp": "0.0.0.0", "HostPort": "" if mode == "routed" else "8080"}
    # Other networks: as the outside to a routed one, and not at all to the others.
    assert fetch(engine, there, 80, container="peer") == (mode == "routed") and not fetch(engine, there, 82, container="peer")
    assert not fetch(engine, address(engine, "peer", "plain"), 80, container="srv")
    seen = neighbour.run("sh", "-c", f"ip route add {there} via {HOST} 2>/dev/null; busybox ping -c1 -W1 {there} >/dev/null && echo pong")
    assert (seen == "pong\n") == (mode in ("routed", "nat-unprotected"))
    engine.crash()
    engine.start()
    assert {port for port in (80, 81) if neighbour.reaches(there, port)} == reached - {82}
    engine.docker("rm", "-f", "srv", "peer")
    engine.docker("network", "rm", "moded", "plain")


def test_trusted_interfaces(hosts):
    engine, neighbour = hosts
    engine.docker("network", "create", "-o", "com.docker.network.bridge.trusted_host_interfaces=eth8:eth9", "trusting")
    serve(engine, "srv", "--network", "trusting", "-p", "8080:80")
    there = address(engine, "srv", "trusting")
    assert neighbour.reaches(there, 80) and not neighbour.reaches(there, 82) and neighbour.reaches(HOST, 8080)
    engine.docker("rm", "-f", "srv")
    engine.docker("network", "rm", "trusting")


@pytest.mark.parametrize("attack", ["nft flush ruleset", "iptables -F; iptables -t nat -F"])
def test_after_a_flush(hosts, attack):
    engine, neighbour = hosts
    for network in ("own", "other"):
        engine.docker("network", "create", network)
    serve(engine, "srv", "--network", "own", "-p", "8080:80", "-p", "127.0.0.1:8081:81")
    serve(engine, "apart", "--network", "other")
    there = address(engine, "srv", "own")
    assert neighbour.reaches(HOST, 8080)
    engine.run("sh", "-c", attack, inside=True)
    until(lambda: neighbour.reaches(HOST, 8080))
    assert not neighbour.reaches(there, 80) and not neighbour.reaches(HOST, 8081) and not fetch(engine, there, 80, container="apart")
    engine.docker("rm", "-f", "srv", "apart")
    engine.docker("network", "rm", "own", "other")


def test_a_stream_outlives_the_daemon(hosts):
    engine, neighbour = hosts
    engine.docker("network", "create", "own")
    serve(engine, "srv", "--network", "own", "-p", "9000:90")
    stream = neighbour.connect(HOST, 9000)

    def says(word):
        stream.stdin.write(word + "\n")
        stream.stdin.flush()
        return stream.stdout.readline() == word + "\n"

    try:
        assert says("before")
        engine.crash()
        assert says("without")
        engine.start()
        assert says("after")
        # Of nat nothing may go: without its hooks the host itself would answer, with a reset.
        engine.run("iptables", "-F", inside=True)
        assert says("flushed")
    finally:
        stream.kill()
        stream.wait()
    engine.docker("rm", "-f", "srv")
    engine.docker("network", "rm", "own")
