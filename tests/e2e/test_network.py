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
