"""What is installed of the runtime: one small static file."""

import struct

import pytest

from support.bundle import BINARY

MOST_BYTES = 2_000_000


def headers(image, offset_at, size_at, count_at):
    """The first word of each header of one of an ELF file's two tables, and the second."""
    offset, = struct.unpack_from("<Q", image, offset_at)
    size, = struct.unpack_from("<H", image, size_at)
    count, = struct.unpack_from("<H", image, count_at)
    return [struct.unpack_from("<II", image, offset + i * size) for i in range(count)]


def test_it_is_static_and_small():
    image = BINARY.read_bytes()
    assert image[:5] == b"\x7fELF\x02"
    interpreter, symbols = 3, 2  # PT_INTERP, SHT_SYMTAB
    assert interpreter not in [kind for kind, _ in headers(image, 32, 54, 56)]
    if symbols in [kind for _, kind in headers(image, 40, 58, 60)]:
        pytest.skip("the size is that of a release, which is stripped")
    assert len(image) < MOST_BYTES
