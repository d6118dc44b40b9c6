"""kill -9 of the daemon and a new start: containers run on, logs are whole, exit codes are right."""

import time

import pytest

from support.engine import CLIENTS


def test_containers_survive(new_engine):
    engine = new_engine()
    counting = engine.docker("run", "-d", "--name", "counting", "busybox", "sh", "-c",
                             "i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done").out.strip()
    dying = engine.docker("run", "-d", "--name", "dying", "busybox", "sh", "-c", "while [ ! -e /gate ]; do sleep 0.02; done; exit 43",
                          ).out.strip()
    pid = engine.docker("inspect", "-f", "{{.State.Pid}}", counting).out.strip()
    gate = engine.docker("inspect", "-f", "{{.State.Pid}}", dying).out.strip()
    engine.crash()
    # It ends while nobody watches but its shim.
    open(f"/proc/{gate}/root/gate", "w").close()
    end = time.monotonic() + 10
    while time.monotonic() < end and engine.run("kill", "-0", gate, status=None).status == 0:
        time.sleep(0.02)
    engine.start()
    assert engine.docker("inspect", "-f", "{{.State.Pid}} {{.State.Running}}", counting).out.strip() == f"{pid} true"
    assert engine.docker("wait", dying).out == "43\n"
    engine.docker("stop", "-t", "1", counting)
    numbers = [int(line) for line in engine.docker("logs", counting).out.split()]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) > 10


def test_rm_while_away(new_engine):
    engine = new_engine()
    engine.docker("run", "-d", "--rm", "--name", "short", "busybox", "sleep", "0.3")
    engine.crash()
    time.sleep(0.5)
    engine.start()
    end = time.monotonic() + 10
    while time.monotonic() < end and engine.api("GET", "/containers/short/json").status != 404:
        time.sleep(0.05)
    assert engine.api("GET", "/containers/short/json").status == 404


def test_published_port_survives(new_engine):
    engine = new_engine()
    engine.docker("run", "-d", "-p", "8088:80", "busybox", "sh", "-c", "mkdir /w; echo page > /w/index.html; httpd -f -h /w")
    get = lambda: engine.run("curl", "-s", "--retry", "20", "--retry-connrefused", "--retry-delay", "1", "http://127.0.0.1:8088/",
                             inside=True).out
    assert get() == "page\n"
    engine.crash()
    assert get() == "page\n"
    engine.start()
    assert get() == "page\n"


def test_a_lost_database_is_rebuilt(new_engine):
    engine = new_engine()
    engine.docker("volume", "create", "kept")
    engine.docker("create", "--name", "kept1", "-v", "kept:/data", "busybox", "true")
    engine.stop()
    for database in engine.data.glob("*.db*"):
        database.write_bytes(b"this is not a database" * 100)
    engine.start()
    assert "kept" in engine.docker("volume", "ls", "-q").out.split()
    assert engine.docker("run", "--rm", "busybox", "echo", "still").out == "still\n"
    assert engine.docker("inspect", "-f", "{{.Name}}", "kept1").out == "/kept1\n"


def commit_until_frozen(engine):
    """A commit under way whose container is frozen."""
    engine.docker("run", "-d", "--name", "taken", "busybox", "sh", "-c",
                  "dd if=/dev/zero of=/large bs=1M count=300 2>/dev/null; touch /ready; sleep 1000")
    engine.docker("exec", "taken", "sh", "-c", "until [ -e /ready ]; do sleep 0.02; done")
    commit = engine.background(CLIENTS / "usr/bin/docker", "commit", "taken", "image")
    end = time.monotonic() + 20
    while time.monotonic() < end and engine.api("GET", "/containers/taken/json").json["State"]["Status"] != "paused":
        time.sleep(0.002)
    return commit


@pytest.mark.parametrize("how", ["crash", "stop"])
def test_a_commit_that_is_cut_leaves_nothing_frozen(new_engine, how):
    engine = new_engine("--live-restore")
    commit = commit_until_frozen(engine)
    getattr(engine, how)()
    commit.communicate()
    engine.start()
    end = time.monotonic() + 10
    while time.monotonic() < end and engine.api("GET", "/containers/taken/json").json["State"]["Status"] != "running":
        time.sleep(0.02)
    assert engine.docker("exec", "taken", "echo", "goes on").out == "goes on\n"
    # Frozen by a user is another matter.
    engine.docker("pause", "taken")
    engine.crash()
    engine.start()
    assert engine.api("GET", "/containers/taken/json").json["State"]["Status"] == "paused"
