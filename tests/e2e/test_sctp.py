"""SCTP through published ports, where the kernel speaks it: by rules, and by berth-netd where rules do not lead."""

import socket
import subprocess

import pytest

from test_exposure import BY_INPUT, HOST6, NEIGHBOUR6
from test_firewall import HOST, Neighbour, until


def kernel_speaks():
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP).close()
        return True
    except OSError:
        return False


pytestmark = pytest.mark.skipif(not kernel_speaks(), reason="no SCTP in this kernel")

SERVE = '''
import socket, threading
l = socket.socket(socket.AF_INET6, socket.SOCK_STREAM, 132); l.bind(("::", 70)); l.listen()
def talk(peer):
    while text := peer.recv(65536): peer.send(text)
    peer.close()
while True: threading.Thread(target=talk, args=(l.accept()[0],), daemon=True).start()
'''
# Messages of several sizes come back as they are, each by itself.
TALK = '''
import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_STREAM, 132); s.settimeout(5)
s.connect((sys.argv[1], int(sys.argv[2])))
for size in (1, 1000, 20000): s.send(b"x" * size); assert s.recv(65536) == b"x" * size
print("echoed")
'''


@pytest.mark.parametrize("backend", ["iptables", "nftables"])
def test_traffic(new_engine, backend):
    engine = new_engine("--firewall-backend", backend, images=("python",))
    neighbour = Neighbour(engine)
    engine.run("ip", "addr", "add", HOST6 + "/64", "dev", "eth9", "nodad", inside=True)
    subprocess.run(["ip", "-n", neighbour.name, "addr", "add", NEIGHBOUR6 + "/64", "dev", "eth0", "nodad"], check=True)
    engine.docker("network", "create", "--ipv6", "six")
    engine.docker("network", "create", "-o", BY_INPUT + "=true", "proxied")
    here = lambda address: engine.run("/usr/bin/python3", "-c", TALK, address, "7000", inside=True, status=None).out == "echoed\n"
    away = lambda address: neighbour.run("/usr/bin/python3", "-c", TALK, address, "7000") == "echoed\n"
    for network in ("bridge", "six", "proxied"):
        engine.docker("run", "-d", "--name", "srv", "--network", network, "-p", "7000:70/sctp", "python", "python3", "-c", SERVE)
        assert engine.docker("port", "srv").out.splitlines() == ["70/sctp -> 0.0.0.0:7000", "70/sctp -> [::]:7000"]
        until(lambda: here("127.0.0.1"), 20)
        assert away(HOST) and away(HOST6) and here("::1")
        engine.crash()
        assert away(HOST) and away(HOST6) and here("::1")
        engine.start()
        assert away(HOST) and here("127.0.0.1") and here("::1")
        engine.docker("rm", "-f", "srv")
        assert not away(HOST) and not here("::1")
    neighbour.close()
    engine.docker("network", "rm", "six", "proxied")
