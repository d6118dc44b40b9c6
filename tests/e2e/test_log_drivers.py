"""Log drivers that send: syslog, gelf and fluentd, by every way they have; and the cache that `docker logs` reads."""

import json
import ssl
import subprocess
import time
import zlib

import pytest

from support.log_listener import Listener
from support.log_scripts import LINES, expected, log_folder
from support.waiting import await_true


@pytest.fixture
def listen(engine):
    opened = []

    def start(kind, path=None, **options):
        opened.append(Listener(engine, kind, path, **options))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def test_syslog(engine, listen, tmp_path):
    server = listen("unixgram", tmp_path / "log")
    engine.docker("run", "--name", "sys", "--log-driver", "syslog", "--log-opt", f"syslog-address=unixgram://{tmp_path}/log",
                  "--log-opt", "syslog-facility=local1", "--log-opt", "syslog-format=rfc5424", "--log-opt",
                  "tag={{.Name}}", "busybox", "sh", "-c", "echo good; echo; echo bad >&2")
    lines = await_true(lambda: len(server.data) == 2 and sorted(server.data))
    assert lines[0].startswith(b"<139>1 20") and b" sys " in lines[0] and lines[0].endswith(b" sys - bad\n")
    assert lines[1].startswith(b"<142>1 20") and lines[1].endswith(b" sys - good\n")
    assert engine.docker("logs", "sys").out == "good\n\n"
    engine.docker("rm", "sys")


def test_what_a_driver_sends_is_read_from_a_cache(engine, listen, cli):
    server = listen("udp")
    options = ["--log-driver", "gelf", "--log-opt", f"gelf-address=udp://127.0.0.1:{server.port}"]
    cli("run", "--name", "cached", *options, "--log-opt", "cache-max-size=2k", "--log-opt", "cache-max-file=2", "--log-opt",
        "cache-compress=false", "busybox", "sh", "-c", LINES.format(count=500, text="line") + "; echo oops >&2")
    logs = cli("logs", "cached")
    # The cache has its limits; the log server has it all.
    assert expected(500).endswith(logs.out) and 100 < len(logs.out) < 4500 and logs.err == "oops\n"
    assert cli("logs", "--tail", "2", "cached").out == "line 499\n"
    folder = log_folder(engine, "cached")
    assert sorted(file.name for file in folder.glob("*cached*")) == ["container-cached.log", "container-cached.log.1"]
    cli("rm", "cached")
    cli("run", "--name", "uncached", *options, "--log-opt", "cache-disabled=true", "busybox", "echo", "hello")
    assert "configured logging driver does not support reading" in cli("logs", "uncached", status=1).err
    assert not list(log_folder(engine, "uncached").glob("*cached*"))
    cli("rm", "uncached")


def test_a_cached_log_is_followed(engine, listen):
    server = listen("udp")
    container = engine.docker("run", "-d", "--log-driver", "gelf", "--log-opt", f"gelf-address=udp://127.0.0.1:{server.port}",
                              "busybox", "sh", "-c", LINES.format(count=300, text="line")).out.strip()
    assert engine.docker("logs", "-f", container).out == expected(300)
    engine.docker("rm", container)


def test_syslog_over_tcp_and_a_server_that_comes_back(engine, listen):
    server = listen("tcp")
    container = engine.docker("run", "-d", "-i", "--log-driver", "syslog", "--log-opt",
                              f"syslog-address=tcp://127.0.0.1:{server.port}", "busybox", "sh", "-c",
                              "i=0; while [ $i -lt 300 ]; do echo line $i; i=$((i+1)); done; sleep 1000").out.strip()
    await_true(lambda: server.bytes().count(b"\n") == 300)
    lines = server.bytes().decode().splitlines()
    assert lines[0].startswith("<30>") and lines[0].endswith(f"{container[:12]}[{lines[0].split('[')[1].split(']')[0]}]: line 0")
    engine.docker("rm", "-f", container)


def test_gelf(engine, listen):
    server = listen("udp")
    engine.docker("run", "--name", "gelf", "--log-driver", "gelf", "--log-opt",
                  f"gelf-address=udp://127.0.0.1:{server.port}", "--log-opt", "labels=rack", "--label", "rack=7", "busybox",
                  "echo", "hello")
    message = json.loads(zlib.decompress(await_true(lambda: server.data)[0], 31))
    assert message["short_message"] == "hello" and message["version"] == "1.1" and message["level"] == 6
    assert message["_container_name"] == "gelf" and message["_rack"] == "7" and message["_command"] == "echo hello"
    assert abs(message["timestamp"] - time.time()) < 600
    engine.docker("rm", "gelf")


def test_gelf_long_message_is_chunked(engine, listen):
    server = listen("udp")
    engine.docker("run", "--rm", "--log-driver", "gelf", "--log-opt", f"gelf-address=udp://127.0.0.1:{server.port}",
                  "--log-opt", "gelf-compression-type=none", "busybox", "sh", "-c", "printf '%05000d\\n' 7")
    await_true(lambda: server.data and len(server.data) == server.data[0][11])
    chunks = sorted(server.data, key=lambda chunk: chunk[10])
    assert all(chunk[:10] == chunks[0][:10] and chunk[:2] == b"\x1e\x0f" for chunk in chunks)
    assert len(json.loads(b"".join(chunk[12:] for chunk in chunks))["short_message"]) == 5000


def test_fluentd(engine, listen):
    server = listen("tcp")
    engine.docker("run", "--name", "flu", "--log-driver", "fluentd", "--log-opt",
                  f"fluentd-address=127.0.0.1:{server.port}", "--log-opt", "tag=docker.{{.Name}}", "busybox", "echo", "hello")
    data = await_true(server.bytes)
    assert data.startswith(b"\x93\xaadocker.flu\xce")
    for text in (b"container_name", b"/flu", b"source", b"stdout", b"\xa3log\xa5hello"):
        assert text in data
    engine.docker("rm", "flu")


def test_fluentd_acknowledges(engine, listen):
    """What is not acknowledged is sent again, on a new connection."""
    import re
    seen = []

    def answer(data):
        seen.extend(re.findall(rb"\xa5chunk\xda\x00\x20([0-9a-f]{32})", data))
        return b"" if len(seen) == 1 else b"\x81\xa3ack\xd9\x20" + seen[-1]

    server = listen("tcp", answer=answer)
    engine.docker("run", "--name", "ack", "--log-driver", "fluentd", "--log-opt", f"fluentd-address=tcp://127.0.0.1:{server.port}",
                  "--log-opt", "fluentd-request-ack=true", "--log-opt", "fluentd-retry-wait=100ms", "--log-opt",
                  "fluentd-write-timeout=2s", "--log-opt", "fluentd-max-retries=5", "--log-opt",
                  "fluentd-sub-second-precision=true", "busybox", "echo", "hello")
    await_true(lambda: len(seen) == 2)
    assert server.data[0].startswith(b"\x94") and server.data[0] == server.data[1] and seen[0] == seen[1]
    engine.docker("rm", "ack")


def test_fluentd_not_waited_for(engine):
    """fluentd-async: a container starts though there is no server, and gives up when it was told to."""
    engine.docker("run", "--name", "alone", "--log-driver", "fluentd", "--log-opt", "fluentd-address=tcp://127.0.0.1:9", "--log-opt",
                  "fluentd-async=true", "--log-opt", "fluentd-max-retries=1", "--log-opt", "fluentd-async-reconnect-interval=1s",
                  "busybox", "echo", "hello")
    assert engine.docker("logs", "alone").out == "hello\n"
    engine.docker("rm", "alone")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A server's certificate for 127.0.0.1, signed by itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
                    folder / "key.pem", "-out", folder / "cert.pem", "-subj", "/CN=log", "-addext", "subjectAltName=IP:127.0.0.1",
                    "-days", "2"], check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return folder / "cert.pem", context


@pytest.mark.parametrize("trust", ["syslog-tls-ca-cert={certificate}", "syslog-tls-skip-verify=true"])
def test_syslog_over_tls(engine, listen, certificate, trust):
    server = listen("tcp", tls=certificate[1])
    address = f"syslog-address=tcp+tls://127.0.0.1:{server.port}"
    engine.docker("run", "--rm", "--log-driver", "syslog", "--log-opt", address, "--log-opt", trust.format(certificate=certificate[0]),
                  "busybox", "echo", "hello")
    assert await_true(server.bytes).endswith(b": hello\n")


def test_a_log_server_that_nobody_vouches_for(engine, listen, certificate):
    for driver, address in (("syslog", "tcp+tls"), ("fluentd", "tls")):
        server = listen("tcp", tls=certificate[1])
        refused = engine.docker("run", "--rm", "--log-driver", driver, "--log-opt", f"{driver}-address={address}://127.0.0.1:{server.port}",
                                "busybox", "true", status=125)
        assert "tls: failed to verify certificate" in refused.err


def test_gelf_over_tcp_reconnects(engine, listen):
    closed = []

    def answer(data):
        closed.append(data)
        return b"" if len(closed) == 1 else None

    server = listen("tcp", answer=answer)
    engine.docker("run", "--name", "gt", "--log-driver", "gelf", "--log-opt", f"gelf-address=tcp://127.0.0.1:{server.port}", "--log-opt",
                  "gelf-tcp-max-reconnect=10", "--log-opt", "gelf-tcp-reconnect-delay=1", "busybox", "sh", "-c",
                  "echo one; sleep 0.3; for i in 2 3 4 5 6; do echo $i; sleep 0.1; done")
    await_true(lambda: b'"short_message":"6"' in server.bytes())
    engine.docker("rm", "gt")
