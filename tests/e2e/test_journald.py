"""The journald driver, with a journal of the test's own."""

import array
import os
import socket
import struct
from pathlib import Path

import pytest

from support.log_scripts import LINES, expected


@pytest.fixture
def journal():
    """A journal's socket, where this host has none."""
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
    if Path("/run/systemd/journal/socket").exists():
        pytest.skip("this host has a journal")
    assert "failed to initialize logging driver: journald is not enabled on this host" in engine.docker(
        "run", "--rm", "--log-driver", "journald", "busybox", "true", status=125).err
