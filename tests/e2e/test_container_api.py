"""Corners of the containers' API that no command line shows: filters, WebSockets, events."""

import base64
import hashlib
import json
import os
import socket
import struct
import time
from urllib.parse import quote

import pytest


@pytest.fixture(scope="module")
def some(engine):
    engine.docker("run", "-d", "--name", "open", "-p", "18123:80", "--expose", "90", "busybox", "sleep", "1000")
    engine.docker("run", "--name", "ended", "busybox", "sh", "-c", "exit 3", status=3)
    engine.docker("create", "--name", "new", "busybox")
    yield
    engine.docker("rm", "-f", "open", "ended", "new")


# As dockerd 28.5 answers.
@pytest.mark.parametrize("query, names", [
    ({"exited": ["3"]}, []), ({"status": ["exited"], "exited": ["3"]}, ["ended"]),
    ({"name": ["("]}, []), ({"name": ["^o(pe)+n$"]}, ["open"]), ({"name": ["/open"]}, ["open"]),
    ({"publish": ["80"]}, []), ({"publish": ["18123"]}, ["open"]), ({"publish": ["18000-19000/tcp"]}, ["open"]),
    ({"expose": ["80-95"]}, ["open"]), ({"isolation": ["hyperv"]}, ["open"]), ({"since": ["open"]}, []),
])
def test_filters(engine, some, query, names):
    found = engine.api("GET", "/containers/json?filters=" + quote(json.dumps(query)))
    assert [entry["Names"] for entry in found.json] == [[f"/{name}"] for name in names]


def test_an_expression_takes_no_time(engine, some):
    # With backtracking this one would go on until the sun is cold.
    name = "x" * 60
    engine.docker("create", "--name", name, "busybox")
    found = engine.api("GET", "/containers/json?all=1&filters=" + quote(json.dumps({"name": ["^(((x+x+)+)+)+y$"]})), timeout=10)
    assert found.json == []
    engine.docker("rm", name)


@pytest.mark.parametrize("path, status, text", [
    ("/containers/open/kill?signal=99", 400, "cannot kill container: open: the linux daemon does not support signal 99"),
    ("/containers/open/stop?t=x", 500, 'strconv.Atoi: parsing "x": invalid syntax'),
    ("/containers/open/kill?signal=-1", 400, "cannot kill container: open: the linux daemon does not support signal -1"),
    ("/containers/open/restart?signal=x", 500, "Cannot restart container open: invalid signal: x"),
    ("/containers/new/rename?name=a%20b", 400, "Invalid container name (/a b)"),
    ("/containers/new/rename?name=/", 400, "Error when allocating new name: Invalid container name (/), only"),
    ("/containers/new/rename?name=", 400, "Neither old nor new names may be empty"),
    ("/commit", 400, 'invalid name or ID supplied: ""'),
])
def test_texts(engine, some, path, status, text):
    answer = engine.api("POST", path)
    assert answer.status == status and text in answer.json["message"]


def test_what_does_not_run_is_not_asked_for_its_signal(engine, some):
    assert engine.api("POST", "/containers/ended/stop?signal=bogus").status == 304


class WebSocket:
    """A client's side of RFC 6455."""

    def __init__(self, engine, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(str(engine.socket))
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall((f"GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n").encode())
        self.input = self.socket.makefile("rb")
        self.head = [line.strip().decode() for line in iter(self.input.readline, b"\r\n")]
        self.accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()

    def send(self, payload, opcode=2):
        mask = os.urandom(4)
        length = struct.pack("!B", 0x80 | len(payload)) if len(payload) < 126 else struct.pack("!BH", 0x80 | 126, len(payload))
        self.socket.sendall(bytes([0x80 | opcode]) + length + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload)))

    def receive(self):
        opcode, length = self.input.read(2)
        if length >= 126:
            length = int.from_bytes(self.input.read(2 if length == 126 else 8), "big")
        return opcode & 15, self.input.read(length)

    def until_close(self):
        """Opcodes and payload of everything up to the server's close."""
        opcodes, text = set(), b""
        while (message := self.receive())[0] != 8:
            opcodes.add(message[0])
            text += message[1]
        return opcodes, text


@pytest.mark.parametrize("version, opcode", [("", 2), ("/v1.27", 1)])
def test_websocket_attach(engine, version, opcode):
    engine.docker("run", "-di", "--name", "socket", "busybox", "sh", "-c", "read x; echo out $x; echo err >&2")
    client = WebSocket(engine, f"{version}/containers/socket/attach/ws?stream=1&stdin=1&stdout=1&stderr=1")
    assert client.head[0] == "HTTP/1.1 101 Switching Protocols" and f"Sec-WebSocket-Accept: {client.accept}" in client.head
    client.send(b"are you there", opcode=9)
    assert client.receive() == (10, b"are you there")
    client.send(b"ty")
    client.send(b"ped\n")
    opcodes, text = client.until_close()
    assert opcodes == {opcode} and sorted(text.splitlines()) == [b"err", b"out typed"]
    engine.docker("rm", "socket")


def test_websocket_logs_and_long_messages(engine):
    engine.docker("run", "--name", "socket", "busybox", "sh", "-c", "head -c 200000 /dev/zero | tr '\\0' x; echo")
    client = WebSocket(engine, "/containers/socket/attach/ws?logs=1&stdout=1")
    assert client.until_close()[1] == b"x" * 200000 + b"\n"
    engine.docker("rm", "socket")


def test_no_websocket(engine):
    engine.docker("create", "--name", "socket", "busybox")
    answer = engine.api("GET", "/containers/socket/attach/ws?stream=1")
    assert (answer.status, answer.json["message"]) == (400, "not websocket protocol")
    engine.docker("rm", "socket")


def events(engine, since, **filters):
    answer = engine.api("GET", f"/events?since={since:.9f}&until={time.time():.9f}&filters=" + quote(json.dumps(filters)))
    return [json.loads(line) for line in answer.text.splitlines()]


def test_probes_are_execs(engine):
    since = time.time()
    engine.docker("run", "-d", "--name", "probed", "--health-cmd", "exit 0", "--health-interval", "50ms", "busybox", "sleep", "1000")
    while engine.api("GET", "/containers/probed/json").json["State"]["Health"]["Status"] != "healthy":
        pass
    engine.docker("rm", "-f", "probed")
    found = [event["Action"] for event in events(engine, since, type=["container"], container=["probed"])]
    first = found.index("exec_create: /bin/sh -c exit 0")
    assert found[first:first + 4] == ["exec_create: /bin/sh -c exit 0", "exec_start: /bin/sh -c exit 0", "exec_die",
                                      "health_status: healthy"]


def test_keys_are_found_whatever_their_case(engine):
    """As Go's decoder finds them, to whom a plugin or a script may have written."""
    made = engine.api("POST", "/containers/create?name=cased", {"image": "busybox", "CMD": ["true"], "hostconfig": {"memory": 64 << 20},
                                                                "Hostname": "exact", "hostname": "other"})
    assert made.status == 201
    found = engine.api("GET", "/containers/cased/json").json
    assert (found["Config"]["Cmd"], found["HostConfig"]["Memory"], found["Config"]["Hostname"]) == (["true"], 64 << 20, "exact")
    engine.docker("rm", "cased")


@pytest.mark.parametrize("until, status", [("2099-01-01", 200), ("2020-01-01T15", 200), ("1h", 200), ("9999999999", 200), ("-1", 400), ("x", 400)])
def test_until_of_a_prune(engine, until, status):
    pruned = engine.api("POST", "/containers/prune?filters=" + quote(json.dumps({"until": [until], "label": ["nobody"]})))
    assert pruned.status == status
    if status == 400:
        assert pruned.json["message"] == f'failed to parse value as time or duration: "{until}"'


def test_corners(engine):
    """Each as dockerd 28.5 answers it."""
    engine.docker("run", "-d", "--name", "corner", "busybox", "sh", "-c", "echo one; sleep 1000")
    assert engine.api("POST", "/containers/corner/update").json == {"Warnings": None}
    assert engine.api("GET", "/containers/corner/logs?stdout=1&since=99999999999").text == ""
    exec_id = engine.api("POST", "/containers/corner/exec", {"Cmd": ["true"], "WorkingDir": "nosuch"}).json["Id"]
    engine.api("POST", f"/exec/{exec_id}/start", {"Detach": False})
    resized = engine.api("POST", f"/exec/{exec_id}/resize?h=1&w=1")
    assert (resized.status, resized.json["message"]) == (400, "exec process is not started")
    assert engine.api("POST", "/containers/corner/wait?condition=foo").status == 400
    engine.api("POST", "/containers/corner/kill")
    assert engine.api("POST", "/v1.29/containers/corner/wait?condition=foo").json["StatusCode"] == 137
    engine.docker("rm", "corner")
    missing = engine.docker("create", "--device", "/dev/nosuch", "busybox", "true").out.strip()
    assert engine.api("POST", f"/containers/{missing}/start").status == 500
    assert engine.api("GET", f"/containers/{missing}/json").json["State"]["ExitCode"] == 128
    engine.docker("rm", missing)
    assert engine.docker("run", "--rm", "-e", "A=1", "-h", "h", "busybox", "env").out.split()[:3] == [
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOSTNAME=h", "A=1"]


def test_a_port_of_an_unknown_protocol(engine):
    """It is exposed and never published."""
    engine.docker("run", "-d", "--name", "odd", "--expose", "80/foo", "busybox", "sleep", "1000")
    assert engine.api("GET", "/containers/odd/json").json["NetworkSettings"]["Ports"] == {"80/foo": None}
    assert engine.docker("ps", "--filter", "name=odd", "--format", "{{.Ports}}").out == "80/foo\n"
    for body in ({"HostConfig": {"PortBindings": {"80/foo": [{"HostPort": "80"}]}}}, {"ExposedPorts": {"80/foo": {}}, "HostConfig": {"PublishAllPorts": True}}):
        refused = engine.api("POST", "/containers/create", {"Image": "busybox", **body})
        assert (refused.status, refused.json["message"]) == (400, 'invalid port specification: "80/foo"')
    engine.docker("rm", "-f", "odd")


def test_what_was_not_given_is_null(engine):
    """And what was given without anything in it is empty, as dockerd 28.5 shows both."""
    lists = ["BlkioDeviceReadBps", "BlkioWeightDevice", "Devices", "Dns", "DnsOptions", "DnsSearch", "Ulimits", "CapAdd", "Binds"]
    for host, nothing, ports in (({}, None, None), ({name: [] for name in lists} | {"PortBindings": {}}, [], {})):
        made = engine.api("POST", "/containers/create", {"Image": "busybox", "HostConfig": host}).json["Id"]
        for _ in ("as it was made", "as it was read from disk"):
            shown = engine.api("GET", f"/containers/{made}/json").json["HostConfig"]
            assert [shown[name] for name in lists] == [nothing] * len(lists) and shown["PortBindings"] == ports
            engine.crash()
            engine.start()
        engine.docker("rm", made)
