"""login, logout, and registries that want to know who asks: passwords, tokens, TLS, client certificates."""

import base64
import json
import signal

import pytest
from support.registry import ADDRESS, certificate, docker_registry, outside, server, token_server

USER = ("ann", "p:ss wörd")


@pytest.fixture(scope="module")
def password_registry(engine):
    with docker_registry(engine, 5010, users=USER) as registry:
        yield registry


@pytest.fixture(scope="module")
def token_registry(engine):
    with token_server(engine, 5021, *USER) as (token, log), docker_registry(engine, 5020, token=token) as registry:
        yield registry, log


def login(cli, registry, password=USER[1], **options):
    return cli("login", "-u", USER[0], "--password-stdin", registry, stdin=password + "\n", **options)


def stored(engine):
    file = engine.directory / "client/config.json"
    return json.loads(file.read_text()).get("auths", {}) if file.exists() else {}


def test_login_keeps_the_password_and_logout_forgets_it(engine, cli, password_registry):
    assert "Login Succeeded" in login(cli, password_registry).out
    assert base64.b64decode(stored(engine)[password_registry]["auth"]).decode() == ":".join(USER)
    assert "Authenticating with existing credentials" in cli("login", password_registry).err
    out = cli("logout", password_registry).out
    assert out == f"Removing login credentials for {password_registry}\n"
    assert password_registry not in stored(engine)


def test_a_wrong_password(engine, cli, password_registry):
    refused = login(cli, password_registry, "wrong", status=1)
    assert f"login attempt to http://{password_registry}/v2/ failed with status: 401 Unauthorized" in refused.err
    assert password_registry not in stored(engine)


def test_login_without_a_terminal(cli, password_registry):
    assert "Cannot perform an interactive login from a non TTY device" in cli("login", password_registry, status=1).err


def test_push_and_pull_with_a_password(engine, cli, password_registry):
    name = f"{password_registry}/box:{cli.program[0].name}"
    cli("tag", "busybox", name)
    refused = cli("push", name, status=1)
    assert "push access denied, repository does not exist or may require authorization: " \
           "authorization failed: no basic auth credentials" in refused.err
    login(cli, password_registry)
    pushed = cli("push", name).out
    assert f"The push refers to repository [{name.rsplit(':', 1)[0]}]" in pushed
    digest = engine.api("GET", f"/images/{name}/json").json["Id"]
    assert f"{cli.program[0].name}: digest: {digest} size: " in pushed
    cli("rmi", name)
    assert f"Digest: {digest}" in cli("pull", name).out
    cli("logout", password_registry)
    cli("rmi", name)
    refused = cli("pull", name, status=1)
    assert "pull access denied, repository does not exist or may require authorization" in refused.err
    assert engine.api("POST", f"/images/create?fromImage={name}").status == 500


def test_credentials_for_one_host_are_not_for_another(engine, password_registry):
    """The header says whom they are for; another registry gets none of it."""
    auth = {"username": USER[0], "password": USER[1], "serveraddress": "registry.example"}
    header = base64.urlsafe_b64encode(json.dumps(auth).encode()).decode()
    answer = engine.api("POST", f"/images/create?fromImage={password_registry}/box&tag=docker",
                        headers={"X-Registry-Auth": header})
    assert answer.status == 500 and "no basic auth credentials" in answer.json["message"]


def asked(log):
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_a_token_registry(engine, cli, token_registry):
    registry, log = token_registry
    name = f"{registry}/box:{cli.program[0].name}"
    cli("tag", "busybox", name)
    assert "push access denied" in cli("push", name, status=1).err
    refused = login(cli, registry, "wrong", status=1)
    assert "unauthorized: incorrect username or password" in refused.err
    login(cli, registry)
    # What is kept is the refresh token, not the password.
    entry = stored(engine)[registry]
    assert entry["identitytoken"].startswith("refresh-") and USER[1] not in base64.b64decode(entry["auth"]).decode()
    log.write_text("")
    cli("push", name)
    assert {"how": "POST", "grant": "refresh_token"}.items() <= asked(log)[0].items()
    assert "repository:box:pull,push" in asked(log)[0]["scope"][0]
    cli("rmi", name)
    cli("logout", registry)
    log.write_text("")
    # Strangers may pull.
    assert "Downloaded newer image" in cli("pull", name).out
    assert asked(log)[0]["how"] == "GET" and asked(log)[0]["scope"] == ["repository:box:pull"]
    cli("rmi", name)


def test_a_token_server_that_takes_posts_only(engine):
    with token_server(engine, 5023, *USER, "--no-get") as (token, log), \
            docker_registry(engine, 5022, token=token) as registry:
        auth = {"username": USER[0], "password": USER[1], "serveraddress": registry}
        assert engine.api("POST", "/auth", auth).json["Status"] == "Login Succeeded"
        assert asked(log)[-1]["grant"] == "password"


@pytest.fixture
def own_engine(new_engine):
    """An engine with a configuration folder of its own, certs.d in it."""

    def start(**settings):
        engine = new_engine(settings=settings)
        outside(engine)
        return engine

    return start


def test_tls_needs_a_known_authority(own_engine):
    engine = own_engine()
    authority = certificate(engine.directory, "authority")
    server = certificate(engine.directory, "server", ca=authority)
    with docker_registry(engine, 5030, tls=server, client_ca=None, address=ADDRESS) as registry:
        engine.docker("tag", "busybox", f"{registry}/box:1")
        refused = engine.docker("push", f"{registry}/box:1", status=1)
        assert "x509: certificate signed by unknown authority" in refused.err
        folder = engine.config.parent / "certs.d" / registry
        folder.mkdir(parents=True)
        (folder / "ca.crt").write_bytes(authority.with_suffix(".crt").read_bytes())
        engine.docker("push", f"{registry}/box:1")
        engine.docker("rmi", f"{registry}/box:1")
        engine.docker("pull", f"{registry}/box:1")


def test_client_certificates(own_engine):
    engine = own_engine()
    authority = certificate(engine.directory, "authority")
    server = certificate(engine.directory, "server", ca=authority)
    client = certificate(engine.directory, "client", ca=authority, client=True)
    with docker_registry(engine, 5031, tls=server, client_ca=authority, address=ADDRESS) as registry:
        folder = engine.config.parent / "certs.d" / registry
        folder.mkdir(parents=True)
        (folder / "ca.crt").write_bytes(authority.with_suffix(".crt").read_bytes())
        engine.docker("tag", "busybox", f"{registry}/box:1")
        assert engine.docker("push", f"{registry}/box:1", status=1).err
        (folder / "client.cert").write_bytes(client.with_suffix(".crt").read_bytes())
        refused = engine.docker("push", f"{registry}/box:1", status=1)
        assert "missing key client.key for client certificate client.cert" in refused.err
        (folder / "client.key").write_bytes(client.with_suffix(".key").read_bytes())
        engine.docker("push", f"{registry}/box:1")


@pytest.mark.parametrize("rule", [f"{ADDRESS}:5032", "10.99.0.0/16"])
def test_insecure_registries(own_engine, rule):
    engine = own_engine(**{"insecure-registries": [rule]})
    server = certificate(engine.directory, "server")
    for tls in (None, server):
        with docker_registry(engine, 5032, tls=tls, address=ADDRESS) as registry:
            engine.docker("tag", "busybox", f"{registry}/box:1")
            engine.docker("push", f"{registry}/box:1")


def test_a_stranger_is_not_asked_in_plain_http(own_engine):
    engine = own_engine()
    with docker_registry(engine, 5033, address=ADDRESS) as registry:
        engine.docker("tag", "busybox", f"{registry}/box:1")
        refused = engine.docker("push", f"{registry}/box:1", status=1)
        assert "http: server gave HTTP response to HTTPS client" in refused.err


def test_loopback_with_tls_needs_no_authority(engine):
    server = certificate(engine.directory, "selfsigned")
    with docker_registry(engine, 5034, tls=server) as registry:
        engine.docker("tag", "busybox", f"{registry}/box:1")
        engine.docker("push", f"{registry}/box:1")
        engine.docker("rmi", f"{registry}/box:1")


def test_no_secret_in_the_log(engine):
    log = engine.log()
    assert USER[1] not in log and "refresh-" not in log


@pytest.mark.parametrize("tls", [False, True])
def test_a_proxy_on_the_way(own_engine, tls):
    url = "http://ann:secret@127.0.0.1:5036"
    engine = own_engine(proxies={"http-proxy": url, "https-proxy": url, "no-proxy": "10.98.0.0/16"},
                        **{"insecure-registries": [ADDRESS + ":5035"]})
    log = engine.directory / "proxy.log"
    log.touch()
    with server(engine, "forward_proxy.py", 5036, log):
        with docker_registry(engine, 5035, address=ADDRESS,
                             tls=certificate(engine.directory, "server") if tls else None) as registry:
            engine.docker("tag", "busybox", f"{registry}/box:1")
            engine.docker("push", f"{registry}/box:1")
            engine.docker("rmi", f"{registry}/box:1")
            engine.docker("pull", f"{registry}/box:1")
        expected = f"CONNECT {ADDRESS}:5035 " if tls else f"HEAD http://{ADDRESS}:5035/v2/box/manifests/1 "
        assert expected in log.read_text()


@pytest.mark.parametrize("by", ["settings", "environment"])
@pytest.mark.parametrize("spared", ["", "10.99.0.0/16", ADDRESS])
def test_whom_the_proxy_is_not_for(own_engine, monkeypatch, by, spared):
    url, settings = "http://ann:secret@127.0.0.1:5038", {}
    if by == "settings":
        settings["proxies"] = {"http-proxy": url, "no-proxy": spared}
    else:
        monkeypatch.setenv("HTTP_PROXY", url)
        monkeypatch.setenv("NO_PROXY", spared)
    engine = own_engine(**{"insecure-registries": [ADDRESS + ":5039"]}, **settings)
    log = engine.directory / "proxy.log"
    log.touch()
    with server(engine, "forward_proxy.py", 5038, log), docker_registry(engine, 5039, address=ADDRESS) as registry:
        engine.docker("tag", "busybox", f"{registry}/box:1")
        engine.docker("push", "-q", f"{registry}/box:1")
    assert (ADDRESS in log.read_text()) == (spared == "")


def test_a_reload_brings_new_settings(own_engine):
    engine = own_engine()
    with docker_registry(engine, 5037, address=ADDRESS) as registry:
        engine.docker("tag", "busybox", f"{registry}/box:1")
        assert "server gave HTTP response" in engine.docker("push", f"{registry}/box:1", status=1).err
        engine.config.write_text(json.dumps({"insecure-registries": [registry]}))
        before = engine.log().count("reloaded configuration")
        engine.process.send_signal(signal.SIGHUP)
        while engine.log().count("reloaded configuration") == before:
            assert engine.process.poll() is None
        engine.docker("push", f"{registry}/box:1")
