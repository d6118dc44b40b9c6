"""Drivers on links of the host, gateway modes, options of networks and of endpoints."""

import json

import pytest

SERVE = "mkdir /w; echo hi > /w/index.html; httpd -f -h /w"


def inspect(engine, kind, name):
    return json.loads(engine.docker(kind, "inspect", name).out)[0]


def networks_of(engine, container):
    return inspect(engine, "container", container)["NetworkSettings"]["Networks"]


@pytest.fixture
def parent(engine):
    """A link of the host: eth5, whose other end is a network of neighbours (192.0.2.0/24)."""
    engine.run("ip", "link", "add", "eth5", "type", "veth", "peer", "name", "eth6", inside=True)
    for link in ("eth5", "eth6"):
        engine.run("ip", "link", "set", link, "up", inside=True)
    yield "eth5"
    engine.run("ip", "link", "del", "eth5", inside=True)


def test_macvlan(engine, cli, parent):
    # By the API: docker's command line hands over several subnets in an order of its own, another one each time.
    subnets = [{"Subnet": "10.61.0.0/24", "Gateway": "10.61.0.9"}, {"Subnet": "10.62.0.0/24"}]
    assert engine.api("POST", "/networks/create", {"Name": "mv", "Driver": "macvlan", "Options": {"parent": parent},
                                                   "IPAM": {"Config": subnets}}).status == 201
    about = inspect(engine, "network", "mv")
    assert about["Driver"] == "macvlan" and about["Options"] == {"parent": parent}
    cli("run", "-d", "--name", "one", "-p", "8080:80", "--network", "mv", "busybox", "sh", "-c", SERVE)
    endpoint = networks_of(engine, "one")["mv"]
    assert (endpoint["IPAddress"], endpoint["Gateway"], endpoint["IPPrefixLen"]) == ("10.61.0.1", "10.61.0.9", 24)
    assert inspect(engine, "container", "one")["NetworkSettings"]["Ports"] == {"80/tcp": None}
    assert "default via 10.61.0.9 dev eth0" in cli("exec", "one", "ip", "route").out
    assert endpoint["MacAddress"] in cli("exec", "one", "ip", "link", "show", "eth0").out
    fetched = cli("run", "--rm", "--network", "mv", "busybox", "sh", "-c", "for i in $(seq 50); do wget -qO- http://one/ && break; sleep 0.1; done").out
    assert fetched == "hi\n"
    assert "inet 10.62.0.7/24" in cli("run", "--rm", "--network", "mv", "--ip", "10.62.0.7", "busybox", "ip", "addr").out
    cli("network", "disconnect", "mv", "one")
    assert "eth0" not in cli("exec", "one", "ip", "link").out
    cli("network", "connect", "mv", "one")
    assert "10.61.0.1/24" in cli("exec", "one", "ip", "addr").out
    cli("rm", "-f", "one")
    cli("network", "rm", "mv")


def test_macvlan_modes_and_parents(engine, cli, parent):
    for mode in ("private", "vepa", "passthru", "bridge"):
        cli("network", "create", "-d", "macvlan", "-o", f"parent={parent}", "-o", f"macvlan_mode={mode}", "m1")
        again = cli("network", "create", "-d", "macvlan", "-o", f"parent={parent}", "m2", status=None)
        assert (again.status != 0) == (mode == "passthru")
        if mode == "passthru":
            assert "is already using parent interface eth5 in mode passthru" in again.err
        else:
            cli("network", "rm", "m2")
        shown = cli("run", "-d", "--name", "shown", "--network", "m1", "busybox", "sleep", "100").out and engine.run(
            "nsenter", "-t", inspect(engine, "container", "shown")["State"]["Pid"], "-n", "ip", "-d", "link", "show", "eth0").out
        assert f"macvlan mode {mode}" in shown
        # Passthru has room for one: the next gets it as soon as the first is gone.
        cli("rm", "-f", "shown")
        cli("run", "--rm", "--network", "m1", "busybox", "true")
        cli("network", "rm", "m1")
    cli("network", "create", "-d", "macvlan", "-o", f"parent={parent}", "--internal", "m1")
    assert "default" not in cli("run", "--rm", "--network", "m1", "busybox", "ip", "route").out
    cli("network", "rm", "m1")


@pytest.mark.parametrize("driver, options, text", [
    ("macvlan", {"parent": "nothere"}, "invalid subinterface vlan name nothere, example formatting is eth0.10"),
    ("macvlan", {"parent": "nope.50"}, "-o parent interface was not found on the host: nope"),
    ("macvlan", {"parent": "eth5.5000"}, "vlan id must be between 1-4094, received: 5000"),
    ("macvlan", {"parent": "eth5.x"}, "unable to parse a valid vlan id from: x (ex. eth0.10 for vlan 10)"),
    ("macvlan", {"parent": "lo"}, "loopback interface is not a valid macvlan parent link"),
    ("macvlan", {"parent": "eth5", "macvlan_mode": "x"}, "requested macvlan mode 'x' is not valid, 'bridge' mode is the macvlan driver default"),
    ("ipvlan", {"parent": "eth5", "ipvlan_mode": "x"}, "requested ipvlan mode 'x' is not valid, 'l2' mode is the ipvlan driver default"),
    ("ipvlan", {"parent": "eth5", "ipvlan_flag": "z"}, "requested ipvlan flag 'z' is not valid, 'bridge' is the ipvlan driver default"),
    ("ipvlan", {"parent": "lo"}, "loopback interface is not a valid ipvlan parent link"),
    ("bridge", {"com.docker.network.bridge.gateway_mode_ipv4": "isolated"}, "gateway mode 'isolated' can only be used for an internal network"),
    ("bridge", {"com.docker.network.bridge.gateway_mode_ipv4": "bogus"}, "(unknown gateway mode bogus)"),
    ("bridge", {"com.docker.network.host_ipv4": "x"}, "failed to parse com.docker.network.host_ipv4 value: x (nil ip)"),
])
def test_refused_options(engine, parent, driver, options, text):
    answer = engine.api("POST", "/networks/create", {"Name": "refused", "Driver": driver, "Options": options})
    assert answer.status in (400, 500) and text in answer.json["message"], answer.text
    assert engine.api("GET", "/networks/refused").status == 404


def has(engine, kind):
    made = engine.run("ip", "link", "add", "probe0", *(("link", "lo") if kind == "ipvlan" else ()), "type", kind, inside=True, status=None)
    engine.run("ip", "link", "del", "probe0", inside=True, status=None)
    return made.status == 0 or "not supported" not in made.err.lower() and "unknown" not in made.err.lower()


def test_ipvlan(engine, cli, parent):
    if not has(engine, "ipvlan"):
        pytest.skip("no ipvlan in this kernel")
    for mode in ("l2", "l3", "l3s"):
        cli("network", "create", "-d", "ipvlan", "-o", f"parent={parent}", "-o", f"ipvlan_mode={mode}", "--subnet", "10.63.0.0/24", "iv")
        assert "is already using parent interface eth5" in cli("network", "create", "-d", "ipvlan", "-o", f"parent={parent}", "iw", status=1).err
        cli("run", "-d", "--name", "one", "--network", "iv", "busybox", "sh", "-c", SERVE)
        route = cli("exec", "one", "ip", "route").out
        assert ("default via 10.63.0.1 dev eth0" if mode == "l2" else "default dev eth0") in route
        fetched = cli("run", "--rm", "--network", "iv", "busybox", "sh", "-c", "for i in $(seq 50); do wget -qO- http://one/ && break; sleep 0.1; done").out
        assert fetched == "hi\n"
        mac = cli("run", "--rm", "--network", "iv", "--mac-address", "02:42:00:00:00:05", "busybox", "true", status=125).err
        assert "ipvlan interfaces do not support custom mac address assignment" in mac
        cli("rm", "-f", "one")
        cli("network", "rm", "iv")


def test_parents_of_ones_own(engine, cli, parent):
    if not has(engine, "dummy"):
        pytest.skip("no dummy links in this kernel")
    links = lambda: engine.run("ip", "-o", "link", inside=True).out
    made = cli("network", "create", "-d", "macvlan", "mv").out.strip()
    assert f"dm-{made[:12]}" in links()
    assert "default" not in cli("run", "--rm", "--network", "mv", "busybox", "ip", "route").out
    cli("network", "create", "-d", "macvlan", "-o", f"parent={parent}.50", "vl1")
    cli("network", "create", "-d", "macvlan", "-o", f"parent={parent}.50", "vl2")
    cli("network", "rm", "vl1")
    assert f"{parent}.50@" in links()
    engine.crash()
    engine.start()
    cli("run", "--rm", "--network", "vl2", "busybox", "true")
    cli("network", "rm", "vl2", "mv")
    assert f"{parent}.50@" not in links() and "dm-" not in links()


def test_endpoint_options(engine, cli):
    cli("network", "create", "--subnet", "10.50.0.0/24", "eo")
    run = lambda option, *command, status=0: cli("run", "--rm", "--network", f"name=eo,driver-opt={option}", "busybox", *command, status=status)
    sysctls = "com.docker.network.endpoint.sysctls="
    assert "foo0" in run("com.docker.network.endpoint.ifname=foo0", "ip", "-o", "addr", "show", "foo0").out
    assert run(sysctls + "net.ipv4.conf.IFNAME.log_martians=1", "cat", "/proc/sys/net/ipv4/conf/eth0/log_martians").out == "1\n"
    for bad, text in (("net.ipv4.conf.eth0.log_martians=1", "unrecognised network interface sysctl 'net.ipv4.conf.eth0.log_martians=1'"),
                      ("kernel.ifname.x=1", "unrecognised network interface sysctl"),
                      ("net.ipv4.conf.ifname.nosuch=1", "/proc/sys/net/ipv4/conf/eth0/nosuch is not a sysctl file"),
                      ("net.ipv4.conf.ifname.log_martians", "to have format name=value"),
                      ("net.ipv4.conf.ifname.../../../../kernel/core_pattern=x", "to have format net.X.Y.IFNAME.Z"),
                      ("net.ipv4.../../../kernel.ifname.core_pattern=x", "sysctl")):
        assert text in run(sysctls + bad, "true", status=125).err
    for bad, text in (("lo", "file exists"), ("averyveryverylongname", "numerical result out of range"), ("a/b", "invalid argument")):
        assert text in run("com.docker.network.endpoint.ifname=" + bad, "true", status=125).err
    cli("create", "--name", "kept", "--network", "name=eo,driver-opt=a=b", "busybox", "true")
    assert networks_of(engine, "kept")["eo"]["DriverOpts"] == {"a": "b"}
    assert "inet 169.254.3.4/16" in cli("run", "--rm", "--network", "eo", "--link-local-ip", "169.254.3.4", "busybox", "ip", "addr").out
    assert "invalid link local IP address: 10.3.3.4" in cli("run", "--rm", "--network", "eo", "--link-local-ip", "10.3.3.4", "busybox", "true", status=125).err
    cli("rm", "kept")
    cli("network", "rm", "eo")


def test_without_ipv4(engine, cli):
    cli("network", "create", "--ipv6", "--ipv4=false", "six")
    about = inspect(engine, "network", "six")
    assert not about["EnableIPv4"] and about["EnableIPv6"] and len(about["IPAM"]["Config"]) == 1
    cli("run", "-d", "--name", "only6", "-p", "8080:80", "--network", "six", "busybox", "sh", "-c", SERVE)
    endpoint = networks_of(engine, "only6")["six"]
    assert endpoint["IPAddress"] == "" and endpoint["GlobalIPv6Address"].startswith("fd") and endpoint["IPv6Gateway"]
    assert inspect(engine, "container", "only6")["NetworkSettings"]["Ports"] == {"80/tcp": [{"HostIp": "::", "HostPort": "8080"}]}
    assert "inet 1" not in cli("exec", "only6", "ip", "addr", "show", "eth0").out
    assert engine.run("curl", "-s", "--retry", "5", "--retry-connrefused", "http://[::1]:8080/", inside=True).out == "hi\n"
    cli("rm", "-f", "only6")
    cli("network", "rm", "six")


def test_isolated_inhibited_and_bound(engine, cli):
    bridge = "com.docker.network.bridge."
    cli("network", "create", "--internal", "-o", f"{bridge}gateway_mode_ipv4=isolated", "-o", f"{bridge}name=brm", "--subnet", "10.50.0.0/24", "iso")
    assert "inet " not in engine.run("ip", "addr", "show", "brm", inside=True).out
    assert "inet 10.50.0.1/24" in cli("run", "--rm", "--network", "iso", "busybox", "ip", "addr").out
    cli("network", "rm", "iso")
    cli("network", "create", "-o", f"{bridge}inhibit_ipv4=true", "-o", f"{bridge}name=brm", "--subnet", "10.50.0.0/24", "inh")
    assert "inet " not in engine.run("ip", "addr", "show", "brm", inside=True).out
    assert "default via 10.50.0.1" in cli("run", "--rm", "--network", "inh", "busybox", "ip", "route").out
    cli("network", "rm", "inh")
    cli("network", "create", "-o", f"{bridge}host_binding_ipv4=127.0.0.1", "-o", "com.docker.network.host_ipv4=192.0.2.1", "-o", f"{bridge}name=brm", "bound")
    cli("run", "-d", "--name", "bb", "-p", "8080:80", "--network", "bound", "busybox", "sleep", "100")
    assert engine.docker("port", "bb").out == "80/tcp -> 127.0.0.1:8080\n"
    assert "! -o brm -j SNAT --to-source 192.0.2.1" in engine.run("iptables-save", "-t", "nat", inside=True).out
    cli("rm", "-f", "bb")
    cli("network", "rm", "bound")


def test_sctp_ports(engine, cli):
    cli("run", "-d", "--name", "ss", "-p", "7000:70/sctp", "busybox", "sleep", "100")
    assert engine.docker("port", "ss").out.splitlines()[0] == "70/sctp -> 0.0.0.0:7000"
    assert "-p sctp -m sctp --dport 7000 -j DNAT --to-destination" in engine.run("iptables-save", "-t", "nat", inside=True).out
    assert "port is already allocated" in cli("run", "--rm", "-p", "7000:71/sctp", "busybox", "true", status=125).err
    cli("rm", "-f", "ss")
    assert "sctp" not in engine.run("iptables-save", inside=True).out


def test_published_for_other_networks(engine, cli):
    for name in ("left", "right"):
        cli("network", "create", name)
    cli("run", "-d", "--name", "srv", "--network", "left", "-p", "8080:80", "busybox", "sh", "-c", SERVE)
    gateway = networks_of(engine, "srv")["left"]["Gateway"]
    address = networks_of(engine, "srv")["left"]["IPAddress"]
    fetched = cli("run", "--rm", "--network", "right", "busybox", "sh", "-c",
                  f"for i in $(seq 20); do timeout 2 wget -qO- http://{gateway}:8080/ && break; sleep 0.1; done; timeout 1 wget -qO- http://{address}/ || echo closed").out
    assert fetched == "hi\nclosed\n"
    cli("rm", "-f", "srv")
    cli("network", "rm", "left", "right")
