"""docker-compose 2 and 1.29, each with the same file: two networks, aliases, a dependency on health, published ports, three
of a kind. It comes up, talks, and goes down leaving nothing."""

import os
import time

import pytest

from support.engine import CLIENTS

FILE = """
version: "2.4"
services:
  db:
    image: busybox
    command: ["sh", "-c", "mkdir /w; echo data > /w/index.html; exec httpd -f -h /w -p 5432"]
    healthcheck: {test: ["CMD", "wget", "-qO-", "http://127.0.0.1:5432/"], interval: 0.3s, retries: 50}
    networks:
      back: {aliases: [database]}
  web:
    image: busybox
    command: ["sh", "-c", "mkdir /w; wget -qO /w/index.html http://database:5432/ || exit 1; exec httpd -f -h /w"]
    depends_on:
      db: {condition: service_healthy}
    ports: ["80", "127.0.0.1::81"]
    networks:
      front: {aliases: [website]}
      back: {}
  client:
    image: busybox
    command: ["sh", "-c", "for i in $$(seq 100); do wget -qO- http://website/ && break; sleep 0.1; done; nslookup database >/dev/null 2>&1 || echo apart; exec sleep 1000"]
    depends_on: [web]
    networks: [front]
networks:
  front: {}
  back:
    internal: true
    ipam: {config: [{subnet: 10.44.0.0/24}]}
"""


def programs():
    yield pytest.param(CLIENTS / "usr/libexec/docker/cli-plugins/docker-compose", id="2")
    yield pytest.param("/usr/bin/docker-compose", id="1.29", marks=pytest.mark.skipif(
        not os.path.exists("/usr/bin/docker-compose"), reason="docker-compose 1.29 is not installed"))


@pytest.mark.parametrize("program", programs())
def test_up_talk_down(engine, program):
    project = engine.directory / "shop"
    project.mkdir(exist_ok=True)
    (project / "compose.yaml").write_text(FILE)
    compose = lambda *words, **options: engine.run(program, "-p", "shop", "-f", project / "compose.yaml", *words, **options)
    links = lambda: sorted(line.split(":")[1].split("@")[0] for line in engine.run("ip", "-o", "link", inside=True).out.splitlines())
    rules = lambda: sorted(line for tool in ("iptables-save", "ip6tables-save") for line in engine.run(tool, inside=True).out.splitlines() if line.startswith("-A"))
    before = links(), rules()
    compose("up", "-d", "--scale", "web=3")
    assert compose("ps", "-q", "web").out.count("\n") == 3
    end = time.monotonic() + 20
    while "apart" not in (said := compose("logs", "client").out) and time.monotonic() < end:
        time.sleep(0.1)
    assert "data" in said and "apart" in said
    for index in ("1", "2", "3"):
        where = compose("port", "--index", index, "web", "80").out.strip()
        assert engine.run("curl", "-s", "--retry", "5", "--retry-connrefused", f"http://127.0.0.1:{where.rsplit(':')[-1]}/", inside=True).out == "data\n"
        assert compose("port", "--index", index, "web", "81").out.startswith("127.0.0.1:")
    again = compose("up", "-d", "--scale", "web=3")
    assert "Recreat" not in again.err and "Creat" not in again.err, again.err
    compose("down", "-t", "0")
    assert engine.docker("ps", "-aq").out == "" and engine.docker("network", "ls", "-q", "--filter", "type=custom").out == ""
    end = time.monotonic() + 10
    while (links(), rules()) != before and time.monotonic() < end:
        time.sleep(0.05)
    assert (links(), rules()) == before
