"""cp, export, diff, commit and starts while folders and links are swapped under them: nothing outside is read, written or made.

Rounds are few in an ordinary run; BERTH_ROUNDS=2000 is what a release is tried with.
"""

import http.client
import io
import os
import tarfile

import pytest

from support.canary import SECRET, Swapper, ups

ROUNDS = int(os.environ.get("BERTH_ROUNDS", 40))
STARTS = max(ROUNDS // 5, 6)


def one_file(name="file", data=b"written", **more):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        for key, value in more.items():
            setattr(info, key, value)
        tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def prepare(folder, out):
    """folder/sub is a folder with b/file, folder/link leads out; the two get swapped."""
    (folder / "sub/b").mkdir(parents=True)
    (folder / "sub/b/file").write_text("inside")
    (folder / "link").symlink_to(out)
    return folder / "sub", folder / "link"


def read_archive(engine, container, path):
    """What could be read before something had moved away, "" if the answer was an error."""
    try:
        answer = engine.api("GET", f"/containers/{container}/archive?path={path}")
    except http.client.IncompleteRead as cut:
        return cut.partial
    assert answer.status in (200, 404, 500), answer.text
    return answer.text.encode() if answer.status == 200 else b""


def copy_rounds(engine, container, path):
    """cp in and out of `path`/b, and what else walks the tree; what was read."""
    read = b""
    for round_ in range(ROUNDS):
        read += read_archive(engine, container, path + "/b/file")
        body = one_file(f"new{round_}") if round_ % 2 else one_file("file", mode=0o777, uid=7, mtime=0)
        answer = engine.api("PUT", f"/containers/{container}/archive?path={path}/b", body, {"Content-Type": "application/x-tar"})
        assert answer.status in (200, 400, 404, 500), answer.text
        deep = engine.api("PUT", f"/containers/{container}/archive?path=/", one_file(f"{path.lstrip('/')}/b/deep{round_}"))
        assert deep.status in (200, 400, 500), deep.text
        read += read_archive(engine, container, path)
        assert engine.api("HEAD", f"/containers/{container}/archive?path={path}/b/secret").status in (404, 500)
    for _ in range(max(ROUNDS // 20, 2)):
        read += engine.docker("export", container, status=None).bytes
        engine.docker("diff", container, status=None)
        done = engine.docker("commit", container, status=None)
        if done.status == 0:
            engine.docker("rmi", done.out.strip())
    return read


@pytest.mark.parametrize("how", ["absolute", "relative"])
@pytest.mark.parametrize("where", ["root", "volume"])
def test_copies_into_a_container_that_changes(engine, canary, where, how):
    name = engine.docker("run", "-d", "-v", "racing:/v", "busybox", "sleep", "1000").out.strip()
    pid = engine.docker("inspect", "-f", "{{.State.Pid}}", name).out.strip()
    inside = os.path.join(f"/proc/{pid}/root", "v" if where == "volume" else "home")
    with Swapper(prepare(type(canary)(inside), canary if how == "absolute" else ups(canary))):
        read = copy_rounds(engine, name, "/v/sub" if where == "volume" else "/home/sub")
    assert b"inside" in read or b"written" in read
    assert SECRET.encode() not in read
    engine.docker("rm", "-f", name)
    engine.docker("volume", "rm", "racing")


def test_copies_into_a_stopped_container_whose_volume_changes(engine, canary):
    name = engine.docker("create", "-v", "racing:/v", "--mount", "type=volume,src=racing,dst=/v/sub/b/nested", "busybox", "true").out.strip()
    data = engine.data / "volumes/racing/_data"
    with Swapper(prepare(data, ups(canary))):
        read = copy_rounds(engine, name, "/v/sub")
    assert SECRET.encode() not in read
    engine.docker("rm", name)
    engine.docker("volume", "rm", "racing")


def test_copy_up_from_an_image_folder_that_is_a_link(engine, canary):
    for link in (str(canary), ups(canary), "/proc/self/root" + str(canary), "/proc/1/cwd"):
        name = engine.docker("create", "busybox", "true").out.strip()
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as tar:
            info = tarfile.TarInfo("led")
            info.type, info.linkname = tarfile.SYMTYPE, link
            tar.addfile(info)
        assert engine.api("PUT", f"/containers/{name}/archive?path=/", out.getvalue()).status == 200
        engine.docker("commit", name, "led")
        for path in ("/led", "/led/b"):
            engine.docker("run", "--rm", "-v", f"filled:{path}", "led", "true", status=None)
            data = engine.data / "volumes/filled/_data"
            assert not data.exists() or SECRET not in "".join(path.read_text() for path in data.rglob("*") if path.is_file())
            engine.docker("volume", "rm", "-f", "filled")
        engine.docker("rm", name)
        engine.docker("rmi", "led")


def test_starts_with_a_bind_source_that_changes(engine, canary):
    """The source is the user's, but what lies below a shared folder is whoever writes there."""
    shared = engine.directory / "shared-source"
    with Swapper(prepare(shared, canary)):
        for _ in range(STARTS):
            done = engine.docker("run", "--rm", "-v", f"{shared}:/m", "--tmpfs", "/m/sub/b", "-v", "/m/sub/b/deep", "busybox", "ls", "/m/sub/b",
                                 status=None)
            assert "secret" not in done.out


# A /dev that a neighbour writes to is the only way to its nodes before the program runs.
@pytest.mark.parametrize("node, target", [("null", "/proc/sys/kernel/core_pattern"), ("console", "/proc/sysrq-trigger"),
                                          ("console", "{canary}/secret"), ("pts", "{canary}"), ("shm", "{canary}"), ("fd", "{canary}")])
def test_starts_on_a_dev_that_changes(engine, canary, node, target):
    engine.docker("run", "--rm", "-v", "devices:/v", "busybox", "true")
    data = engine.data / "volumes/devices/_data"
    target = target.format(canary=ups(canary)) if "canary" in target else target
    (data / "other").symlink_to(target)
    engine.docker("run", "--rm", "-v", "devices:/dev", "busybox", "true", status=None)
    if not os.path.lexists(data / node):
        (data / node).write_text("")
    with Swapper((data / node, data / "other")):
        for _ in range(STARTS):
            engine.docker("run", "--rm", "-t", "-v", "devices:/dev", "--sysctl", "net.ipv4.ip_forward=0", "busybox", "sh", "-c",
                          "echo led > /proc/kcore; echo led > /proc/timer_list; echo led > /proc/keys; touch /dev/pts/led /dev/shm/led", status=None)
    engine.docker("volume", "rm", "devices")
