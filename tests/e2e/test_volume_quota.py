"""The size of local volumes, on file systems that can hold a folder to it. Skipped where the kernel has no project quotas."""

import shutil
import subprocess

import pytest

from support.engine import BIN, CLIENTS, Engine

MAKE = {"ext4": ["mkfs.ext4", "-q", "-F", "-O", "quota,project", "-E", "quotatype=prjquota"], "xfs": ["mkfs.xfs", "-q", "-f"]}


class OnDisk(Engine):
    """An engine whose data root is a file system of its own."""

    def __init__(self, disk):
        super().__init__()
        self.disk = disk

    def start(self):
        if not self.data.exists():
            self.data.mkdir()
            subprocess.run(["mount", "-o", "loop,prjquota", self.disk, self.data], check=True)
        super().start()

    def leftovers(self, seconds=5):
        subprocess.run(["umount", self.data], check=False)
        return super().leftovers(seconds)


@pytest.fixture(scope="module", params=sorted(MAKE))
def disk_engine(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("disk")
    disk, place = folder / "disk.img", folder / "place"
    place.mkdir()
    if not shutil.which(MAKE[request.param][0]):
        pytest.skip(f"{MAKE[request.param][0]} is not there")
    subprocess.run(["truncate", "-s", "400M", disk], check=True)
    subprocess.run([*MAKE[request.param], disk], check=True)
    if subprocess.run(["mount", "-o", "loop,prjquota", disk, place], capture_output=True).returncode != 0:
        pytest.skip(f"this kernel has no project quotas of {request.param}")
    subprocess.run(["umount", place], check=True)
    with OnDisk(disk) as engine:
        yield engine
    assert engine.left == []


@pytest.mark.parametrize("cli", ["docker", "berth"])
def test_a_volume_holds_what_it_was_given(disk_engine, cli):
    engine = disk_engine
    run = lambda *words, **more: engine.run({"docker": CLIENTS / "usr/bin/docker", "berth": BIN / "berth"}[cli], *words, **more)
    run("volume", "create", "-o", "size=2m", "small")
    run("volume", "create", "-o", "size=20MiB", "large")
    run("volume", "create", "free")
    fill = lambda volume, size: run("run", "--rm", "-v", f"{volume}:/v", "busybox", "dd", "if=/dev/zero", "of=/v/file", "bs=1M", f"count={size}",
                                    status=None)
    assert fill("small", 1).status == 0
    full = fill("small", 4)
    assert full.status != 0 and ("No space left" in full.err + full.out or "quota exceeded" in full.err + full.out)
    assert (engine.data / "volumes/small/_data/file").stat().st_blocks * 512 <= 2 << 20
    assert fill("large", 12).status == 0 and fill("free", 30).status == 0
    assert run("volume", "inspect", "-f", "{{.Options.size}}", "small").out == "2m\n"
    # The file system remembers.
    engine.crash()
    engine.start()
    assert fill("small", 4).status != 0
    assert fill("large", 30).status != 0
    # What a removed volume had is no other's.
    run("volume", "rm", "small", "large")
    run("volume", "create", "-o", "size=8m", "small")
    assert fill("small", 6).status == 0
    run("volume", "create", "-o", "size=0", "nothing")
    assert fill("nothing", 12).status == 0
    # Filled from an image, too.
    run("volume", "create", "-o", "size=512k", "tiny")
    refused = run("run", "--rm", "-v", "tiny:/bin", "busybox", "/bin/true", status=None)
    assert refused.status != 0 and "error populating volume" in refused.err, refused
    run("volume", "rm", "small", "nothing", "free", "tiny")
