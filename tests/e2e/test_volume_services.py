"""Real programs on volumes: redis keeps its data, and a compose file with every kind of mount."""

import time

from support.engine import CLIENTS


def redis(engine, name, *command):
    return engine.docker("exec", name, "redis-cli", *command).out.strip()


def await_redis(engine, name):
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if engine.docker("exec", name, "redis-cli", "ping", status=None).out.strip() == "PONG":
            return
        time.sleep(0.1)
    raise AssertionError(engine.docker("logs", name).out)


def test_redis_keeps_its_data(new_engine):
    engine = new_engine(images=("redis",))
    start = lambda name: engine.docker("run", "-d", "--name", name, "-v", "redis1:/data", "redis", "redis-server", "--appendonly", "yes")
    start("first")
    await_redis(engine, "first")
    assert redis(engine, "first", "set", "key", "kept") == "OK"
    engine.crash()
    assert engine.run("true").status == 0
    engine.start()
    assert redis(engine, "first", "get", "key") == "kept"
    redis(engine, "first", "set", "other", "also")
    # Its container is replaced, the hard way.
    engine.docker("rm", "-f", "first")
    start("second")
    await_redis(engine, "second")
    assert (redis(engine, "second", "get", "key"), redis(engine, "second", "get", "other")) == ("kept", "also")
    engine.docker("rm", "-f", "-v", "second")
    assert "redis1" in engine.docker("volume", "ls", "-q").out.split()


COMPOSE = """
services:
  writer:
    image: busybox
    command: sh -c "echo named > /named/file; echo bound > /bound/file; echo external > /external/file; touch /anonymous/x /tmpfs/x; grep -E ' /(tmpfs|short) ' /proc/mounts; ! touch /conf/x"
    volumes:
      - named:/named
      - ext:/external
      - /anonymous
      - ./bound:/bound
      - ./bound:/conf:ro
      - type: tmpfs
        target: /tmpfs
        tmpfs: {size: 1048576, mode: 0o1777}
    tmpfs: /short:size=2m
  reader:
    image: busybox
    command: sh -c "cat /named/file /external/file; ls /sub"
    depends_on: {writer: {condition: service_completed_successfully}}
    volumes:
      - named:/named:ro
      - type: volume
        source: ext
        target: /external
        read_only: true
      - type: volume
        source: named
        target: /sub
        volume: {subpath: ".", nocopy: true}
volumes:
  named:
    labels: {purpose: test}
  ext:
    external: true
    name: outside
"""


def test_compose(engine):
    folder = engine.directory / "compose"
    (folder / "bound").mkdir(parents=True)
    (folder / "compose.yaml").write_text(COMPOSE)
    program = CLIENTS / "usr/libexec/docker/cli-plugins/docker-compose"
    compose = lambda *words, **more: engine.run(program, "--project-directory", folder, "-f", folder / "compose.yaml", "-p", "vols",
                                                *words, **more)
    assert "outside" in compose("up", status=1).err
    engine.docker("volume", "create", "outside")
    out = compose("up", "--no-log-prefix", "--no-color").out
    assert "named" in out and "external" in out and "size=1024k" in out and "size=2048k" in out, out
    assert (folder / "bound/file").read_text() == "bound\n"
    assert engine.docker("volume", "inspect", "-f", "{{.Labels.purpose}}", "vols_named").out == "test\n"
    compose("down", "-v")
    assert engine.docker("volume", "ls", "-q").out.split() == ["outside"]
    engine.docker("volume", "rm", "outside")
