"""Log drivers, their options, and what `docker logs` makes of them."""

import contextlib
import gzip
import json
import socket
import struct
import threading
import time
import zlib

import pytest

LINES = 'i=0; while [ $i -lt {count} ]; do echo "{text} $i"; i=$((i+1)); done'


def log_folder(engine, container):
    return engine.data / "containers" / engine.api("GET", f"/containers/{container}/json").json["Id"]


def await_true(condition, seconds=20):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
    return found


def expected(count, text="line"):
    return "".join(f"{text} {i}\n" for i in range(count))


def test_attributes_and_details(engine, cli):
    name = "details"
    cli("run", "--name", name, "--log-opt", "labels=rack,none", "--log-opt", "labels-regex=^(com|or)", "--log-opt",
        "env=COLOUR", "--log-opt", "env-regex=^SH", "--log-opt", "tag={{.Name}}/{{ .ImageName }}", "--label", "rack=7",
        "--label", "com.x=a b", "--label", "other=no", "-e", "COLOUR=red,green", "-e", "SHAPE=round", "-e", "X=1",
        "busybox", "echo", "hello")
    line = cli("logs", "--details", name).out
    assert line == "COLOUR=red%2Cgreen,SHAPE=round,com.x=a+b,other=no,rack=7,tag=details%2Fbusybox hello\n".replace(
        "other=no,", "")
    stamped = cli("logs", "--details", "-t", name).out
    assert stamped.endswith("Z " + line)
    assert cli("logs", name).out == "hello\n"
    record = json.loads((log_folder(engine, name) / f"{log_folder(engine, name).name}-json.log").read_text())
    assert list(record) == ["log", "stream", "attrs", "time"]
    assert record["attrs"]["tag"] == "details/busybox"
    cli("rm", name)


def test_details_without_attributes(engine):
    engine.docker("run", "--name", "bare", "busybox", "echo", "hello")
    assert engine.docker("logs", "--details", "bare").out == " hello\n"
    engine.docker("rm", "bare")


@pytest.mark.parametrize("options, message", [
    (["--log-driver", "nope"], "logger: no log driver named 'nope' is registered"),
    (["--log-opt", "colour=red"], "unknown log opt 'colour' for json-file log driver"),
    (["--log-opt", "tag={{.Colour}}"], "can't evaluate field Colour in type *logger.Info"),
    (["--log-opt", "tag={{.Name"], "unclosed action"),
    (["--log-opt", "labels-regex=(("], "error parsing regexp"),
    (["--log-opt", "mode=sometimes"], "logger: logging mode not supported: sometimes"),
    (["--log-opt", "max-buffer-size=1m"], "max-buffer-size option is only supported with 'mode=non-blocking'"),
    (["--log-opt", "compress=true"], "compress cannot be true when max-file is less than 2 or max-size is not set"),
    (["--log-driver", "local", "--log-opt", "labels=a"], "unknown log opt 'labels' for log driver local"),
    (["--log-driver", "syslog", "--log-opt", "syslog-address=http://x"], "unsupported scheme: 'http'"),
    (["--log-driver", "gelf"], "gelf-address is a required parameter"),
    (["--log-driver", "fluentd", "--log-opt", "fluentd-request-ack=true"], "not supported"),
    (["--log-driver", "fluentd", "--log-opt", "fluentd-address=127.0.0.1:9"],
     "failed to initialize logging driver: dial tcp 127.0.0.1:9: connect: connection refused"),
    (["--log-driver", "journald"], "logger: no log driver named 'journald' is registered"),
])
def test_what_is_refused(engine, options, message):
    assert message.lower() in engine.docker("run", "--rm", *options, "busybox", "true", status=125).err.lower()


def test_rotated_files_are_compressed_and_read(engine, cli):
    name = "packed"
    cli("run", "--name", name, "--log-opt", "max-size=20k", "--log-opt", "max-file=100", "--log-opt", "compress=true",
        "busybox", "sh", "-c", LINES.format(count=3000, text="line"))
    folder = log_folder(engine, name)
    packed = await_true(lambda: not list(folder.glob("*.log.*[0-9]")) and list(folder.glob("*.gz")))
    assert all(gzip.decompress(file.read_bytes()).startswith(b'{"log":"line') for file in packed)
    assert cli("logs", name).out == expected(3000)
    assert cli("logs", "--tail", "2900", name).out == expected(3000).split("\n", 100)[100]
    cli("rm", name)
    assert not folder.exists()


def test_local_driver(engine, cli):
    name = "local"
    cli("run", "--name", name, "--log-driver", "local", "--log-opt", "max-size=20k", "--log-opt", "max-file=50", "busybox",
        "sh", "-c", LINES.format(count=2000, text="line") + "; echo oops >&2")
    folder = log_folder(engine, name)
    first = (folder / "local-logs/container.log").read_bytes()
    size = struct.unpack(">I", first[:4])[0]
    assert first[4 + size:8 + size] == first[:4] and first[4:9] == b"\x0a\x06std"
    logs = cli("logs", name)
    assert (logs.out, logs.err) == (expected(2000), "oops\n")
    assert cli("logs", "--tail", "3", name).out == "line 1998\nline 1999\n"
    assert cli("logs", "--details", "--tail", "2", name).out == " line 1999\n"
    assert engine.api("GET", f"/containers/{name}/json").json["LogPath"] == ""
    cli("rm", name)
    assert not folder.exists()


def test_local_driver_followed(engine):
    container = engine.docker("run", "-d", "--log-driver", "local", "--log-opt", "max-size=5k", "busybox", "sh", "-c",
                              "cat; " + LINES.format(count=500, text="line"), stdin="").out.strip()
    assert engine.docker("logs", "-f", container).out == expected(500)
    engine.docker("rm", container)


@pytest.mark.parametrize("driver", ["json-file", "local"])
def test_non_blocking(engine, driver):
    name = "lossy-" + driver
    engine.docker("run", "--name", name, "--log-driver", driver, "--log-opt", "mode=non-blocking", "--log-opt",
                  "max-buffer-size=1m", "--log-opt", "max-size=1m", "--log-opt", "max-file=5", "busybox", "sh", "-c",
                  LINES.format(count=200, text="line"))
    # What is there at the exit is all of it: the buffer has not been full.
    assert engine.docker("logs", name).out == expected(200)
    engine.docker("rm", name)


def test_a_logger_that_stands_still_does_not_hold_up_the_container(engine):
    import os
    import signal
    container = engine.docker("run", "-d", "--log-opt", "mode=non-blocking", "--log-opt", "max-buffer-size=64k", "busybox",
                              "sh", "-c", "read x < /dev/null; sleep 0.5; "
                              "dd if=/dev/zero bs=1k count=4000 2>/dev/null | tr '\\0' x | fold -w 99; touch /done; "
                              "sleep 1000").out.strip()
    loggers = await_true(lambda: loggers_of(engine, container))
    for pid in loggers:
        os.kill(pid, signal.SIGSTOP)
    await_true(lambda: engine.docker("exec", container, "ls", "/done", status=None).status == 0)
    for pid in loggers:
        os.kill(pid, signal.SIGCONT)
    engine.docker("rm", "-f", container)
    await_true(lambda: not any(alive(pid) for pid in loggers))


def alive(pid):
    from pathlib import Path
    return Path(f"/proc/{pid}").exists()


def loggers_of(engine, container):
    """The berth-loggers that are children of the container's shim."""
    from pathlib import Path
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "comm").read_text().strip() != "berth-logger":
                continue
            parent = (process / "stat").read_text().rsplit(")", 1)[1].split()[1]
            if container in Path(f"/proc/{parent}/cmdline").read_text():
                found.append(int(process.name))
    return found


class Listener:
    """A server in the engine's network namespace that keeps what it receives; made by a helper process there."""

    def __init__(self, engine, kind, path=None):
        self.data, self.kind = [], kind
        if path:
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self.socket.bind(str(path))
        else:
            self.socket = in_namespace(engine, kind)
            self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        with contextlib.suppress(OSError):
            if self.kind != "tcp":
                while True:
                    self.data.append(self.socket.recv(65536))
            self.socket.listen()
            while True:
                connection, _ = self.socket.accept()
                while chunk := connection.recv(65536):
                    self.data.append(chunk)

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(5)

    def bytes(self):
        return b"".join(self.data)


def in_namespace(engine, kind):
    """A socket bound to a free port of the engine's loopback."""
    import array
    import os
    import subprocess
    import sys
    ours, theirs = socket.socketpair()
    script = (f"import socket,array; s=socket.socket(socket.AF_INET, socket.SOCK_{'STREAM' if kind == 'tcp' else 'DGRAM'});"
              "s.bind(('127.0.0.1',0)); c=socket.socket(fileno=0);"
              "c.sendmsg([b'x'],[(socket.SOL_SOCKET,socket.SCM_RIGHTS,array.array('i',[s.fileno()]))])")
    subprocess.run(["nsenter", f"--net={engine.netns}", sys.executable, "-c", script], stdin=theirs, check=True)
    theirs.close()
    _, rights, _, _ = ours.recvmsg(1, socket.CMSG_SPACE(4))
    ours.close()
    return socket.socket(fileno=array.array("i", rights[0][2])[0])


@pytest.fixture
def listen(engine):
    opened = []

    def start(kind, path=None):
        opened.append(Listener(engine, kind, path))
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
    refused = engine.docker("logs", "sys", status=1)
    assert "configured logging driver does not support reading" in refused.err
    engine.docker("rm", "sys")


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


def test_a_default_driver_that_is_not_there(tmp_path):
    import subprocess
    from support.engine import BIN
    done = subprocess.run([BIN / "berthd", "--config-file", "/dev/null", "--data-root", tmp_path / "data", "--exec-root",
                           tmp_path / "run", "--pidfile", tmp_path / "pid", "-b", "none", "--iptables=false",
                           "--ip-forward=false", "-H", f"unix://{tmp_path}/s", "--log-opt", "colour=red"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "failed to set log opts: unknown log opt 'colour' for json-file log driver" in done.stderr
