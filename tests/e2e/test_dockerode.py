"""What people do with dockerode (tests/clients/fetch unpacks it where there is npm)."""

import json
import shutil
from pathlib import Path

import pytest

from support.engine import CLIENTS

MODULES = CLIENTS / "node" / "node_modules"


@pytest.mark.skipif(not shutil.which("node") or not (MODULES / "dockerode").is_dir(), reason="there is no node or no dockerode")
def test_typical_use(engine):
    script = Path(__file__).parent / "dockerode_use.cjs"
    found = json.loads(engine.run("env", f"NODE_PATH={MODULES}", "node", script, engine.socket).out)
    assert found == {
        "run": [4, "run"], "again": 304, "inspect": [True, "/ode", 64 << 20, True], "list": ["/ode"],
        "exec": ["got typed\n", "bad\n"], "execCode": 6, "plain": "plain\n", "seen": True, "stopped": 304, "logs": "", "gone": 404}
