"""Settings of the daemon that networks go by."""

import json

import pytest

SERVE = "mkdir /w; echo hi > /w/index.html; httpd -f -h /w"


def fetch(engine, url):
    return engine.run("curl", "-s", "--retry", "5", "--retry-connrefused", "--max-time", "10", url, inside=True, status=None).out


def test_default_bridge(new_engine):
    engine = new_engine("--bip", "10.7.0.1/16", "--fixed-cidr", "10.7.5.0/24", "--default-gateway", "10.7.0.254", "--mtu", "1400",
                        "--ipv6", "--fixed-cidr-v6", "fd77::/64", "--icc=false", "--ip", "127.0.0.1",
                        "--default-address-pool", "base=10.80.0.0/16,size=24",
                        "--default-network-opt", "bridge=com.docker.network.driver.mtu=1300")
    bridge = json.loads(engine.docker("network", "inspect", "bridge").out)[0]
    assert bridge["IPAM"]["Config"] == [
        {"Subnet": "10.7.0.0/16", "IPRange": "10.7.5.0/24", "Gateway": "10.7.0.1", "AuxiliaryAddresses": {"DefaultGatewayIPv4": "10.7.0.254"}},
        {"Subnet": "fd77::/64", "Gateway": "fd77::1"}] and bridge["EnableIPv6"]
    inside = engine.docker("run", "--rm", "busybox", "sh", "-c", "ip addr show eth0; ip route").out
    assert "mtu 1400" in inside and "inet 10.7.5.0/16" in inside and "inet6 fd77::2/64" in inside and "default via 10.7.0.254" in inside
    engine.docker("run", "-d", "--name", "srv", "-p", "8080:80", "busybox", "sh", "-c", SERVE)
    assert engine.docker("port", "srv").out == "80/tcp -> 127.0.0.1:8080\n"
    assert fetch(engine, "http://127.0.0.1:8080/") == "hi\n"
    address = engine.docker("inspect", "-f", "{{.NetworkSettings.IPAddress}}", "srv").out.strip()
    assert engine.docker("run", "--rm", "busybox", "sh", "-c", f"timeout 1 wget -qO- http://{address}/ || true").out == ""
    engine.docker("network", "create", "own")
    own = json.loads(engine.docker("network", "inspect", "own").out)[0]
    assert own["IPAM"]["Config"] == [{"Subnet": "10.80.0.0/24", "Gateway": "10.80.0.1"}]
    assert own["Options"] == {"com.docker.network.driver.mtu": "1300"}
    engine.docker("rm", "-f", "srv")
    engine.docker("network", "rm", "own")


def test_without_iptables(new_engine):
    engine = new_engine("--iptables=false", "--ip6tables=false")
    engine.docker("run", "-d", "--name", "srv", "-p", "8080:80", "busybox", "sh", "-c", SERVE)
    assert fetch(engine, "http://127.0.0.1:8080/") == "hi\n" and fetch(engine, "http://[::1]:8080/") == "hi\n"
    assert "-A" not in engine.run("iptables-save", inside=True).out and "-A" not in engine.run("ip6tables-save", inside=True).out
    engine.crash()
    engine.start()
    assert fetch(engine, "http://127.0.0.1:8080/") == "hi\n"
    engine.docker("rm", "-f", "srv")


def test_without_a_proxy(new_engine):
    engine = new_engine("--userland-proxy=false", "--ip-forward-no-drop")
    engine.docker("run", "-d", "--name", "srv", "-p", "8080:80", "busybox", "sh", "-c", SERVE)
    assert engine.docker("port", "srv").out == "80/tcp -> 0.0.0.0:8080\n"
    assert fetch(engine, "http://127.0.0.1:8080/") == "hi\n"
    assert ":FORWARD ACCEPT" in engine.run("iptables-save", inside=True).out
    engine.docker("rm", "-f", "srv")
