"""Frames on a pipe: one byte that says what it is, the length, and so many bytes."""

import os
import struct
from typing import Final

_HEAD = struct.Struct(">cI")

PLACE: Final = b"P"
"""To a child: where it reads and what it may take; once, before it raises its walls."""
SNAPSHOT: Final = b"S"
"""To a child: the snapshot that the next questions are about."""
QUESTION: Final = b"Q"
STOP: Final = b"X"
"""To a child: let go of the question that it is at."""

HELLO: Final = b"H"
"""From a child: it has imported what it needs."""
READY: Final = b"R"
"""From a child: its walls are up, which of them, in JSON."""
DATA: Final = b"D"
"""From a child: the next bytes of an answer's Arrow stream."""
END: Final = b"E"
"""From a child: what became of the question, in JSON."""

DATA_BYTES = 256 * 1024
"""No frame from a child is longer."""


def packed(kind: bytes, body: bytes | memoryview) -> bytes:
    """The frame."""
    return _HEAD.pack(kind, len(body)) + body


def write(descriptor: int, kind: bytes, body: bytes | memoryview = b"") -> None:
    """Write a whole frame. Raises OSError when nobody reads any more."""
    rest = memoryview(packed(kind, body))
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def read(descriptor: int) -> tuple[bytes, bytes] | None:
    """The next frame, of whoever is trusted to send a true length; None at the end of the pipe."""
    head = _exactly(descriptor, _HEAD.size)
    if head is None:
        return None
    kind, length = _HEAD.unpack(head)
    body = _exactly(descriptor, length)
    return None if body is None else (kind, body)


def _exactly(descriptor: int, count: int) -> bytes | None:
    parts = []
    while count:
        part = os.read(descriptor, min(count, 1024 * 1024))
        if not part:
            return None
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


class Unpacker:
    """Takes frames of somebody who is not trusted apart, as bytes come. Raises ValueError for one that is too long."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def take(self, data: bytes) -> list[tuple[bytes, bytes]]:
        """The frames that are whole now."""
        self._rest += data
        frames, at = [], 0
        while len(self._rest) - at >= _HEAD.size:
            kind, length = _HEAD.unpack_from(self._rest, at)
            if length > DATA_BYTES:
                raise ValueError(f"a frame of {length} bytes")
            end = at + _HEAD.size + length
            if len(self._rest) < end:
                break
            frames.append((kind, bytes(self._rest[at + _HEAD.size : end])))
            at = end
        del self._rest[:at]
        return frames
