"""Tars, and docker-archives of them."""

import hashlib
import io
import json
import tarfile


def tar_of(files):
    """A tar of files by name, owner root and of no time."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def docker_archive(name, layers, **config):
    """A docker-archive of plain layers, each a tar."""
    digests = ["sha256:" + hashlib.sha256(layer).hexdigest() for layer in layers]
    document = {"architecture": "amd64", "os": "linux", "config": config, "rootfs": {"type": "layers", "diff_ids": digests}}
    manifest = [{"Config": "config", "RepoTags": [name], "Layers": [f"{at}.tar" for at in range(len(layers))]}]
    return tar_of({**{f"{at}.tar": layer for at, layer in enumerate(layers)}, "config": json.dumps(document).encode(),
                   "manifest.json": json.dumps(manifest).encode()})
