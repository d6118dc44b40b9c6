"""A registry of images with one layer each: repository "layer/NAME" is the file NAME in a folder, as it is.

usage: layer_registry.py PORT FOLDER      prints "ready"

The diff ID in the config is that of the file's content as far as Python can inflate it, so that what is wrong with a layer is
found by unpacking it.
"""

import hashlib
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PORT, FOLDER = int(sys.argv[1]), Path(sys.argv[2])
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
documents = {}


def describe(kind, data):
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    documents[digest] = data
    return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": digest, "size": len(data)}


def manifest(name):
    layer = (FOLDER / name).read_bytes()
    config = {"architecture": "amd64", "os": "linux", "config": {}, "created": name,
              "rootfs": {"type": "layers", "diff_ids": [(FOLDER / f"{name}.diff").read_text()]}}
    data = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": describe("config.v1+json", json.dumps(config).encode()),
                       "layers": [describe("layer.v1.tar", layer)]}).encode()
    describe("manifest.v1+json", data)
    return data


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        parts = self.path.strip("/").split("/")
        data = b"{}"
        if parts[-2:-1] == ["manifests"]:
            data = documents.get(parts[-1]) or manifest(parts[1])
        elif parts[-2:-1] == ["blobs"]:
            data = documents[parts[-1]]
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        if parts[-2:-1] == ["manifests"]:
            self.send_header("Content-Type", MANIFEST)
            self.send_header("Docker-Content-Digest", "sha256:" + hashlib.sha256(data).hexdigest())
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    do_HEAD = do_GET


server = ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
print("ready", flush=True)
server.serve_forever()
