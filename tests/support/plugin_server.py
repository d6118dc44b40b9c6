"""The server of a small plugin by Docker's plugin protocol: what the plugins of the tests share."""

import http.server
import json
import os
import socketserver
import ssl
from pathlib import Path


class Refused(Exception):
    """A call that the plugin answers with an error: its text, and the status."""

    def __init__(self, text, status=500):
        super().__init__(text)
        self.status = status


def serve(address, answer, tls=None):
    """Answers POST /METHOD with answer(METHOD, body) until it is killed. `address` is the path of a socket file, there
    only once it listens, or (host, port). `tls`: certificate, key and the authority of clients."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                status, result = 200, answer(self.path.lstrip("/"), json.loads(body or b"{}"))
            except Refused as problem:
                status, result = problem.status, {"Err": str(problem)}
            text = json.dumps(result).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def address_string(self):
            return "engine"

        def log_message(self, *_):
            pass

    local = isinstance(address, (str, Path))
    kind = socketserver.ThreadingUnixStreamServer if local else http.server.ThreadingHTTPServer
    kind.daemon_threads = kind.allow_reuse_address = True
    with kind(f"{address}.new" if local else address, Handler) as server:
        if tls:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=tls[2])
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_cert_chain(tls[0], tls[1])
            server.socket = context.wrap_socket(server.socket, server_side=True)
        if local:
            os.rename(f"{address}.new", address)
        else:
            print("listening", flush=True)
        server.serve_forever()
