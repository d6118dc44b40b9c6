"""Every kind of file through layers in both directions: loaded, changed, committed, saved and loaded again elsewhere, pushed and
pulled; and what comes out of a container at each end is the same."""

import io
import struct
import subprocess
import tarfile

import pytest
from support.archives import docker_archive, oci_layout, tar_of
from support.registry import docker_registry

NET_RAW = struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0).decode("latin-1")


def base_layer():
    """A GNU sparse file is made by tar itself; the rest entry by entry."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        def add(name, kind, data=b"", **fields):
            entry = tarfile.TarInfo(name)
            entry.type, entry.size = kind, len(data)
            for key, value in {"mode": 0o755, "uid": 7, "gid": 8, "mtime": 1234567890.123456789, **fields}.items():
                setattr(entry, key, value)
            tar.addfile(entry, io.BytesIO(data))

        tar.add("/bin/busybox", "bin/busybox")
        add("kinds", tarfile.DIRTYPE, mode=0o1777)
        add("kinds/file", tarfile.REGTYPE, b"content\n", mode=0o640)
        add("kinds/setuid", tarfile.REGTYPE, b"x", mode=0o6755)
        add("kinds/hard", tarfile.LNKTYPE, linkname="kinds/file")
        add("kinds/link", tarfile.SYMTYPE, linkname="../nowhere", mode=0o777)
        add("kinds/fifo", tarfile.FIFOTYPE)
        add("kinds/char", tarfile.CHRTYPE, devmajor=1, devminor=3)
        add("kinds/block", tarfile.BLKTYPE, devmajor=7, devminor=200)
        add("kinds/capable", tarfile.REGTYPE, b"x", pax_headers={"SCHILY.xattr.security.capability": NET_RAW,
                                                                "SCHILY.xattr.user.note": "kept"})
        add("kinds/" + "n" * 200, tarfile.REGTYPE, b"long")
        add("kinds/ünï", tarfile.REGTYPE, b"not ascii")
        for name in ("gone", "emptied/old", "turned/into", "kept/by"):
            add(name, tarfile.REGTYPE, b"below")
    return out.getvalue()


def sparse_layer(folder):
    with (folder / "sparse").open("wb") as file:
        file.seek(8 << 20)
        file.write(b"end")
        file.truncate(16 << 20)
    return subprocess.run(["tar", "-cS", "-C", folder, "--mtime=@1", "--owner=0", "--group=0", "sparse"], capture_output=True, check=True).stdout


CHANGES = ("rm /gone; rm -r /emptied; mkdir /emptied; echo new > /emptied/new; rm -r /turned; echo file > /turned; ln -s kept /kept.link; "
           "chown 5:6 /kept/by; chmod 4711 /kept/by; mknod /made p; ln /kinds/file /again")


def tree(engine, container):
    """What is in it, by name; folders without the times that a change in them sets. Of names of one file the first stands for it."""
    found, links = {}, {}
    with tarfile.open(fileobj=io.BytesIO(engine.docker("export", container).bytes)) as tar:
        for entry in tar:
            name = entry.name.strip("/")
            if entry.islnk():
                links.setdefault(entry.linkname, {entry.linkname}).add(name)
                continue
            if name.split("/")[0] in ("dev", "etc", "proc", "sys", ".dockerenv", ""):
                continue
            data = tar.extractfile(entry).read() if entry.isreg() else b""
            found[name] = (entry.type, entry.mode, entry.uid, entry.gid, entry.linkname, entry.devmajor, entry.devminor,
                           None if entry.isdir() else entry.pax_headers.get("mtime", entry.mtime), hash(data),
                           sorted((key, value) for key, value in entry.pax_headers.items() if "xattr" in key))
    for first, names in links.items():
        found[min(names)] = found.pop(first)
        found.update({name: min(names) for name in names if name != min(names)})
    return found


def times(engine, name):
    """Those of a file in each layer that has it, to the nanosecond."""
    return {path.lstat().st_mtime_ns for path in (engine.data / "snapshots").glob(f"[0-9]*/fs/{name}")}


@pytest.fixture
def made(engine, tmp_path):
    archive = docker_archive("kinds:1", [base_layer(), sparse_layer(tmp_path)], Cmd=["/bin/busybox", "sh", "-c", CHANGES])
    engine.docker("load", stdin=archive)
    engine.docker("run", "--name", "changed", "kinds:1")
    engine.docker("commit", "changed", "kinds:2")
    yield engine
    engine.docker("rm", "changed")
    engine.docker("rmi", "-f", "kinds:1", "kinds:2")


def check_base(seen):
    # Overlay parts what it copies up from the file's other names.
    assert seen["kinds/file"] == "again" and seen["kinds/hard"][0] == tarfile.REGTYPE
    assert seen["kinds/setuid"][1] == 0o6755 and seen["kinds"][1] == 0o1777
    assert seen["kinds/char"][5:7] == (1, 3) and seen["kinds/block"][5:7] == (7, 200) and seen["kinds/fifo"][0] == tarfile.FIFOTYPE
    assert [value for _, value in seen["kinds/capable"][9]][-1] == "kept" and len(seen["kinds/capable"][9]) == 2
    assert seen["kinds/setuid"][7] == 1234567890
    assert "gone" not in seen and "emptied/old" not in seen and "turned/into" not in seen and seen["turned"][0] == tarfile.REGTYPE


def fresh(engine, image):
    container = engine.docker("create", image).out.strip()
    try:
        return tree(engine, container)
    finally:
        engine.docker("rm", container)


def test_by_commit_save_and_load(made, new_engine):
    assert fresh(made, "kinds:1")["kinds/hard"] == "kinds/file"
    expected = tree(made, "changed")
    check_base(expected)
    assert fresh(made, "kinds:2") == expected
    other = new_engine(images=())
    other.docker("load", stdin=made.docker("save", "kinds:2").bytes)
    # Only its owner was changed.
    assert len(times(other, "kept/by")) == 1 and times(other, "kept/by") <= times(made, "kept/by")
    assert times(other, "kept/by").pop() // 1000 == 1234567890123456
    assert fresh(other, "kinds:2") == expected
    file, = (path for path in (other.data / "snapshots").glob("[0-9]*/fs/sparse"))
    assert file.stat().st_blocks * 512 < 1 << 20 and file.stat().st_size == 16 << 20
    assert sum((path / "gone").exists() or (path / "gone").is_char_device() for path in (other.data / "snapshots").glob("[0-9]*/fs")) == 2


def test_by_push_and_pull(made):
    expected = tree(made, "changed")
    with docker_registry(made, 5070) as registry:
        made.docker("tag", "kinds:2", f"{registry}/kinds:2")
        made.docker("push", "-q", f"{registry}/kinds:2")
        made.docker("rmi", f"{registry}/kinds:2", "kinds:2")
        made.docker("pull", "-q", f"{registry}/kinds:2")
        assert fresh(made, f"{registry}/kinds:2") == expected
        made.docker("rmi", f"{registry}/kinds:2")


def test_by_export_and_import(made):
    expected = tree(made, "changed")
    made.docker("import", "-", "kinds:3", stdin=made.docker("export", "changed").bytes)
    container = made.docker("create", "kinds:3", "x").out.strip()
    assert tree(made, container) == expected
    made.docker("rm", container)
    made.docker("rmi", "kinds:3")


def test_an_attestation_is_kept_and_not_run(made):
    image = tar_of({"bin": b""})
    archive, digests = oci_layout("attested:1", {"linux/amd64": image}, attested="linux/amd64")
    made.docker("load", stdin=archive)
    listed = made.api("GET", "/images/attested:1/json?manifests=1").json["Manifests"]
    kinds = {one["Kind"]: one for one in listed}
    assert kinds["attestation"]["AttestationData"]["For"] == digests["linux/amd64"] and kinds["image"]["ID"] == digests["linux/amd64"]
    assert made.api("GET", "/images/attested:1/json").json["Architecture"] == "amd64"
    with docker_registry(made, 5071) as registry:
        name = f"{registry}/attested:1"
        made.docker("tag", "attested:1", name)
        assert made.docker("push", name).out.count("digest: ") == 1
        for digest in (digests["linux/amd64"], digests["attestation"]):
            assert made.run("curl", "-sfo", "/dev/null", "-H", "Accept: application/vnd.oci.image.manifest.v1+json",
                            f"http://{registry}/v2/attested/manifests/{digest}", inside=True).status == 0
        with tarfile.open(fileobj=io.BytesIO(made.docker("save", name).bytes)) as tar:
            assert "blobs/sha256/" + digests["attestation"].removeprefix("sha256:") in tar.getnames()
        made.docker("rmi", name, "attested:1")
