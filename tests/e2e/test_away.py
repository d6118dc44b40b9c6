"""The daemon is killed and comes back, and nobody who talks to a container notices: no question, no datagram and no byte
of a stream is lost, by rules or by proxy, of both families and with both firewalls."""

import subprocess

import pytest

from test_exposure import HOST6, NEIGHBOUR6
from test_firewall import HOST, Neighbour, until
from test_names import pid


SERVE = '''
import socket, threading
def talk(peer):
    while text := peer.recv(65536): peer.sendall(text)
def udp():
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s.setsockopt(41, 26, 0); s.bind(("::", 80))
    while True: text, peer = s.recvfrom(100); s.sendto(text, peer)
threading.Thread(target=udp, daemon=True).start()
l = socket.socket(socket.AF_INET6); l.setsockopt(41, 26, 0); l.setsockopt(1, 2, 1); l.bind(("::", 80)); l.listen()
while True: threading.Thread(target=talk, args=(l.accept()[0],), daemon=True).start()
'''

# Says one thing after the other until its input ends, and then how much was said and how much of it came back.
TALK = '''
import select, socket, struct, sys, time
kind, host, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
family = socket.AF_INET6 if ":" in host else socket.AF_INET
s = socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
s.connect((host, port)); s.setblocking(False)
def message(n):
    if kind != "dns": return b"%08d" % n
    return struct.pack(">HHHHHH", n & 65535, 0x0100, 1, 0, 0, 0) + b"\\x03srv\\0" + struct.pack(">HH", 1, 1)
def back(text):
    if kind != "dns": return len(text) // 8
    return 1 if text[3] & 15 == 0 and text[7] == 1 else -1000000
sent = got = 0; stop = None; told = False
while stop is None or (got < sent and time.monotonic() < stop):
    ready, _, _ = select.select([s] + ([sys.stdin] if stop is None else []), [], [], 0.002)
    if sys.stdin in ready: stop = time.monotonic() + 5
    if s in ready: got += back(s.recv(65536 // 8 * 8))
    if got >= 20 and not told: told = True; print("going", flush=True)
    if stop is None and sent - got < 20:  # so few that no buffer between here and there overflows
        s.send(message(sent)); sent += 1
print(sent, got, flush=True)
'''


def written(engine):
    """All rules with their handles, which a rule written anew has not; without the guard, which every daemon has for itself."""
    text = engine.run("nft", "-a", "-s", "list", "ruleset", inside=True).out
    return [part.strip() for part in text.split("\ntable ") if "berth-guard" not in part]


@pytest.mark.parametrize("backend", ["iptables", "nftables"])
def test_nothing_is_lost(new_engine, backend):
    engine = new_engine("--firewall-backend", backend, images=("busybox", "python"))
    neighbour = Neighbour(engine)
    engine.run("ip", "addr", "add", HOST6 + "/64", "dev", "eth9", "nodad", inside=True)
    subprocess.run(["ip", "-n", neighbour.name, "addr", "add", NEIGHBOUR6 + "/64", "dev", "eth0", "nodad"], check=True)
    engine.docker("network", "create", "--ipv6", "six")
    engine.docker("run", "-d", "--name", "srv", "--network", "six", "-p", "8080:80", "-p", "8080:80/udp", "python", "python3", "-c", SERVE)
    engine.docker("run", "-d", "--name", "asker", "--network", "six", "busybox", "sleep", "1000")
    # To an IPv4 container an IPv6 address of the host leads by proxy.
    engine.docker("run", "-d", "--name", "four", "-p", "8081:80", "-p", "8081:80/udp", "python", "python3", "-c", SERVE)
    for port in (8080, 8081):
        until(lambda: engine.run("/usr/bin/python3", "-c", f"import socket; s = socket.create_connection(('127.0.0.1', {port})); s.send(b'x'); assert s.recv(1)", inside=True, status=None).status == 0)
    host, away = f"--net={engine.netns}", f"--net=/run/netns/{neighbour.name}"
    talks = [(away, kind, address, port) for kind in ("tcp", "udp") for address in (HOST, HOST6) for port in (8080, 8081)]
    talks += [(host, kind, address, 8080) for kind in ("tcp", "udp") for address in ("127.0.0.1", "::1")]
    talks.append((f"--net=/proc/{pid(engine, 'asker')}/ns/net", "dns", "127.0.0.11", 53))
    running = [subprocess.Popen(["nsenter", where, "/usr/bin/python3", "-c", TALK, kind, address, str(port)],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for where, kind, address, port in talks]
    try:
        for talk in running:
            assert talk.stdout.readline() == "going\n"
        for _ in range(2):
            rules = written(engine)
            engine.crash()
            engine.start()
            assert written(engine) == rules
        for what, talk in zip(talks, running):
            said, back = map(int, talk.communicate(timeout=30)[0].split())
            assert said == back and said > 100, (what, said, back)
    finally:
        for talk in running:
            talk.kill()
            talk.wait()
        neighbour.close()
    engine.docker("rm", "-f", "srv", "asker", "four")
    engine.docker("network", "rm", "six")
