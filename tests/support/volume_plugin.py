"""A small volume driver by Docker's plugin protocol, a process of its own: `python3 volume_plugin.py SOCKET FOLDER`.

Volumes are folders below FOLDER, which also holds `state.json`: what there is, and who has mounted what. Options: fail=METHOD
makes that method fail for the volume.
"""

import json
import shutil
import sys
from pathlib import Path

from plugin_server import Refused, serve

SOCKET, FOLDER = sys.argv[1], Path(sys.argv[2])
STATE = FOLDER / "state.json"


def load():
    return json.loads(STATE.read_text()) if STATE.exists() else {}


def save(volumes):
    STATE.write_text(json.dumps(volumes))


def describe(name, volume):
    path = str(FOLDER / "volumes" / name) if volume["mounts"] else ""
    return {"Name": name, "Mountpoint": path, "CreatedAt": "2026-01-02T03:04:05Z", "Status": {"mounts": len(volume["mounts"])}}


def answer(method, body):
    volumes = load()
    name = body.get("Name", "")
    kind, _, action = method.partition(".")
    if method == "Plugin.Activate":
        return {"Implements": ["VolumeDriver"]}
    if kind != "VolumeDriver":
        raise Refused("unknown method")
    if action == "Capabilities":
        return {"Capabilities": {"Scope": "Global"}}
    if action == "List":
        return {"Volumes": [describe(*item) for item in volumes.items()]}
    if action == "Create":
        if body["Opts"].get("fail") == "Create":
            raise Refused("create was told to fail")
        volumes.setdefault(name, {"options": body["Opts"], "mounts": []})
        (FOLDER / "volumes" / name).mkdir(parents=True, exist_ok=True)
        save(volumes)
        return {}
    if name not in volumes:
        raise Refused(f"volume {name} is not known", 404)
    volume = volumes[name]
    if volume["options"].get("fail") == action:
        raise Refused(f"{action} was told to fail")
    if action == "Get":
        return {"Volume": describe(name, volume)}
    if action == "Mount":
        volume["mounts"].append(body["ID"])
    elif action == "Unmount":
        volume["mounts"].remove(body["ID"])
    elif action == "Remove":
        del volumes[name]
        shutil.rmtree(FOLDER / "volumes" / name)
    elif action != "Path":
        raise Refused("unknown method")
    save(volumes)
    return {"Mountpoint": str(FOLDER / "volumes" / name)} if action in ("Mount", "Path") else {}


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    serve(SOCKET, answer)
