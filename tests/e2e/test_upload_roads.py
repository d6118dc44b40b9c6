"""Pushes that are sent elsewhere, or whose line breaks; layers that come by a URL; archives without end."""

import json
import os
import re
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest
from support.archives import tar_of
from support.registry import docker_registry, server

REDIRECT = """
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(308)
        self.send_header("Location", f"http://127.0.0.1:{sys.argv[2]}{self.path}")
        self.send_header("Content-Length", "0")
        self.end_headers()
    do_HEAD = do_PUT = do_POST = do_PATCH = do_GET
    def log_message(self, *_): pass
server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
print("ready", flush=True)
server.serve_forever()
"""


def post_tar(engine, path, files):
    return engine.api("POST", path, body=tar_of(files), headers={"Content-Type": "application/x-tar"})


@pytest.fixture(scope="module")
def image(engine):
    """An image of 3 MB that nothing compresses."""
    assert post_tar(engine, "/images/create?fromSrc=-&repo=random", {"random": os.urandom(3 << 20)}).status == 200
    return engine.api("GET", "/images/random/json").json["Id"]


def push_by(engine, image, front, registry):
    engine.docker("tag", "random", f"127.0.0.1:{front}/roads:1")
    assert image in engine.docker("push", f"127.0.0.1:{front}/roads:1").out
    engine.docker("rmi", f"127.0.0.1:{front}/roads:1")
    engine.docker("pull", "-q", f"{registry}/roads:1")
    assert engine.api("GET", f"/images/{registry}/roads:1/json").json["Id"] == image
    engine.docker("rmi", f"{registry}/roads:1")


def test_every_request_is_redirected(engine, image):
    with docker_registry(engine, 5310) as registry:
        with server(engine, "-c", REDIRECT, 5311, 5310):
            push_by(engine, image, 5311, registry)


def test_an_upload_goes_on_where_it_broke(engine, image):
    with docker_registry(engine, 5320) as registry:
        with server(engine, "cutting_proxy.py", 5321, 5320, 1500000, "--upload"):
            push_by(engine, image, 5321, registry)
    assert "an upload is taken up again" in engine.log()


def test_import_from_a_url(engine, cli):
    folder = engine.directory / f"files-{cli.program[0].name}"
    folder.mkdir()
    (folder / "root.tar").write_bytes(tar_of({"hello": b"by a URL\n"}))
    server = engine.background("/usr/bin/python3", "-u", "-m", "http.server", "-b", "127.0.0.1", "-d", folder, "5330", inside=True,
                               stdin=subprocess.DEVNULL)
    try:
        assert b"Serving HTTP" in server.stdout.readline()
        assert "sha256:" in cli("import", "http://127.0.0.1:5330/root.tar", "remote:1").out
        said = engine.api("POST", "/images/create?fromSrc=127.0.0.1:5330/root.tar&repo=remote&tag=2").text.splitlines()
        assert json.loads(said[0]) == {"status": "Downloading from http://127.0.0.1:5330/root.tar"}
        history = engine.api("GET", "/images/remote:2/history").json
        assert history[0]["Comment"] == "Imported from 127.0.0.1:5330/root.tar"
        missing = engine.api("POST", "/images/create?fromSrc=http://127.0.0.1:5330/none&repo=remote")
        assert missing.json["message"] == "failed to GET http://127.0.0.1:5330/none with status 404 Not Found"
        cli("rmi", "remote:1", "remote:2")
    finally:
        server.kill()
        server.communicate()


def test_documents_that_are_bombs(new_engine):
    """Manifests and configs that are huge, or deep, or name ten thousand layers."""
    engine = new_engine(images=())
    texts = {"layers": "too many entries", "annotated": "", "deep": "", "endless": "too long", "config": ""}
    with server(engine, "huge_documents.py", 5340):
        for name, text in texts.items():
            said = engine.api("POST", f"/images/create?fromImage=127.0.0.1:5340/{name}&tag=1").text
            assert text in said and ('"error"' in said or '"message"' in said), (name, said[-300:])
    assert engine.api("GET", "/images/json").json == []
    peak = int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{engine.process.pid}/status").read_text())[1])
    assert peak < 64 << 10


@pytest.mark.parametrize("layers, text", [(600, "max depth exceeded"), (10000, "too many entries")])
def test_too_many_layers(engine, layers, text):
    layer = tar_of({"x": b""})
    digest = "sha256:" + sha256(layer).hexdigest()
    config = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [digest] * layers}}
    manifest = [{"Config": "config", "RepoTags": ["deep:1"], "Layers": ["layer"] * layers}]
    said = post_tar(engine, "/images/load", {"layer": layer, "config": json.dumps(config).encode(),
                                             "manifest.json": json.dumps(manifest).encode()}).text
    assert text in said
