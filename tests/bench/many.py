"""Parts of `run` about many containers, and about much that one writes."""

import json
import statistics
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from measuring import BERTH, DOCKER, ask, call, medians, row, timed
from support.engine import UnixConnection

AT_A_TIME = 8


def both(engine, peer):
    return (BERTH, engine), (DOCKER, peer)


def names(program, engine, *options):
    return subprocess.run([program, "-H", engine.host, "ps", "-q", *options], capture_output=True, text=True).stdout.split()


def clear(engine, peer):
    for program, one in both(engine, peer):
        if found := names(program, one, "-a"):
            call(program, one.host, "rm", "-f", *found)


def detached(engine, peer, arguments):
    """run -d, one by one and eight at a time."""
    run = ("run", "-d", "busybox", "sleep", "1000")
    row("run -d, one by one", *medians(arguments.runs, *(lambda p=p, e=e: timed(p, e.host, *run) for p, e in both(engine, peer))), "ms")

    def together(program, one):
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            begun = time.monotonic()
            list(pool.map(lambda _: call(program, one.host, *run), range(AT_A_TIME)))
            return (time.monotonic() - begun) * 1000 / AT_A_TIME

    rounds = max(arguments.runs // 3, 3)
    row("run -d, each of eight at a time", *medians(rounds, *(lambda p=p, e=e: together(p, e) for p, e in both(engine, peer))), "ms")
    clear(engine, peer)


def remove(engine, peer, arguments):
    """rm -f of a container that runs."""
    def one_removal(program, one):
        call(program, one.host, "run", "-d", "--name", "removed", "busybox", "sleep", "1000")
        return timed(program, one.host, "rm", "-f", "removed")
    row("rm -f", *medians(arguments.runs, *(lambda p=p, e=e: one_removal(p, e) for p, e in both(engine, peer))), "ms")


def logs(engine, peer, arguments):
    """A json-file log written by a container that nobody watches, and read back by the command line."""
    # dd, because busybox' head takes each byte by itself and would be what is measured.
    line = "a line of a log that is about as long as such lines are, with a number: 1234567890"
    command = f"yes '{line}' | dd bs=64k count={arguments.megabytes * 16} iflag=fullblock 2>/dev/null"
    written, read = [], []
    for program, one in both(engine, peer):
        begun = time.monotonic()
        call(program, one.host, "run", "-d", "--name", "logged", "busybox", "sh", "-c", command)
        call(program, one.host, "wait", "logged")
        written.append(time.monotonic() - begun)
        read.append(timed(program, one.host, "logs", "logged") / 1000)
        call(program, one.host, "rm", "-f", "logged")
    row(f"log of {arguments.megabytes} MB, written", *written, "s")
    row(f"log of {arguments.megabytes} MB, read back", *read, "s")


def fill(one, stopped):
    """As many containers that never ran."""
    def some(count):
        connection = UnixConnection(one.socket)
        for _ in range(count):
            ask(connection, "POST", "/v1.51/containers/create", json.dumps({"Image": "busybox", "Cmd": ["true"]}))
        connection.close()
    missing = stopped - len(json.loads(one.api("GET", "/containers/json?all=1").text))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(some, [missing // 4] * 3 + [missing - missing // 4 * 3]))


def listed(one):
    connection = UnixConnection(one.socket)
    ask(connection, "GET", "/_ping")
    begun = time.monotonic()
    ask(connection, "GET", "/v1.51/containers/json?all=1")
    took = (time.monotonic() - begun) * 1000
    connection.close()
    return took


def listing(engine, peer, arguments):
    for one in (engine, peer):
        fill(one, arguments.stopped)
    row(f"list of {arguments.stopped} containers, raw HTTP", *medians(arguments.runs, lambda: listed(engine), lambda: listed(peer)), "ms")


def ready_after_kill(one):
    one.crash()
    begun = time.monotonic()
    one.start()
    return (time.monotonic() - begun) * 1000


def recovery(engine, peer, arguments):
    for program, one in both(engine, peer):
        fill(one, arguments.stopped)
        for _ in range(arguments.containers - len(names(program, one))):
            call(program, one.host, "run", "-d", "busybox", "sleep", "100000")
    times = [(ready_after_kill(engine), ready_after_kill(peer)) for _ in range(3)]
    row(f"ready after kill -9, {arguments.stopped} stopped, {arguments.containers} running",
        *(statistics.median(column) for column in zip(*times)), "ms")
    clear(engine, peer)
