"""Compiled: LZ4 frames unpacked from address to address, as Kafka's producers write them."""

from dataflow.columnar.inner import inner
from dataflow.columnar.memory import byte_at, copy_16, copy_bytes, half_at, put_byte
from dataflow.columnar.types import Whole

_MAGIC = 0x184D2204
"""So a frame begins. Its checksums are not looked at: the batch that it stands in has one of its own."""


def _block(at: Whole, end: Whole, to: Whole, first: Whole, limit: Whole) -> Whole:
    """An LZ4 block unpacked to `to`: where it ends there; 0 where it is none, or does not fit before `limit`."""
    while at < end:
        token = byte_at(at)
        at += 1
        length = token >> 4
        if length == 15:
            while at < end:
                more = byte_at(at)
                at += 1
                length += more
                if more != 255:
                    break
        if at + length > end or to + length > limit:
            return 0
        if length <= 16 and at + 16 <= end and to + 16 <= limit:
            copy_16(to, at)
        else:
            copy_bytes(to, at, length)
        at += length
        to += length
        if at == end:
            return to
        if at + 2 > end:
            return 0
        back = byte_at(at) | byte_at(at + 1) << 8
        at += 2
        length = token & 15
        if length == 15:
            while at < end:
                more = byte_at(at)
                at += 1
                length += more
                if more != 255:
                    break
        length += 4
        source = to - back
        if back == 0 or source < first or to + length > limit:
            return 0
        behind = to + length
        if back >= 16 and behind + 16 <= limit:
            while to < behind:
                copy_16(to, source)
                to += 16
                source += 16
        else:
            for i in range(length):
                put_byte(to + i, byte_at(source + i))
        to = behind
    return 0


block = inner(_block)


def unpack(at: Whole, end: Whole, to: Whole, limit: Whole) -> Whole:
    """Bytes of the frame in [at, end), written from `to` on; -1 where it is none, or does not fit before `limit`."""
    first = to
    if end - at < 7 or half_at(at) != _MAGIC or byte_at(at + 4) >> 6 != 1:
        return -1
    flags = byte_at(at + 4)
    at += 7 + (8 if flags & 8 else 0) + (4 if flags & 1 else 0)
    while at + 4 <= end:
        size = half_at(at)
        at += 4
        if size == 0:
            at += 4 if flags & 4 else 0
            return to - first if at == end else -1
        is_raw, size = size >> 31, size & 0x7FFFFFFF
        if size > end - at:
            return -1
        if is_raw:
            if size > limit - to:
                return -1
            copy_bytes(to, at, size)
            to += size
        else:
            to = block(at, at + size, to, first, limit)
            if to == 0:
                return -1
        at += size + (4 if flags & 16 else 0)
    return -1
