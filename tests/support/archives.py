"""Tars, and docker-archives of them."""

import bz2
import gzip
import hashlib
import io
import json
import lzma
import subprocess
import tarfile


def zstd(data):
    return subprocess.run(["zstd", "-cq"], input=data, capture_output=True, check=True).stdout


PACK = {"plain": bytes, "gzip": gzip.compress, "zstd": zstd, "bzip2": bz2.compress, "xz": lzma.compress}


def tar_of(files):
    """A tar of files by name, owner root and of no time."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def docker_archive(name, layers, pack=bytes, **config):
    """A docker-archive of layers, each a tar, packed or not."""
    digests = ["sha256:" + hashlib.sha256(layer).hexdigest() for layer in layers]
    document = {"architecture": "amd64", "os": "linux", "config": config, "rootfs": {"type": "layers", "diff_ids": digests}}
    manifest = [{"Config": "config", "RepoTags": [name], "Layers": [f"{at}.tar" for at in range(len(layers))]}]
    return tar_of({**{f"{at}.tar": pack(layer) for at, layer in enumerate(layers)}, "config": json.dumps(document).encode(),
                   "manifest.json": json.dumps(manifest).encode()})


def oci_layout(name, images, attested=None):
    """An OCI layout of an index: by platform ("linux/amd64") the one plain layer of its image. Returns it and its manifests' digests.
    There is an attestation for the platform `attested`, as BuildKit writes them."""
    blobs, digests = {}, {}

    def keep(kind, data, **more):
        digest = hashlib.sha256(data).hexdigest()
        blobs[f"blobs/sha256/{digest}"] = data
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(data), **more}

    def document(kind, **fields):
        return keep(kind, json.dumps({"schemaVersion": 2, "mediaType": f"application/vnd.oci.image.{kind}", **fields}).encode())

    manifests = []
    for platform, layer in images.items():
        described = dict(zip(("os", "architecture", "variant"), platform.split("/")))
        config = {**described, "config": {"Cmd": [platform]}, "history": [{"created_by": platform}],
                  "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]}}
        manifest = document("manifest.v1+json", config=keep("config.v1+json", json.dumps(config).encode()), layers=[keep("layer.v1.tar", layer)])
        manifests.append({**manifest, "platform": described})
        digests[platform] = manifest["digest"]
    if attested:
        statement = {**keep("layer.v1.tar", b'{"predicate": {}}'), "mediaType": "application/vnd.in-toto+json"}
        config = keep("config.v1+json", json.dumps({"architecture": "unknown", "os": "unknown", "config": {}, "rootfs": {
            "type": "layers", "diff_ids": [statement["digest"]]}}).encode())
        manifest = document("manifest.v1+json", config=config, layers=[statement])
        digests["attestation"] = manifest["digest"]
        manifests.append({**manifest, "platform": {"os": "unknown", "architecture": "unknown"}, "annotations": {
            "vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": digests[attested]}})
    index = document("index.v1+json", manifests=manifests)
    top = {"schemaVersion": 2, "manifests": [{**index, "annotations": {"io.containerd.image.name": f"docker.io/library/{name}"}}]}
    return tar_of({**blobs, "oci-layout": b'{"imageLayoutVersion": "1.0.0"}', "index.json": json.dumps(top).encode()}), digests
