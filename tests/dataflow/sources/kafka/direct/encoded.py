"""Record batches and Fetch answers as a broker would write them, byte by byte and without the code under test."""

import gzip
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa

NONE, GZIP, SNAPPY, LZ4, ZSTD = range(5)
XERIAL = 8
"""Added to SNAPPY: in blocks, as Java's library writes them."""
LOG_APPEND, TRANSACTIONAL, CONTROL = 8, 16, 32


@dataclass(frozen=True)
class Record:
    delta: int
    value: bytes | None
    key: bytes | None = None
    time_delta: int = 0
    headers: Sequence[tuple[str, bytes | None]] = field(default_factory=tuple)


def crc32c(data: bytes) -> int:
    found = 0xFFFFFFFF
    for byte in data:
        found ^= byte
        for _ in range(8):
            found = found >> 1 ^ (0x82F63B78 if found & 1 else 0)
    return found ^ 0xFFFFFFFF


def varint(number: int) -> bytes:
    left = (number << 1 ^ number >> 63) & (2**64 - 1)
    found = bytearray()
    while left >= 0x80:
        found.append(left & 0x7F | 0x80)
        left >>= 7
    found.append(left)
    return bytes(found)


def sized(data: bytes | None) -> bytes:
    return varint(-1) if data is None else varint(len(data)) + data


def record(each: Record) -> bytes:
    headers = b"".join(sized(name.encode()) + sized(value) for name, value in each.headers)
    body = b"\x00" + varint(each.time_delta) + varint(each.delta) + sized(each.key) + sized(each.value)
    body += varint(len(each.headers)) + headers
    return varint(len(body)) + body


def packed(codec: int, data: bytes) -> bytes:
    if codec == NONE:
        return data
    if codec == GZIP:
        return gzip.compress(data)
    if codec == SNAPPY + XERIAL:
        blocks = [pa.compress(data[at : at + 100], "snappy").to_pybytes() for at in range(0, len(data), 100)]
        head = b"\x82SNAPPY\x00" + struct.pack(">ii", 1, 1)
        return head + b"".join(struct.pack(">i", len(block)) + block for block in blocks)
    return pa.compress(data, {SNAPPY: "snappy", LZ4: "lz4", ZSTD: "zstd"}[codec]).to_pybytes()


def batch(
    base: int,
    records: Sequence[Record],
    *,
    codec: int = NONE,
    flags: int = 0,
    last_delta: int | None = None,
    times: tuple[int, int] = (1_000, 9_000),
    producer: int = -1,
) -> bytes:
    """`times`: what records' own count from, and the largest of them. `codec` may be XERIAL, too."""
    last = (records[-1].delta if records else 0) if last_delta is None else last_delta
    body = packed(codec, b"".join(map(record, records)))
    rest = struct.pack(">hiqqqhii", codec % XERIAL | flags, last, *times, producer, 0, 0, len(records)) + body
    return struct.pack(">qiibI", base, len(rest) + 9, 0, 2, crc32c(rest)) + rest


def marker(offset: int, producer: int, *, commits: bool) -> bytes:
    """The end of a transaction."""
    end = Record(0, struct.pack(">hi", 0, 0), struct.pack(">hh", 0, int(commits)))
    return batch(offset, [end], flags=TRANSACTIONAL | CONTROL, producer=producer)


@dataclass(frozen=True)
class Part:
    number: int
    records: bytes = b""
    error: int = 0
    high: int = 0
    stable: int = 0
    low: int = 0
    aborted: Sequence[tuple[int, int]] | None = None
    replica: int = -1


def answer(topic: str, parts: Sequence[Part], *, throttle_ms: int = 0, error: int = 0) -> bytes:
    """A Fetch answer of version 11, without its head."""
    found = struct.pack(">ihii", throttle_ms, error, 0, 1) + struct.pack(">h", len(topic)) + topic.encode()
    found += struct.pack(">i", len(parts))
    for part in parts:
        found += struct.pack(">ihqqq", part.number, part.error, part.high, part.stable, part.low)
        pairs = part.aborted
        found += struct.pack(">i", -1 if pairs is None else len(pairs))
        found += b"".join(struct.pack(">qq", *pair) for pair in pairs or ())
        found += struct.pack(">ii", part.replica, len(part.records)) + part.records
    return found
