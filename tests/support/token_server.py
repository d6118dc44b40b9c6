"""A token server for tests, as registries point their clients to: OAuth2 by GET and by POST, with refresh tokens.

usage: token_server.py PORT KEY CERTIFICATE USER PASSWORD LOG [--no-get]      prints "ready"

Signs with KEY (PEM, RSA); the registry trusts CERTIFICATE. LOG gets a line of JSON for each request. Scopes ending in
"secret" are for USER alone; what is asked for without credentials may be pulled, not pushed.
"""

import base64
import hashlib
import json
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

PORT, KEY, CERTIFICATE, USER, PASSWORD, LOG = sys.argv[1:7]
NO_GET = "--no-get" in sys.argv
REFRESH = "refresh-" + hashlib.sha256(PASSWORD.encode()).hexdigest()[:16]


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def certificate_chain():
    lines = open(CERTIFICATE).read().splitlines()
    return ["".join(line for line in lines if "CERTIFICATE" not in line)]


def token(service, scopes, user):
    access = []
    for scope in scopes:
        kind, name, actions = scope.split(":", 2)
        allowed = actions.split(",") if user else [action for action in actions.split(",") if action == "pull"]
        if not user and name.endswith("secret"):
            allowed = []
        access.append({"type": kind, "name": name, "actions": allowed})
    now = int(time.time())
    head = {"typ": "JWT", "alg": "RS256", "x5c": certificate_chain()}
    body = {"iss": "test", "sub": user or "", "aud": service, "exp": now + 300, "nbf": now - 10, "iat": now,
            "jti": "x", "access": access}
    signed = base64url(json.dumps(head).encode()) + "." + base64url(json.dumps(body).encode())
    signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", KEY], input=signed.encode(), capture_output=True,
                               check=True).stdout
    return signed + "." + base64url(signature)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def note(self, how, form):
        with open(LOG, "a") as log:
            log.write(json.dumps({"how": how, "scope": form.get("scope", []), "grant": form.get("grant_type", [""])[0],
                                  "offline": form.get("offline_token", form.get("access_type", [""]))[0]}) + "\n")

    def refuse(self):
        self.answer(401, {"errors": [{"code": "UNAUTHORIZED", "message": "incorrect username or password"}]})

    def give(self, form, user):
        scopes = [one for scope in form.get("scope", []) for one in scope.split(" ")]
        body = {"token": token(form["service"][0], scopes, user), "expires_in": 300}
        if user and ("true" in form.get("offline_token", []) or "offline" in form.get("access_type", [])):
            body["refresh_token"] = REFRESH
        self.answer(200, body)

    def do_GET(self):
        form = parse_qs(urlparse(self.path).query)
        self.note("GET", form)
        if NO_GET:
            return self.answer(405, {})
        user = None
        if header := self.headers.get("Authorization"):
            if base64.b64decode(header.removeprefix("Basic ")).decode() != f"{USER}:{PASSWORD}":
                return self.refuse()
            user = USER
        self.give(form, user)

    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.note("POST", form)
        grant = form["grant_type"][0]
        if grant == "refresh_token" and form["refresh_token"][0] == REFRESH:
            return self.give(form, USER)
        if grant == "password" and (form["username"][0], form["password"][0]) == (USER, PASSWORD):
            return self.give(form, USER)
        self.refuse()


server = ThreadingHTTPServer(("127.0.0.1", int(PORT)), Handler)
print("ready", flush=True)
server.serve_forever()
