"""Compiled: record batches of Fetch answers, checked and taken apart into columns, their values left where they are."""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.base import BaseContext as Context
from numba.core.typing.templates import Signature
from numba.extending import intrinsic

from dataflow.columnar.inner import inner
from dataflow.columnar.loop import Loop
from dataflow.columnar.memory import Compiled, byte_at, copy_bytes, half_at, put_half, put_word
from dataflow.columnar.types import Int32s, Int64s, UInt8s, Whole
from dataflow.sources.kafka.direct.crc_kernel import crc32c
from dataflow.sources.kafka.direct.layout import (
    BASE,
    BUFFER,
    CODEC,
    COLUMNS,
    COUNT,
    DAMAGED,
    DATA,
    END,
    ENDED,
    FIXED_TIME,
    HEADERS,
    KEY,
    KEY_LENGTH,
    NEXT_OFFSET,
    NULLS,
    ODD,
    ODD_BATCH,
    OLD,
    PART_BUFFER,
    PARTS,
    TIME,
    WHOLE,
)
from dataflow.sources.kafka.direct.lz4_kernel import unpack

_HEAD, _LENGTH, _MAGIC, _CRC, _ATTRIBUTES, _LAST, _BASE_TIME, _MAX_TIME, _PRODUCER, _COUNT = (
    *(61, 8, 16, 17, 21, 23, 27, 35, 43),
    57,
)
"""Where a batch of the format with magic 2 has them; records begin behind its head."""
_LENGTH_FROM, _LEAST_LENGTH = 12, 49
_CODEC, _LOG_APPEND_TIME, _TRANSACTIONAL, _CONTROL = 7, 8, 16, 32
_LEAST_RECORD = 7
_INLINE = 12
"""So long a value stands in its view itself."""


def _swapped(bits: int) -> Any:
    def typed(_context: Context, _at: types.Type) -> object:
        def generate(
            _target: Context, builder: ir.IRBuilder, _signature: Signature, arguments: list[ir.Value]
        ) -> ir.Value:
            word = ir.IntType(bits)
            loaded = builder.load(builder.inttoptr(arguments[0], word.as_pointer()), align=1)
            told = builder.bswap(loaded)
            return told if bits == 64 else builder.sext(told, ir.IntType(64))

        return types.int64(types.int64), generate

    return typed


_big_word: Compiled = intrinsic(_swapped(64))
_big_half: Compiled = intrinsic(_swapped(32))
_big_short: Compiled = intrinsic(_swapped(16))


def _varint(at: Whole, end: Whole) -> tuple[Whole, Whole]:
    """A zigzag number and where it ends; 0 for the latter where there is none before `end`."""
    found, shift = np.uint64(0), np.uint64(0)
    while at < end and shift < 64:
        byte = np.uint64(byte_at(at))
        at += 1
        found |= (byte & np.uint64(0x7F)) << shift
        if byte < 128:
            return np.int64(found >> np.uint64(1)) ^ -np.int64(found & np.uint64(1)), at
        shift += np.uint64(7)
    return 0, 0


varint = inner(_varint)


def _is_abort(at: Whole, end: Whole) -> bool:
    """Whether the one record of a control batch says that its producer's transaction is aborted."""
    _, at = varint(at, end)
    at += 1 if at else 0
    for _ in range(3):
        length, at = varint(at, end) if at else (0, 0)
    return bool(at > 0 and length >= 4 and at + 4 <= end and _big_short(at + 2) == 0)


is_abort = inner(_is_abort)


def _scan(data: Whole, size: Whole, aborted: Int64s, open_: Int64s, batches: Int64s, told: Int64s) -> int:
    end, at, count, pending, open_count = data + size, data, 0, 0, 0
    pairs, last = len(aborted) // 2, -1
    next_offset = told[NEXT_OFFSET]
    told[ENDED] = WHOLE
    while end - at > _MAGIC:
        if byte_at(at + _MAGIC) != 2:
            told[ENDED] = OLD if byte_at(at + _MAGIC) < 2 else ODD
            break
        if end - at < _HEAD:
            break
        length = _big_half(at + _LENGTH)
        behind = at + _LENGTH_FROM + length
        if length < _LEAST_LENGTH:
            told[ENDED] = ODD
            break
        if behind > end:
            # cut off by the size that was asked for
            break
        if crc32c(at + _ATTRIBUTES, behind - at - _ATTRIBUTES) != _big_half(at + _CRC) & 0xFFFFFFFF:
            told[ENDED] = DAMAGED
            break
        base, last_delta, records = _big_word(at), _big_half(at + _LAST), _big_half(at + _COUNT)
        attributes, producer = _big_short(at + _ATTRIBUTES), _big_word(at + _PRODUCER)
        if base <= last or last_delta < 0 or records < 0:
            told[ENDED] = ODD
            break
        if attributes & _CODEC == 0 and records * _LEAST_RECORD > length - _LEAST_LENGTH:
            told[ENDED] = ODD
            break
        last = base + last_delta
        while pending < pairs and aborted[2 * pending + 1] <= last:
            open_[open_count] = aborted[2 * pending]
            open_count += 1
            pending += 1
        place = -1
        if attributes & _TRANSACTIONAL:
            for i in range(open_count):
                if open_[i] == producer:
                    place = i
        if attributes & _CONTROL:
            if place >= 0 and is_abort(at + _HEAD, behind):
                open_count -= 1
                open_[place] = open_[open_count]
        elif place < 0 and last >= next_offset and records:
            row = count * COLUMNS
            if row + COLUMNS > len(batches):
                return -1
            batches[row + DATA], batches[row + END], batches[row + BASE] = at + _HEAD, behind, base
            fixed = 1 if attributes & _LOG_APPEND_TIME else 0
            batches[row + TIME] = _big_word(at + (_MAX_TIME if fixed else _BASE_TIME))
            batches[row + FIXED_TIME], batches[row + COUNT] = fixed, records
            batches[row + CODEC], batches[row + BUFFER] = attributes & _CODEC, 0
            count += 1
        if last >= next_offset:
            next_offset = last + 1
        at = behind
    told[NEXT_OFFSET] = next_offset
    return count


def _expand(
    batches: Int64s,
    bases: Int64s,
    from_offset: Whole,
    offsets: Int64s,
    timestamps: Int64s,
    views: Int64s,
    ends: Int64s,
    valid: UInt8s,
    parts: Int32s,
    told: Int64s,
) -> int:
    told[ODD_BATCH] = -1
    total: Whole = 0
    count = nulls = 0
    tells_parts = len(parts) > 0
    previous: Whole = -1
    for batch in range(len(batches) // COLUMNS):
        row = batch * COLUMNS
        at, batch_end, base, time = batches[row + DATA], batches[row + END], batches[row + BASE], batches[row + TIME]
        fixed, buffer = batches[row + FIXED_TIME], batches[row + BUFFER]
        buffer_at = bases[buffer]
        before, before_nulls = count, nulls
        is_good = True
        for _ in range(batches[row + COUNT]):
            length, at = varint(at, batch_end)
            if at == 0 or length < _LEAST_RECORD - 1 or length > batch_end - at:
                is_good = False
                break
            end = at + length
            time_delta, at = varint(at + 1, end)
            offset_delta, at = varint(at, end) if at else (0, 0)
            key_length, key_at = varint(at, end) if at else (0, 0)
            if key_at == 0 or key_length > end - key_at:
                is_good = False
                break
            value_length, value_at = varint(key_at + max(key_length, 0), end)
            offset = base + offset_delta
            if value_at == 0 or value_length >= end - value_at or offset <= previous:
                is_good = False
                break
            at, previous = end, offset
            if offset < from_offset:
                continue
            offsets[count] = offset
            timestamps[count] = time if fixed else time + time_delta
            view = views.ctypes.data + 16 * count
            put_word(view, 0)
            put_word(view + 8, 0)
            valid[count] = value_length >= 0
            if value_length < 0:
                nulls += 1
            else:
                total += value_length
                put_half(view, value_length)
                if value_length <= _INLINE:
                    copy_bytes(view + 4, value_at, value_length)
                else:
                    put_half(view + 4, half_at(value_at))
                    put_half(view + 8, buffer)
                    put_half(view + 12, value_at - buffer_at)
            if tells_parts:
                part = PARTS * count
                parts[part + PART_BUFFER], parts[part + KEY_LENGTH] = buffer, max(key_length, -1)
                parts[part + KEY], parts[part + HEADERS] = (
                    key_at - buffer_at,
                    value_at + max(value_length, 0) - buffer_at,
                )
            count += 1
            ends[count] = total
        if not is_good or at != batch_end:
            told[NULLS], told[ODD_BATCH] = before_nulls, batch
            return before
    told[NULLS] = nulls
    return count


_I64, _WORDS = types.int64, types.int64[::1]

LOOPS = (
    Loop(_I64(_I64, _I64, _WORDS, _WORDS, _WORDS, _WORDS), _scan),
    Loop(_I64(_WORDS, _WORDS, _I64, *[_WORDS] * 4, types.uint8[::1], types.int32[::1], _WORDS), _expand),
    Loop(_I64(_I64, _I64, _I64, _I64), unpack),
)
"""In the order of `batches.Kernels`. Addresses are of bytes that stay where they are meanwhile."""
