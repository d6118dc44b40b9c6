"""A TCP proxy that drops the line: connections to PORT go to UPSTREAM until the answers of one of them reach BYTES; that
connection and every later one is cut. With --upload it is the requests that count, and one connection that is cut.

usage: cutting_proxy.py PORT UPSTREAM BYTES [--upload]       prints "ready"
"""

import socket
import struct
import sys
import threading


def cut(connection):
    # RST, as a line that breaks; shutdown() wakes who still reads from it, so that close() is the last.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    connection.close()


def main():
    port, upstream, limit = map(int, sys.argv[1:4])
    upload = "--upload" in sys.argv
    broken, spent = threading.Event(), threading.Event()

    def requests(client, server):
        passed = 0
        try:
            while data := client.recv(65536):
                passed += len(data)
                if upload and passed > limit and not spent.is_set():
                    spent.set()
                    cut(client)
                    server.shutdown(socket.SHUT_RDWR)
                    return
                server.sendall(data)
        except OSError:
            pass

    def serve(client):
        server = socket.create_connection(("127.0.0.1", upstream))
        threading.Thread(target=requests, args=(client, server), daemon=True).start()
        passed = 0
        try:
            while not broken.is_set() and (data := server.recv(16384)):
                passed += len(data)
                if not upload and passed > limit:
                    broken.set()
                client.sendall(data)
        except OSError:
            pass
        cut(client) if broken.is_set() else client.close()
        server.close()

    with socket.create_server(("127.0.0.1", port)) as listening:
        print("ready", flush=True)
        while True:
            client, _ = listening.accept()
            if broken.is_set():
                cut(client)
            else:
                threading.Thread(target=serve, args=(client,), daemon=True).start()


if __name__ == "__main__":
    main()
