"""File systems that do not answer: whoever asks them waits, and nobody else."""

import subprocess
import time

import pytest

from support.dead_fuse import DeadFuse

# More than the daemon has threads for work that blocks.
MANY = 40


@pytest.fixture
def dead(engine):
    """A dead file system below a shared folder: what is mounted there comes to be in containers that follow it."""
    shared = engine.directory / "shared"
    shared.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", shared], check=True)
    subprocess.run(["mount", "--make-rshared", shared], check=True)
    (shared / "dead").mkdir()
    made = []

    def mount():
        made.append(DeadFuse(shared / "dead"))
        return made[0]

    yield mount
    for one in made:
        one.close()
    subprocess.run(["umount", "-l", shared], check=True)


def answers(engine):
    assert engine.api("GET", "/containers/json?all=1", timeout=20).status == 200
    assert engine.docker("run", "--rm", "-v", "well:/m", "busybox", "echo", "well", timeout=60).out == "well\n"


def test_copies_that_hang(engine, dead):
    name = engine.docker("run", "-d", "-v", f"{engine.directory}/shared:/m:rslave", "busybox", "sleep", "1000").out.strip()
    server = dead()
    program = engine.run("which", "docker").out.strip()
    clients = [engine.background(program, "cp", f"{name}:/m/dead/x", "-") for _ in range(MANY)]
    clients += [engine.background(program, "cp", "-", f"{name}:/m/dead/") for _ in range(MANY)]
    answers(engine)
    # Their clients go; the helpers cannot.
    for client in clients:
        client.kill()
        client.communicate()
    answers(engine)
    engine.docker("cp", f"{name}:/etc/passwd", "-")
    server.end_waits()
    engine.docker("rm", "-f", name)


def test_a_volume_whose_server_is_dead(engine, dead):
    server = dead()
    engine.docker("volume", "create", "-o", "type=none", "-o", "o=bind", "-o", f"device={engine.directory}/shared/dead/x", "gone")
    clients = [engine.background("docker", "run", "--rm", "-v", "gone:/m", "busybox", "true") for _ in range(5)]
    answers(engine)
    assert engine.docker("volume", "inspect", "-f", "{{.Name}}", "gone").out == "gone\n"
    server.end_waits()
    for client in clients:
        out, err = client.communicate(timeout=60)
        assert client.returncode != 0 and b"error while mounting volume" in err, err
    engine.docker("volume", "rm", "gone", "well")
