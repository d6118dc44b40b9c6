"""Authorization plugins: a real one in a process of its own, asked before and after every request."""

import base64
import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.engine import Engine, UnixConnection

PLUGIN = Path(__file__).resolve().parents[1] / "support/authz_plugin.py"
JSON = {"Content-Type": "application/json"}
COMMON = {"Api-Version": "1.51", "Docker-Experimental": "false", "Ostype": "linux", "Server": "Docker/28.5.2 (linux)"}


class Guard:
    """The plugin `name` of an engine, at a socket that the engine finds or at `address`."""

    def __init__(self, engine, name, address=None, tls=()):
        self.name, self.folder = name, engine.directory / f"guard-{name}"
        self.folder.mkdir(exist_ok=True)
        self.socket = None if address else engine.exec_root / "plugins" / f"{name}.sock"
        prefix = ["nsenter", f"--net={engine.netns}"] if address else []
        if self.socket:
            self.socket.parent.mkdir(parents=True, exist_ok=True)
        self.process = subprocess.Popen([*prefix, sys.executable, PLUGIN, str(address or self.socket), self.folder, *tls],
                                        stdout=subprocess.PIPE)
        if address:
            self.process.stdout.readline()
        while self.socket and not self.socket.exists():
            assert self.process.poll() is None
            time.sleep(0.02)

    def rules(self, *rules):
        (self.folder / "new").write_text(json.dumps(rules))
        (self.folder / "new").rename(self.folder / "rules.json")
        (self.folder / "calls").unlink(missing_ok=True)

    def calls(self):
        path = self.folder / "calls"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def stop(self):
        self.process.kill()
        self.process.wait()
        if self.socket:
            self.socket.unlink(missing_ok=True)


class GuardedEngine(Engine):
    """An engine whose plugins run before it does."""

    def __init__(self, *names, **options):
        flags = [word for name in names for word in ("--authorization-plugin", name)]
        super().__init__(*options.pop("flags", []), *flags, **options)
        self.names, self.guards = names, {}

    def start(self):
        for name in self.names:
            if name not in self.guards:
                self.guards[name] = Guard(self, name)
        super().start()

    def close(self):
        for guard in self.guards.values():
            guard.rules()
        super().close()

    def leftovers(self, seconds=5):
        # The plugins are no leftovers: they had to be there until the daemon's end.
        for guard in self.guards.values():
            guard.stop()
        return super().leftovers(seconds)


@pytest.fixture(scope="module")
def engine():
    with GuardedEngine("first", "second") as shared:
        yield shared
    assert shared.left == []


@pytest.fixture
def guards(engine):
    first, second = engine.guards["first"], engine.guards["second"]
    for guard in (first, second):
        guard.rules()
    yield first, second
    for guard in (first, second):
        guard.rules()


def told(guard, *phases):
    """What the plugin was told of one request, in its two phases."""
    calls = guard.calls()
    assert [call.pop("Phase") for call in calls] == list(phases)
    return calls


def body_of(call, key="RequestBody"):
    return base64.b64decode(call.pop(key, ""))


def test_the_settings_show_them(engine, guards):
    assert engine.api("GET", "/info").json["Plugins"]["Authorization"] == ["first", "second"]


def test_what_a_plugin_is_told(engine, guards):
    seen = {"Accept-Encoding": "identity"}
    assert engine.api("GET", "/v1.43/info?x=1").status == 200
    for guard in guards:
        request, response = told(guard, "AuthZReq", "AuthZRes")
        assert request == {"RequestMethod": "GET", "RequestUri": "/v1.43/info?x=1", "RequestHeaders": seen}
        assert json.loads(body_of(response, "ResponseBody"))["Plugins"]["Authorization"] == ["first", "second"]
        assert response == {**request, "ResponseStatusCode": 200,
                            "ResponseHeaders": {**COMMON, "Content-Type": "application/json"}}


def test_credentials_are_left_out(engine, guards):
    body = json.dumps({"Image": "nope"})
    answer = engine.api("POST", "/containers/create?name=abc", body, {**JSON, "x-odd": "1", "X-Registry-Auth": "secret"})
    assert answer.status == 404
    request, response = told(guards[0], "AuthZReq", "AuthZRes")
    assert body_of(request) == body.encode() == body_of(response)
    assert request["RequestHeaders"] == {"Accept-Encoding": "identity", "Content-Length": str(len(body)),
                                         "Content-Type": "application/json", "X-Odd": "1"}
    # Of an error a plugin sees no status and no text, as with dockerd.
    assert response == {**request, "ResponseHeaders": COMMON}


@pytest.mark.parametrize("path, body, headers", [
    ("/v1.30/auth", '{"serveraddress": "127.0.0.1:1"}', JSON), ("/images/load", "junk", {"Content-Type": "application/x-tar"})])
def test_bodies_that_are_not_shown(engine, guards, path, body, headers):
    engine.api("POST", path, body, headers)
    assert "RequestBody" not in told(guards[0], "AuthZReq", "AuthZRes")[0]


def test_what_is_no_route_is_nobodys_business(engine, guards):
    assert engine.api("GET", "/nope").status == 404
    assert engine.api("GET", "/containers//json").status == 301
    assert guards[0].calls() == []
    # A version that the engine does not speak comes after the plugins.
    assert engine.api("GET", "/v1.99/version").status == 400
    told(guards[0], "AuthZReq", "AuthZRes")


def test_a_denied_request(engine, guards, cli):
    guards[0].rules({"phase": "AuthZReq", "match": "^GET .*/containers/json", "msg": "not for you"})
    refused = cli("ps", status=1)
    assert "Error response from daemon: authorization denied by plugin first: not for you" in refused.err
    assert [call for call in guards[1].calls() if "containers" in call["RequestUri"]] == []
    answer = engine.api("GET", "/containers/json")
    assert (answer.status, answer.json) == (403, {"message": "authorization denied by plugin first: not for you"})
    assert sorted(answer.headers.keys()) == ["Content-Length", "Content-Type", "Date"]


def test_the_second_has_a_say_too(engine, guards):
    guards[1].rules({"phase": "AuthZReq", "match": "version"})
    answer = engine.api("GET", "/version")
    assert (answer.status, answer.json["message"]) == (403, "authorization denied by plugin second: no")
    told(guards[0], "AuthZReq")


def test_a_denied_response_never_leaves(engine, guards):
    guards[1].rules({"phase": "AuthZRes", "match": "version", "msg": "secret"})
    answer = engine.api("GET", "/version")
    assert (answer.status, answer.json) == (403, {"message": "authorization denied by plugin second: secret"})
    # An error of the engine's own stays what it is.
    guards[1].rules({"phase": "AuthZRes", "match": "nope"})
    assert engine.api("GET", "/containers/nope/json").status == 404


def test_a_plugin_that_fails_allows_nothing(engine, guards):
    guards[0].rules({"phase": "AuthZReq", "match": "version", "error": "broken"}, {"phase": "AuthZRes", "match": "images", "error": "late"})
    answer = engine.api("GET", "/version")
    assert (answer.status, answer.json["message"]) == (500, "plugin first failed with error: AuthZPlugin.AuthZReq: broken")
    assert engine.api("GET", "/images/json").json["message"] == "plugin first failed with error: AuthZPlugin.AuthZRes: late"


def test_streams_and_hijacked_connections(engine, guards, cli):
    assert cli("run", "--rm", "-i", "busybox", "cat", stdin="through\n").out == "through\n"
    attached = [call for call in guards[0].calls() if "/attach" in call["RequestUri"]]
    assert [call["Phase"] for call in attached] == ["AuthZReq", "AuthZRes"] and "ResponseStatusCode" not in attached[1]
    guards[0].rules({"phase": "AuthZReq", "match": "/exec$", "body": "whoami"})
    name = cli("run", "-d", "busybox", "sleep", "1000").out.strip()
    assert cli("exec", name, "echo", "allowed").out == "allowed\n"
    assert "authorization denied by plugin first: no" in cli("exec", name, "whoami", status=None).err
    cli("rm", "-f", name)


# The same wish in the many ways that it can be sent: it is refused each time, or is no wish at all.

WISH = json.dumps({"Image": "busybox", "HostConfig": {"Privileged": True}}).encode()
HEAD = b"POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: %s\r\n"
PLAIN = b"application/json"


def chunked(*pieces):
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def sized(path, kind=PLAIN, body=WISH, more=b""):
    return HEAD % (path, kind) + more + b"Content-Length: %d\r\n\r\n" % len(body) + body


CREATE = b"/containers/create"
VARIANTS = {
    "plain": sized(CREATE),
    **{f"version {version}": sized(b"/v1.%d/containers/create" % version) for version in (24, 41, 51, 99)},
    "escaped": sized(b"/containers/%63reate"), "escaped slash": sized(b"/containers%2fcreate"),
    "absolute": sized(b"http://elsewhere/containers/create"), "named": sized(CREATE + b"?name=x&name=y"),
    "two slashes": sized(b"//containers//create"), "dots": sized(b"/containers/x/../create"),
    "charset": sized(CREATE, b"application/json; charset=utf-8"), "upper": sized(CREATE, b"APPLICATION/JSON"),
    "text": sized(CREATE, b"text/plain"), "no type": sized(CREATE, b""), "two types": sized(CREATE, b"text/plain", more=b"Content-Type: application/json\r\n"),
    "two types turned": sized(CREATE, PLAIN, more=b"Content-Type: text/plain\r\n"),
    "folded": sized(CREATE, b"application/json ;x=y"), "odd type": sized(CREATE, b"application/json/x"),
    "expect": sized(CREATE, more=b"Expect: 100-continue\r\n"),
    "chunked": HEAD % (CREATE, PLAIN) + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(WISH),
    "small chunks": HEAD % (CREATE, PLAIN) + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(*(WISH[i:i + 1] for i in range(len(WISH)))),
    "chunked and length 0": HEAD % (CREATE, PLAIN) + b"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n" + chunked(WISH),
    "length 0": HEAD % (CREATE, PLAIN) + b"Content-Length: 0\r\n\r\n" + WISH,
    "two lengths": HEAD % (CREATE, PLAIN) + b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n" % len(WISH) + WISH,
    "odd length": HEAD % (CREATE, PLAIN) + b"Content-Length: +%d\r\n\r\n" % len(WISH) + WISH,
    "no length": HEAD % (CREATE, PLAIN) + b"\r\n" + WISH,
    "identity": sized(CREATE, more=b"Transfer-Encoding: identity\r\n"),
    "padded": sized(CREATE, body=b" " * (2 << 20) + WISH), "too large": sized(CREATE, body=WISH[:-1] + b', "Labels": {"x": "%s"}}' % (b"y" * (4 << 20))),
    "method": sized(CREATE).replace(b"POST", b"post", 1), "override": sized(CREATE, more=b"X-HTTP-Method-Override: GET\r\n"),
    "twice": sized(CREATE).replace(b"close", b"keep-alive") + sized(CREATE),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_bytes_a_plugin_sees_are_the_bytes_executed(engine, guards, variant):
    guards[1].rules({"phase": "AuthZReq", "match": "create", "body": '"Privileged": *true'})
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(engine.socket))
        connection.settimeout(20)
        connection.sendall(VARIANTS[variant])
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    if variant in ("plain", "chunked", "small chunks", "padded", "too large", "escaped", "absolute", "version 24", "charset"):
        assert b" 403 " in answer.splitlines()[1 if answer.startswith(b"HTTP/1.1 100") else 0] and b"authorization denied" in answer
    assert engine.api("GET", "/containers/json?all=1").json == []


# Doors and settings

def test_a_client_by_its_certificate(certificates):
    own = GuardedEngine("tls-guard", flags=["-H", "tcp://127.0.0.1:23760", "--tlsverify", "--tlscacert", certificates / "ca.pem",
                                            "--tlscert", certificates / "server.pem", "--tlskey", certificates / "server.key"], images=())
    with own:
        own.run(sys.executable, "-c", f"""if 1:
            import http.client, ssl
            context = ssl.create_default_context(cafile="{certificates}/ca.pem")
            context.load_cert_chain("{certificates}/client.pem", "{certificates}/client.key")
            connection = http.client.HTTPSConnection("127.0.0.1", 23760, context=context)
            connection.request("GET", "/version")
            assert connection.getresponse().status == 200""", inside=True)
        call = next(call for call in own.guards["tls-guard"].calls() if call["RequestUri"] == "/version")
        assert (call["User"], call["UserAuthNMethod"]) == ("alice", "TLS")
        shown = [base64.b64decode(one) for one in call["RequestPeerCertificates"]]
        assert shown[0].split(b"-----")[2].split() == (certificates / "client.pem").read_bytes().split(b"-----")[2].split()
    assert own.left == []


def test_a_plugin_behind_tls(certificates):
    """A .json file beside the settings says where it is and whose certificates count."""
    class Behind(GuardedEngine):
        def start(self):
            folder = self.config.parent / "plugins"
            folder.mkdir(exist_ok=True)
            (folder / "far.json").write_text(json.dumps({"Name": "far", "Addr": "https://127.0.0.1:23761", "TLSConfig": {
                "CAFile": str(certificates / "ca.pem"), "CertFile": str(certificates / "client.pem"), "KeyFile": str(certificates / "client.key")}}))
            if not self.guards:
                self.guards["far"] = Guard(self, "far", 23761, (certificates / "server.pem", certificates / "server.key", certificates / "ca.pem"))
            super().start()

    with Behind(images=(), settings={"authorization-plugins": ["far"]}) as own:
        own.guards["far"].rules({"phase": "AuthZReq", "match": "info", "msg": "seen"})
        assert own.api("GET", "/info").json == {"message": "authorization denied by plugin far: seen"}
    assert own.left == []


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca", "-days", "2")
    for name, subject, extra in (("server", "/CN=server", "subjectAltName=IP:127.0.0.1"), ("client", "/O=club/CN=alice", "extendedKeyUsage=clientAuth")):
        openssl("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", subject)
        (folder / "ext").write_text(extra)
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
                "-extfile", "ext", "-out", f"{name}.pem")
    return folder


def reloaded(engine, settings):
    engine.config.write_text(json.dumps(settings))
    before = engine.log().count("reloaded configuration")
    engine.process.send_signal(signal.SIGHUP)
    end = time.monotonic() + 30
    while engine.log().count("reloaded configuration") == before:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_reload_changes_them(new_engine):
    engine = new_engine(images=(), settings={})
    guard = Guard(engine, "later")
    guard.rules({"phase": "AuthZReq", "match": "version", "msg": "now"})
    assert engine.api("GET", "/version").status == 200
    reloaded(engine, {"authorization-plugins": ["later"]})
    assert engine.api("GET", "/version").json == {"message": "authorization denied by plugin later: now"}
    assert engine.api("GET", "/info").json["Plugins"]["Authorization"] == ["later"]
    # One that starts again is waited for.
    guard.stop()
    waiting = UnixConnection(engine.socket)
    waiting.request("GET", "/info")
    guard = Guard(engine, "later")
    assert waiting.getresponse().status == 200
    waiting.close()
    reloaded(engine, {})
    assert engine.api("GET", "/version").status == 200
    guard.stop()


def test_a_plugin_of_another_kind_ends_the_start():
    own = GuardedEngine("volumes", images=())

    class Other(Guard):
        def __init__(self, engine, name):
            super().__init__(engine, name)
            self.rules({"kind": "VolumeDriver", "phase": ""})

    own.directory.mkdir(mode=0o700)
    try:
        own.guards["volumes"] = Other(own, "volumes")
        subprocess.run(["ip", "netns", "add", own.name], check=True)
        with pytest.raises(RuntimeError, match='failed to validate authorization plugin: legacy plugin: Plugin does not implement '
                                               'the requested driver: plugin=."volumes.", requested implementation=."authz'):
            own.start()
    finally:
        own.close()
    assert own.left == []
