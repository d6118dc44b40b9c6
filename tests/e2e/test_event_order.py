"""The order in which events tell of a container's end, as dockerd 28.5 has it."""

import time

import pytest


@pytest.fixture
def told(engine):
    """A function that runs some steps on a container and gives the events that they made."""
    def run(name, *steps, options=(), command=("sleep", "1000")):
        since = f"{time.time():.6f}"
        identity = engine.docker("run", "-d", "--name", name, *options, "busybox", *command, status=None).out.strip()
        for step in steps:
            engine.docker(*step, name, status=None)
        engine.docker("rm", "-f", name)
        lines = engine.docker("events", "--since", since, "--until", f"{time.time() + 0.1:.6f}", "--format",
                              "{{.Type}} {{.Action}} {{.Actor.ID}} {{.Actor.Attributes.container}}").out.splitlines()
        return [" ".join(line.split()[:2]) for line in lines if identity in line]
    return run


BEGIN = ["container create", "network connect", "container start"]


def test_stop(told):
    assert told("order-stop", ("stop", "-t", "0")) == [
        *BEGIN, "container kill", "container kill", "network disconnect", "container stop", "container die", "container destroy"]


def test_kill(told):
    assert told("order-kill", ("kill",), ("wait",)) == [
        *BEGIN, "container kill", "network disconnect", "container die", "container destroy"]


def test_restart(told):
    assert told("order-restart", ("restart", "-t", "0")) == [
        *BEGIN, "container kill", "container kill", "network disconnect", "container stop", "container die", "network connect",
        "container start", "container restart", "container kill", "network disconnect", "container die", "container destroy"]


def test_out_of_memory(told):
    assert told("order-oom", ("wait",), options=("-m", "8m"), command=("sh", "-c", "a=x; while :; do a=$a$a; done")) == [
        *BEGIN, "container oom", "network disconnect", "container die", "container destroy"]
