"""What an engine says about itself."""

import json

import pytest


def test_version(cli):
    assert cli("version", "--format", "{{.Server.APIVersion}}").out.strip() == "1.51"
    assert "linux/amd64" in cli("version").out


def test_info(engine, cli):
    info = json.loads(cli("info", "--format", "{{json .}}").out)
    assert info["Driver"] == "overlayfs"
    assert ["driver-type", "io.containerd.snapshotter.v1"] in info["DriverStatus"]
    assert info["DockerRootDir"] == str(engine.data)
    assert info["Swarm"]["LocalNodeState"] == "inactive"
    assert info["Plugins"]["Volume"] == ["local"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_ping(engine, method):
    answer = engine.api(method, "/_ping")
    assert answer.status == 200
    assert answer.text == ("OK" if method == "GET" else "")
    assert answer.headers["Api-Version"] == "1.51"
    assert answer.headers["Builder-Version"] == "1"
    assert answer.headers["Ostype"] == "linux"
    assert answer.headers["Swarm"] == "inactive"
    assert "no-cache" in answer.headers["Cache-Control"]


@pytest.mark.parametrize("prefix", ["", "/v1.24", "/v1.41", "/v1.51"])
def test_versions_that_are_spoken(engine, prefix):
    assert engine.api("GET", prefix + "/version").json["ApiVersion"] == "1.51"


@pytest.mark.parametrize("prefix, message", [
    ("/v1.99", "client version 1.99 is too new. Maximum supported API version is 1.51"),
    ("/v1.12", "client version 1.12 is too old. Minimum supported API version is 1.24, please upgrade your client to a "
               "newer version"),
])
def test_versions_that_are_not(engine, prefix, message):
    answer = engine.api("GET", prefix + "/version")
    assert answer.status == 400
    # dockerd answers the one in JSON and the other in plain text.
    assert message in answer.text


@pytest.mark.parametrize("method, path", [("GET", "/nope"), ("PUT", "/version"), ("GET", "/v1.51/containers/x/nope")])
def test_unknown_routes(engine, method, path):
    answer = engine.api(method, path)
    assert (answer.status, answer.json) == (404, {"message": "page not found"})


def test_info_of_older_versions(engine):
    """As dockerd 28.5 has it, but for what it says of containerd."""
    def info(version):
        return engine.api("GET", f"/v{version}/info").json
    gone = ["BridgeNfIptables", "BridgeNfIp6tables", "KernelMemory"]
    assert not [name for name in gone if name in info("1.50")]
    assert (info("1.49")["BridgeNfIptables"], info("1.49")["FirewallBackend"]["Driver"] != "") == (False, True)
    assert "FirewallBackend" not in info("1.48") and "AllowNondistributableArtifactsCIDRs" not in info("1.48")["RegistryConfig"]
    assert info("1.46")["RegistryConfig"]["AllowNondistributableArtifactsCIDRs"] is None
    assert "KernelMemory" not in info("1.42") and isinstance(info("1.41")["KernelMemory"], bool)
    assert info("1.25")["SecurityOptions"] == ["name=" + info("1.24")["SecurityOptions"][0] + ",profile=builtin", *info("1.25")["SecurityOptions"][1:]]


def test_not_a_swarm(engine):
    for path in ("/nodes", "/services", "/swarm", "/tasks", "/secrets", "/configs"):
        answer = engine.api("GET", path)
        assert answer.status == 503, path
        assert answer.json["message"].startswith("This node is not a swarm manager."), path


def test_no_builder(engine):
    for path in ("/build?t=x", "/session", "/grpc"):
        answer = engine.api("POST", path, body=b"no context", headers={"Content-Type": "application/x-tar", "X-Registry-Config": "e30="})
        assert (answer.status, answer.json["message"]) == (501, "building images is not supported")


def test_no_plugins(engine):
    assert engine.api("GET", "/plugins").json == []


def test_a_second_daemon_is_refused(engine):
    from support.engine import BIN
    second = engine.run(BIN / "berthd", "--data-root", engine.data, "--exec-root", engine.exec_root, "--pidfile",
                        engine.directory / "pid", "-H", engine.host, status=None, inside=True)
    assert second.status != 0
    assert engine.api("GET", "/_ping").status == 200
