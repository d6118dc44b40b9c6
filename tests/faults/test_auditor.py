"""The auditor sees what it is there for: what the API does not name."""

import subprocess

from support.audit import findings, settle


def inside(engine, *command):
    return subprocess.run(["nsenter", f"--net={engine.netns}", *command], capture_output=True, text=True, check=True).stdout


def test_what_it_sees(engine):
    engine.docker("network", "create", "--ipv6", "--subnet", "fd00:77::/64", "six")
    engine.docker("run", "-d", "--name", "web", "--network", "six", "-p", "8080:80", "busybox", "sleep", "1000")
    assert settle(engine) == {}
    # Not in the daemon's own chains, which it puts right before anybody can look.
    for program, address, kind in (("iptables", "172.31.0.2", "rules of published ports"), ("ip6tables", "[fd00:77::2]", "IPv6 rules of published ports")):
        inside(engine, program, "-t", "nat", "-N", "STRAY")
        inside(engine, program, "-t", "nat", "-A", "STRAY", "-p", "tcp", "--dport", "8081", "-j", "DNAT", "--to-destination", f"{address}:80")
        assert findings(engine) == {kind: {"unexplained": [8081], "missing": []}}
        inside(engine, program, "-t", "nat", "-F", "STRAY")
        inside(engine, program, "-t", "nat", "-X", "STRAY")
    folder = engine.data / "containers" / ("a" * 64)
    folder.mkdir()
    inside(engine, "ip", "link", "add", "br-000000000000", "type", "bridge")
    assert set(findings(engine)) == {"folders", "bridges"}
    folder.rmdir()
    inside(engine, "ip", "link", "del", "br-000000000000")
    engine.docker("rm", "-f", "web")
    engine.docker("network", "rm", "six")
    assert settle(engine) == {}
