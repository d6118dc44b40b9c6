"""Tars written byte by byte, so that they can be wrong; and what can be asked of a file that came of one."""

BLOCK = 512
END = b"\0" * (2 * BLOCK)
INVALID = r"archive/tar: invalid tar header"
TRUNCATED = r"unexpected EOF"


def number(value, width):
    if isinstance(value, bytes):
        return value.ljust(width, b"\0")
    if 0 <= value < 8 ** (width - 1):
        return b"%0*o\0" % (width - 1, value)
    return bytes([0xFF if value < 0 else 0x80]) + (value & (2 ** (8 * (width - 1)) - 1)).to_bytes(width - 1, "big")


def header(name, kind=b"0", size=0, mode=0o644, uid=0, gid=0, mtime=0, link=b"", major=0, minor=0, prefix=b"",
           magic=b"ustar\0" b"00", checksum=None, tail=b""):
    name = name if isinstance(name, bytes) else name.encode()
    link = link if isinstance(link, bytes) else link.encode()
    block = b"".join([
        name[:100].ljust(100, b"\0"), number(mode, 8), number(uid, 8), number(gid, 8), number(size, 12),
        number(mtime, 12), b" " * 8, kind, link[:100].ljust(100, b"\0"), magic, b"\0" * 64, number(major, 8),
        number(minor, 8), prefix.ljust(155, b"\0"), b"\0" * 12])
    if tail:
        block = block[:345] + tail + block[345 + len(tail):]
    total = sum(block) if checksum is None else checksum
    return block[:148] + b"%06o\0 " % total + block[156:]


def padded(data):
    return data + b"\0" * (-len(data) % BLOCK)


def file(name, data=b"x", **fields):
    return header(name, size=len(data), **fields) + padded(data)


def folder(name, mode=0o755, **fields):
    return header(name, b"5", mode=mode, **fields)


def symlink(name, target, **fields):
    return header(name, b"2", link=target, mode=0o777, **fields)


def hardlink(name, target, **fields):
    return header(name, b"1", link=target, **fields)


def record(key, value):
    key = key if isinstance(key, bytes) else key.encode()
    value = value if isinstance(value, bytes) else value.encode()
    body = b" " + key + b"=" + value + b"\n"
    length = len(body)
    while length != len(body) + len(str(length)):
        length = len(body) + len(str(length))
    return str(length).encode() + body


def pax(kind=b"x", raw=None, **records):
    data = raw if raw is not None else b"".join(record(k.replace("__", "."), v) for k, v in records.items())
    return header("PaxHeaders.0/x", kind, size=len(data)) + padded(data)


def gnu_long(kind, text):
    data = text + b"\0"
    return header("././@LongLink", kind, size=len(data), magic=b"ustar  \0") + padded(data)


def layer(*parts):
    return b"".join(parts) + END


def mode_is(bits):
    return lambda status: status.st_mode & 0o7777 == bits


def mtime_is(nanoseconds):
    return lambda status: status.st_mtime_ns == nanoseconds


def size_is(size):
    return lambda status: status.st_size == size
