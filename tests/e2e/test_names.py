"""Names of containers: 127.0.0.11."""

import json
import time

SERVE = "mkdir /w; hostname > /w/index.html; httpd -f -h /w"


def address(engine, container, network):
    return json.loads(engine.docker("inspect", container).out)[0]["NetworkSettings"]["Networks"][network]["IPAddress"]


def pid(engine, container):
    return engine.docker("inspect", "-f", "{{.State.Pid}}", container).out.strip()


ASK = '''
import socket, struct, sys
name, kind, proto = sys.argv[1], int(sys.argv[2]), sys.argv[3]
query = struct.pack(">HHHHHH", 4660, 0x0100, 1, 0, 0, 0)
query += b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\\0" + struct.pack(">HH", kind, 1)
if proto == "udp":
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(8); s.connect(("127.0.0.11", 53)); s.send(query); answer = s.recv(4096)
else:
    s = socket.create_connection(("127.0.0.11", 53), 8); s.sendall(struct.pack(">H", len(query)) + query); answer = s.recv(65535)[2:]
number, flags, _, count, _, _ = struct.unpack(">HHHHHH", answer[:12])
assert number == 4660, number
at, found = len(query), []
for _ in range(count):
    at += 2 if answer[at] >= 192 else answer.index(0, at) - at + 1
    kind, _, _, size = struct.unpack(">HHIH", answer[at:at + 10]); data = answer[at + 10:at + 10 + size]; at += 10 + size
    if kind == 1: found.append(socket.inet_ntoa(data))
    elif kind == 28: found.append(socket.inet_ntop(socket.AF_INET6, data))
    elif kind == 12:
        parts = []
        while data[0]: parts.append(data[1:data[0] + 1].decode()); data = data[data[0] + 1:]
        found.append(".".join(parts))
print(flags & 15, flags >> 9 & 1, *found)
'''
A, PTR, AAAA, TXT = 1, 12, 28, 16


def ask(engine, container, name, kind=A, proto="udp"):
    """The answer code, whether it is truncated, and the sorted data."""
    words = engine.run("nsenter", "-t", pid(engine, container), "-n", "/usr/bin/python3", "-c", ASK, name, kind, proto).out.split()
    return int(words[0]), words[1] == "1", sorted(words[2:])


def test_containers_find_each_other(engine, cli):
    cli("network", "create", "net1")
    cli("run", "-d", "--name", "web", "--network", "net1", "--network-alias", "www", "--hostname", "host1", "busybox", "sh", "-c", SERVE)
    client = cli("run", "-d", "--name", "client", "--network", "net1", "busybox", "sleep", "100").out.strip()
    ip = address(engine, "web", "net1")
    short = json.loads(engine.docker("inspect", "web").out)[0]["Id"][:12]
    for name in ("web", "www", "WEB", short, "host1", "web.net1"):
        assert ask(engine, "client", name) == (0, False, [ip]), name
        assert ask(engine, "client", name, proto="tcp") == (0, False, [ip]), name
    assert ask(engine, "client", "web", AAAA) == (0, False, [])
    assert ask(engine, "client", "web", TXT) == (0, False, [])
    assert ask(engine, "client", ".".join(reversed(ip.split("."))) + ".in-addr.arpa", PTR) == (0, False, ["web.net1"])
    assert ask(engine, "client", client[:12])[2] == [address(engine, "client", "net1")]
    fetched = cli("run", "--rm", "--network", "net1", "busybox", "sh", "-c",
                  "for i in $(seq 50); do wget -qO- http://www/ && break; sleep 0.1; done")
    assert fetched.out == "host1\n"
    resolv = cli("run", "--rm", "--network", "net1", "--dns-search", "example.org", "busybox", "cat", "/etc/resolv.conf").out
    assert "nameserver 127.0.0.11\nsearch example.org\noptions ndots:0\n" in resolv
    assert "127.0.0.11" not in cli("run", "--rm", "busybox", "cat", "/etc/resolv.conf").out
    cli("rename", "web", "other")
    assert ask(engine, "client", "other")[2] == [ip]
    cli("rm", "-f", "other", "client")
    cli("network", "rm", "net1")


def test_round_robin_and_live_changes(engine):
    for name in ("one", "two"):
        engine.docker("network", "create", name)
    first = [engine.docker("run", "-d", "--network", "one", "--network-alias", "app", "busybox", "sleep", "100").out.strip() for _ in range(3)]
    engine.docker("run", "-d", "--name", "asker", "--network", "two", "busybox", "sleep", "100")
    assert ask(engine, "asker", "app")[0] != 0
    engine.docker("network", "connect", "one", "asker")
    addresses = sorted(address(engine, container, "one") for container in first)
    assert ask(engine, "asker", "app") == (0, False, addresses)
    engine.docker("rm", "-f", first[0])
    assert len(ask(engine, "asker", "app")[2]) == 2
    engine.docker("network", "disconnect", "one", "asker")
    assert ask(engine, "asker", "app")[0] != 0
    engine.docker("rm", "-f", "asker", *first[1:])
    engine.docker("network", "rm", "one", "two")


UPSTREAM = '''
import socket, struct, sys, threading
def answer(query, tcp):
    end = query.index(0, 12) + 5
    name = query[12:end - 5]
    if name.startswith(b"\\x04slow"): return None
    big = name.startswith(b"\\x03big")
    data = socket.inet_aton("192.0.2.7")
    rows = (b"\\xc0\\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + data) * (100 if big and tcp else 1)
    count = 100 if big and tcp else 1
    return query[:2] + struct.pack(">HHHHH", 0x8180 | (0x0200 if big and not tcp else 0), 1, count, 0, 0) + query[12:end] + rows
def serve_tcp(listener):
    while True:
        peer, _ = listener.accept()
        size = struct.unpack(">H", peer.recv(2))[0]
        text = answer(peer.recv(size), True)
        peer.sendall(struct.pack(">H", len(text)) + text); peer.close()
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind((sys.argv[1], 53))
l = socket.socket(); l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); l.bind((sys.argv[1], 53)); l.listen()
threading.Thread(target=serve_tcp, args=(l,), daemon=True).start()
print("ready", flush=True)
while True:
    query, peer = u.recvfrom(4096)
    text = answer(query, False)
    if text: u.sendto(text, peer)
'''


def test_other_names_go_to_the_servers(engine):
    engine.docker("network", "create", "--subnet", "10.99.0.0/24", "fwd")
    engine.docker("network", "create", "--internal", "--subnet", "10.99.1.0/24", "closed")
    upstream = engine.background("/usr/bin/python3", "-c", UPSTREAM, "10.99.0.1", inside=True)
    try:
        assert upstream.stdout.readline() == b"ready\n"
        engine.docker("run", "-d", "--name", "asker", "--network", "fwd", "--dns", "10.99.0.1", "busybox", "sleep", "100")
        engine.docker("run", "-d", "--name", "locked", "--network", "closed", "--dns", "10.99.0.1", "busybox", "sleep", "100")
        for _ in range(20):
            assert ask(engine, "asker", "example.org") == (0, False, ["192.0.2.7"])
        assert ask(engine, "asker", "big.example.org") == (0, True, ["192.0.2.7"])
        assert len(ask(engine, "asker", "big.example.org", proto="tcp")[2]) == 100
        before = time.monotonic()
        assert ask(engine, "asker", "slow.example.org")[0] == 2
        assert time.monotonic() - before < 5
        assert ask(engine, "locked", "example.org")[0] == 2
    finally:
        upstream.kill()
        upstream.wait()
    engine.docker("rm", "-f", "asker", "locked")
    engine.docker("network", "rm", "fwd", "closed")


def test_nonsense_is_survived(engine):
    engine.docker("network", "create", "odd")
    engine.docker("run", "-d", "--name", "asker", "--network", "odd", "busybox", "sleep", "100")
    throw = ('import os, socket\n'
             's = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(("127.0.0.11", 53))\n'
             'for size in range(300): s.send(os.urandom(size))\n'
             's.send(bytes.fromhex("123401000001000000000000c00c00010001"))\n'
             'for _ in range(100): t = socket.create_connection(("127.0.0.11", 53), 5); t.send(os.urandom(50)); t.close()\n')
    engine.run("nsenter", "-t", pid(engine, "asker"), "-n", "/usr/bin/python3", "-c", throw)
    assert ask(engine, "asker", "asker")[2] == [address(engine, "asker", "odd")]
    # A name server of the container's own has port 53 for itself.
    bind = 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("0.0.0.0", 53)); print("bound")'
    assert engine.run("nsenter", "-t", pid(engine, "asker"), "-n", "/usr/bin/python3", "-c", bind).out == "bound\n"
    engine.docker("rm", "-f", "asker")
    engine.docker("network", "rm", "odd")


def test_names_without_a_daemon(new_engine):
    engine = new_engine()
    engine.docker("network", "create", "kept")
    for name in ("left", "right"):
        engine.docker("run", "-d", "--name", name, "--network", "kept", "busybox", "sleep", "100")
    ip, left = address(engine, "right", "kept"), pid(engine, "left")
    lookup = lambda: engine.run("nsenter", "-t", left, "-n", "/usr/bin/python3", "-c", ASK, "right", A, "udp").out.split()
    assert lookup() == ["0", "0", ip]
    engine.crash()
    assert lookup() == ["0", "0", ip]
    engine.start()
    assert lookup() == ["0", "0", ip]
    engine.docker("rm", "-f", "right")
    assert lookup()[0] != "0"
    # netd itself dies: the next daemon start brings it back on the same ports.
    netd = [line.split()[1].rstrip(":") for line in engine.leftovers(0) if "berth-netd" in line]
    engine.crash()
    engine.run("kill", "-9", *netd)
    engine.start()
    assert lookup()[0] != "0"
    engine.docker("run", "-d", "--name", "right", "--network", "kept", "busybox", "sleep", "100")
    assert lookup() == ["0", "0", address(engine, "right", "kept")]


def test_links_are_names_of_ones_own(engine, cli):
    cli("network", "create", "linked")
    cli("run", "-d", "--name", "db1", "--network", "linked", "busybox", "sleep", "100")
    cli("run", "-d", "--name", "app1", "--network", "linked", "--link", "db1:database", "busybox", "sleep", "100")
    ip = address(engine, "db1", "linked")
    assert ask(engine, "app1", "database") == (0, False, [ip])
    assert ask(engine, "db1", "database")[0] != 0
    cli("rm", "-f", "app1", "db1")
    cli("network", "rm", "linked")
