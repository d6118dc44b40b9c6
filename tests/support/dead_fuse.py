"""A file system whose server takes every request and answers none: `python3 dead_fuse.py FOLDER` mounts it on FOLDER.

What asks it anything waits, without an answer to signals, as at a dead NFS server. Kill the process and all waits end with an
error; the mount stays, and is the caller's to take away.
"""

import ctypes
import os
import struct
import subprocess
import sys
import time

INIT, HEADER = 26, struct.Struct("=IIQQIIII")


class DeadFuse:
    """In a process of its own, mounted when made."""

    def __init__(self, folder):
        self.folder = folder
        self.process = subprocess.Popen([sys.executable, __file__, str(folder)], stdout=subprocess.PIPE)
        assert self.process.stdout.readline() == b"mounted\n"

    def end_waits(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def close(self):
        if self.process.poll() is None:
            self.end_waits()
        subprocess.run(["umount", "-l", self.folder], check=False)


def main(folder):
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"dead", folder.encode(), b"fuse", 0, options) != 0:
        sys.exit(os.strerror(ctypes.get_errno()))
    while True:
        request = os.read(device, 1 << 20)
        _, operation, unique, *_ = HEADER.unpack_from(request)
        if operation == INIT:
            body = struct.pack("=IIIIHHIIHHI7I", 7, 31, 0, 0, 12, 9, 4096, 1, 0, 0, 0, *[0] * 7)
            os.write(device, struct.pack("=IiQ", 16 + len(body), 0, unique) + body)
            print("mounted", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
