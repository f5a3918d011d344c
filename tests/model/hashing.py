"""The 64-bit hash behind distinct counts, and the second one behind identities, one value at a time."""

import struct
from datetime import date
from decimal import Decimal
from typing import Any

_MASK = 2**64 - 1
_SEED = 0x9E3779B97F4A7C15
_SECOND_SEED = 0xD6E8FEB86659FD93
_STEP = 0x9FB21C651E98DF25


def mix(x: int) -> int:
    """Scramble 64 bits."""
    x ^= x >> 30
    x = (x * 0xBF58476D1CE4E5B9) & _MASK
    x ^= x >> 27
    x = (x * 0x94D049BB133111EB) & _MASK
    return x ^ (x >> 31)


def hash64(data: bytes) -> int:
    """Hash of bytes: 8-byte little-endian words, the last one padded with zeros."""
    state = _SEED ^ len(data)
    for at in range(0, len(data), 8):
        state = mix(state ^ int.from_bytes(data[at : at + 8].ljust(8, b"\0"), "little"))
    return mix(state)


def second_hash_of_text(data: bytes) -> int:
    """The second half of a text's identity."""
    return _second_hash(_SECOND_SEED ^ (len(data) * _STEP & _MASK), data)


def second_hash_of_word(data: bytes) -> int:
    """The second half of the identity of a value of 8 bytes that is no text."""
    return _second_hash(_SECOND_SEED ^ 8, data)


def _second_hash(state: int, data: bytes) -> int:
    for at in range(0, len(data), 8):
        state = ((state ^ int.from_bytes(data[at : at + 8].ljust(8, b"\0"), "little")) * _STEP) & _MASK
        state ^= state >> 32
    state = ((state ^ (state >> 33)) * 0xFF51AFD7ED558CCD) & _MASK
    state = ((state ^ (state >> 33)) * 0xC4CEB9FE1A85EC53) & _MASK
    return state ^ (state >> 33)


def canonical(value: Any) -> bytes:
    """The bytes that stand for a value of an event's column."""
    if isinstance(value, str):
        return value.encode("utf-8")
    if isinstance(value, Decimal):
        return _int64(int(value.scaleb(6)))
    if isinstance(value, date):
        return _int64(value.toordinal() - date(1970, 1, 1).toordinal())
    if isinstance(value, float):
        return struct.pack("<d", value)
    return _int64(int(value))


def kmv_hash(value: Any) -> int:
    """63 bits of the value's hash."""
    return hash64(canonical(value)) >> 1


def _int64(value: int) -> bytes:
    return value.to_bytes(8, "little", signed=True)
