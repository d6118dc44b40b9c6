"""What `docker create` and `docker run` lines make of a container, told apart from the moment and the machine.

    collect(run, api, paths)     every case's container as inspect, the list and the command line show it

The same function was run against Docker's own daemon (28.5): its answers are e2e/golden/containers.json, each case but
"plain" as what it has different from that one. Making them anew:
`python3 tests/support/container_cases.py SOCKET >tests/e2e/golden/containers.json`.
"""

import json
import re
import sys

# name: the line after "docker" ("{dir}": a folder of the test's own). Containers of earlier cases are there.
CASES = {
    "plain": "create --name plain busybox true",
    "running": "run -d --name running busybox sleep 1000",
    "exited": "run --name exited busybox sh -c 'exit 3'",
    "failed": "run --name failed busybox /nope",
    "terminal": "create --name terminal -it busybox",
    "attached": "create --name attached -i -a stdin -a stdout busybox cat 'two words'",
    "ports": "run -d --name ports -p 18080:80 -p 127.0.0.1:18053:53/udp -p 18100-18101:100-101 --expose 90 busybox sleep 1000",
    "ports-created": "create --name ports-created -p 80 -p 443:443/tcp --expose 7000-7002 busybox",
    "publish-all": "create --name publish-all -P --expose 90/udp busybox",
    "binds": "create --name binds -v named:/named -v {dir}:/bind:ro -v /anonymous -v other:/ro:ro,nocopy busybox",
    "mounts": "create --name mounts --mount type=bind,src={dir},dst=/bind,readonly --mount type=volume,src=named,dst=/named "
              "--mount type=tmpfs,dst=/tmpfs,tmpfs-size=1m,tmpfs-mode=1770 --mount type=volume,dst=/anonymous "
              "--mount type=bind,src={dir},dst=/shared,bind-propagation=rslave busybox",
    "tmpfs": "create --name tmpfs --read-only --tmpfs /run:size=1m,exec --tmpfs /var busybox",
    "memory": "create --name memory -m 64m --memory-reservation 32m --kernel-memory 20m busybox",
    "swap": "create --name swap -m 64m --memory-swap -1 --memory-swappiness 60 --oom-kill-disable busybox",
    "swap-less": "create --name swap-less -m 64m --memory-swap 64m --oom-score-adj 500 busybox",
    "no-oom-kill": "create --name no-oom-kill --oom-kill-disable busybox",
    "cpus": "create --name cpus --cpus 1.5 --cpuset-cpus 0-1 --cpuset-mems 0 --cpu-shares 512 busybox",
    "quota": "create --name quota --cpu-period 50000 --cpu-quota 25000 --pids-limit 100 busybox",
    "pids": "create --name pids --pids-limit -1 busybox",
    "realtime": "create --name realtime --cpu-rt-period 1000000 --cpu-rt-runtime 950000 busybox",
    "blkio": "create --name blkio --blkio-weight 300 --blkio-weight-device /dev/vda:200 --device-read-bps /dev/vda:1mb "
             "--device-write-bps /dev/vda:2mb --device-read-iops /dev/vda:100 --device-write-iops /dev/vda:200 busybox",
    "privileged": "create --name privileged --privileged busybox",
    "capabilities": "create --name capabilities --cap-add NET_ADMIN --cap-add cap_sys_time --cap-drop ALL busybox",
    "security": "create --name security --security-opt no-new-privileges --security-opt seccomp=unconfined "
                "--security-opt label=disable busybox",
    "systempaths": "create --name systempaths --security-opt systempaths=unconfined busybox",
    "apparmor": "create --name apparmor --security-opt apparmor=unconfined --security-opt seccomp=builtin busybox",
    "label": "create --name label --security-opt label=level:s0:c100,c200 --security-opt label=type:svirt busybox",
    "namespaces": "create --name namespaces --pid host --ipc host --uts host --cgroupns host --userns host busybox",
    "private": "create --name private --ipc private --cgroupns private busybox",
    "shareable": "run -d --name shareable --ipc shareable busybox sleep 1000",
    "shared": "create --name shared --pid container:shareable --ipc container:shareable busybox",
    "net-none": "run -d --name net-none --network none busybox sleep 1000",
    "net-host": "create --name net-host --network host busybox",
    "net-container": "create --name net-container --network container:running busybox",
    "net-user": "run -d --name net-user --network cases --network-alias web --ip 10.99.0.77 --mac-address 02:42:0a:63:00:4d "
                "busybox sleep 1000",
    "net-two": "create --name net-two --network name=cases,alias=a,gw-priority=1 --network cases-two busybox",
    "link": "create --name link --link running:db --link ports busybox",
    "link-user": "create --name link-user --network cases --link net-user:db busybox",
    "volumes-from": "create --name volumes-from --volumes-from binds:ro -v /anonymous/deeper busybox",
    "restart": "create --name restart --restart on-failure:5 busybox",
    "always": "create --name always --restart unless-stopped busybox",
    "auto-remove": "run -d --name auto-remove --rm busybox sleep 1000",
    "health": "run -d --name health --health-cmd true --health-interval 1h --health-timeout 3s --health-retries 2 "
              "--health-start-period 4s --health-start-interval 5s busybox sleep 1000",
    "no-health": "create --name no-health --no-healthcheck busybox",
    "names": "create --name names --hostname host --domainname example.com -e A=1 -e B= -e PATH=/bin -l a=1 -l b "
             "--annotation x=y busybox env",
    "dns": "create --name dns --dns 9.9.9.9 --dns-search example.com --dns-option ndots:2 --add-host a:1.2.3.4 "
           "--add-host b=host-gateway busybox",
    "logs": "create --name logs --log-driver json-file --log-opt max-size=1m --log-opt max-file=3 busybox",
    "log-none": "create --name log-none --log-driver none busybox",
    "limits": "create --name limits --ulimit nofile=100:200 --ulimit core=0 --sysctl net.ipv4.ip_forward=0 --shm-size 1m busybox",
    "user": "create --name user -u 1000:1000 --group-add 5 --group-add tty -w /tmp/../var busybox",
    "devices": "create --name devices --device /dev/null:/dev/x:r --device /dev/zero --device-cgroup-rule 'c 7:* rmw' busybox",
    "entrypoint": "create --name entrypoint --entrypoint echo busybox one two",
    "entrypoint-empty": "create --name entrypoint-empty --entrypoint '' busybox sh",
    "init": "create --name init --init --stop-signal SIGINT --stop-timeout 5 busybox",
    "runtime": "create --name runtime --runtime io.containerd.runc.v2 --isolation default --cgroup-parent /cases busybox",
    "gpus": "create --name gpus --gpus all busybox",
    "storage": "create --name storage --storage-opt size=1g busybox",
    "driver": "create --name driver --volume-driver local -v driven:/d busybox",
}
VERSIONS = {"1.24": ["running", "plain"], "1.40": ["running", "memory"], "1.43": ["net-user"], "1.44": ["net-user"],
            "1.47": ["ports"], "1.50": ["running"]}

HEX = re.compile(r"\b[0-9a-f]{64}\b")
SHORT = re.compile(r"\b[0-9a-f]{12}\b")
TIME = re.compile(r"\b20\d\d-\d\d-\d\dT[0-9:.]+(Z|[+-]\d\d:\d\d)")
MAC = re.compile(r"\b[0-9a-f]{2}(:[0-9a-f]{2}){5}\b")
ADDRESS = re.compile(r"^(172\.\d+\.\d+\.\d+|10\.99\.\d+\.\d+)$")


def plain(value, paths, key=""):
    """`value` without what differs from run to run: identifiers, times, addresses, folders of the engine."""
    if isinstance(value, dict):
        if key == "Mounts" and value.get("Type") == "volume":
            value = {**value, "Source": "<volume>"}  # in a list Docker leaves it out for some
        return {plain(k, paths): plain(v, paths, k) for k, v in value.items()}
    if isinstance(value, list):
        items = [plain(item, paths, key) for item in value]
        # Docker's daemon or its client keeps these in maps: in no order.
        unordered = key in ("Mounts", "Ports", "Env", "Links", "Binds")
        return sorted(items, key=lambda item: json.dumps(item, sort_keys=True)) if unordered else items
    if isinstance(value, str):
        for path, name in paths.items():
            value = value.replace(path, name)
        value = TIME.sub("<time>", HEX.sub("<id>", value))
        value = value.replace("error during container init: ", "")  # runc's versions differ in which step sees it
        if key in ("LowerDir", "UpperDir", "WorkDir", "MergedDir", "ID") and value:
            return "<path>" if "/" in value else "<id>"
        if key in ("Driver", "Name") and value in ("overlay2", "overlayfs"):
            return "<driver>"
        if key == "SandboxKey" and value:
            return "<path>"
        if key == "Status":
            value = re.sub(r"^(Up|Exited \(\d+\)) [A-Z0-9a-z ]+?( ago)?( \(.*)?$", r"\1 <time>\3", value)
        value = SHORT.sub("<short>", value)
        return "<address>" if ADDRESS.match(value) else MAC.sub("<mac>", value)
    if key in ("Pid", "Created", "HostPort", "SizeRw", "SizeRootFs") and value:
        return f"<{key}>"
    return value


def collect(run, api, paths):
    """`run(line)` gives (status, out, err) of one docker command, `api(path)` the JSON of a GET."""
    run("network create --subnet 10.99.0.0/24 cases")
    run("network create --subnet 10.99.1.0/24 cases-two")
    found = {}
    for name, line in CASES.items():
        status, _, err = run(line)
        inspect, listed = api(f"/containers/{name}/json"), api(f'/containers/json?all=1&filters={{"name":["^/{name}$"]}}')
        found[name] = plain({"status": status, "err": err, "inspect": inspect, "list": listed}, paths)
    for version, names in VERSIONS.items():
        for name in names:
            found[f"{version} {name}"] = plain({
                "inspect": api(f"/v{version}/containers/{name}/json"),
                "list": api(f'/v{version}/containers/json?all=1&filters={{"name":["^/{name}$"]}}')}, paths)
    plain_case = found["plain"]
    return {case: value if case == "plain" else changes(plain_case, value) for case, value in found.items()}


def changes(base, value):
    """What `value` has different from `base`: of objects only the members that differ."""
    if not isinstance(base, dict) or not isinstance(value, dict):
        return value
    return {key: changes(base.get(key), value[key]) if key in value else "<absent>"
            for key in sorted(base.keys() | value.keys()) if base.get(key, "<absent>") != value.get(key, "<absent>")}


if __name__ == "__main__":
    import http.client
    import os
    import shlex
    import socket
    import subprocess

    address, directory = sys.argv[1], "/var/tmp/container-cases"
    os.makedirs(directory, exist_ok=True)

    def docker(line):
        command = ["docker", "-H", f"unix://{address}", *shlex.split(line.replace("{dir}", directory))]
        done = subprocess.run(command, capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr

    def get(path):
        connection = http.client.HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(address)
        connection.request("GET", path.replace('"', "%22").replace("{", "%7B").replace("}", "%7D").replace("^", "%5E"))
        return json.loads(connection.getresponse().read())

    info = get("/info")
    result = collect(docker, get, {info["DockerRootDir"]: "<data>", directory: "<dir>"})
    for case in CASES:
        docker(f"rm -fv {case}")
    docker("network rm cases cases-two")
    docker("volume rm -f named other driven")
    json.dump(result, sys.stdout, indent=1, sort_keys=True)
