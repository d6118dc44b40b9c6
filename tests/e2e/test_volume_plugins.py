"""Volumes of a driver in another process."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

PLUGIN = Path(__file__).resolve().parents[1] / "support/volume_plugin.py"


class Plugin:
    def __init__(self, engine, name):
        self.name, self.folder = name, engine.directory / f"plugin-{name}"
        self.socket = engine.exec_root / "plugins" / f"{name}.sock"
        self.socket.parent.mkdir(parents=True, exist_ok=True)
        self.start()

    def start(self):
        self.process = subprocess.Popen([sys.executable, PLUGIN, self.socket, self.folder])
        end = time.monotonic() + 30
        while not self.socket.exists() and time.monotonic() < end:
            time.sleep(0.02)

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.socket.unlink(missing_ok=True)

    def state(self):
        return json.loads((self.folder / "state.json").read_text())

    def mounts(self, volume):
        return self.state()[volume]["mounts"]


@pytest.fixture
def plugin(engine, cli):
    made = Plugin(engine, f"plug-{cli.program[0].name}")
    yield made
    made.stop()


def test_a_volume_lives_in_the_plugin(engine, cli, plugin):
    assert cli("volume", "create", "-d", plugin.name, "-o", "colour=blue", "ext1").out == "ext1\n"
    assert plugin.state()["ext1"]["options"] == {"colour": "blue"}
    shown = json.loads(cli("volume", "inspect", "ext1").out)[0]
    assert (shown["Driver"], shown["Scope"], shown["Mountpoint"]) == (plugin.name, "global", "")
    assert shown["Status"] == {"mounts": 0} and shown["CreatedAt"] == "2026-01-02T03:04:05Z"
    first = cli("run", "-d", "-v", "ext1:/d", "busybox", "sh", "-c", "echo kept > /d/file; sleep 1000").out.strip()
    second = cli("run", "-d", "-v", "ext1:/d", "busybox", "sleep", "1000").out.strip()
    assert sorted(plugin.mounts("ext1")) == sorted([first, second])
    assert "in use" in cli("volume", "rm", "ext1", status=1).err
    # The daemon dies; one of the two ends meanwhile.
    pid = cli("inspect", "-f", "{{.State.Pid}}", second).out.strip()
    engine.crash()
    engine.run("kill", "-9", pid)
    engine.start()
    cli("wait", second)
    cli("rm", second)
    assert plugin.mounts("ext1") == [first]
    assert cli("exec", first, "cat", "/d/file").out == "kept\n"
    cli("rm", "-f", first)
    assert plugin.mounts("ext1") == []
    assert cli("run", "--rm", "-v", "ext1:/d", "busybox", "cat", "/d/file").out == "kept\n"
    cli("volume", "rm", "ext1")
    assert plugin.state() == {}


def test_copy_up_and_volume_driver(engine, cli, plugin):
    assert "passwd" in cli("run", "--rm", "--volume-driver", plugin.name, "-v", "ext2:/etc", "busybox", "ls", "/etc").out
    assert "passwd" in [path.name for path in (plugin.folder / "volumes/ext2").iterdir()]
    mount = f"type=volume,src=ext3,dst=/d,volume-driver={plugin.name},volume-opt=a=b,volume-label=x=y"
    cli("run", "--rm", "--mount", mount, "busybox", "touch", "/d/x")
    assert plugin.state()["ext3"]["options"] == {"a": "b"}
    assert cli("volume", "inspect", "-f", "{{.Labels.x}}", "ext3").out == "y\n"
    cli("volume", "rm", "ext2", "ext3")


def test_refusals(engine, cli, plugin):
    missing = cli("volume", "create", "-d", "no-such", "x1", status=1).err
    assert 'create x1: error looking up volume plugin no-such: plugin "no-such" not found' in missing
    refused = cli("volume", "create", "-d", plugin.name, "-o", "fail=Create", "x1", status=1).err
    assert "VolumeDriver.Create: create was told to fail" in refused
    cli("volume", "create", "-d", plugin.name, "-o", "fail=Mount", "x2")
    refused = cli("run", "--rm", "-v", "x2:/d", "busybox", "true", status=125).err
    assert "VolumeDriver.Mount: Mount was told to fail" in refused
    cli("volume", "create", "x3")
    assert "volume name must be unique" in cli("volume", "create", "-d", plugin.name, "x3", status=1).err
    cli("volume", "rm", "x2", "x3")
    assert not (engine.data / "volumes/x1").exists()


def test_volumes_that_others_made_and_a_plugin_that_dies(engine, cli, plugin):
    cli("volume", "create", "-d", plugin.name, "y1")
    plugin.stop()
    state = plugin.state()
    state["theirs"] = {"options": {}, "mounts": []}
    (plugin.folder / "state.json").write_text(json.dumps(state))
    (plugin.folder / "volumes/theirs").mkdir()
    # Nobody home: what is ours is still listed, and what needs the plugin says so.
    assert "y1" in cli("volume", "ls", "-q").out.split()
    assert plugin.name in cli("run", "--rm", "-v", "y1:/d", "busybox", "true", status=None).err
    plugin.start()
    assert {"y1", "theirs"} <= set(cli("volume", "ls", "-q").out.split())
    assert cli("volume", "inspect", "-f", "{{.Driver}}", "theirs").out.strip() == plugin.name
    cli("volume", "rm", "y1", "theirs")
    assert plugin.state() == {}
    cli("volume", "create", "-d", plugin.name, "-o", "fail=Remove", "y2")
    assert "Remove was told to fail" in cli("volume", "rm", "y2", status=1).err
    cli("volume", "rm", "-f", "y2")
    assert not (engine.data / "volumes/y2").exists()
