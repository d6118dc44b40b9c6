"""Volumes on a real NFS server: the kernel's own, in the engine's network. Skipped where there is none."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

# Its state is files below /var/lib/nfs and a file system of its own: of this mount namespace alone.
SERVE = """set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /var/lib/nfs; mkdir -p /var/lib/nfs/v4recovery; touch /var/lib/nfs/etab /var/lib/nfs/rmtab
mount -t nfsd nfsd /proc/fs/nfsd
exportfs -i -o rw,no_root_squash,insecure,no_subtree_check,fsid=0 '*:{folder}'
echo 10 > /proc/fs/nfsd/nfsv4leasetime; echo 10 > /proc/fs/nfsd/nfsv4gracetime
rpc.nfsd -N 3 2
echo ready
exec rpc.mountd -N 3 -F
"""
STOP = "mount -t nfsd nfsd /proc/fs/nfsd; echo 0 > /proc/fs/nfsd/threads; exportfs -f"


@pytest.fixture(scope="module")
def exported(engine):
    for program in ("exportfs", "rpc.nfsd", "rpc.mountd"):
        if not shutil.which(program):
            pytest.skip(f"{program} is not there")
    for module in ("nfsd", "nfsv4"):
        subprocess.run(["modprobe", module], check=False, capture_output=True)
    if "nfsd" not in Path("/proc/filesystems").read_text():
        pytest.skip("this kernel has no NFS server")
    os.makedirs("/var/lib/nfs", exist_ok=True)
    folder = engine.directory / "exported"
    folder.mkdir()
    server = engine.background("unshare", "-m", "sh", "-c", SERVE.format(folder=folder), inside=True, stdin=subprocess.DEVNULL)
    line = server.stdout.readline()
    if line != b"ready\n":
        pytest.fail(f"the server does not start: {server.stderr.read()}")
    yield folder
    engine.run("unshare", "-m", "sh", "-c", STOP, inside=True, status=None)
    server.kill()
    server.communicate()


def create(engine, name, options, device=":/"):
    engine.docker("volume", "create", "-o", "type=nfs", "-o", f"o={options}", "-o", f"device={device}", name)


def test_read_and_written(engine, cli, exported):
    (exported / "theirs").write_text("from the server\n")
    create(engine, "far", "addr=127.0.0.1,rw,nfsvers=4")
    out = cli("run", "--rm", "-v", "far:/m", "busybox", "sh", "-c", "cat /m/theirs; echo back > /m/ours; grep ' /m ' /proc/mounts").out
    assert out.startswith("from the server\n") and " nfs4 " in out
    assert (exported / "ours").read_text() == "back\n"
    assert "nfs" not in subprocess.run(["mount"], capture_output=True, text=True).stdout, "mounted while nobody runs"
    # A server by its name.
    create(engine, "named", "addr=localhost,rw,nfsvers=4,soft")
    assert cli("run", "--rm", "-v", "named:/m:ro", "busybox", "cat", "/m/ours").out == "back\n"
    create(engine, "nobody", "addr=no-such-host.invalid,rw")
    refused = cli("run", "--rm", "-v", "nobody:/m", "busybox", "true", status=None).err
    assert "error resolving passed in network volume address" in refused
    create(engine, "nothing", "addr=127.0.0.1,nfsvers=4", ":/no/such/folder")
    refused = cli("run", "--rm", "-v", "nothing:/m", "busybox", "true", status=127).err
    assert "failed to mount local volume" in refused and "no such file or directory" in refused
    engine.docker("volume", "rm", "far", "named", "nobody", "nothing")
    (exported / "ours").unlink()


def test_a_server_that_goes_away(engine, exported):
    create(engine, "far", "addr=127.0.0.1,rw,nfsvers=4,hard")
    create(engine, "late", "addr=127.0.0.1,rw,nfsvers=4,hard", ":/.")
    name = engine.docker("run", "-d", "-v", "far:/m", "busybox", "sleep", "1000").out.strip()
    (exported / "x").write_text("x")
    drop = ["iptables", "-I", "INPUT", "-p", "tcp", "--dport", "2049", "-j", "DROP"]
    engine.run(*drop, inside=True)
    try:
        copies = [engine.background("docker", "cp", f"{name}:/m/x", "-") for _ in range(20)]
        start = time.monotonic()
        late = engine.background("docker", "run", "--rm", "-v", "late:/m", "busybox", "true")
        assert engine.docker("run", "--rm", "-v", "here:/m", "busybox", "echo", "well").out == "well\n"
        assert engine.api("GET", "/volumes").status == 200
        for copy in copies:
            copy.kill()
            copy.communicate()
        _, problem = late.communicate(timeout=300)
        assert late.returncode != 0 and b"failed to mount local volume" in problem, (time.monotonic() - start, problem)
        assert engine.docker("run", "--rm", "busybox", "echo", "well").out == "well\n"
    finally:
        engine.run("iptables", "-D", *drop[2:], inside=True)
    engine.docker("rm", "-f", name)
    assert (exported / "x").read_text() == "x"
    engine.docker("volume", "rm", "far", "late", "here")
