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


@pytest.mark.parametrize("tag, expected", [
    ("{{.ID}}|{{.FullID}}", "{id12}|{id}"), ("{{.Name}}-{{ .ImageName }}", "tagged-busybox"), ("{{.ImageID}}", "{image12}"),
    ("{{.ImageFullID}}", "{image}"), ("{{.DaemonName}}/{{.ContainerName}}", "docker//tagged"), ("{{upper .Name}}", "TAGGED"),
    ("{{.Name | upper | lower}}", "tagged"), ("{{join (split .Name \"g\") \"G\"}}", "taGGed"), ("{{title .Name}}", "Tagged"),
    ("{{pad .Name 1 2}}.", " tagged  ."), ("{{truncate .Name 3}}", "tag"), ("{{json .Name}}", '"tagged"'), ("{{println .Name}}x", "tagged\nx"),
    ("{{.ContainerLabels.rack}} {{index .ContainerLabels \"rack\"}}", "7 7"), ("{{with .Config}}{{index . \"max-size\"}}{{end}}", "1m"),
    ("{{if eq .Name \"tagged\"}}yes{{else}}no{{end}}", "yes"), ("{{index .ContainerArgs 0}}{{.ContainerLabels.none}}", "hello"), ("{{range .ContainerArgs}}<{{.}}>{{end}} {{.Command}}", "<hello> echo hello"),
    ("{{.Hostname}}", "{hostname}"), ("{{printf \"%s@%d\" .Name 7}}", "tagged@7")])
def test_tags(engine, tag, expected):
    """Everything that a tag may say of its container."""
    engine.docker("run", "--name", "tagged", "--label", "rack=7", "--log-opt", "max-size=1m", "--log-opt", f"tag={tag}", "busybox", "echo", "hello")
    seen = engine.api("GET", "/containers/tagged/json").json
    record = json.loads((log_folder(engine, "tagged") / f"{seen['Id']}-json.log").read_text())
    names = {"{id}": seen["Id"], "{id12}": seen["Id"][:12], "{image}": seen["Image"], "{image12}": seen["Image"][:12], "{hostname}": socket.gethostname()}
    for name, value in names.items():
        expected = expected.replace(name, value)
    engine.docker("rm", "tagged")
    assert record["attrs"]["tag"] == expected


def test_damaged_records_are_passed_over_and_reported(engine):
    engine.docker("run", "--name", "damaged", "busybox", "sh", "-c", "echo one; echo two; echo three")
    path = next(log_folder(engine, "damaged").glob("*-json.log"))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b"\x00\xffhalf a rec\n" + lines[1][:20] + b"\n" + lines[2])
    assert engine.docker("logs", "damaged").out == "one\nthree\n"
    await_true(lambda: "damaged records of a log were passed over" in engine.log() and "records=2" in engine.log())
    engine.docker("rm", "damaged")


def test_details_without_attributes(engine):
    engine.docker("run", "--name", "bare", "busybox", "echo", "hello")
    assert engine.docker("logs", "--details", "bare").out == " hello\n"
    engine.docker("rm", "bare")


@pytest.mark.parametrize("options, message", [
    (["--log-driver", "nope"], 'error looking up logging plugin nope: plugin "nope" not found'),
    (["--log-opt", "colour=red"], "unknown log opt 'colour' for json-file log driver"),
    (["--log-opt", "tag={{.Colour}}"], "can't evaluate field Colour in type *logger.Info"),
    (["--log-opt", "tag={{.Name"], "template: log-tag:1: unclosed action"),
    (["--log-opt", "tag={{nope .Name}}"], 'template: log-tag:1: function "nope" not defined'),
    (["--log-opt", "tag=" + "{{" + "(" * 5000 + "}}"], "max expression depth exceeded"),
    (["--log-opt", "tag={{pad .Name 1 9999999999}}"], "error calling pad"),
    (["--log-opt", 'tag={{printf "%9999999999s" .Name}}'], "error calling printf"),
    (["--log-opt", "labels-regex=(("], "error parsing regexp"),
    (["--log-opt", "mode=sometimes"], "logger: logging mode not supported: sometimes"),
    (["--log-opt", "max-buffer-size=1m"], "max-buffer-size option is only supported with 'mode=non-blocking'"),
    (["--log-opt", "compress=true"], "compress cannot be true when max-file is less than 2 or max-size is not set"),
    (["--log-driver", "local", "--log-opt", "labels=a"], "unknown log opt 'labels' for log driver local"),
    (["--log-driver", "syslog", "--log-opt", "syslog-address=http://x"], "unsupported scheme: 'http'"),
    (["--log-driver", "gelf"], "gelf-address is a required parameter"),
    (["--log-driver", "fluentd", "--log-opt", "fluentd-request-ack=maybe"], 'strconv.ParseBool: parsing "maybe": invalid syntax'),
    (["--log-driver", "fluentd", "--log-opt", "fluentd-async-reconnect-interval=1h"], "must be between 100ms and 10s"),
    (["--log-opt", "cache-disabled=maybe"], "invalid value for option cache-disabled: maybe"),
    (["--log-driver", "fluentd", "--log-opt", "fluentd-address=127.0.0.1:9"],
     "failed to initialize logging driver: dial tcp 127.0.0.1:9: connect: connection refused"),
    (["--log-driver", "journald", "--log-opt", "max-size=1m"], "unknown log opt 'max-size' for journald log driver"),
    (["--log-driver", "awslogs"], 'error looking up logging plugin awslogs: plugin "awslogs" not found'),
    (["--log-driver", "gcplogs"], 'error looking up logging plugin gcplogs: plugin "gcplogs" not found'),
    (["--log-driver", "splunk"], 'error looking up logging plugin splunk: plugin "splunk" not found'),
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


def test_a_log_does_not_wait_for_its_compressor(engine):
    """Nor grow meanwhile: 40 MB come far faster than they are compressed."""
    engine.docker("run", "-d", "--name", "fast", "--log-opt", "max-size=1m", "--log-opt", "max-file=4", "--log-opt", "compress=true", "busybox",
                  "sh", "-c", "dd if=/dev/urandom bs=1M count=20 2>/dev/null | hexdump -v -e '32/1 \"%02x\" \"\\n\"'; sleep 1000")
    folder, largest, files = log_folder(engine, "fast"), 0, 0
    def done():
        nonlocal largest, files
        with contextlib.suppress(FileNotFoundError):
            sizes = [file.stat().st_size for file in folder.glob("*.log*")]
            largest, files = max(largest, *sizes), max(files, len([name for name in sizes]))
        return "hexdump" not in engine.docker("top", "fast", "-o", "pid,comm").out
    await_true(done)
    # A record begun below the limit may end above it. Of each number there may be a packed file and its source.
    assert 900_000 < largest < 1_100_000
    assert files <= 9
    await_true(lambda: not list(folder.glob("*.log.*[0-9]")) and list(folder.glob("*.gz")))
    engine.docker("rm", "-f", "fast")


def test_a_rotated_file_is_compressed_by_a_niced_child(tmp_path):
    import subprocess
    from pathlib import Path
    from support.engine import BIN
    (tmp_path / "log.1").write_bytes(b"a line of a log, and another one\n" * 2_000_000)
    child = subprocess.Popen([BIN / "berth-logger", "--compress", tmp_path / "log"])
    seen = set()
    while child.poll() is None:
        with contextlib.suppress(OSError):
            seen.add(Path(f"/proc/{child.pid}/stat").read_text().rsplit(")", 1)[1].split()[16])
    assert child.returncode == 0 and "19" in seen
    assert [file.name for file in tmp_path.iterdir()] == ["log.1.gz"]


@pytest.mark.parametrize("driver", ["json-file", "local"])
def test_logs_find_their_place(engine, driver):
    """By the kernel's count of what the daemon reads: the last lines, and those since a moment, of 10 MB."""
    from pathlib import Path

    def cost(*options):
        counter = Path(f"/proc/{engine.process.pid}/io")
        before = int(counter.read_text().split()[1])
        text = engine.docker("logs", *options, "found").out
        return text, int(counter.read_text().split()[1]) - before

    engine.docker("run", "--name", "found", "--log-driver", driver, "busybox", "sh", "-c", "if [ -f /mark ]; then echo last; else touch /mark; "
                  "yes a line of eighty characters, more or less, as they are found in the logs of servers | head -n 125000; fi")
    since = engine.api("GET", "/info").json["SystemTime"]
    engine.docker("start", "-a", "found")
    text, bytes_read = cost("--since", since)
    assert text == "last\n" and bytes_read < 3 << 20
    text, bytes_read = cost("--tail", "3")
    assert text.count("\n") == 3 and text.endswith("last\n") and bytes_read < 1 << 20
    engine.docker("rm", "found")


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

    def __init__(self, engine, kind, path=None, tls=None, answer=None):
        self.data, self.kind, self.tls, self.answer = [], kind, tls, answer
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
                if self.tls:
                    connection = self.tls.wrap_socket(connection, server_side=True)
                while chunk := connection.recv(65536):
                    self.data.append(chunk)
                    text = self.answer(chunk) if self.answer else None
                    if text:
                        connection.sendall(text)
                    if text == b"":
                        break
                connection.close()

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


@pytest.fixture
def journal():
    """A journal's socket, where this host has none."""
    from pathlib import Path
    path = Path("/run/systemd/journal/socket")
    if path.exists():
        pytest.skip("this host has a journal of its own")
    made = [folder for folder in (path.parent, path.parent.parent) if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    server.bind(str(path))
    server.settimeout(20)
    yield server
    server.close()
    path.unlink()
    for folder in made:
        folder.rmdir()


def journal_entry(server):
    """The fields of the next entry, by the journal's native protocol."""
    import array
    import os
    data, rights, _, _ = server.recvmsg(1 << 18, socket.CMSG_SPACE(4))
    if rights:
        file = array.array("i", rights[0][2])[0]
        data = os.pread(file, 1 << 26, 0)
        os.close(file)
    fields = {}
    while data:
        line, _, data = data.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            size = struct.unpack("<Q", data[:8])[0]
            value, data = data[8:8 + size], data[9 + size:]
        fields[name.decode()] = value.decode()
    return fields


def test_journald(engine, journal, cli):
    cli("run", "--name", "jour", "--log-driver", "journald", "--log-opt", "tag={{.Name}}", "--log-opt", "labels=com.rack", "--log-opt",
        "env=_COLOUR", "--label", "com.rack=7", "-e", "_COLOUR=a\nb", "busybox", "sh", "-c", "echo good; sleep 0.1; echo bad >&2")
    container = engine.api("GET", "/containers/jour/json").json["Id"]
    good, bad = journal_entry(journal), journal_entry(journal)
    assert (good.pop("MESSAGE"), good.pop("PRIORITY"), bad["MESSAGE"], bad["PRIORITY"]) == ("good", "6", "bad", "3")
    assert (good.pop("CONTAINER_LOG_ORDINAL"), bad["CONTAINER_LOG_ORDINAL"]) == ("1", "2")
    assert good["CONTAINER_LOG_EPOCH"] == bad["CONTAINER_LOG_EPOCH"] and len(good.pop("CONTAINER_LOG_EPOCH")) == 64
    assert good.pop("SYSLOG_TIMESTAMP").endswith("Z")
    assert good == {"CONTAINER_ID": container[:12], "CONTAINER_ID_FULL": container, "CONTAINER_NAME": "jour", "CONTAINER_TAG": "jour",
                    "SYSLOG_IDENTIFIER": "jour", "IMAGE_NAME": "busybox", "COM_RACK": "7", "COLOUR": "a\nb"}
    logs = cli("logs", "jour")
    assert (logs.out, logs.err) == ("good\n", "bad\n")
    cli("rm", "jour")


def test_journald_takes_long_lines_and_big_entries(engine, journal):
    # 500 KiB of a variable go with every record: more than a datagram holds.
    variable = "x" * 100_000
    engine.docker("run", "--rm", "--log-driver", "journald", *(word for i in range(5) for word in ("-e", f"V{i}={variable}")), "--log-opt",
                  "env=V0,V1,V2,V3,V4", "busybox", "sh", "-c", "printf '%020000d\\n' 7")
    pieces = [journal_entry(journal) for _ in range(2)]
    assert len(pieces[0]["MESSAGE"]) == 16384 and len(pieces[1]["MESSAGE"]) == 20000 - 16384
    assert [piece["CONTAINER_PARTIAL_LAST"] for piece in pieces] == ["false", "true"] and "CONTAINER_PARTIAL_MESSAGE" in pieces[0]
    assert pieces[0]["V4"] == variable


def test_journald_that_stands_still_holds_the_container_up(engine, journal):
    """Every record arrives, though nobody reads for a while: the queue of a socket is short."""
    container = engine.docker("run", "-d", "--log-driver", "journald", "busybox", "sh", "-c",
                              LINES.format(count=3000, text="line")).out.strip()
    assert [journal_entry(journal)["MESSAGE"] for _ in range(3000)] == expected(3000).splitlines()
    assert engine.docker("logs", container).out == expected(3000)
    engine.docker("rm", "-f", container)


def test_journald_where_there_is_none(engine):
    from pathlib import Path
    if Path("/run/systemd/journal/socket").exists():
        pytest.skip("this host has a journal")
    assert "failed to initialize logging driver: journald is not enabled on this host" in engine.docker(
        "run", "--rm", "--log-driver", "journald", "busybox", "true", status=125).err


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
    import ssl
    import subprocess
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


def test_a_default_driver_that_is_not_there(tmp_path):
    import subprocess
    from support.engine import BIN
    done = subprocess.run([BIN / "berthd", "--config-file", "/dev/null", "--data-root", tmp_path / "data", "--exec-root",
                           tmp_path / "run", "--pidfile", tmp_path / "pid", "-b", "none", "--iptables=false",
                           "--ip-forward=false", "-H", f"unix://{tmp_path}/s", "--log-opt", "colour=red"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "failed to set log opts: unknown log opt 'colour' for json-file log driver" in done.stderr
