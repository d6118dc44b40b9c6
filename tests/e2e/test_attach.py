"""attach: streams of a container that runs already."""

import os
import signal
import time

import pytest

from support.engine import UnixConnection
from support.terminal import Terminal


@pytest.fixture
def name(cli):
    made = f"attached-{os.urandom(4).hex()}"
    yield made
    cli("rm", "-f", made, status=None)


def test_output_and_exit_code(engine, cli, name):
    cli("run", "-d", "--name", name, "-i", "busybox", "sh", "-c", "read x; echo out $x; echo err >&2; exit 5")
    process = engine.background(*cli.program, "attach", name)
    out, err = process.communicate(b"typed\n", 30)
    assert (process.returncode, out, err) == (5, b"out typed\n", b"err\n")


def test_half_close(engine, cli, name):
    # The end of stdin reaches the container (StdinOnce), and its answer still comes.
    cli("create", "--name", name, "-i", "busybox", "sh", "-c", "cat; echo end")
    process = engine.background(*cli.program, "start", "-ai", name)
    out, _ = process.communicate(b"one\ntwo\n", 30)
    assert (process.returncode, out) == (0, b"one\ntwo\nend\n")


def test_without_any_stream(engine, cli, name):
    """Docker's answer to whoever asks for none of the three is over at once."""
    cli("run", "-d", "-i", "--name", name, "busybox", "cat")
    for query in ("stream=1", "stream=1&logs=1", ""):
        assert engine.api("POST", f"/containers/{name}/attach?{query}", timeout=20).text == ""


def test_without_stdin(engine, cli, name):
    cli("run", "-d", "--name", name, "-i", "busybox", "sh", "-c", "while read x; do echo got $x; done")
    deaf = engine.background(*cli.program, "attach", "--no-stdin", name)
    deaf.stdin.write(b"unheard\n")
    deaf.stdin.flush()
    heard = engine.background(*cli.program, "attach", name)
    heard.stdin.write(b"heard\n")
    heard.stdin.flush()
    assert heard.stdout.readline() == b"got heard\n"
    cli("kill", name)
    for process in (deaf, heard):
        out, _ = process.communicate(timeout=30)
        assert process.returncode == 137 and b"unheard" not in out


def test_signals_are_handed_on(engine, cli, name):
    cli("run", "-d", "--name", name, "busybox", "sh", "-c",
        "trap 'echo got; exit 9' USR1; while :; do echo up; sleep 0.05; done")
    process = engine.background(*cli.program, "attach", name)
    assert process.stdout.readline() == b"up\n"
    process.send_signal(signal.SIGUSR1)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 9 and out.endswith(b"got\n")


@pytest.mark.parametrize("option, typed", [([], b"\x10\x11"), (["--detach-keys", "b,ctrl-y"], b"b\x19")])
def test_detach_keys(engine, cli, name, option, typed):
    cli("run", "-dit", "--name", name, "busybox", "sh")
    with Terminal(30, 70) as terminal:
        process = engine.background(*cli.program, "attach", *option, name, **terminal.streams())
        terminal.type(b"echo he''re\n")
        terminal.read_until(b"here")
        terminal.type(b"while [ \"$(stty size)\" != '30 70' ]; do :; done; echo si''zed\n")
        terminal.read_until(b"sized")
        terminal.type(typed)
        process.wait(20)
    assert engine.api("GET", f"/containers/{name}/json").json["State"]["Running"]
    with Terminal() as terminal:
        process = engine.background(*cli.program, "attach", name, **terminal.streams())
        terminal.type(b"exit 3\n")
        assert process.wait(20) == 3


def test_run_in_a_terminal_and_resize(engine, cli, name):
    with Terminal(31, 71) as terminal:
        process = engine.background(*cli.program, "run", "-it", "--name", name, "busybox", "sh", **terminal.streams())
        terminal.read_until(b"# ")
        terminal.type(b"while [ \"$(stty size)\" != '31 71' ]; do :; done; echo fi''rst\n")
        terminal.read_until(b"first")
        terminal.resize(41, 81, process)
        terminal.type(b"while [ \"$(stty size)\" != '41 81' ]; do :; done; echo sec''ond\n")
        terminal.read_until(b"second")
        terminal.type(b"exit 6\n")
        assert process.wait(20) == 6


def test_what_cannot_be_attached_to(engine, cli, name):
    cli("create", "--name", name, "busybox", "true")
    assert "cannot attach to a stopped container, start it first" in cli("attach", name, status=1).err
    assert "No such container: nosuch" in cli("attach", "nosuch", status=1).err
    assert engine.api("POST", f"/containers/{name}/attach?stream=1&stdout=1&detachKeys=zz").status == 400


@pytest.mark.parametrize("moment", [0, 0.03, 0.1])
def test_logs_then_stream(engine, moment):
    """logs=1&stream=1: what was written before and what is written now; no line twice, none missing, none broken."""
    name = f"replayed-{os.urandom(4).hex()}"
    engine.docker("run", "-d", "--name", name, "busybox", "sh", "-c",
                  "for i in $(seq 1 400); do echo -n $i; usleep 500; echo ' end'; done")
    time.sleep(moment)  # any moment will do; these are three
    body = b""
    connection = UnixConnection(engine.socket)
    connection.request("POST", f"/containers/{name}/attach?logs=1&stream=1&stdout=1&stderr=1")
    answer = connection.getresponse()
    assert answer.status == 200
    raw = answer.read()
    connection.close()
    while raw:
        size = int.from_bytes(raw[4:8], "big")
        body, raw = body + raw[8:8 + size], raw[8 + size:]
    assert body.decode().splitlines() == [f"{number} end" for number in range(1, 401)]
    engine.docker("rm", "-f", name)
