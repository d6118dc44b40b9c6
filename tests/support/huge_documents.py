"""A registry whose images are bombs of JSON: "layers" names ten thousand, "annotated" has as many annotations as fit into what a
manifest may be, "deep" and "config" are nothing but brackets, "endless" has no end.

usage: huge_documents.py PORT      prints "ready"
"""

import hashlib
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
kept = {}


def keep(kind, data):
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    kept[digest] = data
    return {"mediaType": kind, "digest": digest, "size": len(data)}


def brackets(count):
    return "[" * count + "]" * count


def manifest(count, config=None, **more):
    layer = keep("application/vnd.oci.image.layer.v1.tar", b"x" * 1024)
    config = config or json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [layer["digest"]] * count}})
    return json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": keep(CONFIG, config.encode()), "layers": [layer] * count, **more})


IMAGES = {
    "layers": manifest(10000),
    "annotated": manifest(1, annotations={str(n): "" for n in range(250000)}),
    "deep": '{"schemaVersion": 2, "layers": ' + brackets(1500000) + "}",
    "endless": " " * (64 << 20),
    "config": manifest(1, '{"history": ' + brackets(6000000) + "}"),
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        parts = self.path.split("/")
        data = kept.get(parts[-1]) or IMAGES.get(parts[2], "{}").encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Type", MANIFEST)
        if parts[-2] == "manifests":
            self.send_header("Docker-Content-Digest", "sha256:" + hashlib.sha256(data).hexdigest())
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
print("ready", flush=True)
server.serve_forever()
