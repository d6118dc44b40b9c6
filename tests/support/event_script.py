"""Operations that make an engine emit events of every type, and those events in a form that two engines can be compared by.

    python3 event_script.py HOST PROGRAM FOLDER      prints them as JSON: step -> [[type, action, attributes], …]
"""

import json
import re
import subprocess
import sys
import time

STEPS = {
    "image tag": ["tag busybox ev:1", "tag busybox ev:2"],
    "image save and load": ["save -o {folder}/ev.tar ev:1", "load -q -i {folder}/ev.tar"],
    "image untag": ["rmi ev:2"],
    "image import": ["import {folder}/empty.tar ev:imported", "rmi ev:imported"],
    "create": ["create --name ev1 --label colour=red ev:1 sleep 1000"],
    "start": ["start ev1"],
    "exec": ["exec ev1 true", "exec -d ev1 true"],
    "exec failing": ["exec ev1 false"],
    "pause": ["pause ev1", "unpause ev1"],
    "rename": ["rename ev1 ev9", "rename ev9 ev1"],
    "update": ["update --memory 64m --memory-swap 64m ev1"],
    "top": ["top ev1"],
    "copy": ["cp ev1:/etc/hostname {folder}/out", "cp {folder}/out ev1:/tmp/in"],
    "export": ["export -o {folder}/ev1.tar ev1"],
    "commit": ["commit ev1 ev:commit", "rmi ev:commit"],
    "kill with another signal": ["kill -s HUP ev1"],
    "stop": ["stop -t 0 ev1"],
    "restart": ["start ev1", "restart -t 0 ev1"],
    "kill": ["kill ev1"],
    "remove": ["rm ev1"],
    "run": ["run --rm ev:1 true"],
    "run failing": ["run --rm ev:1 sh -c 'exit 3'"],
    "run with a terminal": ["run --rm -t ev:1 true"],
    "no such program": ["run --rm ev:1 /nope"],
    "remove by force": ["run -d --name ev2 ev:1 sleep 1000", "rm -f ev2"],
    "health": ["run -d --name ev3 --health-cmd true --health-interval 1h --health-start-interval 10ms --health-start-period 1h ev:1 sleep 1000",
               "wait-healthy ev3", "rm -f ev3"],
    "out of memory": ["run --rm -m 8m --memory-swap 8m ev:1 tail -c 100m /dev/zero"],
    "volume": ["volume create --label a=b evv", "run --rm -v evv:/x ev:1 true", "run --rm -v evv:/x:ro ev:1 true", "volume rm evv"],
    "anonymous volume": ["run --rm -v /x ev:1 true"],
    "network": ["network create --label a=b evn", "run -d --name ev4 --network evn ev:1 sleep 1000", "network create evm",
                "network connect evm ev4", "network disconnect evm ev4", "rm -f ev4", "network rm evn evm"],
    "prune": ["create --name ev5 ev:1", "container prune -f", "volume create evp", "volume prune -af", "network create evq", "network prune -f",
              "image prune -f"],
    "remove the image": ["rmi ev:1"],
}
# Names of the engine, times, and IDs say nothing.
SHAPES = [(re.compile(r"^(sha256:)?[0-9a-f]{64}$"), "ID"), (re.compile(r"^[0-9a-f]{12}$"), "SHORT"), (re.compile(r"^[a-z]+_[a-z]+\d?$"), "NAME"),
          (re.compile(r"^[\d.]+(µs|ms|s)$"), "TIME"), (re.compile(r"^\d+(\.\d+)?(B|kB|MB|GB)?$"), "NUMBER")]
KEPT = {"exitCode", "signal"}


def shape(key, value):
    for pattern, name in SHAPES:
        if key not in KEPT and pattern.match(value):
            return name
    return value.replace("busybox:latest", "busybox")


def normal(event):
    actor = event["Actor"]
    attributes = {key: shape(key, value) for key, value in sorted(actor["Attributes"].items())}
    return [event["Type"], re.sub(r"[0-9a-f]{64}", "ID", event["Action"]), shape("", actor["ID"]), attributes, event.get("scope")]


def in_order(events):
    return sorted(events, key=json.dumps)


def run(program, host, line):
    if line.startswith("wait-healthy"):
        name = line.split()[1]
        while "healthy" not in run(program, host, f"inspect -f {{{{.State.Health.Status}}}} {name}").stdout.replace("unhealthy", ""):
            time.sleep(0.05)
        return None
    return subprocess.run(f"{program} {line}", shell=True, env={"DOCKER_HOST": host, "HOME": "/nonexistent", "PATH": "/usr/bin:/bin",
                                                                "DOCKER_CONFIG": "/nonexistent"}, capture_output=True, text=True)


def now(program, host):
    return run(program, host, "info -f '{{.SystemTime}}'").stdout.strip()


def record(host, program, folder, expected=None):
    """With `expected` a step is over as soon as its events are those."""
    subprocess.run(["tar", "-cf", f"{folder}/empty.tar", "-T", "/dev/null"], check=True)
    out = {}
    for step, lines in STEPS.items():
        since = now(program, host)
        for line in lines:
            run(program, host, line.format(folder=folder))
        # What ends in the background has its events too.
        known, out[step], end = None, [], time.monotonic() + 10
        while time.monotonic() < end:
            text = run(program, host, f"events --since {since} --until {now(program, host)} --format '{{{{json .}}}}'").stdout
            out[step] = [normal(json.loads(line)) for line in text.splitlines()]
            if expected and in_order(out[step]) == in_order(expected[step]):
                break
            if not expected and out[step] and known == out[step]:
                break
            known = out[step]
            time.sleep(0.05 if expected else 0.5)
    return out


if __name__ == "__main__":
    json.dump(record(*sys.argv[1:4]), sys.stdout, indent=0)
