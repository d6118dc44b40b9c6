"""Requests about volumes, with what an engine answers to each and the events it tells: run against the real dockerd once
(`python3 tests/support/volume_cases.py SOCKET DATA-ROOT > tests/e2e/golden/volumes.json`, busybox loaded), and against ours in every
test run.
"""

import json
import re
import sys
import time
from pathlib import Path
from urllib.parse import quote

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

LONG = "n" * 255


def filters(**values):
    return "filters=" + quote(json.dumps({name.replace("__not", "!"): value for name, value in values.items()}))


def create(**body):
    return ("POST", "/volumes/create", body)


def container(name, **host):
    config = {key: host.pop(key) for key in ("Volumes", "Cmd") if key in host}
    return ("POST", f"/containers/create?name={name}", {"Image": "busybox", "Cmd": ["sleep", "1000"], "HostConfig": host, **config})


def mount(**fields):
    return {"Type": "volume", **fields}


# In this order: later ones build on what earlier ones made.
STEPS = {
    "made": create(Name="vone", Labels={"a": "1", "b": ""}),
    "made again": create(Name="vone", Labels={"other": "x"}),
    "with options": create(Name="vtwo", DriverOpts={"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}),
    "anonymous": create(),
    "anonymous with a label": create(Labels={"a": "2"}),
    "nothing said": ("POST", "/volumes/create", None),
    "not JSON": ("POST", "/volumes/create", "{"),
    "two values": ("POST", "/volumes/create", "{} {}"),
    "wrong type": ("POST", "/volumes/create", {"Name": 7}),
    "labels of a wrong type": ("POST", "/volumes/create", {"Name": "vx", "Labels": ["a"]}),
    **{f"name {name!r}": create(Name=name) for name in ("a", "/x", "a b", ".hidden", "..", "-x", "a/b", "ü", LONG, LONG + "n")},
    "name in capitals": create(Name="VCaps"),
    **{f"options {options}": create(Name="vbad", DriverOpts=options) for options in (
        {"nope": "x"}, {"type": "tmpfs"}, {"device": "x"}, {"o": "bind"}, {"o": "bind", "device": "/x"}, {"type": "none", "o": "bind"}, {"size": "x"},
        {"size": "10 q"}, {"size": "-1"}, {"size": ""}, {"size": "1m"}, {"type": "cifs", "device": "//h:44/share", "o": "x"},
        {"type": "tmpfs", "device": "tmpfs", "size": "1g"})},
    "size zero": create(Name="vzero", DriverOpts={"size": "0"}),
    "no such driver": create(Name="vbad", Driver="no-such-driver"),
    "another driver for a name": create(Name="vone", Driver="no-such-driver"),
    "driver local": create(Name="vlocal", Driver="local"),
    "inspected": ("GET", "/volumes/vone", None),
    "inspected with options": ("GET", "/volumes/vtwo", None),
    "inspected, missing": ("GET", "/volumes/missing", None),
    "inspected, bad name": ("GET", "/volumes/a%20b", None),
    "listed": ("GET", "/volumes", None),
    **{f"listed by name {pattern}": ("GET", f"/volumes?{filters(name=[pattern])}", None)
       for pattern in ("v", "^vo", "ne$", "^vone$", "v[ot]", "v(one|two)", "(", "VONE", "(?i)VONE", "")},
    "listed by label": ("GET", f"/volumes?{filters(label=['a'])}", None),
    "listed by label and value": ("GET", f"/volumes?{filters(label=['a=1'])}", None),
    "listed by driver": ("GET", f"/volumes?{filters(driver=['local'])}", None),
    "listed by another driver": ("GET", f"/volumes?{filters(driver=['loca'])}", None),
    "listed by two": ("GET", f"/volumes?{filters(name=['vone', 'vtwo'], label=['a'])}", None),
    "listed by an unknown filter": ("GET", f"/volumes?{filters(nope=['x'])}", None),
    "listed by a bad flag": ("GET", f"/volumes?{filters(dangling=['perhaps'])}", None),
    "listed by no JSON": ("GET", "/volumes?filters=x", None),
    "in use": container("user", HostConfig={}, Binds=["vone:/one", "vnew:/new:ro", "/anon-bind", "/etc:/host-etc:ro"],
                        Mounts=[mount(Source="vtwo", Target="/two"), mount(Target="/anon"),
                                {"Type": "tmpfs", "Target": "/t"}], Volumes={"/config": {}}),
    "dangling": ("GET", f"/volumes?{filters(dangling=['true'])}", None),
    "not dangling": ("GET", f"/volumes?{filters(dangling=['0'])}", None),
    "started": ("POST", "/containers/user/start", None),
    "removed in use": ("DELETE", "/volumes/vone", None),
    "removed in use, forced": ("DELETE", "/volumes/vone?force=1", None),
    "df": ("GET", "/system/df?type=volume", None),
    "killed": ("POST", "/containers/user/kill", None),
    "waited for": ("POST", "/containers/user/wait", None),
    "removed with a stopped user": ("DELETE", "/volumes/vone", None),
    "user removed": ("DELETE", "/containers/user?v=1", None),
    "removed": ("DELETE", "/volumes/vone", None),
    "removed again": ("DELETE", "/volumes/vone", None),
    "removed again, forced": ("DELETE", "/volumes/vone?force=true", None),
    "updated": ("PUT", "/volumes/vtwo?version=1", {"Spec": {}}),
    **{f"container with {text}": container("bad", **host) for text, host in {
        "a bad name": {"Binds": ["a:/x"]}, "a worse name": {"Binds": ["-x:/x"]}, "a relative target": {"Binds": ["vlocal:x"]},
        "the root": {"Binds": ["vlocal:/"]}, "nothing": {"Binds": [""]}, "colons": {"Binds": ["a:b:c:d"]}, "a bad mode": {"Binds": ["vlocal:/x:huh"]},
        "propagation": {"Binds": ["vlocal:/x:rshared"]}, "a target twice": {"Binds": ["vlocal:/x", "vtwo:/x"]},
        "mount, no target": {"Mounts": [mount(Source="vlocal")]}, "mount, relative": {"Mounts": [mount(Source="vlocal", Target="x")]},
        "mount, bind options": {"Mounts": [mount(Source="vlocal", Target="/x", BindOptions={"Propagation": "rshared"})]},
        "mount, subpath up": {"Mounts": [mount(Source="vlocal", Target="/x", VolumeOptions={"Subpath": "../x"})]},
        "mount, anonymous subpath": {"Mounts": [mount(Target="/x", VolumeOptions={"Subpath": "x"})]},
        "mount, no driver": {"Mounts": [mount(Source="vq", Target="/x", VolumeOptions={"DriverConfig": {"Name": "no-such-driver"}})]},
        "mount, bad option": {"Mounts": [mount(Source="vq", Target="/x", VolumeOptions={"DriverConfig": {"Options": {"q": "x"}}})]},
        "mount, no type": {"Mounts": [{"Type": "what", "Target": "/x"}]}, "driver": {"Binds": ["vq:/x"], "VolumeDriver": "no-such-driver"},
        "tmpfs source": {"Mounts": [{"Type": "tmpfs", "Source": "x", "Target": "/x"}]},
        "bind, no source": {"Mounts": [{"Type": "bind", "Target": "/x"}]},
        "bind, missing": {"Mounts": [{"Type": "bind", "Source": "/no/such", "Target": "/x"}]},
        "bind, relative": {"Mounts": [{"Type": "bind", "Source": "no/such", "Target": "/x"}]},
    }.items()},
    **{f"device {name}": create(Name=f"vdev{number}", DriverOpts=options) for number, (name, options) in enumerate({
        "missing": {"type": "none", "o": "bind", "device": "/no/such/folder"}, "unknown": {"type": "nosuchfs", "device": "x"},
        "refused": {"type": "tmpfs", "device": "tmpfs", "o": "huge=sure"}}.items())},
    **{f"made with device {n}": container(f"dev{n}", Binds=[f"vdev{n}:/x"]) for n in range(3)},
    **{f"started with device {n}": ("POST", f"/containers/dev{n}/start", None) for n in range(3)},
    **{f"removed with device {n}": ("DELETE", f"/containers/dev{n}?force=1", None) for n in range(3)},
    "pruned by an unknown filter": ("POST", f"/volumes/prune?{filters(dangling=['true'])}", None),
    "pruned by a bad flag": ("POST", f"/volumes/prune?{filters(all=['perhaps'])}", None),
    "pruned by label": ("POST", f"/volumes/prune?{filters(label=['a=2'])}", None),
    "pruned": ("POST", "/volumes/prune", None),
    "pruned by no label": ("POST", f"/volumes/prune?{filters(all=['1'], label__not=['a'])}", None),
    "pruned all": ("POST", f"/volumes/prune?{filters(all=['true'])}", None),
    "listed at the end": ("GET", "/volumes", None),
}
# As clients of before 1.42 know it: named volumes go, too.
OLD_STEPS = {"old made": create(Name="vold"), "old pruned": ("POST", "/volumes/prune", None)}


def tidy(value, places):
    """Without what differs from run to run; lists whose order says nothing are sorted."""
    if isinstance(value, dict):
        if "reclaimed" in value:
            value["reclaimed"] = "<bytes>"
        return {key: "<time>" if key == "CreatedAt" else "<bytes>" if key in ("SpaceReclaimed", "Size") else tidy(one, places)
                for key, one in sorted(value.items()) if key not in ("BuildCache", "BuilderSize", "Images", "Containers", "LayersSize", "Warnings")}
    if isinstance(value, list):
        return sorted((tidy(one, places) for one in value), key=json.dumps)
    if isinstance(value, str):
        for place, name in places.items():
            value = value.replace(place, name)
        return re.sub(r"[0-9a-f]{64}", "<id>", value)
    return value


def collect(api, places):
    """{step: {"status", "answer"}} and under "events" the volumes' events in order."""
    out, since = {}, time.time()
    for versions, steps in (("", STEPS), ("/v1.41", OLD_STEPS)):
        for name, (method, path, body) in steps.items():
            answer = api(method, versions + path, body, {"Content-Type": "application/json"})
            out[name] = {"status": answer.status, "answer": tidy(getattr(answer, "json", None), places)}
    path = f"/events?since={since:.9f}&until={time.time():.9f}&filters=" + quote(json.dumps({"type": ["volume"]}))
    events = [json.loads(line) for line in api("GET", path).text.splitlines()]
    out["events"] = [[event["Action"], tidy(event["Actor"]["ID"], places), tidy(event["Actor"]["Attributes"], places)] for event in events]
    return out


def main():
    from support.engine import Engine

    peer = Engine()
    peer.socket = sys.argv[1]
    print(json.dumps(collect(peer.api, {sys.argv[2]: "<data>"}), indent=1, sort_keys=True, ensure_ascii=False))


if __name__ == "__main__":
    main()
