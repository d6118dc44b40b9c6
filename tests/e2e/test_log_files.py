"""Logs in files of the engine's own: rotation, compression, finding a place, the local driver, mode=non-blocking."""

import contextlib
import gzip
import os
import signal
import struct
import subprocess
from pathlib import Path

import pytest

from support.engine import BIN
from support.log_scripts import LINES, expected, log_folder
from support.waiting import await_true


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
    return Path(f"/proc/{pid}").exists()


def loggers_of(engine, container):
    """The berth-loggers that are children of the container's shim."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "comm").read_text().strip() != "berth-logger":
                continue
            parent = (process / "stat").read_text().rsplit(")", 1)[1].split()[1]
            if container in Path(f"/proc/{parent}/cmdline").read_text():
                found.append(int(process.name))
    return found
