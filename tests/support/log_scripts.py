"""What a container writes in the tests of logs, where its log lies, and waiting."""

import time

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
