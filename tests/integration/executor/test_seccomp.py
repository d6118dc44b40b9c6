"""seccomp beyond the default profile: a listener that answers, and what cannot be."""

import fcntl
import json
import os
import select
import socket
import struct
import threading

import pytest

NOTIF_RECV, NOTIF_SEND = 0xC0502100, 0xC0182101


def rules(bundle, **more):
    bundle.spec["linux"]["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_NOTIFY"}], **more}


def answer_one(listener, error):
    assert select.select([listener], [], [], 30)[0]
    request = bytearray(80)
    fcntl.ioctl(listener, NOTIF_RECV, request, True)
    (cookie,) = struct.unpack_from("=Q", request)
    fcntl.ioctl(listener, NOTIF_SEND, bytearray(struct.pack("=QqiI", cookie, 0, -error, 0)), True)


@pytest.mark.parametrize("no_new_privs", [False, True])
def test_a_listener_answers(bundle, no_new_privs):
    path = bundle.folder / "agent"
    rules(bundle, listenerPath=str(path), listenerMetadata="meta")
    bundle.spec["process"]["noNewPrivileges"] = no_new_privs
    bundle.applets("mkdir")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        assert bundle.create(["sh", "-c", "mkdir /made; echo $?"]) == 0, bundle.last_error()
        peer, _ = listening.accept()
        with peer:
            text, (fd,), _, _ = socket.recv_fds(peer, 4096, 1)
    state = json.loads(text)
    assert (state["fds"], state["metadata"], state["state"]["id"]) == (["seccompFd"], "meta", bundle.id)
    assert state["pid"] == state["state"]["pid"] == bundle.pid()
    answering = threading.Thread(target=answer_one, args=(fd, 99))
    answering.start()
    done = os.pidfd_open(bundle.pid())
    assert bundle.call("start", bundle.id).returncode == 0
    assert select.select([done], [], [], 30)[0]
    answering.join()
    os.close(done)
    os.close(fd)
    assert "Cannot assign requested address" in (bundle.folder / "out").read_text()
    assert not (bundle.folder / "rootfs/made").exists()


@pytest.mark.parametrize("more, text", [
    ({"defaultAction": "SCMP_ACT_NOTIFY"}, "SCMP_ACT_NOTIFY cannot be used as default action"),
    ({}, "listenerPath is not set"),
    ({"listenerPath": "/nosuch"}, "failed to connect with seccomp agent"),
    ({"listenerPath": "/x", "syscalls": [{"names": ["write"], "action": "SCMP_ACT_NOTIFY"}]},
     "SCMP_ACT_NOTIFY cannot be used for the write syscall"),
    ({"syscalls": [], "flags": ["SECCOMP_FILTER_FLAG_NOSUCH"]}, "unknown flag SECCOMP_FILTER_FLAG_NOSUCH")])
def test_what_cannot_be(bundle, more, text):
    rules(bundle, **more)
    assert bundle.create() == 1
    assert text in bundle.last_error()


def test_a_section_met_before_is_known_by_its_text(bundle):
    bundle.applets("mkdir")
    section = {"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_LOG"],
               "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 99}]}
    bundle.spec["linux"]["seccomp"] = section
    said = [bundle.foreground(["mkdir", "/made"]).stderr for _ in range(2)]
    assert said[0] == said[1] and "Cannot assign requested address" in said[0]
    kept = list((bundle.folder / "state/.filters").iterdir())
    assert len(kept) == 1
    # What lies there is what is loaded: a program that allows everything.
    kept[0].write_bytes(kept[0].read_bytes()[:8] + struct.pack("=HBBI", 0x06, 0, 0, 0x7FFF0000))
    assert bundle.foreground(["mkdir", "/made"]).returncode == 0
    # Another text is another filter, whatever the first one's fate.
    section["syscalls"][0]["errnoRet"] = 98
    assert "Address already in use" in bundle.foreground(["mkdir", "/other"]).stderr
    bundle.up()
    assert "Address already in use" in bundle.call("exec", bundle.id, "mkdir", "/third").stderr
    # A damaged one is compiled anew.
    for file in kept[0].parent.iterdir():
        file.write_bytes(b"x" * 24)
    assert "Address already in use" in bundle.call("exec", bundle.id, "mkdir", "/third").stderr


def test_a_filter_without_close_range_does_not_hang_a_create(bundle):
    bundle.spec["linux"]["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["close_range"], "action": "SCMP_ACT_ERRNO"}]}
    assert bundle.create(["sh", "-c", "echo started"]) == 0, bundle.last_error()
    done = os.pidfd_open(bundle.pid())
    assert bundle.call("start", bundle.id).returncode == 0
    assert select.select([done], [], [], 30)[0]
    os.close(done)
    assert (bundle.folder / "out").read_text() == "started\n"


@pytest.mark.parametrize("action, ending", [
    ("SCMP_ACT_KILL", 128 + 31), ("SCMP_ACT_KILL_THREAD", 128 + 31), ("SCMP_ACT_KILL_PROCESS", 128 + 31), ("SCMP_ACT_TRAP", 128 + 31),
    ("SCMP_ACT_TRACE", 1), ("SCMP_ACT_ERRNO", 1), ("SCMP_ACT_LOG", 0), ("SCMP_ACT_ALLOW", 0)])
def test_every_action(bundle, action, ending):
    bundle.applets("mkdir")
    bundle.spec["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW" if ending else "SCMP_ACT_ERRNO",
                                       "syscalls": [{"names": ["mkdir", "mkdirat"], "action": action}]}
    if not ending:  # all others are refused: the filter is about mkdir alone
        bundle.spec["linux"]["seccomp"]["defaultAction"] = "SCMP_ACT_LOG" if action == "SCMP_ACT_ALLOW" else "SCMP_ACT_ALLOW"
    assert bundle.foreground(["sh", "-c", "mkdir /made; exit $?"]).returncode == ending


@pytest.mark.parametrize("compare, value, two, refused", [
    ("SCMP_CMP_EQ", 0o700, 0, [0o700]), ("SCMP_CMP_NE", 0o700, 0, [0o500, 0o777]), ("SCMP_CMP_LT", 0o700, 0, [0o500]),
    ("SCMP_CMP_LE", 0o700, 0, [0o500, 0o700]), ("SCMP_CMP_GE", 0o700, 0, [0o700, 0o777]), ("SCMP_CMP_GT", 0o700, 0, [0o777]),
    ("SCMP_CMP_MASKED_EQ", 0o007, 0o007, [0o777])])
def test_every_comparison(bundle, compare, value, two, refused):
    bundle.applets("chmod")
    arguments = [{"index": 1, "value": value, "valueTwo": two, "op": compare}]
    later = [{**arguments[0], "index": 2}]
    bundle.spec["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["chmod", "fchmod"], "action": "SCMP_ACT_ERRNO", "args": arguments},
        {"names": ["fchmodat"], "action": "SCMP_ACT_ERRNO", "args": later}]}
    script = "for mode in 500 700 777; do chmod $mode /etc 2>/dev/null || echo $mode; done"
    said = bundle.foreground(["sh", "-c", script]).stdout.split()
    assert [int(mode, 8) for mode in said] == refused


@pytest.mark.parametrize("given, flags", [({}, 4), ({"flags": []}, 0), ({"flags": ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_TSYNC"]}, 2)])
def test_flags_that_are_not_given_are_not_none(bundle, given, flags):
    bundle.spec["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}], **given}
    bundle.write(["true"])
    assert bundle.call("--debug", "run", "--bundle", bundle.folder, bundle.id).returncode == 0
    assert f"seccomp filter flags: {flags}\"" in (bundle.folder / "log").read_text()
