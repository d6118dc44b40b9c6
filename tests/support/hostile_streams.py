"""Compressed layers of the corpus (hostile_tars): broken ones, and bombs."""

import bz2
import gzip
import lzma
import struct
import zlib

from support.tar_bytes import END, TRUNCATED, file, folder, header, layer, pax, size_is


def xz_with_window(data, code):
    """The window's size as LZMA2 codes it, in the header of the one block; 36 is 1 GiB."""
    out = bytearray(lzma.compress(data))
    out[16] = code
    out[20:24] = struct.pack("<I", zlib.crc32(out[12:20]))
    return bytes(out)


def zstd_frame(data, zeros=0):
    """A frame of one raw block for each 64 KiB of `data`, then of zeros in blocks of one repeated byte."""
    blocks = [(len(data[at:at + 65536]) << 3, data[at:at + 65536]) for at in range(0, len(data), 65536)]
    blocks += [(min(131072, zeros - at) << 3 | 1 << 1, b"\0") for at in range(0, zeros, 131072)]
    blocks[-1] = (blocks[-1][0] | 1, blocks[-1][1])
    return b"\x28\xb5\x2f\xfd\x00\x58" + b"".join(struct.pack("<I", head)[:3] + body for head, body in blocks)


def streams():
    good = layer(file("a", b"1"))
    half = len(good) // 2
    return [
        ("gzip", gzip.compress(good), {"a": "file:1"}),
        ("gzip members concatenated", gzip.compress(good[:half]) + gzip.compress(good[half:]), {"a": "file:1"}),
        ("gzip cut", gzip.compress(good)[:30], TRUNCATED),
        ("gzip cut in its trailer", gzip.compress(good)[:-4], TRUNCATED),
        ("gzip wrong checksum", gzip.compress(good)[:-8] + struct.pack("<II", 0, len(good)), r"gzip: invalid checksum"),
        ("gzip wrong data", b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + b"\xff" * 64, r"."),
        ("gzip wrong method", b"\x1f\x8b\x07" + b"\0" * 64, r"gzip: invalid header"),
        ("gzip trailing garbage", gzip.compress(good) + b"garbage that is no member", r"gzip: invalid header"),
        ("zlib without gzip", zlib.compress(good), TRUNCATED),
        ("zstd cut", b"\x28\xb5\x2f\xfd\x04", TRUNCATED),
        ("zstd wrong data", b"\x28\xb5\x2f\xfd" + b"\xff" * 64, r"."),
        ("zstd window of gigabytes", b"\x28\xb5\x2f\xfd\x00\xff" + b"\0" * 64, r"."),
        ("xz magic", b"\xfd7zXZ\0" + b"\0" * 64, r"xz: corrupt input"),
        ("xz", lzma.compress(good), {"a": "file:1"}),
        ("xz streams concatenated", lzma.compress(good[:half]) + lzma.compress(good[half:]), {"a": "file:1"}),
        ("xz cut", lzma.compress(good)[:-9], TRUNCATED),
        ("xz wrong data", lzma.compress(good)[:40] + b"\xff" * 64, r"xz: corrupt input"),
        ("xz trailing garbage", lzma.compress(good) + b"garbage that is no stream", r"xz: corrupt input"),
        ("xz window of gigabytes", xz_with_window(good, 36), r"xz: the archive takes too much memory"),
        ("xz bomb of zeros", lzma.compress(header("z", size=64 << 20) + b"\0" * (64 << 20) + END, preset=1), {"z": size_is(64 << 20)}),
        ("bzip2", bz2.compress(good), {"a": "file:1"}),
        ("bzip2 streams concatenated", bz2.compress(good[:half]) + bz2.compress(good[half:]), {"a": "file:1"}),
        ("bzip2 cut", bz2.compress(good)[:-9], TRUNCATED),
        ("bzip2 wrong data", bz2.compress(good)[:20] + b"\xff" * 64, r"bzip2 data invalid"),
        ("bzip2 magic", b"BZh9" + b"\0" * 64, r"bzip2 data invalid"),
        ("bzip2 bomb of zeros", bz2.compress(header("z", size=64 << 20) + b"\0" * (64 << 20) + END), {"z": size_is(64 << 20)}),
        ("many folders deep", layer(folder("d/" * 1500)), None),
        ("deep tree replaced", layer(folder("d/" * 1500), file("d", b"1")), {"d": "file:1"}),
        ("many entries", layer(*[header("f%d" % n) for n in range(5000)]), {"f4999": "file:"}),
        ("zstd", zstd_frame(good), {"a": "file:1"}),
        ("zstd frames concatenated", zstd_frame(good[:half]) + zstd_frame(good[half:]), {"a": "file:1"}),
        ("zstd bomb of zeros", zstd_frame(header("z", size=64 << 20), zeros=(64 << 20) + len(END)), {"z": size_is(64 << 20)}),
        ("zstd window of 128 MiB", b"\x28\xb5\x2f\xfd\x00" + bytes([17 << 3]) + zstd_frame(good)[6:], r"zstd: "),
        ("bomb in a bomb is a file", gzip.compress(file("b.gz", gzip.compress(b"\0" * (64 << 20), 9)) + END), {"b.gz": size_is(len(gzip.compress(b"\0" * (64 << 20), 9)))}),
        ("gzip bomb of headers", gzip.compress(b"".join(folder("d%d" % n) for n in range(5000)) + END, 9), {"d4999": "dir"}),
        ("gzip bomb of pax headers", gzip.compress(pax(comment="x" * 900000) * 60 + file("a", b"1") + END, 9), {"a": "file:1"}),
        ("gzip bomb of zeros", gzip.compress(header("z", size=64 << 20) + b"\0" * (64 << 20) + END, 9), {"z": size_is(64 << 20)}),
    ]
