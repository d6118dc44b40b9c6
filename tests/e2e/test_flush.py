"""Others take our rules, or have rules of their own: what holds meanwhile, and who has the last word."""

import os
import subprocess

import pytest

import support.engine
from test_firewall import HOST, Neighbour, address, fetch, hosts, serve, until  # noqa: F401 (hosts is a fixture)
from test_names import pid

# Tries to connect, again and again, until its input ends; says how many attempts got through.
KNOCK = '''
import select, socket, sys
through = tried = 0
print("knocking", flush=True)
while not select.select([sys.stdin], [], [], 0)[0]:
    s = socket.socket(); s.settimeout(0.01); tried += 1
    try: s.connect((sys.argv[1], int(sys.argv[2]))); through += 1
    except OSError: pass
    s.close()
print(through, tried)
'''


def knock(prefix, where, port):
    process = subprocess.Popen([*prefix, "/usr/bin/python3", "-c", KNOCK, where, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "knocking\n"
    return process


def has_guard(engine):
    return "berth-guard" in engine.run("nft", "list", "tables", inside=True).out


@pytest.mark.parametrize("attack", ["nft flush ruleset", "iptables -F; iptables -t nat -F; iptables -t raw -F"])
def test_nothing_opens_in_between(hosts, attack):  # noqa: F811
    engine, neighbour = hosts
    if not has_guard(engine):
        pytest.skip("this kernel has no tables with an owner")
    for network in ("own", "other"):
        engine.docker("network", "create", network)
    engine.docker("network", "create", "--internal", "inside")
    serve(engine, "srv", "--network", "own", "-p", "8080:80")
    serve(engine, "apart", "--network", "other")
    serve(engine, "locked", "--network", "inside")
    there, away = ["nsenter", "-t", pid(engine, "apart"), "-n"], ["nsenter", f"--net=/run/netns/{neighbour.name}"]
    knocking = [knock(there, address(engine, "srv", "own"), 82), knock(away, address(engine, "srv", "own"), 80),
                knock(away, address(engine, "locked", "inside"), 80), knock(there, address(engine, "locked", "inside"), 82)]
    for _ in range(4):
        engine.run("sh", "-c", attack, inside=True)
        until(lambda: neighbour.reaches(HOST, 8080))
    for process in knocking:
        through, tried = map(int, process.communicate(timeout=20)[0].split())
        assert through == 0 and tried > 0
    engine.docker("rm", "-f", "srv", "apart", "locked")
    engine.docker("network", "rm", "own", "other", "inside")


def test_streams_outlive_a_flush(hosts):  # noqa: F811
    engine, neighbour = hosts
    if not has_guard(engine):
        pytest.skip("this kernel has no tables with an owner")
    engine.docker("network", "create", "own")
    serve(engine, "srv", "--network", "own", "-p", "9000:90")
    stream = neighbour.connect(HOST, 9000)
    try:
        for number in range(20):
            if number % 4 == 3:
                engine.run("nft", "flush", "ruleset", inside=True)
            stream.stdin.write(f"word {number}\n")
            stream.stdin.flush()
            assert stream.stdout.readline() == f"word {number}\n"
    finally:
        stream.kill()
        stream.wait()
    engine.docker("rm", "-f", "srv")
    engine.docker("network", "rm", "own")


def test_users_have_the_last_word(new_engine):
    """DOCKER-USER: what users let through there is not dropped by anything of ours, what they drop does not pass."""
    engine = new_engine()
    for network in ("own", "other"):
        engine.docker("network", "create", network)
    serve(engine, "srv", "--network", "own", "-p", "8080:80")
    serve(engine, "plain", "--network", "own")
    serve(engine, "apart", "--network", "other")
    there = address(engine, "plain", "own")
    bridges = {name: "br-" + engine.docker("network", "inspect", "-f", "{{.Id}}", name).out[:12] for name in ("own", "other")}
    assert not fetch(engine, there, 82, container="apart")
    for way in (("-i", bridges["other"], "-o", bridges["own"]), ("-i", bridges["own"], "-o", bridges["other"])):
        engine.run("iptables", "-I", "DOCKER-USER", *way, "-j", "ACCEPT", inside=True)
    until(lambda: fetch(engine, there, 82, container="apart"))
    engine.crash()
    engine.start()
    until(lambda: fetch(engine, there, 82, container="apart"))
    engine.run("iptables", "-F", "DOCKER-USER", inside=True)
    until(lambda: not fetch(engine, there, 82, container="apart"))
    neighbour = Neighbour(engine)
    until(lambda: neighbour.reaches(HOST, 8080))
    engine.run("iptables", "-I", "DOCKER-USER", "-i", "eth9", "-j", "DROP", inside=True)
    assert not neighbour.reaches(HOST, 8080)
    neighbour.close()
    engine.docker("rm", "-f", "srv", "plain", "apart")
    engine.docker("network", "rm", "own", "other")


def test_users_of_nftables(new_engine):
    """There is no DOCKER-USER: users have a table of their own, whose drops count whatever we accept."""
    engine = new_engine("--firewall-backend", "nftables")
    neighbour = Neighbour(engine)
    serve(engine, "srv", "-p", "8080:80", "-p", "8081:81")
    table = 'table ip user { chain forward { type filter hook forward priority filter - 1; iifname "eth9" tcp dport 80 drop; }; }'
    engine.run("nft", "-f", "-", stdin=table, inside=True)
    assert not neighbour.reaches(HOST, 8080) and neighbour.reaches(HOST, 8081)
    engine.docker("network", "create", "more")
    engine.crash()
    engine.start()
    assert "table ip user" in engine.run("nft", "list", "tables", inside=True).out
    assert not neighbour.reaches(HOST, 8080) and neighbour.reaches(HOST, 8081)
    neighbour.close()
    engine.docker("rm", "-f", "srv")
    engine.docker("network", "rm", "more")


def test_another_backend_takes_over(new_engine):
    """From one start to the next, with a container that publishes and is not restarted; and back."""
    engine = new_engine()
    neighbour = Neighbour(engine)
    engine.docker("network", "create", "own")
    engine.docker("network", "create", "other")
    serve(engine, "srv", "--network", "own", "-p", "8080:80")
    serve(engine, "apart", "--network", "other")
    there = address(engine, "srv", "own")
    for flags in (("--firewall-backend", "nftables"), ()) * 2:
        engine.crash()
        engine.flags = flags
        engine.start()
        saved = engine.run("iptables-save", inside=True).out
        tables = [line for line in engine.run("nft", "list", "tables", inside=True).out.splitlines() if "table ip berth-" in line]
        if flags:
            assert "br-" not in saved and "8080" not in saved and len(tables) == 1
            assert ":FORWARD ACCEPT" in saved
        else:
            assert "--to-destination" in saved and tables == [] and ":FORWARD DROP" in saved
        assert neighbour.reaches(HOST, 8080) and fetch(engine, "127.0.0.1", 8080)
        assert not neighbour.reaches(there, 80) and not fetch(engine, there, 82, container="apart")
    neighbour.close()
    engine.docker("rm", "-f", "srv", "apart")
    engine.docker("network", "rm", "own", "other")


def test_policy_comes_back(new_engine):
    """What nobody allows is not forwarded: after a flush neither, nor after one that a later daemon sees."""
    engine = new_engine()
    policies = lambda: [engine.run(tool, "-S", "FORWARD", inside=True).out.split("\n")[0] for tool in ("iptables", "ip6tables")]
    for _ in range(2):
        assert policies() == ["-P FORWARD DROP"] * 2
        engine.run("nft", "flush", "ruleset", inside=True)
        until(lambda: policies() == ["-P FORWARD DROP"] * 2)
        engine.crash()
        engine.start()
    # Who has changed it since has the last word.
    engine.run("iptables", "-P", "FORWARD", "ACCEPT", inside=True)
    engine.crash()
    engine.start()
    engine.run("iptables", "-F", "DOCKER-FORWARD", inside=True)
    until(lambda: "DOCKER-CT" in engine.run("iptables", "-S", "DOCKER-FORWARD", inside=True).out)
    assert policies()[0] == "-P FORWARD ACCEPT"


@pytest.fixture
def legacy(tmp_path, monkeypatch):
    """A berthd whose iptables is the older variant: in a mount namespace of its own the tools lead there."""
    new, old = (os.path.realpath(f"/usr/sbin/iptables-{which}-restore") for which in ("nft", "legacy"))
    if not os.path.exists(old) or subprocess.run(["unshare", "-n", old.replace("xtables-legacy-multi", "iptables-legacy"), "-L"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no legacy iptables here")
    wrapper = tmp_path / "berthd"
    wrapper.write_text(f'#!/bin/sh\nexec unshare -m sh -c \'mount --make-rprivate / && mount --bind {old} {new} && exec {support.engine.BIN}/berthd "$@"\' - "$@"\n')
    wrapper.chmod(0o755)
    for program in support.engine.BIN.iterdir():
        if program.name != "berthd":
            (tmp_path / program.name).symlink_to(program)
    monkeypatch.setattr(support.engine, "BIN", tmp_path)


def test_the_older_iptables_is_flushed(legacy, new_engine):
    """Of its tables the kernel tells nobody: the daemon looks."""
    engine = new_engine()
    neighbour = Neighbour(engine)
    serve(engine, "srv", "-p", "8080:80")
    rules = lambda: sorted(line for line in engine.run("iptables-legacy-save", inside=True).out.splitlines() if line.startswith("-A"))
    before = rules()
    assert any("--to-destination" in rule for rule in before) and "-A" not in engine.run("iptables-nft-save", inside=True).out
    assert neighbour.reaches(HOST, 8080)
    for table in ("nat", "filter"):
        engine.run("iptables-legacy", "-t", table, "-F", inside=True)
        until(lambda: rules() == before)
        assert neighbour.reaches(HOST, 8080)
    neighbour.close()
    engine.docker("rm", "-f", "srv")
    until(lambda: not any("--to-destination" in rule for rule in rules()))
