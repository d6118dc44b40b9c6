"""A registry of one image with LAYERS layers of SIZE random bytes, which says what it sent and how much at the same time.

usage: measured_registry.py PORT LOG LAYERS SIZE      prints "ready"

What it does with the answer to a layer's GET depends on the repository: "cut" ends the line after each 20 MiB; "gate" stops half
way until the file LOG.open is there; "count" holds each for a moment, so that more can come. What is pushed is held likewise and
thrown away. LOG gets a line of JSON for each request for a layer: method, range, sent, and how many were under way.
"""

import hashlib
import io
import json
import os
import random
import sys
import tarfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT, LOG, LAYERS, SIZE = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
lock, blobs, layers, uploads = threading.Lock(), {}, set(), []
under_way = {"GET": 0, "PUT": 0}


def keep(kind, data):
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    blobs[digest] = data
    return {"mediaType": kind, "digest": digest, "size": len(data)}


def layer(number):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo(f"layer{number}")
        info.size = SIZE
        tar.addfile(info, io.BytesIO(random.Random(number).randbytes(SIZE)))
    described = keep("application/vnd.oci.image.layer.v1.tar", out.getvalue())
    layers.add(described["digest"])
    return described


def image():
    described = [layer(number) for number in range(LAYERS)]
    config = {"architecture": "amd64", "os": "linux", "config": {"Cmd": ["true"]},
              "rootfs": {"type": "layers", "diff_ids": [one["digest"] for one in described]}}
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "layers": described,
                "config": keep("application/vnd.oci.image.config.v1+json", json.dumps(config).encode())}
    data = json.dumps(manifest).encode()
    keep(MANIFEST, data)
    return data


IMAGE = image()


class UnderWay:
    def __init__(self, method):
        self.method = method

    def __enter__(self):
        with lock:
            under_way[self.method] += 1
            return under_way[self.method]

    def __exit__(self, *_):
        with lock:
            under_way[self.method] -= 1


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def head(self, status, length=0, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def note(self, **fields):
        with lock, open(LOG, "a") as log:
            log.write(json.dumps({"method": self.command, "range": self.headers.get("Range"), **fields}) + "\n")

    def do_GET(self):
        parts = self.path.strip("/").split("/")
        if parts[-2:-1] == ["blobs"]:
            return self.blob(parts[1], parts[-1])
        data = IMAGE if parts[-2:-1] == ["manifests"] else b"{}"
        self.head(200, len(data), Content_Type=MANIFEST, Docker_Content_Digest="sha256:" + hashlib.sha256(data).hexdigest())
        if self.command == "GET":
            self.wfile.write(data)

    def do_HEAD(self):
        if "blobs" in self.path or "pushed" in self.path:
            return self.head(404)
        self.do_GET()

    def blob(self, mode, name):
        start = int(self.headers["Range"][6:-1]) if self.headers.get("Range") else 0
        data = blobs[name][start:]
        if name not in layers:
            self.head(200, len(data))
            return self.wfile.write(data)
        with UnderWay("GET") as many:
            self.head(206 if start else 200, len(data))
            if mode == "count":
                time.sleep(0.3)
            first = {"cut": 20 << 20, "gate": len(data) // 2}.get(mode, len(data)) if mode != "gate" or not os.path.exists(LOG + ".open") else len(data)
            sent = 0
            try:
                sent = min(first, len(data))
                self.wfile.write(data[:sent])
                while mode == "gate" and not os.path.exists(LOG + ".open"):
                    time.sleep(0.01)
                if mode == "cut" and sent < len(data):
                    self.close_connection = True
                    return None
                if sent < len(data):
                    self.wfile.write(data[sent:])
                    sent = len(data)
            except OSError:
                self.close_connection = True
            finally:
                self.note(sent=sent, under_way=many)

    def do_POST(self):
        uploads.append(self.path)
        self.head(202, Location=f"{self.path}{len(uploads)}")

    def do_PUT(self):
        if "manifests" in self.path:
            self.rfile.read(int(self.headers["Content-Length"]))
            return self.head(201)
        with UnderWay("PUT") as many:
            self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(0.3)
            self.note(sent=0, under_way=many)
            self.head(201)


server = ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
print("ready", flush=True)
server.serve_forever()
