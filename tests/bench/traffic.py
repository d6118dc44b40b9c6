"""What goes through networks: answers to names, bytes and round trips, by a published port and between containers. The
same small programs on both engines, in turn; they enter namespaces that exist."""

import json
import statistics
import subprocess

NAMES = '''
import socket, struct, sys, time
count, window = int(sys.argv[1]), 64
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(("127.0.0.11", 53)); s.settimeout(2)
tail = b"\\x06target\\0" + struct.pack(">HH", 1, 1)
query = lambda n: struct.pack(">HHHHHH", n & 65535, 0x0100, 1, 0, 0, 0) + tail
begun, answered = time.monotonic(), 0
for n in range(window): s.send(query(n))
for n in range(window, count + window):
    try: answered += s.recv(512)[3] & 15 == 0
    except OSError: pass
    if n < count: s.send(query(n))
print(answered, time.monotonic() - begun)
'''

SERVE = '''
import socket, threading
def talk(peer):
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    kind = peer.recv(1)
    if kind == b"e":
        while text := peer.recv(1): peer.send(text)
    room = bytearray(1 << 20)
    while peer.recv_into(room): pass
l = socket.create_server(("", 5201)); print("ready", flush=True)
while True: threading.Thread(target=talk, args=(l.accept()[0],), daemon=True).start()
'''

# Bytes a second of one stream, then the microseconds of a round trip.
TALK = '''
import socket, sys, time
def connect():
    s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 10); s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1); return s
s = connect(); s.send(b"s"); block = bytes(1 << 20); begun = time.monotonic(); sent = 0
while time.monotonic() - begun < 1: s.sendall(block); sent += len(block)
rate = sent / (time.monotonic() - begun)
s = connect(); s.send(b"e"); trips = []
for _ in range(3000):
    begun = time.monotonic(); s.send(b"x"); s.recv(1); trips.append(time.monotonic() - begun)
print(rate, sorted(trips)[len(trips) // 2] * 1e6)
'''


def run(prefix, program, *words):
    return list(map(float, subprocess.run([*prefix, "/usr/bin/python3", "-c", program, *map(str, words)], capture_output=True, text=True, check=True).stdout.split()))


class Side:
    """One engine with a network, a server whose port is published, a container that asks, and a host outside."""

    def __init__(self, docker, engine):
        self.docker, self.host, self.name = docker, engine.host, engine.name
        self.outside = self.name + "-o"
        for command in (f"netns add {self.outside}", f"-n {self.name} link add bench0 type veth peer name eth0 netns {self.outside}",
                        f"-n {self.name} addr add 198.51.100.1/24 dev bench0", f"-n {self.name} link set bench0 up",
                        f"-n {self.outside} addr add 198.51.100.2/24 dev eth0", f"-n {self.outside} link set eth0 up"):
            subprocess.run(["ip", *command.split()], check=True)
        # As on a host where nobody has loaded br_netfilter, which dockerd with its own settings does not need.
        subprocess.run(["nsenter", f"--net=/run/netns/{self.name}", "sh", "-c",
                        "for file in /proc/sys/net/bridge/bridge-nf-call-ip*; do [ ! -e $file ] || echo 0 > $file; done"], check=True)
        self.call("network", "create", "traffic")
        self.call("run", "-d", "--name", "target", "--network", "traffic", "-p", "5201:5201", "busybox", "sleep", "1000")
        self.call("run", "-d", "--name", "asker", "--network", "traffic", "busybox", "sleep", "1000")
        about = json.loads(self.call("inspect", "target"))[0]
        self.address = about["NetworkSettings"]["Networks"]["traffic"]["IPAddress"]
        self.server = subprocess.Popen([*self.inside("target"), "/usr/bin/python3", "-c", SERVE], stdout=subprocess.PIPE)
        self.server.stdout.readline()

    def call(self, *words):
        return subprocess.run([self.docker, "-H", self.host, *words], capture_output=True, text=True, check=True).stdout

    def inside(self, container):
        return ["nsenter", "-t", self.call("inspect", "-f", "{{.State.Pid}}", container).strip(), "-n"]

    def close(self):
        self.server.kill()
        self.server.wait()
        self.call("rm", "-f", "target", "asker")
        self.call("network", "rm", "traffic")
        subprocess.run(["ip", "netns", "del", self.outside], check=True)

    def names(self):
        answered, seconds = run(self.inside("asker"), NAMES, 20000)
        return answered / seconds

    def published(self):
        return run(["nsenter", f"--net=/run/netns/{self.outside}"], TALK, "198.51.100.1", 5201)

    def between(self):
        return run(self.inside("asker"), TALK, self.address, 5201)


def bench(docker, engine, peer, rounds, row):
    sides = [Side(docker, engine), Side(docker, peer)]
    try:
        names = [[side.names() for side in sides] for _ in range(rounds)]
        row("local names answered in a second", *(statistics.median(column) for column in zip(*names)), "")
        for what, measure in (("through a published port", Side.published), ("between containers", Side.between)):
            times = [[measure(side) for side in sides] for _ in range(rounds)]
            for at, (kind, unit, scale) in enumerate((("one stream", "MB/s", 1e6), ("round trip", "us", 1))):
                row(f"{kind}, {what}", *(statistics.median(one[who][at] for one in times) / scale for who in (0, 1)), unit)
    finally:
        for side in sides:
            side.close()
