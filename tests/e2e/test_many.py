"""Many containers on one bridge at a time, and many ports of one."""

import subprocess
import threading

from test_firewall import HOST, Neighbour, until
from test_names import A, ASK, pid

COUNT, AT_A_TIME, PORTS = 200, 8, 32


def test_two_hundred_eight_at_a_time(new_engine):
    engine = new_engine()
    engine.docker("network", "create", "crowd")
    numbers, failures, ids = iter(range(COUNT)), [], []
    lock = threading.Lock()

    def work():
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            made = engine.api("POST", f"/containers/create?name=c{number}", {
                "Image": "busybox", "Cmd": ["sleep", "1000"], "HostConfig": {"NetworkMode": "crowd", "LogConfig": {"Type": "none"}}}, timeout=120)
            started = engine.api("POST", f"/containers/{made.json['Id']}/start", timeout=120)
            with lock:
                ids.append(made.json["Id"])
                if started.status != 204:
                    failures.append((number, started.text))

    def all_at(target, arguments=((),) * AT_A_TIME):
        threads = [threading.Thread(target=target, args=own) for own in arguments]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    all_at(work)
    assert failures == []
    members = engine.api("GET", "/networks/crowd").json["Containers"].values()
    addresses = {member["Name"]: member["IPv4Address"].split("/")[0] for member in members}
    assert len(addresses) == COUNT == len(set(addresses.values()))
    # The last finds the first, and a few others, and reaches them.
    inside = ["nsenter", "-t", pid(engine, f"c{COUNT - 1}"), "-n"]
    for number in (0, COUNT // 2, COUNT - 2):
        assert engine.run(*inside, "/usr/bin/python3", "-c", ASK, f"c{number}", A, "udp").out.split() == ["0", "0", addresses[f"c{number}"]]
        assert subprocess.run([*inside, "busybox", "ping", "-c1", "-W2", addresses[f"c{number}"]], capture_output=True, check=False).returncode == 0
    all_at(lambda part: [engine.api("DELETE", f"/containers/{one}?force=1", timeout=120) for one in part],
           [(ids[at::AT_A_TIME],) for at in range(AT_A_TIME)])
    assert engine.api("GET", "/networks/crowd").json["Containers"] == {}
    engine.docker("network", "rm", "crowd")


def test_many_ports(new_engine):
    engine = new_engine(images=("python",))
    neighbour = Neighbour(engine)
    serve = ("import selectors, socket\n"
             "at = selectors.DefaultSelector()\n"
             f"for port in range(80, {80 + PORTS}):\n"
             "    l = socket.create_server(('', port)); at.register(l, 1)\n"
             "while True:\n"
             "    for key, _ in at.select():\n"
             "        peer, _ = key.fileobj.accept(); peer.sendall(b'%d' % peer.getsockname()[1]); peer.close()\n")
    engine.docker("run", "-d", "--name", "srv", "-p", f"8000-{8000 + PORTS - 1}:80-{80 + PORTS - 1}", "python", "python3", "-c", serve)
    ask = ("import socket, sys\n"
           f"for n in range({PORTS}):\n"
           "    s = socket.create_connection((sys.argv[1], 8000 + n), 5); assert s.recv(10) == b'%d' % (80 + n)\n"
           "print('all')\n")
    until(lambda: neighbour.run("/usr/bin/python3", "-c", ask, HOST) == "all\n")
    for local in ("127.0.0.1", "::1"):
        assert engine.run("/usr/bin/python3", "-c", ask, local, inside=True).out == "all\n"
    assert len(engine.docker("port", "srv").out.splitlines()) == 2 * PORTS
    engine.docker("rm", "-f", "srv")
    assert "--to-destination" not in engine.run("iptables-save", inside=True).out
    neighbour.close()
