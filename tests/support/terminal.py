"""A terminal for a client under test."""

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time


class Terminal:
    """with Terminal(33, 77) as terminal: process = engine.background(…, **terminal.streams()); terminal.read_until(b"# ")"""

    def __init__(self, rows=24, columns=80):
        self.master, self.slave = pty.openpty()
        self.said = b""
        self.resize(rows, columns)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.master)
        if self.slave is not None:
            os.close(self.slave)

    def streams(self):
        return {"stdin": self.slave, "stdout": self.slave, "stderr": self.slave}

    def resize(self, rows, columns, process=None):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        if process:  # it is not this terminal's foreground process, so the kernel does not tell it
            process.send_signal(signal.SIGWINCH)

    def type(self, text):
        os.write(self.master, text)

    def read_until(self, text, seconds=20):
        """Everything since the last call, up to and with `text`."""
        end = time.monotonic() + seconds
        while text not in self.said and time.monotonic() < end:
            if select.select([self.master], [], [], 0.2)[0]:
                try:
                    self.said += os.read(self.master, 4096)
                except OSError:
                    break
        assert text in self.said, self.said
        before, self.said = self.said.split(text, 1)
        return before + text
