"""Requests that no other test makes: operations that an engine without a swarm, and without plugins of its own, refuses, and
fields of a container's body that are rare. Two engines can be compared by the answers.

    python3 surface_script.py SOCKET      prints request -> [status, answer]
"""

import json
import sys

REFUSED = ["POST /swarm/leave", "GET /swarm", "GET /swarm/unlockkey", "POST /swarm/unlock", "POST /swarm/update?version=1", "POST /swarm/init", "POST /swarm/join",
           *(f"GET /{kind}/x" for kind in ("nodes", "services", "tasks", "secrets", "configs")),
           *(f"DELETE /{kind}/x" for kind in ("nodes", "services", "secrets", "configs")),
           *(f"POST /{kind}/x/update?version=1" for kind in ("nodes", "services", "secrets", "configs")),
           *(f"POST /{kind}/create" for kind in ("services", "secrets", "configs")),
           "GET /services/x/logs?stdout=1", "GET /tasks/x/logs?stdout=1", "GET /plugins", "GET /plugins/some/plug:in/json", "DELETE /plugins/nope",
           *(f"POST /plugins/nope/{verb}" for verb in ("enable?timeout=1", "disable", "set", "push")), "PUT /volumes/nope?version=1",
           "GET /images/search?term=x&limit=1000"]
HOST, ENDPOINT = {"Image": "busybox", "HostConfig": {}}, {"Image": "busybox", "NetworkingConfig": {"EndpointsConfig": {"bridge": {}}}}
CREATED = {
    "ArgsEscaped": True, "MacAddress": "02:42:ac:11:00:99", "OnBuild": ["RUN true"], "Shell": ["/bin/sh", "-e"], "ExposedPorts": {"80/tcp": {}}, "Volumes": {"/x": {}},
    "HostConfig.DeviceRequests": [{"Driver": "nope", "Count": 1, "Capabilities": [["gpu"]], "Options": {"a": "b"}}], "HostConfig.KernelMemoryTCP": 1 << 30,
    "HostConfig.CpuCount": 1, "HostConfig.CpuPercent": 50, "HostConfig.IOMaximumIOps": 100, "HostConfig.IOMaximumBandwidth": 1000, "HostConfig.ContainerIDFile": "/tmp/cid",
    "HostConfig.Cgroup": "container:x", "HostConfig.MaskedPaths": ["/proc/keys"], "HostConfig.ReadonlyPaths": ["/proc/sys"], "HostConfig.Isolation": "hyperv",
    "HostConfig.Mounts": [{"Type": "bind", "Source": "/tmp", "Target": "/x", "Consistency": "cached"}],
    "HostConfig.Mounts#create": [{"Type": "bind", "Source": "/tmp/nothing/of/the/kind", "Target": "/x", "BindOptions": {"CreateMountpoint": False}}],
    **{f"NetworkingConfig.EndpointsConfig.bridge.{name}": value for name, value in {
        "IPAMConfig": {"IPv6Address": "fd00::99"}, "NetworkID": "x", "EndpointID": "x", "Gateway": "1.2.3.4", "IPAddress": "1.2.3.4", "IPPrefixLen": 8,
        "IPv6Gateway": "fd00::1", "GlobalIPv6Address": "fd00::2", "GlobalIPv6PrefixLen": 64, "DNSNames": ["x"]}.items()},
}


def asked(request, method, path, body=None):
    answer = request(method, path, body)
    try:
        return answer[0], json.loads(answer[1])
    except ValueError:
        return answer


def created(request, name, value):
    """A container with that field, and what its inspection says of it."""
    body = {"Image": "busybox"}
    *folders, last = name.partition("#")[0].split(".")
    place = body
    for folder in folders:
        place = place.setdefault(folder, {})
    place[last] = value
    status, answer = asked(request, "POST", "/containers/create", body)
    if status != 201:
        return [status, answer["message"]]
    shown = asked(request, "GET", f"/containers/{answer['Id']}/json")[1]
    request("DELETE", f"/containers/{answer['Id']}?force=1&v=1", None)
    shown = {**shown["Config"], "HostConfig": shown["HostConfig"], "NetworkingConfig": {"EndpointsConfig": shown["NetworkSettings"]["Networks"]}}
    for folder in [*folders, last]:
        shown = shown.get(folder) if isinstance(shown, dict) else None
    return [status, answer["Warnings"], shown]


def record(request):
    out = {}
    for line in REFUSED:
        method, path = line.split(" ")
        status, answer = asked(request, method, path, {} if method == "POST" else None)
        out[line] = [status, answer.get("message", answer) if isinstance(answer, dict) else answer]
    return {**out, **{f"create {name}": created(request, name, value) for name, value in CREATED.items()}}


if __name__ == "__main__":
    sys.path.insert(0, __file__.rsplit("/", 2)[0])
    from support.engine import UnixConnection

    def plain(method, path, body):
        connection = UnixConnection(sys.argv[1])
        connection.request(method, path, json.dumps(body) if body is not None else None, {"Content-Type": "application/json"} if body is not None else {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    json.dump(record(plain), sys.stdout, indent=0)
