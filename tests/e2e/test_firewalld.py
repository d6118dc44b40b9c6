"""Beside firewalld, the real one, in the engine's network namespace and on a D-Bus of its own."""

import shutil
import subprocess

import pytest

from test_firewall import HOST, NEIGHBOUR, Neighbour, address, fetch, serve, until
from test_flush import knock
from test_names import pid

BUS = """<busconfig><type>system</type><listen>unix:path={}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_type="method_call"/><allow send_destination="*"/>
<allow receive_sender="*"/></policy></busconfig>"""


class Host:
    """What runs beside the engine: a system bus, and firewalld when it is asked for."""

    def __init__(self, folder):
        self.folder, self.engine, self.daemon = folder, None, None
        shutil.copytree("/etc/firewalld", folder / "etc")
        (folder / "bus.conf").write_text(BUS.format(folder / "bus"))
        self.bus = subprocess.Popen(["dbus-daemon", f"--config-file={folder}/bus.conf", "--nofork", "--nopidfile"], stderr=subprocess.DEVNULL)
        until((folder / "bus").exists)

    def start(self):
        self.daemon = subprocess.Popen(["nsenter", f"--net={self.engine.netns}", "firewalld", "--nofork", "--nopid",
                                        "--system-config", self.folder / "etc"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: self.command("--state") == "running")

    def stop(self):
        self.daemon.terminate()
        self.daemon.wait()

    def command(self, *words):
        return subprocess.run(["firewall-cmd", *words], capture_output=True, text=True, check=False).stdout.strip()

    def zone(self):
        return set(self.command("--zone=docker", "--list-interfaces").split())

    def close(self):
        for process in (self.daemon, self.bus):
            if process and process.poll() is None:
                process.terminate()
                process.wait()


@pytest.fixture
def host(tmp_path, monkeypatch):
    if not shutil.which("firewalld") or not shutil.which("dbus-daemon"):
        pytest.skip("no firewalld here")
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/bus")
    made = Host(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("backend", ["iptables", "nftables"])
def test_beside_firewalld(host, new_engine, backend):
    engine = host.engine = new_engine("--firewall-backend", backend)
    neighbour = Neighbour(engine)
    (host.folder / "index.html").write_text("hi\n")
    server = subprocess.Popen(["nsenter", f"--net=/run/netns/{neighbour.name}", "busybox", "httpd", "-f", "-p", "8000", "-h", host.folder])
    bridge = lambda network: "br-" + engine.docker("network", "inspect", "-f", "{{.Id}}", network).out[:12]
    # Each of the host's ways in and out, and what is closed.
    works = lambda: neighbour.reaches(HOST, 8080) and fetch(engine, NEIGHBOUR, 8000, container="srv") and fetch(engine, HOST, 8080, container="apart")
    closed = lambda: not neighbour.reaches(inside, 82) and not fetch(engine, inside, 82, container="apart")
    try:
        for network in ("own", "other"):
            engine.docker("network", "create", network)
        serve(engine, "srv", "--network", "own", "-p", "8080:80")
        serve(engine, "apart", "--network", "other")
        inside = address(engine, "srv", "own")
        assert works() and closed()
        # It starts beside an engine that runs.
        host.start()
        all_of_them = {"docker0", bridge("own"), bridge("other")}
        until(lambda: host.zone() == all_of_them, 20)
        until(works)
        assert closed() and engine.docker("info", "-f", "{{.FirewallBackend.Driver}}").out == f"{backend}+firewalld\n"
        host.command("--add-rich-rule=rule family=ipv4 source address=203.0.113.9 drop")
        foreign = lambda: host.command("--list-all")
        before = foreign()
        # A network more, and one less.
        engine.docker("network", "create", "more")
        assert host.zone() == all_of_them | {bridge("more")}
        serve(engine, "late", "--network", "more")
        assert fetch(engine, NEIGHBOUR, 8000, container="late")
        engine.docker("rm", "-f", "late")
        engine.docker("network", "rm", "more")
        assert host.zone() == all_of_them and foreign() == before
        # It loads its rules anew, with whatever that flushes: nothing opens, and all comes back.
        knocking = knock(["nsenter", "-t", pid(engine, "apart"), "-n"], inside, 82)
        host.command("--runtime-to-permanent")
        for _ in range(2):
            assert host.command("--reload") == "success"
            until(lambda: works() and host.zone() == all_of_them)
        through, tried = map(int, knocking.communicate(timeout=20)[0].split())
        assert through == 0 and tried > 0 and closed() and foreign() == before
        # It ends and starts; the daemon does.
        host.stop()
        until(works)
        host.start()
        until(lambda: works() and host.zone() == all_of_them, 20)
        engine.crash()
        engine.start()
        assert host.zone() == all_of_them and works() and closed() and foreign() == before
        # Whose zone somebody has chosen stays there.
        host.command("--zone=trusted", "--add-interface=br-chosen")
        engine.docker("network", "create", "-o", "com.docker.network.bridge.name=br-chosen", "chosen")
        assert host.zone() == all_of_them and host.command("--get-zone-of-interface=br-chosen") == "trusted"
        engine.docker("rm", "-f", "srv", "apart")
        engine.docker("network", "rm", "own", "other", "chosen")
        assert host.zone() == {"docker0"} and host.command("--get-zone-of-interface=br-chosen") == "trusted"
    finally:
        server.terminate()
        server.wait()
        neighbour.close()


def test_of_another_namespace(host, new_engine):
    """firewalld guards the namespace that it runs in, and no engine's in another one."""
    host.engine = new_engine()
    host.start()
    other = new_engine()
    other.docker("network", "create", "apart")
    until(lambda: host.zone() == {"docker0"}, 20)
    other.docker("network", "rm", "apart")
