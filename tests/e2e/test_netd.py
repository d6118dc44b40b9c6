"""berth-netd dies while the daemon lives: names and proxied ports come back by themselves."""

import time

from test_names import A, ASK, address, pid

SERVE = "mkdir /w; echo hi > /w/index.html; httpd -f -h /w"


def netds(engine):
    return [line.split()[1].rstrip(":") for line in engine.leftovers(0) if "berth-netd" in line]


def until(condition, seconds=15):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


def test_another_one_takes_over(new_engine):
    engine = new_engine()
    engine.docker("network", "create", "kept")
    engine.docker("run", "-d", "--name", "left", "--network", "kept", "busybox", "sleep", "100")
    engine.docker("run", "-d", "--name", "right", "--network", "kept", "-p", "8080:80", "busybox", "sh", "-c", SERVE)
    inside = ["nsenter", "-t", pid(engine, "left"), "-n", "/usr/bin/python3", "-c", ASK, "right", A, "udp"]
    lookup = lambda: engine.run(*inside, status=None).out.split() == ["0", "0", address(engine, "right", "kept")]
    fetch = lambda: engine.run("curl", "-s", "--max-time", "5", "http://[::1]:8080/", inside=True, status=None).out == "hi\n"
    assert lookup() and until(fetch)
    for _ in range(2):
        first = netds(engine)
        assert len(first) == 1
        engine.run("kill", "-9", *first)
        assert until(lambda: netds(engine) not in ([], first))
        assert until(lookup) and until(fetch)
    # One that served a former daemon is watched as well.
    engine.crash()
    engine.start()
    first = netds(engine)
    engine.run("kill", "-9", *first)
    assert until(lookup) and until(fetch) and netds(engine) != first
    engine.docker("rm", "-f", "left", "right")
    engine.docker("network", "rm", "kept")
