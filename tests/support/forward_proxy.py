"""An HTTP proxy: CONNECT and absolute URLs, with a password.

usage: forward_proxy.py PORT LOG      prints "ready"; LOG gets the first line of each request that was let through
"""

import base64
import socket
import sys
import threading
from urllib.parse import urlparse

PORT, LOG = int(sys.argv[1]), sys.argv[2]
EXPECTED = "Basic " + base64.b64encode(b"ann:secret").decode()


def carry(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def serve(client):
    head = b""
    while b"\r\n\r\n" not in head:
        data = client.recv(4096)
        if not data:
            return client.close()
        head += data
    head, rest = head.split(b"\r\n\r\n", 1)
    lines = head.decode().split("\r\n")
    fields = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
    if fields.get("proxy-authorization") != EXPECTED:
        client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        return client.close()
    with open(LOG, "a") as log:
        log.write(lines[0] + "\n")
    method, url, version = lines[0].split(" ")
    if method == "CONNECT":
        host, port = url.rsplit(":", 1)
        server = socket.create_connection((host, int(port)))
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        server.sendall(rest)
    else:
        parsed = urlparse(url)
        server = socket.create_connection((parsed.hostname, parsed.port or 80))
        target = parsed.path + ("?" + parsed.query if parsed.query else "")
        kept = [line for line in lines[1:] if not line.lower().startswith(("proxy-", "connection:"))]
        server.sendall("\r\n".join([f"{method} {target} {version}", *kept, "Connection: close", "", ""]).encode() + rest)
    threading.Thread(target=carry, args=(client, server), daemon=True).start()
    carry(server, client)
    client.close()


with socket.create_server(("127.0.0.1", PORT)) as listening:
    print("ready", flush=True)
    while True:
        connection, _ = listening.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()
