"""A registry that misbehaves as the name of the repository wishes (MODES below); "good" behaves.

usage: hostile_registry.py PORT LOG      prints "ready"

It serves one image: a config, a layer of LAYER bytes compressed, for linux/amd64 in an index with linux/arm64. A second
listener at PORT + 1 is another host: blobs of "elsewhere" are redirected to it; one at PORT + 2 takes connections and says
nothing. LOG gets a line of JSON for each request: port, method, path, range, authorization, sent.

What comes from and goes to "paced" takes its time. What is pushed to "deaf" is read and never answered; of what is pushed to any other, what is big is not even read.
"""

import gzip
import hashlib
import io
import json
import random
import socket
import struct
import sys
import tarfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT, LOG = int(sys.argv[1]), sys.argv[2]
LAYER = 600 << 10
EVER = 300  # seconds
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+prettyjws"
lock = threading.Lock()
counts = {}
TOKEN = [0, 0]  # number, uses
blobs = {}


def keep(data):
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    blobs[digest] = data
    return digest


def descriptor(kind, data, **more):
    return {"mediaType": kind, "digest": keep(data), "size": len(data), **more}


def image(architecture, **more):
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        info = tarfile.TarInfo(f"{architecture}.bin")
        data = random.Random(architecture).randbytes(LAYER)
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    layer = gzip.compress(plain.getvalue(), mtime=0)
    config = {"architecture": architecture, "os": "linux", "config": {"Cmd": ["true"]}, "rootfs": {
        "type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(plain.getvalue()).hexdigest()]}}
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST,
                "config": descriptor("application/vnd.oci.image.config.v1+json", json.dumps(config).encode()),
                "layers": [descriptor("application/vnd.oci.image.layer.v1.tar+gzip", layer, **more)]}
    return descriptor(MANIFEST, json.dumps(manifest).encode(), platform={"architecture": architecture, "os": "linux"})


def index_of(*manifests):
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": list(manifests)}).encode()


IMAGE = index_of(image("amd64"), image("arm64", urls=[f"http://127.0.0.1:{PORT + 1}/foreign"]))
keep(IMAGE)
NESTED = IMAGE
for _ in range(30):
    NESTED = index_of(descriptor(INDEX, NESTED, platform={"architecture": "amd64", "os": "linux"}))
keep(NESTED)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def handle(self):
        # A TLS greeting is no line.
        if self.connection.recv(1, socket.MSG_PEEK) != b"\x16":
            return super().handle()
        self.connection.recv(65536)
        self.connection.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")

    def note(self, sent):
        entry = {"port": self.server.server_port, "method": self.command, "path": self.path, "sent": sent,
                 "range": self.headers.get("Range"), "authorization": self.headers.get("Authorization")}
        with lock, open(LOG, "a") as log:
            log.write(json.dumps(entry) + "\n")

    def reply(self, status, body=b"", length=None, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.note(len(body))

    def cut(self):
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def nth(self):
        with lock:
            counts[self.path] = counts.get(self.path, 0) + 1
            return counts[self.path]

    def do_GET(self):
        parts = self.path.split("/")
        if self.path.startswith("/token"):
            return self.reply(200, json.dumps({"token": f"t{TOKEN[0]}", "expires_in": 300}).encode())
        if self.path == "/v1/search?q=box&n=25":
            results = [{"name": "box", "description": "a\nbox", "star_count": 7, "is_official": True},
                       {"name": "ann/box", "description": "", "star_count": 1, "is_official": False}]
            return self.reply(200, json.dumps({"results": results}).encode())
        if parts[1] != "v2" or len(parts) < 5:
            return self.reply(404 if parts[1] != "v2" else 200)
        mode, kind, name = "/".join(parts[2:-2]), parts[-2], parts[-1]
        if mode == "expiring" and not self.has_token():
            return self.reply(401, WWW_Authenticate=f'Bearer realm="http://127.0.0.1:{PORT}/token",service="x"')
        if mode in ("empty", "closed"):
            return self.reply(404 if mode == "empty" else 403)
        if mode == "mute":
            return time.sleep(EVER)
        if mode == "breaks":
            time.sleep(1)
            return self.cut()
        if mode == "storm" or (mode == "busy" and self.nth() <= 2):
            return self.reply(429 if self.nth() % 2 else 503, Retry_After="0")
        if kind == "tags":
            return self.tags(mode, name)
        self.manifest(mode, name) if kind == "manifests" else self.blob(mode, name)

    do_HEAD = do_GET

    def do_POST(self):
        self.reply(202, Location=self.path.split("?")[0] + "1")

    def do_PUT(self):
        size = int(self.headers["Content-Length"])
        big = size > 1 << 20
        if "/paced/" in self.path and big:
            for at in range(12):
                self.rfile.read(size * (at + 1) // 12 - size * at // 12)
                time.sleep(0.1)
            return self.stored()
        data = self.rfile.read(size) if "/deaf/" in self.path or not big else b""
        if not big:
            return self.stored("sha256:" + hashlib.sha256(data).hexdigest())
        time.sleep(EVER)

    def stored(self, digest=None):
        self.reply(201, Docker_Content_Digest=digest or self.path.partition("digest=")[2].replace("%3A", ":"))

    do_PATCH = do_PUT

    def has_token(self):
        # Each is good for two requests, whatever was said about its life.
        with lock:
            good = self.headers.get("Authorization") == f"Bearer t{TOKEN[0]}"
            if good:
                TOKEN[1] += 1
                if TOKEN[1] == 2:
                    TOKEN[:] = [TOKEN[0] + 1, 0]
            return good

    def drip(self, status, body, pause):
        # Who comes once more gets nothing at once.
        begin = 5000 if status == 200 else 0
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:begin])
        for at in range(begin, len(body)):
            time.sleep(pause)
            self.wfile.write(body[at:at + 1])

    def pace(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        for at in range(0, len(body), len(body) // 12):
            self.wfile.write(body[at:at + len(body) // 12])
            time.sleep(0.1)

    def tags(self, mode, name):
        if "last=" in name:
            return self.reply(200, json.dumps({"name": mode, "tags": ["2"]}).encode())
        self.reply(200, json.dumps({"name": mode, "tags": ["1", "not a tag!"]}).encode(),
                   Link=f'</v2/{mode}/tags/list?last=1>; rel="next"')

    def manifest(self, mode, name):
        body = blobs.get(name, IMAGE if not name.startswith("sha256:") or mode in ("huge", "schema1") else None)
        if body is None or name == "nosuch":
            return self.reply(404)
        kind = json.loads(body).get("mediaType")
        if mode == "nested" and not name.startswith("sha256:"):
            body = NESTED
        if mode == "schema1":
            body, kind = json.dumps({"schemaVersion": 1, "fsLayers": []}).encode(), SCHEMA1
        if mode == "huge":
            body = b" " * (5 << 20)
        if mode == "lies" and name.startswith("sha256:"):
            body = body.replace(b"amd64", b"amd46")
        digest = "sha256:" + hashlib.sha256(body).hexdigest()
        self.reply(200, body, Content_Type=kind, Docker_Content_Digest=digest)

    def blob(self, mode, name):
        body = blobs.get(name)
        if body is None:
            return self.reply(404)
        if self.server.server_port == PORT and mode == "elsewhere":
            return self.reply(307, Location=f"http://127.0.0.1:{PORT + 1}{self.path}")
        if mode == "loop":
            return self.reply(307, Location=self.path)
        start = int(self.headers["Range"][6:-1]) if self.headers.get("Range") and mode != "norange" else 0
        body, status = body[start:], 206 if start else 200
        big = len(body) > 8192
        if mode == "flip" and big:
            body = body[:-9] + bytes([body[-9] ^ 1]) + body[-8:]
        if mode == "long" and big:
            body += b"x" * 70000
        if mode == "short" and big:
            body = body[:len(body) // 2]
        if mode in ("slow", "stall") and big:
            return self.drip(status, body, 0.05 if mode == "slow" else EVER)
        if mode == "pauses" and big and self.nth() <= 2:
            return self.drip(status, body, EVER)
        if mode == "paced" and big:
            return self.pace(body)
        broken = {"truncate": 4096, "reset": 64 << 10, "norange": 200 << 10}.get(mode, len(body))
        if mode == "norange" and self.nth() > 2:
            broken = len(body)
        if mode == "truncate" and start:
            broken = 0
        if broken >= len(body):
            return self.reply(status, body)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:broken])
        self.note(broken)
        self.cut()


other = ThreadingHTTPServer(("127.0.0.1", PORT + 1), Handler)
threading.Thread(target=other.serve_forever, daemon=True).start()
silent = socket.create_server(("127.0.0.1", PORT + 2))
server = ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
print("ready", flush=True)
server.serve_forever()
