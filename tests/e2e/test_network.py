"""Published ports and the services people run behind them."""

import time

import pytest


def host_port(engine, container, port):
    return engine.docker("port", container, port).out.splitlines()[0].rsplit(":", 1)[1]


def fetch(engine, url, seconds=10):
    end = time.monotonic() + seconds
    while True:
        done = engine.run("curl", "-s", "--max-time", "2", url, inside=True, status=None)
        if done.status == 0 or time.monotonic() > end:
            return done.out


def test_nginx_serves(new_engine):
    engine = new_engine(images=("web",))
    container = engine.docker("run", "-d", "-p", "8080:80", "web").out.strip()
    assert "Welcome to nginx" in fetch(engine, "http://127.0.0.1:8080/")
    engine.docker("stop", container)
    assert engine.docker("wait", container).out == "0\n"


def test_redis_answers_and_keeps_its_data(new_engine):
    engine = new_engine(images=("redis",))
    container = engine.docker("run", "-d", "-p", "6379", "-v", "redis1:/data", "redis").out.strip()
    port = host_port(engine, container, "6379")
    ask = ("import socket,sys,time\n"
           "for _ in range(100):\n"
           "    try:\n"
           "        s = socket.create_connection(('127.0.0.1', %s), 2); break\n"
           "    except OSError: time.sleep(0.05)\n"
           "s.sendall(sys.argv[1].encode() + b'\\r\\n'); print(s.recv(4096).decode().strip())\n")
    say = lambda words, at: engine.run("/usr/bin/python3", "-c", ask % at, words, inside=True).out
    assert say("SET key value", port) == "+OK\n"
    assert say("SAVE", port) == "+OK\n"
    engine.docker("rm", "-f", container)
    container = engine.docker("run", "-d", "-p", "6379", "-v", "redis1:/data", "redis").out.strip()
    assert "value" in say("GET key", host_port(engine, container, "6379"))
    engine.docker("rm", "-f", container)
    engine.docker("volume", "rm", "redis1")


def test_python_over_stdin(new_engine):
    engine = new_engine(images=("python",))
    assert engine.docker("run", "--rm", "-i", "python", "python3", "-", stdin="print(6 * 7)\n").out == "42\n"


def test_udp(new_engine):
    engine = new_engine(images=("python",))
    serve = ("import socket\n"
             "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('', 5353))\n"
             "while True:\n"
             "    text, peer = s.recvfrom(100); s.sendto(b'pong ' + text, peer)\n")
    container = engine.docker("run", "-d", "-p", "5353:5353/udp", "python", "python3", "-c", serve).out.strip()
    ask = ("import socket\n"
           "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(0.3)\n"
           "for _ in range(50):\n"
           "    s.sendto(b'ping', ('127.0.0.1', 5353))\n"
           "    try: print(s.recv(100).decode()); break\n"
           "    except OSError: pass\n")
    assert engine.run("/usr/bin/python3", "-c", ask, inside=True).out == "pong ping\n"
    engine.docker("rm", "-f", container)


def test_taken_ports(engine, cli):
    first = cli("run", "-d", "-p", "7070:80", "busybox", "sleep", "100").out.strip()
    refused = cli("run", "-d", "--name", "second", "-p", "7070:80", "busybox", "sleep", "100", status=125)
    assert "Bind for 0.0.0.0:7070 failed: port is already allocated" in refused.err
    cli("rm", "-f", first, "second")


def test_what_is_bound_and_not_exposed_stays_closed(engine):
    """As dockerd has it: clients that publish a port expose it as well."""
    body = {"Image": "busybox", "Cmd": ["sleep", "100"], "ExposedPorts": {"81/tcp": {}},
            "HostConfig": {"PublishAllPorts": True, "PortBindings": {"80/tcp": [{"HostPort": "7071"}]}}}
    made = engine.api("POST", "/containers/create", body).json["Id"]
    assert engine.api("POST", f"/containers/{made}/start").status == 204
    about = engine.api("GET", f"/containers/{made}/json").json
    assert list(about["NetworkSettings"]["Ports"]) == ["81/tcp"] and about["Config"]["ExposedPorts"] == {"81/tcp": {}}
    assert about["HostConfig"]["PortBindings"] == {"80/tcp": [{"HostIp": "", "HostPort": "7071"}]}
    engine.api("DELETE", f"/containers/{made}?force=1")


@pytest.mark.parametrize("port", ["99999:80", "x:80", "80:"])
def test_bad_ports(engine, cli, port):
    assert cli("run", "--rm", "-p", port, "busybox", "true", status=125).err


def test_containers_talk(engine):
    server = engine.docker("run", "-d", "busybox", "sh", "-c", "mkdir /w; echo hi > /w/index.html; httpd -f -h /w").out.strip()
    address = engine.docker("inspect", "-f", "{{.NetworkSettings.IPAddress}}", server).out.strip()
    script = f"for i in $(seq 50); do wget -qO- http://{address}/ 2>/dev/null && break; sleep 0.1; done"
    assert engine.docker("run", "--rm", "busybox", "sh", "-c", script).out == "hi\n"
    joined = engine.docker("run", "--rm", "--network", f"container:{server}", "busybox", "wget", "-qO-", "http://127.0.0.1/")
    assert joined.out == "hi\n"
    engine.docker("rm", "-f", server)


def test_both_families(new_engine):
    engine = new_engine(images=("python",))
    serve = ("import socket, threading\n"
             "def udp():\n"
             "    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s.setsockopt(41, 26, 0); s.bind(('::', 80))\n"
             "    while True: text, peer = s.recvfrom(100); s.sendto(b'pong ' + text, peer)\n"
             "threading.Thread(target=udp, daemon=True).start()\n"
             "l = socket.socket(socket.AF_INET6); l.setsockopt(41, 26, 0); l.bind(('::', 80)); l.listen()\n"
             "def talk(c):\n"
             "    while text := c.recv(65536): c.sendall(text)\n"
             "    c.close()\n"
             "while True: threading.Thread(target=talk, args=(l.accept()[0],)).start()\n")
    ask = ("import socket, sys, threading, time\n"
           "host, port, proto = sys.argv[1], int(sys.argv[2]), sys.argv[3]\n"
           "family = socket.AF_INET6 if ':' in host else socket.AF_INET\n"
           "for _ in range(100):\n"
           "    s = socket.socket(family, socket.SOCK_STREAM if proto == 'tcp' else socket.SOCK_DGRAM); s.settimeout(3 if proto == 'tcp' else 0.3)\n"
           "    try:\n"
           "        s.connect((host, port))\n"
           "        if proto == 'udp': s.send(b'x'); print(s.recv(100).decode()); break\n"
           "        sent = bytes(range(256)) * 4000\n"
           "        t = threading.Thread(target=lambda: (s.sendall(sent), s.shutdown(socket.SHUT_WR))); t.start()\n"
           "        got = b''\n"
           "        while text := s.recv(65536): got += text\n"
           "        t.join(); assert got == sent, len(got); print('whole'); break\n"
           "    except OSError: time.sleep(0.05)\n")
    talk = lambda host, port, proto="tcp": engine.run("/usr/bin/python3", "-c", ask, host, port, proto, inside=True).out.strip()
    engine.run("ip", "addr", "add", "fd99::1/64", "dev", "lo", inside=True)
    engine.docker("network", "create", "--ipv6", "six")
    for network in ("bridge", "six"):
        engine.docker("run", "-d", "--name", "srv", "--network", network, "-p", "8080:80", "-p", "8080:80/udp", "-p", "[::1]:8081:80", "python", "python3", "-c", serve)
        assert engine.docker("port", "srv").out.splitlines() == [
            "80/tcp -> 0.0.0.0:8080", "80/tcp -> [::1]:8081", "80/tcp -> [::]:8080", "80/udp -> 0.0.0.0:8080", "80/udp -> [::]:8080"]
        for host, port in (("127.0.0.1", 8080), ("::1", 8080), ("fd99::1", 8080), ("::1", 8081)):
            assert talk(host, port) == "whole", (network, host, port)
        for host in ("127.0.0.1", "::1", "fd99::1"):
            assert talk(host, 8080, "udp") == "pong x", (network, host)
        refused = engine.docker("run", "--rm", "-p", "[::1]:8081:80", "python", "true", status=125)
        assert "Bind for [::1]:8081 failed: port is already allocated" in refused.err
        # The proxy needs no daemon, and the next one knows of it.
        engine.crash()
        assert talk("::1", 8080) == "whole"
        engine.start()
        assert talk("::1", 8080) == "whole" and talk("127.0.0.1", 8080) == "whole"
        engine.docker("rm", "-f", "srv")
        assert engine.run("ss", "-Hlnt", "sport", "=", "8080", inside=True).out == ""
    # Between containers, by IPv6 of the network's own.
    engine.docker("run", "-d", "--name", "srv", "--network", "six", "python", "python3", "-c", serve)
    six = engine.docker("inspect", "-f", "{{.NetworkSettings.Networks.six.GlobalIPv6Address}}", "srv").out.strip()
    assert six.startswith("fd")
    assert engine.docker("run", "--rm", "--network", "six", "python", "python3", "-c", ask, six, "80", "tcp").out == "whole\n"
    assert engine.docker("run", "--rm", "--network", "six", "python", "python3", "-c", ask, "srv", "80", "tcp").out == "whole\n"
    random = engine.docker("run", "-d", "-p", "80", "python", "python3", "-c", serve).out.strip()
    ports = engine.docker("port", random).out.split()
    assert ports[2].rsplit(":", 1)[1] == ports[5].rsplit(":", 1)[1]
    engine.docker("rm", "-f", "srv", random)
    engine.docker("network", "rm", "six")
