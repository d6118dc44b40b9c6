"""Containers that change a shared volume while others start on it: nothing outside is read, written or made."""

import os

import pytest

from support.canary import ups

ROUNDS = 7
# Flips a name between a folder and a link that leads out, as fast as it can.
FLIP = """cd /v; mkdir -p real/b sub/b; echo in > sub/b/file
while :; do mv sub kept; ln -s {out} sub; rm sub; mv kept sub; done"""


@pytest.mark.parametrize("how", ["absolute", "relative"])
def test_a_subpath_never_leaves_the_volume(engine, canary, how):
    out = canary if how == "absolute" else ups(canary)
    racer = engine.docker("run", "-d", "-v", "race1:/v", "busybox", "sh", "-c", FLIP.format(out=out)).out.strip()
    for _ in range(ROUNDS):
        done = engine.docker("run", "--rm", "--mount", "type=volume,src=race1,dst=/m,volume-subpath=sub/b", "busybox", "sh", "-c",
                             "ls /m; touch /m/written", status=None)
        assert "secret" not in done.out
        assert done.status == 0 or "cannot access path" in done.err or "escapes the base" in done.err, done
    engine.docker("rm", "-f", racer)
    engine.docker("volume", "rm", "race1")


def test_a_target_below_a_volume_never_leaves_the_root(engine, canary):
    racer = engine.docker("run", "-d", "-v", "race2:/v", "busybox", "sh", "-c", FLIP.format(out=ups(canary))).out.strip()
    for round_ in range(ROUNDS):
        engine.docker("run", "--rm", "-v", "race2:/v", "-v", f"/v/sub/b/new{round_}", "--tmpfs", f"/v/sub/b/t{round_}", "busybox",
                      "true", status=None)
    engine.docker("rm", "-f", racer)
    engine.docker("volume", "rm", "race2")


def test_links_in_the_image_at_the_target(engine, canary):
    container = engine.docker("create", "busybox", "true").out.strip()
    engine.docker("rm", container)
    run = lambda *flags: engine.docker("run", "--rm", *flags, "busybox", "ls", "/", status=None)
    # What the image has at the target is found inside of it, wherever its links lead on the host.
    engine.docker("run", "--rm", "-v", "race3:/v", "busybox", "sh", "-c", f"ln -s {canary} /v/out; ln -s {ups(canary)} /v/up")
    for target in ("/v/out/x", "/v/up/x", "/v/out", "/v/up"):
        run("-v", "race3:/v", "-v", target)
        run("-v", "race3:/v", "--tmpfs", target)
        run("-v", "race3:/v", "-v", f"{canary}/secret:{target}/file:ro")
    engine.docker("volume", "rm", "race3")


@pytest.mark.parametrize("target", ["/../../etc", "/etc/../../../etc", "relative/../../etc", "//etc//"])
def test_volumes_of_a_config_stay_in_the_root(engine, canary, target):
    made = engine.api("POST", "/containers/create", {"Image": "busybox", "Cmd": ["ls", "/etc"], "Volumes": {target: {}}})
    assert made.status == 201, made.text
    assert "passwd" in engine.docker("start", "-a", made.json["Id"]).out
    data = engine.docker("inspect", "-f", "{{(index .Mounts 0).Source}} {{(index .Mounts 0).Destination}}", made.json["Id"]).out.split()
    assert data[1] == "/etc"
    # Filled from the image, not from the host.
    assert "fstab" not in os.listdir(data[0]) and "passwd" in os.listdir(data[0])
    engine.docker("rm", "-v", made.json["Id"])


@pytest.mark.parametrize("target", ["", "/", "..", "/proc", "/proc/1", "/x/../proc/sys"])
def test_volumes_of_a_config_that_nobody_may_have(engine, target):
    made = engine.api("POST", "/containers/create", {"Image": "busybox", "Volumes": {target: {}}})
    assert made.status == 400, made.text
    assert engine.api("GET", "/containers/json?all=1").json == []
