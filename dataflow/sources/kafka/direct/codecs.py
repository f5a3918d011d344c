"""Compressed records unpacked, but for LZ4, which the kernel does."""

import struct
import zlib
from collections.abc import Callable

import pyarrow as pa

NONE, GZIP, SNAPPY, LZ4, ZSTD = range(5)
"""As a batch's attributes name them."""

_XERIAL = b"\x82SNAPPY\x00"
_XERIAL_HEAD = 16
_AS_GZIP = 31


class Unreadable(Exception):
    """What is not in the form that it is said to be in."""


def unpack(codec: int, data: memoryview) -> pa.Buffer:
    """The records of a batch. Raises Unreadable; runs mostly without the GIL."""
    read = _READERS.get(codec)
    if read is None:
        raise Unreadable(f"compressed in a way with the number {codec}, which is not known")
    try:
        return pa.py_buffer(read(data))
    except (OSError, pa.ArrowException, zlib.error, struct.error, ValueError) as problem:
        raise Unreadable(f"cannot be unpacked: {problem}") from None


def _gzip(data: memoryview) -> bytes:
    found = []
    while data:
        member = zlib.decompressobj(_AS_GZIP)
        found.append(member.decompress(data) + member.flush())
        if not member.eof:
            raise ValueError("it ends too soon")
        data = memoryview(member.unused_data)
    return b"".join(found)


def _snappy(data: memoryview) -> bytes | pa.Buffer:
    """One block, or many, each behind its length, as Java's library writes them."""
    if bytes(data[: len(_XERIAL)]) != _XERIAL:
        return _snappy_block(data)
    blocks, at = [], _XERIAL_HEAD
    while at < len(data):
        (size_bytes,) = struct.unpack_from(">i", data, at)
        if not 0 <= size_bytes <= len(data) - at - 4:
            raise ValueError(f"a block of {size_bytes} bytes, where {len(data) - at - 4} are left")
        blocks.append(_snappy_block(data[at + 4 : at + 4 + size_bytes]))
        at += 4 + size_bytes
    return b"".join(blocks)


def _snappy_block(data: memoryview) -> pa.Buffer:
    size_bytes = shift = 0
    for byte in data[:5]:
        size_bytes |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    if size_bytes > _MOST_TIMES * len(data) + _MOST_TIMES:
        raise ValueError(f"{size_bytes} bytes cannot come of {len(data)}")
    return pa.Codec("snappy").decompress(data, size_bytes)


_MOST_TIMES = 64
"""Snappy makes no more of a byte: three say a copy of 64 bytes."""


def _zstd(data: memoryview) -> bytes:
    stream = pa.CompressedInputStream(pa.BufferReader(data), "zstd")
    return stream.read()


_READERS: dict[int, Callable[[memoryview], bytes | pa.Buffer]] = {GZIP: _gzip, SNAPPY: _snappy, ZSTD: _zstd}
