"""Networks of the user's own: what docker says about them, and what containers see of them."""

import json
import time
import urllib.parse

import pytest


def inspect(engine, kind, name):
    return json.loads(engine.docker(kind, "inspect", name).out)[0]


def networks_of(engine, container):
    return inspect(engine, "container", container)["NetworkSettings"]["Networks"]


def test_create_inspect_remove(engine, cli):
    created = cli("network", "create", "--subnet", "10.5.0.0/16", "--ip-range", "10.5.7.0/24", "--gateway", "10.5.7.254",
                  "--aux-address", "host=10.5.7.1", "--label", "a=b", "-o", "com.docker.network.driver.mtu=1400",
                  "--attachable", "full").out.strip()
    about = inspect(engine, "network", "full")
    assert about.pop("Created").startswith("20")
    assert about == {
        "Name": "full", "Id": created, "Scope": "local", "Driver": "bridge", "EnableIPv4": True, "EnableIPv6": False,
        "IPAM": {"Driver": "default", "Options": about["IPAM"]["Options"],
                 "Config": [{"Subnet": "10.5.0.0/16", "IPRange": "10.5.7.0/24", "Gateway": "10.5.7.254",
                             "AuxiliaryAddresses": {"host": "10.5.7.1"}}]},
        "Internal": False, "Attachable": True, "Ingress": False, "ConfigFrom": {"Network": ""}, "ConfigOnly": False,
        "Containers": {}, "Options": {"com.docker.network.driver.mtu": "1400"}, "Labels": {"a": "b"}}
    container = cli("run", "-d", "--name", "c1", "--network", "full", "--network-alias", "web", "busybox", "sleep", "100").out.strip()
    endpoint = networks_of(engine, "c1")["full"]
    assert endpoint["IPAddress"] == "10.5.7.0" and endpoint["Gateway"] == "10.5.7.254" and endpoint["IPPrefixLen"] == 16
    assert endpoint["Aliases"] == ["web"] and endpoint["DNSNames"] == ["c1", "web", container[:12]]
    assert inspect(engine, "network", "full")["Containers"] == {container: {
        "Name": "c1", "EndpointID": endpoint["EndpointID"], "MacAddress": endpoint["MacAddress"],
        "IPv4Address": "10.5.7.0/16", "IPv6Address": ""}}
    refused = cli("network", "rm", "full", status=1)
    assert f'network full has active endpoints (name:"c1" id:"{endpoint["EndpointID"][:12]}")' in refused.err
    cli("rm", "-f", "c1")
    assert cli("network", "rm", "full").out == "full\n"
    assert cli("network", "inspect", "full", status=1).err.strip().endswith("network full not found")
    links = engine.run("ip", "-o", "link", inside=True).out
    assert f"br-{created[:12]}" not in links


def test_names_are_unique_and_some_taken(engine, cli):
    cli("network", "create", "one")
    assert "network with name one already exists" in cli("network", "create", "one", status=1).err
    assert "operation is not permitted on predefined bridge network" in cli("network", "create", "bridge", status=1).err
    assert "bridge is a pre-defined network and cannot be removed" in cli("network", "rm", "bridge", status=1).err
    listed = cli("network", "ls", "--filter", "type=custom", "--format", "{{.Name}} {{.Driver}} {{.Scope}}").out
    assert listed == "one bridge local\n"
    assert cli("network", "ls", "-q", "--filter", "dangling=true").out.strip() == inspect(engine, "network", "one")["Id"][:12]
    assert cli("network", "prune", "-f").out == "Deleted Networks:\none\n\n"
    assert cli("network", "prune", "-f").out == ""


@pytest.mark.parametrize("body, status, text", [
    ({"Name": ""}, 400, "invalid name: name is empty"),
    ({"Name": "x", "Driver": "nodriver"}, 404, 'plugin "nodriver" not found'),
    ({"Name": "x", "Driver": "overlay"}, 403, "This node is not a swarm manager."),
    ({"Name": "x", "Driver": "host"}, 403, 'only one instance of "host" network is allowed'),
    ({"Name": "x", "Scope": "swarm"}, 403, "cannot create a swarm scoped network when swarm is not active"),
    ({"Name": "x", "Ingress": True}, 403, "Ingress network can only be global scope network"),
    ({"Name": "x", "EnableIPv4": False}, 400, "IPv4 or IPv6 must be enabled"),
    ({"Name": "x", "IPAM": {"Driver": "nope"}}, 404, 'plugin "nope" not found'),
    ({"Name": "x", "IPAM": {"Config": [{"Subnet": "bogus"}]}}, 400,
     "invalid network config:\ninvalid subnet bogus: invalid CIDR block notation"),
    ({"Name": "x", "IPAM": {"Config": [{"Subnet": "10.1.0.5/16"}]}}, 400,
     "invalid network config:\ninvalid subnet 10.1.0.5/16: it should be 10.1.0.0/16"),
    ({"Name": "x", "IPAM": {"Config": [{"Subnet": "10.1.0.0/16", "Gateway": "10.2.0.1"}]}}, 400,
     "invalid network config:\ninvalid gateway 10.2.0.1: parent subnet 10.1.0.0/16 doesn't contain this address"),
    ({"Name": "x", "IPAM": {"Config": [{"Subnet": "10.1.0.0/16", "IPRange": "10.1.0.0/8"}]}}, 400,
     "invalid network config:\n* invalid ip-range 10.1.0.0/8: CIDR block is bigger than its parent subnet 10.1.0.0/16\n"
     "* invalid ip-range 10.1.0.0/8: it should be 10.0.0.0/8"),
    ({"Name": "x", "IPAM": {"Config": [{"Subnet": "10.1.0.0/16", "AuxiliaryAddresses": {"a": "fd00::1"}}]}}, 400,
     "invalid network config:\ninvalid auxiliary address a: parent subnet is an IPv4 block"),
    ({"Name": "x", "IPAM": {"Config": [{"Subnet": "172.17.0.0/24"}]}}, 403,
     "invalid pool request: Pool overlaps with other one on this address space"),
    ({"Name": "x", "IPAM": {"Config": [{"Subnet": "10.1.0.0/16"}, {"Subnet": "10.2.0.0/16"}]}}, 403,
     "bridge driver doesn't support multiple subnets"),
    ({"Name": "x", "IPAM": {"Config": [{"Subnet": "10.8.0.0/16", "Gateway": "10.8.0.0"}]}}, 500,
     "failed to allocate gateway (10.8.0.0): Address already in use"),
    ({"Name": "x", "Options": {"com.docker.network.bridge.enable_icc": "maybe"}}, 400,
     'failed to parse com.docker.network.bridge.enable_icc value: maybe (strconv.ParseBool: parsing "maybe": invalid syntax)'),
    ({"Name": "x", "Options": {"com.docker.network.driver.mtu": "-3"}}, 400, "invalid MTU number: -3"),
    ({"Name": "x", "Options": {"com.docker.network.bridge.name": "docker0"}}, 403, "networks have same bridge name"),
    ({"Name": "x", "Options": {"com.docker.network.bridge.name": "a/../b"}}, 400, "invalid bridge name"),
    ({"Name": "   "}, 400, "invalid name: name is empty"),
    ({"Name": "x", "ConfigFrom": {"Network": "nope"}}, 404, 'configuration network "nope" does not exist'),
    ({"Name": "x", "ConfigFrom": {"Network": "bridge"}}, 404, 'configuration network "bridge" does not exist'),
    ({"Name": "x", "ConfigFrom": {"Network": "bridge"}, "Options": {"a": "b"}}, 403, "network driver options are not supported if"),
    ({"Name": "x", "ConfigFrom": {"Network": "bridge"}, "ConfigOnly": True}, 403, "a configuration network cannot depend on another"),
    ({"Name": "x", "Options": {"com.docker.network.bridge.name": "lo"}}, 500, "existing interface lo is not a bridge"),
    ({"Name": "x", "Options": {"com.docker.network.bridge.name": "eth+"}}, 400, "invalid bridge name"),
    ({"Name": 5}, 400, "invalid JSON: json: cannot unmarshal number into Go struct field CreateRequest.Name of type string"),
])
def test_refused(engine, body, status, text):
    answer = engine.api("POST", "/networks/create", body)
    assert answer.status == status and text in answer.json["message"], answer.text
    assert engine.api("GET", "/networks/x").status == 404
    assert "br-" not in engine.run("ip", "-o", "link", inside=True).out


def test_static_addresses(engine, cli):
    cli("network", "create", "--subnet", "10.66.0.0/24", "sn")
    cli("run", "-d", "--name", "e1", "--network", "sn", "--ip", "10.66.0.9", "--mac-address", "02:42:11:22:33:44", "busybox", "sleep", "100")
    endpoint = networks_of(engine, "e1")["sn"]
    assert (endpoint["IPAddress"], endpoint["MacAddress"]) == ("10.66.0.9", "02:42:11:22:33:44")
    taken = cli("run", "-d", "--name", "e2", "--network", "sn", "--ip", "10.66.0.9", "busybox", "sleep", "100", status=125)
    assert "failed to set up container networking: Address already in use" in taken.err
    outside = cli("create", "--network", "sn", "--ip", "10.67.0.9", "busybox", "true", status=1)
    assert "no configured subnet or ip-range contain the IP address 10.67.0.9" in outside.err
    bridge = cli("create", "--network", "bridge", "--ip", "172.17.0.9", "busybox", "true", status=1)
    assert "user specified IP address is supported on user defined networks only" in bridge.err
    alias = cli("create", "--network", "bridge", "--network-alias", "q", "busybox", "true", status=None)
    assert "network-scoped aliases are only supported for user-defined networks" in alias.err
    cli("rm", "-f", "e1", "e2")
    cli("network", "rm", "sn")


def test_networks_are_apart(engine, cli):
    cli("network", "create", "left")
    cli("network", "create", "right")
    cli("network", "create", "--internal", "inside")
    serve = "mkdir /w; echo hi > /w/index.html; httpd -f -h /w"
    cli("run", "-d", "--name", "server", "--network", "left", "busybox", "sh", "-c", serve)
    address = networks_of(engine, "server")["left"]["IPAddress"]
    fetch = lambda network: cli("run", "--rm", "--network", network, "busybox", "sh", "-c",
                                f"for i in $(seq 20); do timeout 1 wget -qO- http://{address}/ && break; sleep 0.1; "
                                f"[ {network} = left ] || break; done; ip route | grep -c default",
                                status=None).out
    assert fetch("left") == "hi\n1\n"
    assert fetch("right").splitlines()[-1] == "1" and "hi" not in fetch("right")
    assert fetch("inside").splitlines()[-1] == "0"
    assert "missing" not in cli("run", "--rm", "--network", "none", "busybox", "ip", "addr").out
    missing = cli("run", "--rm", "--network", "missing", "busybox", "true", status=125)
    assert "network missing not found" in missing.err
    cli("rm", "-f", "server")
    cli("network", "rm", "left", "right", "inside")


def test_connect_and_disconnect_live(engine, cli):
    cli("network", "create", "alpha")
    cli("network", "create", "--subnet", "10.77.0.0/24", "zeta")
    cli("run", "-d", "--name", "cc", "--network", "zeta", "-p", "8080:80", "busybox", "sh", "-c",
        "mkdir /w; echo hi > /w/index.html; httpd -f -h /w")
    routes = lambda: engine.docker("inspect", "-f", "{{.State.Pid}}", "cc").out.strip()
    inside = lambda *command: engine.run("nsenter", "-t", routes(), "-n", *command).out
    fetch = lambda: engine.run("curl", "-s", "--retry", "5", "--retry-connrefused", "--max-time", "10", "http://127.0.0.1:8080/", inside=True).out
    assert "via 10.77.0.1 dev eth0" in inside("ip", "route") and fetch() == "hi\n"
    cli("network", "connect", "--alias", "second", "alpha", "cc")
    # The network whose name comes first gives the default route, and takes the published ports along.
    assert "dev eth1" in inside("ip", "route", "show", "default") and fetch() == "hi\n"
    assert networks_of(engine, "cc")["alpha"]["Aliases"] == ["second"]
    assert "endpoint with name cc already exists in network alpha" in cli("network", "connect", "alpha", "cc", status=1).err
    hosts = (engine.data / "containers" / inspect(engine, "container", "cc")["Id"] / "hosts").read_text()
    assert networks_of(engine, "cc")["alpha"]["IPAddress"] in hosts
    cli("network", "disconnect", "zeta", "cc")
    assert set(networks_of(engine, "cc")) == {"alpha"} and "eth0" not in inside("ip", "-o", "link") and fetch() == "hi\n"
    assert "is not connected to network zeta" in cli("network", "disconnect", "zeta", "cc", status=1).err
    cli("network", "disconnect", "alpha", "cc")
    assert networks_of(engine, "cc") == {} and engine.docker("port", "cc").out == ""
    cli("network", "connect", "--ip", "10.77.0.100", "zeta", "cc")
    assert networks_of(engine, "cc")["zeta"]["IPAddress"] == "10.77.0.100" and fetch() == "hi\n"
    assert "container must be created in host network mode" in cli("network", "connect", "host", "cc", status=1).err
    cli("restart", "-t", "0", "cc")
    assert networks_of(engine, "cc")["zeta"]["IPAddress"] == "10.77.0.100" and fetch() == "hi\n"
    cli("rm", "-f", "cc")
    cli("network", "rm", "alpha", "zeta")


def test_stopped_containers_change_networks(engine, cli):
    cli("network", "create", "n1")
    cli("network", "create", "n2")
    cli("create", "--name", "cc", "--network", "n1", "busybox", "sleep", "100")
    cli("network", "disconnect", "n1", "cc")
    cli("network", "connect", "--alias", "x", "n2", "cc")
    cli("start", "cc")
    assert set(networks_of(engine, "cc")) == {"n2"}
    cli("rm", "-f", "cc")
    cli("run", "-d", "--name", "two", "--network", "n1", "--network", "name=n2,alias=y", "busybox", "sleep", "100")
    assert set(networks_of(engine, "two")) == {"n1", "n2"}
    cli("rm", "-f", "two")
    cli("network", "rm", "n1", "n2")


def test_events(engine):
    since = time.time()
    engine.docker("network", "create", "told")
    engine.docker("run", "--rm", "--network", "told", "busybox", "true")
    engine.docker("network", "rm", "told")
    lines = engine.docker("events", "--since", f"{since:.9f}", "--until", f"{time.time():.9f}", "--filter", "type=network", "--filter", "network=told",
                          "--format", "{{.Action}} {{.Actor.Attributes.name}} {{.Actor.Attributes.type}}").out.splitlines()
    assert lines == [f"{action} told bridge" for action in ("create", "connect", "disconnect", "destroy")]


def test_networks_outlive_the_daemon(new_engine):
    engine = new_engine()
    engine.docker("network", "create", "--label", "kept=yes", "kept")
    before = inspect(engine, "network", "kept")
    engine.docker("run", "-d", "--name", "cc", "--network", "kept", "-p", "8080:80", "busybox", "sh", "-c",
                  "mkdir /w; echo hi > /w/index.html; httpd -f -h /w")
    fetch = lambda: engine.run("curl", "-s", "--retry", "5", "--retry-connrefused", "http://127.0.0.1:8080/", inside=True).out
    endpoint = networks_of(engine, "cc")["kept"]
    assert fetch() == "hi\n"
    engine.crash()
    assert fetch() == "hi\n"
    engine.start()
    assert networks_of(engine, "cc")["kept"] == endpoint and fetch() == "hi\n"
    assert engine.docker("run", "--rm", "--network", "kept", "busybox", "hostname", "-i").out.strip() != endpoint["IPAddress"]
    engine.docker("rm", "-f", "cc")
    # A lost database: the network comes back by its copy, with its ID.
    engine.stop()
    for database in engine.data.glob("*.db*"):
        database.write_bytes(b"this is not a database" * 100)
    # And a bridge that a killed create left is taken away.
    engine.run("ip", "link", "add", "br-0123456789ab", "type", "bridge", inside=True)
    engine.run("ip", "link", "set", "br-0123456789ab", "alias", f"berth {engine.exec_root}", inside=True)
    engine.start()
    assert inspect(engine, "network", "kept") == before
    assert "br-0123456789ab" not in engine.run("ip", "-o", "link", inside=True).out
    engine.docker("network", "rm", "kept")
    rules = engine.run("iptables-save", inside=True).out
    assert f"br-{before['Id'][:12]}" not in rules


def test_cycles_leave_nothing(new_engine):
    engine = new_engine()
    state = lambda: (engine.run("iptables-save", inside=True).out.count("-A "), engine.run("ip", "-o", "addr", inside=True).out.count("\n"),
                     sorted(p.name for p in (engine.exec_root / "netns").iterdir()), sorted(p.name for p in (engine.exec_root / "network").iterdir()))
    before = state()
    for number in range(10):
        network = engine.api("POST", "/networks/create", {"Name": f"n{number}"}).json["Id"]
        container = engine.api("POST", "/containers/create", {"Image": "busybox", "Cmd": ["true"], "ExposedPorts": {"80/tcp": {}}, "HostConfig": {"NetworkMode": f"n{number}", "PortBindings": {"80/tcp": [{"HostPort": "8080"}]}}}).json["Id"]
        assert engine.api("POST", f"/containers/{container}/start").status == 204
        assert engine.api("DELETE", f"/containers/{container}?force=1").status == 204
        assert engine.api("DELETE", f"/networks/{network}").status == 204
    end = time.monotonic() + 5
    while "veth" in engine.run("ip", "-o", "link", inside=True).out and time.monotonic() < end:
        time.sleep(0.05)  # a dying namespace takes its veth along a little later
    assert "veth" not in engine.run("ip", "-o", "link", inside=True).out and state() == before


@pytest.mark.parametrize("attack", [("iptables", "-F"), ("iptables", "-t", "nat", "-F"), ("nft", "flush", "ruleset")])
def test_rules_come_back(new_engine, attack):
    engine = new_engine()
    engine.docker("network", "create", "guarded")
    engine.docker("run", "-d", "--network", "guarded", "-p", "8080:80", "busybox", "sh", "-c",
                  "mkdir /w; echo hi > /w/index.html; httpd -f -h /w")
    rules = lambda: sorted(line for line in engine.run("iptables-save", inside=True).out.splitlines() if line.startswith(("-A", ":DOCKER")))
    before = [line.split(" [")[0] for line in rules()]
    engine.run(*attack, inside=True)
    end = time.monotonic() + 10
    while [line.split(" [")[0] for line in rules()] != before and time.monotonic() < end:
        time.sleep(0.05)
    assert [line.split(" [")[0] for line in rules()] == before
    assert engine.run("curl", "-s", "--retry", "5", "--retry-connrefused", "http://127.0.0.1:8080/", inside=True).out == "hi\n"


@pytest.mark.parametrize("query, status, found", [
    ({"name": ["b.*e"]}, 200, ["bridge"]), ({"name": ["^none$"]}, 200, ["none"]), ({"name": ["("]}, 200, []),
    ({"driver": ["null", "host"]}, 200, ["host", "none"]), ({"scope": ["swarm"]}, 200, []), ({"type": ["custom"]}, 200, []),
    ({"dangling": ["x"]}, 400, "must be \"true\" (or \"1\"), or \"false\" (or \"0\")"),
    ({"dangling": ["true", "false"]}, 400, 'got more than one value for filter key "dangling"'),
    ({"bogus": ["x"]}, 400, "invalid filter 'bogus'"),
])
def test_filters(engine, query, status, found):
    answer = engine.api("GET", "/networks?filters=" + urllib.parse.quote(json.dumps(query)))
    assert answer.status == status
    if status == 200:
        assert sorted(network["Name"] for network in answer.json) == found
    else:
        assert found in answer.json["message"]


def test_verbose_and_config_only(engine):
    assert engine.api("GET", "/networks/bridge?verbose=true").status == 200
    assert "strconv.ParseBool" in engine.api("GET", "/networks/bridge?verbose=x").json["message"]
    config = {"Name": "conf", "ConfigOnly": True, "Driver": "bridge", "IPAM": {"Config": [{"Subnet": "10.88.0.0/24"}]}}
    assert engine.api("POST", "/networks/create", config).status == 201
    assert engine.api("GET", "/networks/conf").json["Driver"] == "null"
    assert engine.api("POST", "/networks/create", {"Name": "real", "ConfigFrom": {"Network": "conf"}}).status == 201
    real = engine.api("GET", "/networks/real").json
    assert real["ConfigFrom"] == {"Network": "conf"} and real["IPAM"]["Config"][0]["Subnet"] == "10.88.0.0/24"
    assert engine.api("DELETE", "/networks/conf").status == 403
    assert engine.api("DELETE", "/networks/real").status == 204 and engine.api("DELETE", "/networks/conf").status == 204
