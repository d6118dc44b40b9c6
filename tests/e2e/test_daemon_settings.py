"""Settings of the daemon that containers feel, what a SIGHUP changes, and the ways in."""

import json
import os
import signal
import socket
import ssl
import subprocess
import time

import pytest

from support.engine import BIN, CLIENTS, Engine
from support.registry import certificate, docker_registry
from support.waiting import await_true

DOCKER = CLIENTS / "usr/bin/docker"


def wrapper(path, mark):
    """A runtime that leaves a mark for each command and is berth-runtime otherwise."""
    path.write_text(f'#!/bin/sh\necho "$@" >> {mark}\nexec {BIN / "berth-runtime"} "$@"\n')
    path.chmod(0o755)


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("settings")
    wrapper(folder / "slow", folder / "slow.log")
    (folder / "seccomp.json").write_text(json.dumps({
        "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["sethostname"], "action": "SCMP_ACT_ERRNO"}]}))
    (folder / "daemon.json").write_text(json.dumps({
        "runtimes": {"slow": {"path": str(folder / "slow"), "runtimeArgs": ["--debug"]}, "gone": {"path": "/nonexistent"}},
        "default-ulimits": {"nofile": {"Name": "nofile", "Soft": 900, "Hard": 1000}}, "default-shm-size": "32M",
        "default-ipc-mode": "shareable", "default-cgroupns-mode": "private", "no-new-privileges": True,
        "init": True, "seccomp-profile": str(folder / "seccomp.json"), "host-gateway-ips": ["192.0.2.7"],
        "labels": ["rack=7"], "registry-mirrors": ["https://mirror.example"],
        "insecure-registries": ["10.9.0.0/16", "registry.example:5000"],
        "proxies": {"http-proxy": "http://user:secret@proxy.example:3128"}, "features": {"buildkit": True},
        "storage-driver": "overlay2", "exec-opts": ["native.cgroupdriver=cgroupfs"], "userland-proxy": True,
        "max-concurrent-downloads": 10, "log-opts": {"max-size": "10m", "max-file": "3"}}))
    with Engine("--config-file", folder / "daemon.json") as engine:
        engine.folder = folder
        yield engine
    assert engine.left == []


def test_containers_have_the_defaults(settings):
    script = ("ulimit -n; ulimit -Hn; df -k /dev/shm | tail -1 | awk '{print $2}'; cat /proc/1/comm; "
              "grep NoNewPrivs /proc/self/status; grep gw /etc/hosts; hostname x 2>&1")
    done = settings.docker("run", "--name", "plain", "--cap-add", "SYS_ADMIN", "--add-host", "gw:host-gateway", "busybox",
                           "sh", "-c", script, status=1)
    assert done.out.split("\n")[:5] == ["900", "1000", "32768", "docker-init", "NoNewPrivs:\t1"]
    assert "192.0.2.7\tgw" in done.out and "Operation not permitted" in done.out
    host = settings.api("GET", "/containers/plain/json").json["HostConfig"]
    assert (host["ShmSize"], host["IpcMode"], host["CgroupnsMode"], host["Runtime"]) == (32 << 20, "shareable", "private",
                                                                                        "runc")
    assert host["LogConfig"] == {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}}
    settings.docker("rm", "plain")


def test_a_container_that_says_has_its_own(settings):
    done = settings.docker("run", "--rm", "--ulimit", "nofile=77", "--shm-size", "16m", "--init=false", "--security-opt",
                           "no-new-privileges=false", "--security-opt", "seccomp=builtin", "busybox", "sh", "-c",
                           "ulimit -n; df -k /dev/shm | tail -1 | awk '{print $2}'; cat /proc/1/comm; "
                           "grep NoNewPrivs /proc/self/status")
    assert done.out.split("\n")[:4] == ["77", "16384", "sh", "NoNewPrivs:\t0"]


def test_runtimes(settings):
    assert settings.docker("run", "--rm", "--runtime", "slow", "busybox", "echo", "there").out == "there\n"
    calls = (settings.folder / "slow.log").read_text().splitlines()
    assert all("--debug" in call for call in calls)
    assert any(" create " in call for call in calls) and any(" start " in call for call in calls)
    refused = settings.docker("run", "--runtime", "fast", "busybox", status=125)
    assert "unknown or invalid runtime name: fast" in refused.err
    assert settings.docker("run", "--rm", "--runtime", "gone", "busybox", "true", status=None).status in (125, 127)


def test_info_says_them(settings):
    info = settings.api("GET", "/info").json
    assert info["Runtimes"]["slow"] == {"path": str(settings.folder / "slow"), "runtimeArgs": ["--debug"]}
    assert info["Labels"] == ["rack=7"]
    assert info["HttpProxy"] == "http://xxxxx:xxxxx@proxy.example:3128"
    assert info["RegistryConfig"]["Mirrors"] == ["https://mirror.example/"]
    assert "10.9.0.0/16" in info["RegistryConfig"]["InsecureRegistryCIDRs"]
    assert info["RegistryConfig"]["IndexConfigs"]["registry.example:5000"]["Secure"] is False
    assert "name=no-new-privileges" in info["SecurityOptions"]
    assert f"name=seccomp,profile={settings.folder}/seccomp.json" in info["SecurityOptions"]


def test_what_is_without_effect_is_said(settings):
    assert "feature buildkit=true is without effect" in settings.log()


def test_sighup_reloads(settings):
    file = settings.folder / "daemon.json"
    before = json.loads(file.read_text())
    since = int(time.time()) - 1
    file.write_text(json.dumps({**before, "labels": ["rack=8"], "default-runtime": "slow", "default-shm-size": "8M",
                                "debug": True, "mtu": 1400, "shutdown-timeout": 0, "max-concurrent-downloads": 0,
                                "registry-mirrors": ["https://mirror.example"]}))
    settings.process.send_signal(signal.SIGHUP)
    info = await_true(lambda: (found := settings.api("GET", "/info").json)["Labels"] == ["rack=8"] and found)
    assert info["DefaultRuntime"] == "slow" and info["Debug"] is True
    events = settings.docker("events", "--since", str(since), "--until", str(int(time.time()) + 1), "--filter",
                             "type=daemon", "--format", "{{json .}}").out.splitlines()
    event = json.loads(events[-1])
    assert (event["Type"], event["Action"], event["Actor"]["ID"]) == ("daemon", "reload", info["ID"])
    attributes = event["Actor"]["Attributes"]
    assert attributes["labels"] == '["rack=8"]' and attributes["default-runtime"] == "slow"
    assert attributes["default-shm-size"] == str(8 << 20) and attributes["shutdown-timeout"] == "0"
    assert attributes["max-concurrent-downloads"] == "3" and attributes["registry-mirrors"] == '["https://mirror.example"]'
    assert attributes["name"] == info["Name"]
    container = settings.docker("create", "busybox").out.strip()
    host = settings.api("GET", f"/containers/{container}/json").json["HostConfig"]
    assert (host["Runtime"], host["ShmSize"]) == ("slow", 8 << 20)
    settings.docker("rm", container)

    # What is no label is none.
    file.write_text(json.dumps({**before, "labels": ["rack=7", "shelf"]}))
    settings.process.send_signal(signal.SIGHUP)
    await_true(lambda: settings.api("GET", "/info").json["Labels"] == ["rack=7"])
    file.write_text(json.dumps({**before, "labels": ["rack=8"]}))
    settings.process.send_signal(signal.SIGHUP)
    await_true(lambda: settings.api("GET", "/info").json["Labels"] == ["rack=8"])

    # A file that is wrong changes nothing.
    file.write_text(json.dumps({**before, "labels": ["rack=9"], "colour": "red"}))
    settings.process.send_signal(signal.SIGHUP)
    await_true(lambda: "don't match any configuration option: colour" in settings.log())
    file.write_text(json.dumps({**before, "pidfile": "/nowhere"}))
    settings.process.send_signal(signal.SIGHUP)
    await_true(lambda: f"pidfile: (from flag: {settings.directory}/pid, from file: /nowhere)" in settings.log())
    assert settings.api("GET", "/info").json["Labels"] == ["rack=8"]
    file.write_text(json.dumps(before))


def test_a_mirror_that_a_reload_brings(new_engine, tmp_path):
    file = tmp_path / "daemon.json"
    file.write_text("{}")
    engine = new_engine("--config-file", file)
    with docker_registry(engine, 5999) as host:
        engine.docker("tag", "busybox", f"{host}/library/busybox")
        engine.docker("push", "-q", f"{host}/library/busybox")
        engine.docker("rmi", "-f", f"{host}/library/busybox", "busybox")
        file.write_text(json.dumps({"registry-mirrors": [f"http://{host}"]}))
        engine.process.send_signal(signal.SIGHUP)
        await_true(lambda: engine.api("GET", "/info").json["RegistryConfig"]["Mirrors"] == [f"http://{host}/"])
        engine.docker("pull", "-q", "busybox")
        assert engine.docker("run", "--rm", "busybox", "echo", "there").out == "there\n"


def test_events_from_before_the_start(new_engine):
    engine = new_engine()
    since = int(time.time()) - 1
    container = engine.docker("create", "--name", "early", "busybox").out.strip()

    def created():
        lines = engine.docker("events", "--since", str(since), "--until", str(int(time.time()) + 1), "--filter",
                              "event=create", "--filter", "type=container", "--format", "{{.ID}}").out
        return lines.split()

    assert created() == [container]
    assert engine.stop() == 0
    engine.start()
    assert created() == [container]
    engine.docker("rm", "early")
    engine.crash()
    engine.start()
    assert created() == [container]


def test_privileged_has_what_the_daemon_has(settings):
    status = open(f"/proc/{settings.process.pid}/status").read()
    own = next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff"))
    script = ("grep", "-E", "Cap(Eff|Prm|Bnd|Inh|Amb)", "/proc/self/status")
    for options in (["--privileged"], ["--privileged", "--cap-drop", "ALL"], ["--cap-add", "ALL"]):
        caps = dict(line.split() for line in settings.docker("run", "--rm", *options, "busybox", *script).out.splitlines())
        assert caps == {"CapInh:": "0" * 16, "CapPrm:": own, "CapEff:": own, "CapBnd:": own, "CapAmb:": "0" * 16}, options


def test_a_shutdown_without_a_limit(new_engine):
    engine = new_engine("--shutdown-timeout", "-1")
    engine.docker("run", "-d", "--stop-timeout", "1", "busybox", "sh", "-c", "trap '' TERM; while :; do sleep 0.1; done")
    assert engine.stop() == 0
    assert engine.leftovers() == []
    engine.start()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    ca = certificate(folder, "ca")
    server = certificate(folder, "127.0.0.1", ca=ca)
    client = certificate(folder, "client", ca=ca, client=True)
    stranger = certificate(folder, "other-ca")
    return {"folder": folder, "ca": ca, "server": server, "client": client, "stranger": stranger}


def tls_client(engine, certificates, *options, status=0):
    return engine.docker("-H", "tcp://127.0.0.1:2376", *options, "version", "--format", "{{.Server.Version}}",
                         inside=True, status=status)


def test_tls_with_client_certificates(new_engine, certificates):
    ca, server, client, stranger = (certificates[name] for name in ("ca", "server", "client", "stranger"))
    engine = new_engine("--tlsverify", "--tlscacert", f"{ca}.crt", "--tlscert", f"{server}.crt", "--tlskey",
                        f"{server}.key", "-H", "tcp://127.0.0.1:2376", images=())
    known = ("--tlsverify", "--tlscacert", f"{ca}.crt")
    own = ("--tlscert", f"{client}.crt", "--tlskey", f"{client}.key")
    assert tls_client(engine, certificates, *known, *own).out == "28.5.2\n"
    assert "certificate required" in tls_client(engine, certificates, *known, "--tlscert", "", "--tlskey", "",
                                                status=1).err
    foreign = ("--tlscert", f"{stranger}.crt", "--tlskey", f"{stranger}.key")
    assert tls_client(engine, certificates, *known, *foreign, status=1).out.strip() == ""
    assert "Client sent an HTTP request to an HTTPS server" in tls_client(engine, certificates, status=1).err
    # A client that says nothing holds nobody else up.
    silent = engine.background("nc", "127.0.0.1", "2376", inside=True)
    assert tls_client(engine, certificates, *known, *own).out == "28.5.2\n"
    silent.kill()
    silent.wait()


def test_tls_without_client_certificates(new_engine, certificates):
    ca, server = certificates["ca"], certificates["server"]
    engine = new_engine("--tlsverify=false", "--tlscert", f"{server}.crt", "--tlskey", f"{server}.key", "-H",
                        "tcp://127.0.0.1:2376", images=())
    assert tls_client(engine, certificates, "--tls", "--tlscacert", f"{ca}.crt").out == "28.5.2\n"
    warnings = engine.api("GET", "/info").json["Warnings"]
    assert "API is accessible on https://127.0.0.1:2376 without TLS client verification." in warnings[0]


def test_socket_activation(tmp_path):
    """As systemd starts a service: sockets from descriptor 3 on, LISTEN_FDS and LISTEN_PID."""
    class Activated(Engine):
        def start(self):
            door = socket.socket(socket.AF_UNIX)
            door.bind(str(self.socket))
            door.listen(64)
            log = (self.directory / "log").open("ab")
            arguments = ["nsenter", f"--net={self.netns}", BIN / "berthd", "--data-root", self.data, "--exec-root",
                         self.exec_root, "--pidfile", self.directory / "pid", "-H", "fd://", "--cgroup-parent",
                         "/" + self.name]
            script = 'fd=$1; shift; exec 3<&"$fd"; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"'
            self.process = subprocess.Popen(["bash", "-c", script, "sh", str(door.fileno()), *map(str, arguments)],
                                            pass_fds=[door.fileno()], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True)
            door.close()
            self.await_ready()

    with Activated() as engine:
        assert engine.docker("run", "--rm", "busybox", "sh", "-c", "ls /proc/self/fd | wc -l; echo ${LISTEN_FDS:-none}"
                             ).out == "4\nnone\n"
        assert engine.stop() == 0
        assert engine.socket.exists()  # it is not ours to remove
    assert engine.left == []


def test_socket_activation_without_sockets(tmp_path):
    done = subprocess.run([BIN / "berthd", "--config-file", "/dev/null", "--data-root", tmp_path / "data", "--exec-root",
                           tmp_path / "run", "--pidfile", tmp_path / "pid", "-b", "none", "--iptables=false",
                           "--ip-forward=false", "-H", "fd://"], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "LISTEN_FDS": "1", "LISTEN_PID": "1"})
    assert done.returncode == 1
    assert "no sockets found via socket activation: make sure the service was started by systemd" in done.stderr


def test_tcp_without_tls_only_where_it_is_said(new_engine):
    """A port without client certificates is opened only by a -H of its own, and warned of."""
    engine = new_engine("-H", "tcp://127.0.0.1:2375", images=())
    assert engine.docker("-H", "tcp://127.0.0.1:2375", "version", "--format", "{{.Server.Version}}", inside=True).out == "28.5.2\n"
    assert "binding to an IP address without --tlsverify gives root access" in engine.log()
    assert engine.api("GET", "/info").json["Warnings"][0].startswith("[DEPRECATION NOTICE]: API is accessible on http://127.0.0.1:2375 without encryption.")


def test_no_other_door_than_those_that_are_said(new_engine):
    engine = new_engine(images=())
    listeners = engine.run("ss", "-Hltn", inside=True).out
    assert listeners == ""
    assert engine.socket.stat().st_mode & 0o777 == 0o660


def test_over_ssh(new_engine, tmp_path):
    """docker -H ssh://… runs `docker system dial-stdio` at the other end; ssh is a stand-in, the rest is real."""
    from support.engine import CLIENTS
    engine = new_engine()
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "docker").symlink_to(BIN / "berth")
    (programs / "ssh").write_text(f"""#!/bin/sh
        while [ "$1" != -- ]; do shift; done
        shift; [ "$1" = there ] || exit 255; shift
        echo "$@" >> {tmp_path}/asked
        DOCKER_HOST={engine.host} PATH={programs}:$PATH exec sh -c "$*"
    """)
    (programs / "ssh").chmod(0o755)

    def docker(*words, **options):
        return engine.run("env", "-u", "DOCKER_HOST", f"PATH={programs}:/usr/bin:/bin", CLIENTS / "usr/bin/docker", "-H", "ssh://there", *words, **options)

    assert docker("version", "--format", "{{.Server.Version}}").out == "28.5.2\n"
    assert docker("run", "--rm", "-i", "busybox", "cat", stdin="both ways\n").out == "both ways\n"
    assert docker("run", "--rm", "busybox", "sh", "-c", "exit 7", status=7).out == ""
    assert (tmp_path / "asked").read_text().splitlines()[0] == "docker system dial-stdio"
