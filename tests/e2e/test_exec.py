"""exec: one more process in a running container."""

import json
import os
import time

import docker
import pytest

from support.terminal import Terminal


@pytest.fixture
def container(engine, cli):
    name = f"host-{os.urandom(4).hex()}"
    cli("run", "-d", "--name", name, "-e", "FROM=config", "busybox", "sleep", "1000")
    yield name
    cli("rm", "-f", name)


def test_output_and_exit_code(cli, container):
    done = cli("exec", container, "sh", "-c", "echo out; echo err >&2; exit 7", status=7)
    assert (done.out, done.err) == ("out\n", "err\n")


def test_stdin(cli, container):
    assert cli("exec", "-i", container, "cat", stdin="one\ntwo\n").out == "one\ntwo\n"
    # Without -i nothing is read.
    assert cli("exec", container, "cat", stdin="one\n").out == ""


def test_much_output_arrives_whole(cli, container):
    assert cli("exec", container, "seq", "1", "200000").out == "".join(f"{n}\n" for n in range(1, 200001))


def test_options_take_effect(cli, container):
    done = cli("exec", "-w", "/tmp", "-u", "1000:2000", "-e", "FOO=bar", container, "sh", "-c",
               "pwd; id -u; id -g; echo $FOO; echo $FROM; hostname")
    hostname = done.out.split()[-1]
    assert done.out.split() == ["/tmp", "1000", "2000", "bar", "config", hostname] and len(hostname) == 12


def test_privileged(cli, container):
    mask = cli("exec", container, "grep", "CapEff", "/proc/self/status").out.split()[1]
    assert mask == "00000000a80425fb"
    mask = cli("exec", "--privileged", container, "grep", "CapEff", "/proc/self/status").out.split()[1]
    assert int(mask, 16) > int("00000000a80425fb", 16) and int(mask, 16) & (1 << 21)


@pytest.mark.parametrize("command, status, text", [
    (["nosuch"], 127, 'exec: "nosuch": executable file not found in $PATH'),
    (["/etc"], 126, 'exec: "/etc": '),
    (["/etc/passwd"], 126, 'exec: "/etc/passwd": permission denied'),
])
def test_commands_that_cannot_run(cli, container, command, status, text):
    done = cli("exec", container, *command, status=status)
    assert "OCI runtime exec failed: exec failed: unable to start container process: " + text in done.out + done.err


def test_folder_that_is_missing(cli, container):
    done = cli("exec", "-w", "/nosuch", container, "true", status=127)
    assert 'chdir to cwd ("/nosuch") set in config.json failed: no such file or directory' in done.out + done.err


def test_user_that_is_missing(cli, container):
    done = cli("exec", "-u", "nobodyx", container, "true", status=1)
    assert done.err.endswith("unable to find user nobodyx: no matching entries in passwd file\n")


def test_detached(engine, cli, container):
    assert cli("exec", "-d", container, "sh", "-c", "echo done > /tmp/it; exec sleep 777").out == ""
    end = time.monotonic() + 10
    while cli("exec", container, "cat", "/tmp/it", status=None).out != "done\n" and time.monotonic() < end:
        pass
    assert "sleep 777" in cli("exec", container, "ps").out
    assert len(engine.api("GET", f"/containers/{container}/json").json["ExecIDs"]) == 1


def test_container_that_does_not_run(engine, cli, container):
    identity = engine.api("GET", f"/containers/{container}/json").json["Id"]
    cli("kill", container)
    cli("wait", container)
    assert f"container {identity} is not running" in cli("exec", container, "true", status=1).err
    assert "No such container: nosuch" in cli("exec", "nosuch", "true", status=1).err


def test_execs_end_with_their_container(cli, container, engine):
    process = engine.background(*cli.program, "exec", container, "sh", "-c", "echo up; exec sleep 1000")
    assert process.stdout.readline() == b"up\n"
    cli("kill", container)
    assert process.wait(30) == 137
    process.communicate()


def test_the_api_object(engine, container):
    created = engine.api("POST", f"/containers/{container}/exec", {
        "Cmd": ["sh", "-c", "exit 3"], "AttachStdout": True, "User": "1", "DetachKeys": "ctrl-x"})
    assert created.status == 201
    identity = created.json["Id"]
    before = engine.api("GET", f"/exec/{identity}/json").json
    container_id = engine.api("GET", f"/containers/{container}/json").json["Id"]
    assert before == {"ID": identity, "Running": False, "ExitCode": None, "OpenStdin": False, "OpenStderr": False,
                      "ProcessConfig": {"tty": False, "entrypoint": "sh", "arguments": ["-c", "exit 3"],
                                        "privileged": False, "user": "1"},
                      "OpenStdout": True, "CanRemove": False, "ContainerID": container_id, "DetachKeys": "GA==", "Pid": 0}
    assert engine.api("POST", f"/exec/{identity}/start", {"Detach": True}).status == 200
    end = time.monotonic() + 10
    while engine.api("GET", f"/exec/{identity}/json").json["Running"] and time.monotonic() < end:
        pass
    after = engine.api("GET", f"/exec/{identity}/json").json
    assert (after["Running"], after["ExitCode"]) == (False, 3) and after["Pid"] > 0
    again = engine.api("POST", f"/exec/{identity}/start", {"Detach": True})
    assert (again.status, again.json["message"]) == (409, f"exec command {identity} has already run")
    assert engine.api("GET", "/exec/nosuch/json").json["message"] == "No such exec instance: nosuch"
    assert engine.api("POST", f"/containers/{container}/exec", {"Cmd": []}).json["message"] == "No exec command specified"


def test_events(engine, cli, container):
    since = str(time.time() - 1)
    cli("exec", container, "sh", "-c", "exit 5", status=5)
    text = engine.api("GET", f"/events?since={since}&until={time.time() + 1}&filters=" +
                      '{"container":["%s"]}' % container).text
    events = [json.loads(line) for line in text.splitlines()]
    seen = {event["Action"]: event["Actor"]["Attributes"] for event in events if event["Action"].startswith("exec")}
    assert list(seen) == ["exec_create: sh -c exit 5", "exec_start: sh -c exit 5", "exec_die"]
    assert seen["exec_die"]["exitCode"] == "5"
    assert len({attributes["execID"] for attributes in seen.values()}) == 1


def test_terminal(engine, cli, container):
    with Terminal(33, 77) as terminal:
        process = engine.background(*cli.program, "exec", "-it", container, "sh", **terminal.streams())
        terminal.read_until(b"# ")
        terminal.type(b"tty; stty size; echo $TERM; echo re''ady\n")
        said = terminal.read_until(b"ready")
        assert b"/dev/pts/0" in said and b"33 77" in said and b"xterm" in said
        terminal.resize(44, 88, process)
        terminal.type(b"while [ \"$(stty size)\" != '44 88' ]; do :; done; echo resi''zed\n")
        terminal.read_until(b"resized")
        terminal.type(b"exit 4\n")
        assert process.wait(20) == 4


@pytest.mark.parametrize("option, typed", [([], b"\x10\x11"), (["--detach-keys", "a,ctrl-x"], b"a\x18")])
def test_detach_keys(engine, cli, container, option, typed):
    with Terminal() as terminal:
        process = engine.background(*cli.program, "exec", *option, "-it", container, "sh", **terminal.streams())
        terminal.read_until(b"# ")
        terminal.type(typed)
        process.wait(20)
    assert len(engine.api("GET", f"/containers/{container}/json").json["ExecIDs"]) == 1


@pytest.mark.parametrize("created, started, wanted", [
    (True, False, b"\1\0\0\0\0\0\0\5one\r\n"), (True, True, b"one\r\n"), (False, True, b"one\n"), (False, False, b"\1\0\0\0\0\0\0\4one\n")])
def test_frames_are_as_the_start_says(engine, container, created, started, wanted):
    """docker-py creates an exec with a terminal and starts it without a word of it."""
    made = engine.api("POST", f"/containers/{container}/exec", {"Cmd": ["echo", "one"], "AttachStdout": True, "Tty": created}).json["Id"]
    assert engine.api("POST", f"/exec/{made}/start", {"Tty": started}).text.encode() == wanted


def test_docker_py(engine, container):
    client = docker.DockerClient(base_url=engine.host, version="auto")
    box = client.containers.get(container)
    assert box.exec_run("echo hello").output == b"hello\n"
    assert box.exec_run(["sh", "-c", "echo o; echo e >&2; exit 2"], demux=True) == (2, (b"o\n", b"e\n"))
    assert b"".join(box.exec_run("seq 1 3", stream=True).output) == b"1\n2\n3\n"
    identity = client.api.exec_create(box.id, "cat", stdin=True)["Id"]
    stream = client.api.exec_start(identity, socket=True)
    stream._sock.sendall(b"typed\n")
    stream._sock.shutdown(1)
    with stream._sock.makefile("rb") as answer:
        assert answer.read() == b"\x01\0\0\0\0\0\0\x06typed\n"
    stream.close()
    client.close()


def descriptors(pids):
    return [len(os.listdir(f"/proc/{pid}/fd")) for pid in pids]


def test_execs_leave_nothing(engine, container):
    identity = engine.api("GET", f"/containers/{container}/json").json["Id"]
    bundle = engine.exec_root / "tasks" / identity
    shim = next(int(line.split()[0]) for line in os.popen("ps -eo pid,args") if "berth-shim" in line and identity in line)
    pids = [shim, engine.process.pid]

    def cycle(times):
        for _ in range(times):
            created = engine.api("POST", f"/containers/{container}/exec", {"Cmd": ["true"], "AttachStdout": True})
            assert engine.api("POST", f"/exec/{created.json['Id']}/start", {}).status == 200

    cycle(5)
    before, files = descriptors(pids), sorted(os.listdir(bundle))
    cycle(40)
    end = time.monotonic() + 10
    while any(now > then for now, then in zip(descriptors(pids), before)) and time.monotonic() < end:
        time.sleep(0.05)
    after = descriptors(pids)
    assert all(now <= then for now, then in zip(after, before)), (before, after)
    assert sorted(os.listdir(bundle)) == files
