"""kill -9 of the daemon while containers of a user namespace start: between the process that holds their namespaces and the
runtime that joins them. Nothing is left of the start, and the same container starts again.

$BERTH_KILLS kills (20); $BERTH_CRASH_SEED repeats a run."""

import contextlib
import http.client
import os
import random
import threading
import time
from pathlib import Path

from support.audit import Ledger, settle
from support.remapped import MAP, RemappedEngine

KILLS = int(os.environ.get("BERTH_KILLS", "20"))


def holders(engine):
    """Children of the daemon with its own program, in another user namespace."""
    own, program, found = os.readlink("/proc/self/ns/user"), os.readlink(f"/proc/{engine.process.pid}/exe"), []
    for task in Path(f"/proc/{engine.process.pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for pid in task.read_text().split():
                with contextlib.suppress(OSError):
                    if os.readlink(f"/proc/{pid}/exe") == program and os.readlink(f"/proc/{pid}/ns/user") != own:
                        found.append(int(pid))
    return found


def alive(pid):
    """Not for one that has ended, whoever has not yet taken note of it."""
    with contextlib.suppress(OSError):
        return bool(os.readlink(f"/proc/{pid}/exe"))
    return False


def ask(engine, method, path, body=None):
    with contextlib.suppress(OSError, http.client.HTTPException):
        return engine.api(method, path, body).status
    return None


def start_until_held(engine, name):
    """A start under way, whose namespaces somebody holds."""
    client = threading.Thread(target=ask, args=(engine, "POST", f"/containers/{name}/start"), daemon=True)
    client.start()
    held = []
    while client.is_alive() and not held:
        held = holders(engine)
    return client, held


def test_between_the_holder_and_the_runtime():
    seed = int(os.environ.get("BERTH_CRASH_SEED", random.randrange(1 << 30)))
    print(f"BERTH_CRASH_SEED={seed}")
    dice, ledger, hit = random.Random(seed), Ledger(), 0
    with RemappedEngine("--live-restore") as engine:
        for number in range(KILLS):
            name = f"remapped-{number}"
            made = engine.api("POST", f"/containers/create?name={name}", {"Image": "busybox", "Cmd": ["sleep", "1000"], "HostConfig": {
                "PortBindings": {"80/tcp": [{"HostPort": str(18200 + number)}]}, "Binds": [f"{name}:/v"]}}).json["Id"]
            ledger.made("containers", made)
            ledger.made("volumes", name)
            client, held = start_until_held(engine, name)
            time.sleep(dice.choice([0, 0, 0.001, 0.003, 0.006, 0.01, 0.02]))
            hit += bool(set(held) & set(holders(engine)))
            engine.crash()
            client.join()
            engine.start()
            assert settle(engine, ledger) == {}
            assert not [pid for pid in held if alive(pid)]
            assert ask(engine, "POST", f"/containers/{name}/start") in (204, 304)
            assert engine.docker("exec", name, "cat", "/proc/self/uid_map").out.split() == MAP.split()
            ledger.removing("containers", made)
            assert ask(engine, "DELETE", f"/containers/{name}?force=1") == 204
            ledger.removed("containers", made)
        assert settle(engine, ledger) == {}
        print(f"{KILLS} kills, {hit} while the namespaces were held")
        assert hit >= KILLS // 4
    assert engine.left == []
