"""--userns-remap and files: copies, images, volumes, and what root in a container cannot do to the host's. What is asserted
here real dockerd 28.5 does, too, but where a comment says otherwise."""

import io
import os
import shutil
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

from support.canary import Canary
from support.remapped import COUNT, FIRST, RemappedEngine, archive, host, owner


@pytest.fixture(scope="module")
def engine():
    with RemappedEngine("--live-restore") as engine:
        yield engine
    assert engine.left == []


# Copies, images, volumes


def test_copies_in_and_out(engine, cli):
    source = engine.directory / "to-copy"
    source.write_text("hi")
    os.chown(source, 7, 8)
    cli("run", "-d", "--name", "files", "--tmpfs", "/t", "-v", "kept:/v", "busybox", "sh", "-c",
        "touch /own; chown 33:44 /own; chmod 4755 /own; touch /v/own; chown 33:44 /v/own; sleep 1000")
    for stopped in (False, True):
        if stopped:
            cli("stop", "-t", "0", "files")
        end = time.monotonic() + 10
        while not (found := cli("cp", "files:/v/own", "-", status=None)).status == 0 and time.monotonic() < end:
            time.sleep(0.05)
        cli("cp", source, "files:/hi")
        cli("cp", "-a", source, "files:/v/hi")
        if not stopped:
            # A tmpfs belongs to the namespace it was mounted in.
            cli("cp", source, "files:/t/hi")
            assert cli("exec", "files", "stat", "-c", "%u:%g", "/hi", "/v/hi", "/t/hi").out == "7:8\n7:8\n7:8\n"
        # dockerd puts the host's numbers out here (200033), though not in an export; the round trip is ours.
        for path, ids in (("/own", (33, 44)), ("/hi", (7, 8)), ("/v/hi", (7, 8)), ("/bin", (0, 0))):
            entry = next(iter(archive(cli("cp", f"files:{path}", "-").bytes).values()))
            assert (entry.uid, entry.gid) == ids, path
        assert next(iter(archive(cli("cp", "files:/own", "-").bytes).values())).mode & 0o7777 == 0o4755
        exported = archive(cli("export", "files").bytes)
        assert {name: (exported[name].uid, exported[name].gid) for name in ("own", "hi", "bin/busybox")} == \
            {"own": (33, 44), "hi": (7, 8), "bin/busybox": (0, 0)}
        assert set(cli("diff", "files").out.split("\n")) >= {"A /own", "A /hi"}
    stored = engine.store / "volumes/kept/_data"
    assert owner(stored / "own") == host(33, 44) and owner(stored / "hi") == host(7, 8)
    # An archive with an owner who is not in the namespace.
    wrong = io.BytesIO()
    with tarfile.open(fileobj=wrong, mode="w") as tar:
        entry = tarfile.TarInfo("outsider")
        entry.uid = 70000
        tar.addfile(entry)
    # The docker CLI fills a plain copy's owners in on its own; the API shows what the daemon says.
    answer = engine.api("PUT", "/containers/files/archive?path=/", wrong.getvalue(), {"Content-Type": "application/x-tar"})
    assert "container ID 70000 cannot be mapped to a host ID" in answer.text
    assert cli("diff", "files").out.count("outsider") == 0
    cli("rm", "-f", "files")
    cli("volume", "rm", "kept")


def test_commit_save_and_load(engine, cli):
    cli("run", "--name", "source", "busybox", "sh", "-c", "touch /own /gone; chown 33:44 /own; chmod 6755 /own; rm /bin/wget; mkdir /w; chown 5 /w")
    cli("commit", "source", "committed")
    cli("rm", "source")
    out = engine.docker("run", "--rm", "committed", "sh", "-c", "stat -c '%u:%g %a' /own /w; ls /bin/wget 2>/dev/null; true").out
    assert out == "33:44 6755\n5:0 755\n"
    saved = cli("save", "committed").bytes
    cli("rmi", "committed")
    layers = [layer for name in archive(saved) if name.startswith("blobs/") for layer in [member_tar(saved, name)] if layer]
    owners = {entry.name: (entry.uid, entry.gid) for layer in layers for entry in layer}
    assert owners["own"] == (33, 44) and owners["bin/busybox"] == (0, 0)
    assert all(uid < COUNT and gid < COUNT for uid, gid in owners.values())
    engine.docker("load", "-q", stdin=saved)
    assert engine.docker("run", "--rm", "committed", "stat", "-c", "%u:%g", "/own").out == "33:44\n"
    exported = engine.docker("create", "committed").out.strip()
    imported = engine.docker("import", "-", "imported", stdin=engine.docker("export", exported).bytes)
    assert imported.out.startswith("sha256:")
    assert engine.docker("run", "--rm", "imported", "stat", "-c", "%u:%g", "/own", "/bin").out == "33:44\n0:0\n"
    engine.docker("rm", exported)
    engine.docker("rmi", "committed", "imported")


def member_tar(saved, name):
    with tarfile.open(fileobj=io.BytesIO(saved)) as outer:
        member = outer.extractfile(name) if outer.getmember(name).isfile() else None
        try:
            return tarfile.open(fileobj=io.BytesIO(member.read())).getmembers() if member else None
        except tarfile.ReadError:
            return None


def test_an_image_with_an_outsider_is_refused(engine):
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        entry = tarfile.TarInfo("outsider")
        entry.gid = 65536
        tar.addfile(entry)
    refused = engine.docker("import", "-", "outsider", stdin=layer.getvalue(), status=1).err
    assert "container ID 65536 cannot be mapped to a host ID" in refused
    assert engine.docker("images", "-q", "outsider").out == ""


def test_capabilities_of_files_leave_without_their_namespace(engine):
    engine.docker("run", "--name", "capable", "--cap-add", "SETFCAP", "busybox", "sh", "-c", "cp /bin/busybox /prog")
    upper = Path(engine.api("GET", "/containers/capable/json").json["GraphDriver"]["Data"]["UpperDir"])
    # cap_net_bind_service=ep with the namespace's root, as setcap(8) inside leaves it.
    capability = bytes.fromhex("01000003" + "00040000" + "00000000" * 3) + FIRST.to_bytes(4, "little")
    os.setxattr(upper / "prog", "security.capability", capability)
    entry = archive(engine.docker("cp", "capable:/prog", "-").bytes)["prog"]
    assert entry.pax_headers["SCHILY.xattr.security.capability"].encode("utf-8", "surrogateescape") == \
        bytes.fromhex("01000002" + "00040000" + "00000000" * 3)
    engine.docker("commit", "capable", "capable")
    engine.docker("rm", "capable")
    engine.docker("rmi", "capable")


def test_volumes_and_binds(engine, cli):
    cli("volume", "create", "fresh")
    assert owner(engine.store / "volumes/fresh/_data") == host(0)
    cli("run", "--rm", "-v", "fresh:/v", "busybox", "sh", "-c", "touch /v/f; chown 5:6 /v/f")
    assert owner(engine.store / "volumes/fresh/_data/f") == host(5, 6)
    cli("run", "--rm", "-v", "copied:/etc", "busybox", "true")
    assert owner(engine.store / "volumes/copied/_data") == host(0)
    assert owner(engine.store / "volumes/copied/_data/passwd") == host(0)
    assert owner(engine.store / "volumes") == (0, 0)
    folder = engine.directory / f"bind-{cli.program[0].name}"
    folder.mkdir(mode=0o755)
    (folder / "root").write_text("x")
    os.chown(folder, *host(0))
    # A bind is what it is: root's file is nobody's, and only read.
    out = cli("run", "--rm", "-v", f"{folder}:/b", "busybox", "sh", "-c",
              "stat -c %u:%g /b /b/root; cat /b/root; echo; touch /b/new; echo y 2>/dev/null >/b/root || echo denied").out
    assert out == "0:0\n65534:65534\nx\ndenied\n"
    assert owner(folder / "new") == host(0) and (folder / "root").read_text() == "x"
    missing = folder / "not/there"
    cli("run", "--rm", "-v", f"{missing}:/b", "busybox", "touch", "/b/f")
    assert owner(missing) == owner(folder / "not") == owner(missing / "f") == host(0)
    assert cli("run", "--rm", "-v", f"{folder}:/b:ro", "busybox", "touch", "/b/x", status=1)
    assert cli("run", "--rm", "--mount", "type=volume,src=fresh,dst=/sub", "busybox", "stat", "-c", "%u", "/sub/f").out == "5\n"
    cli("volume", "rm", "fresh", "copied")


# What root in there cannot do


def test_a_hosts_canary_stays(engine):
    canary = Canary(engine.directory / "canary")
    for path in [canary.folder, *canary.folder.rglob("*")]:
        path.chmod(path.stat().st_mode | 0o055)
    canary.before = canary.state()
    script = ("for f in $(find /c -type f); do echo x >>$f; chmod 777 $f; chown 0 $f; rm -f $f; ln -f $f /c/link; mv $f /c/moved; done; "
              "touch /c/new; mkdir /c/dir; setfattr -n user.x -v y /c; true")
    for flags in ([], ["--cap-add", "ALL", "--security-opt", "seccomp=unconfined"]):
        engine.docker("run", "--rm", *flags, "-v", f"{canary.folder}:/c", "busybox", "sh", "-c", script)
    canary.check()


def test_a_setuid_file_is_not_the_hosts_roots(engine):
    folder = engine.directory / "shared"
    folder.mkdir()
    os.chown(folder, *host(0))
    # Not busybox, which gives such rights up by itself.
    shutil.copy("/usr/bin/id", folder / "prog")
    engine.docker("run", "--rm", "-v", f"{folder}:/s", "busybox", "sh", "-c", "cp /s/prog /s/id; chmod 6755 /s/id")
    assert owner(folder / "id") == host(0)
    folder.chmod(0o755)
    ran = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", folder / "id", "-u"], capture_output=True, text=True)
    assert ran.stdout == f"{FIRST}\n"
    # Nor does it lead to the host's root from in the store: nothing there is his.
    names = [path for path in (engine.store / "snapshots").glob("*/fs") for path in [path, *path.rglob("*")]]
    assert names and not [path for path in names if 0 in owner(path)]


def test_all_capabilities_reach_nothing_of_the_hosts(engine):
    # Root of a namespace may uncover what was masked in it, as with dockerd: what is there is the host's root's.
    script = ("umount /proc/sys; for f in kernel/core_pattern vm/overcommit_memory vm/drop_caches; do echo x >/proc/sys/$f; done; "
              "mknod /n b 7 0; chown 0 /dev/null; nsenter -t 1 -m true; date -s 2001-01-01; dmesg; hwclock -w; swapoff -a; reboot -f; "
              "echo 0 >/proc/1/oom_score_adj; true")
    watched = [Path("/proc/sys") / name for name in ("kernel/core_pattern", "vm/overcommit_memory")]
    before = [path.read_text() for path in watched]
    engine.docker("run", "--rm", "--cap-add", "ALL", "--security-opt", "seccomp=unconfined", "busybox", "sh", "-c", script, status=None)
    assert [path.read_text() for path in watched] == before and time.time() > 1_600_000_000
