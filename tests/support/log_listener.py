"""A server that a container's log goes to."""

import array
import contextlib
import socket
import subprocess
import sys
import threading


class Listener:
    """A server in the engine's network namespace that keeps what it receives; made by a helper process there."""

    def __init__(self, engine, kind, path=None, tls=None, answer=None):
        self.data, self.kind, self.tls, self.answer = [], kind, tls, answer
        if path:
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self.socket.bind(str(path))
        else:
            self.socket = in_namespace(engine, kind)
            self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        with contextlib.suppress(OSError):
            if self.kind != "tcp":
                while True:
                    self.data.append(self.socket.recv(65536))
            self.socket.listen()
            while True:
                connection, _ = self.socket.accept()
                if self.tls:
                    connection = self.tls.wrap_socket(connection, server_side=True)
                while chunk := connection.recv(65536):
                    self.data.append(chunk)
                    text = self.answer(chunk) if self.answer else None
                    if text:
                        connection.sendall(text)
                    if text == b"":
                        break
                connection.close()

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(5)

    def bytes(self):
        return b"".join(self.data)


def in_namespace(engine, kind):
    """A socket bound to a free port of the engine's loopback."""
    ours, theirs = socket.socketpair()
    script = (f"import socket,array; s=socket.socket(socket.AF_INET, socket.SOCK_{'STREAM' if kind == 'tcp' else 'DGRAM'});"
              "s.bind(('127.0.0.1',0)); c=socket.socket(fileno=0);"
              "c.sendmsg([b'x'],[(socket.SOL_SOCKET,socket.SCM_RIGHTS,array.array('i',[s.fileno()]))])")
    subprocess.run(["nsenter", f"--net={engine.netns}", sys.executable, "-c", script], stdin=theirs, check=True)
    theirs.close()
    _, rights, _, _ = ours.recvmsg(1, socket.CMSG_SPACE(4))
    ours.close()
    return socket.socket(fileno=array.array("i", rights[0][2])[0])
