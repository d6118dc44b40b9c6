"""What the tests ask of the engine, for the table in api-spec: with BERTH_RECORD=FOLDER in the environment each engine gets
an authorization plugin that notes every request, and the test that made it, into a file of that folder.
`api-spec/coverage merge FOLDER` makes the table of it.
"""

import atexit
import base64
import json
import os
import tempfile
import threading
from collections import defaultdict
from pathlib import Path

from .plugin_server import serve

NAME = "recorder"
# A field with one of these says nothing: command lines send all of them.
NOTHING = (None, False, 0, "", [], {})


def fields(value, path=""):
    """The paths of what is said in a body: Config.Memory, Mounts[].Type, EndpointsConfig.*.Aliases."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from fields(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        for inner in value:
            yield from fields(inner, path + "[]")
    elif value not in NOTHING or "/" in path:
        yield path  # a port, and a place of a volume, say it by their names


def body_of(call):
    try:
        return json.loads(base64.b64decode(call.get("RequestBody", "")))
    except ValueError:
        return {}  # it is refused


class Recorder:
    def __init__(self, folder):
        self.seen = defaultdict(set)
        self.socket = Path(tempfile.mkdtemp(prefix="berth-recorder-")) / "socket"
        threading.Thread(target=serve, args=(self.socket, self.answer), daemon=True).start()
        while not self.socket.exists():
            pass
        atexit.register(self.write, Path(folder))

    def answer(self, method, call):
        if method == "Plugin.Activate":
            return {"Implements": ["authz"]}
        test, _, phase = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")
        if method == "AuthZPlugin.AuthZReq" and phase in ("(setup)", "(call)"):
            test = test.partition("[")[0]
            path = call["RequestUri"].partition("?")[0]
            self.seen[f"{call['RequestMethod']} {path}"].add(test)
            if path.endswith("/containers/create"):
                for field in set(fields(body_of(call))):
                    self.seen["create " + field].add(test)
        return {"Allow": True}

    def join(self, engine):
        """The flags for an engine that is to be recorded."""
        if "authorization-plugins" in (engine.settings or {}):
            return []
        plugins = engine.exec_root / "plugins"
        plugins.mkdir(parents=True, exist_ok=True)
        if not (plugins / f"{NAME}.sock").is_symlink():
            (plugins / f"{NAME}.sock").symlink_to(self.socket)
        return ["--authorization-plugin", NAME]

    def write(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{os.getpid()}.json").write_text(json.dumps({what: sorted(tests) for what, tests in self.seen.items()}))
        self.socket.unlink()
        self.socket.parent.rmdir()


RECORDER = Recorder(os.environ["BERTH_RECORD"]) if "BERTH_RECORD" in os.environ else None
