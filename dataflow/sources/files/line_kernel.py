"""Compiled: where lines end, and their bytes without what ends them, side by side; as line_text.py says."""

from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.base import BaseContext as Context
from numba.core.typing.templates import Signature
from numba.extending import intrinsic

from dataflow.columnar.buffers import SPARE_BYTES
from dataflow.columnar.kept import kept
from dataflow.columnar.memory import Compiled, byte_at, copy_bytes, trailing_zeros
from dataflow.columnar.types import Int32s, Int64s, UInt8s, Whole

_NEWLINE, _RETURN, _LANES = 10, 13, 64


class Kernels(NamedTuple):
    """What `compiled` makes; addresses are of bytes that stay where they are meanwhile."""

    newlines: Compiled
    """newlines(data, size) -> where they stand in `size` bytes at address `data`."""
    gathered: Compiled
    """gathered(data, ends, first, newline) -> where lines start, where their texts end, the texts."""


def _newlines_at(_context: Context, _at: types.Type) -> object:
    def generate(_target: Context, builder: ir.IRBuilder, _signature: Signature, arguments: list[ir.Value]) -> ir.Value:
        lanes = ir.VectorType(ir.IntType(8), _LANES)
        loaded = builder.load(builder.inttoptr(arguments[0], lanes.as_pointer()), align=1)
        same = builder.icmp_unsigned("==", loaded, ir.Constant(lanes, [_NEWLINE] * _LANES))
        return builder.bitcast(same, ir.IntType(_LANES))

    return types.uint64(types.int64), generate


def _count(_context: Context, _word: types.Type) -> object:
    def generate(_target: Context, builder: ir.IRBuilder, _signature: Signature, arguments: list[ir.Value]) -> ir.Value:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate


newlines_at: Compiled = intrinsic(_newlines_at)
"""A bit for each of the 64 bytes at an address, the lowest for the first: whether it is a newline."""
ones_in: Compiled = intrinsic(_count)
"""How many bits of a uint64 are set."""


def _newlines(data: Whole, size: Whole) -> Int64s:
    # counted first: an array for the most that there could be would be eight times the bytes
    count = 0
    whole = size - size % _LANES
    for at in range(0, whole, _LANES):
        count += ones_in(newlines_at(data + at))
    for at in range(whole, size):
        count += byte_at(data + at) == _NEWLINE
    found = np.empty(count, np.int64)
    number = 0
    for at in range(0, whole, _LANES):
        bits = newlines_at(data + at)
        while bits:
            found[number] = at + trailing_zeros(bits)
            number += 1
            bits &= bits - np.uint64(1)
    for at in range(whole, size):
        if byte_at(data + at) == _NEWLINE:
            found[number] = at
            number += 1
    return found


def _gathered(data: Whole, ends: Int64s, first: Whole, newline: Whole) -> tuple[Int64s, Int32s, UInt8s]:
    rows = len(ends)
    starts = np.empty(rows + 1, np.int64)
    bounds = np.empty(rows + 1, np.int32)
    starts[0] = bounds[0] = total = 0
    for row in range(rows):
        begin, end = starts[row] + (first if row == 0 else 0), ends[row]
        starts[row + 1] = end + newline
        if newline and end > begin and byte_at(data + end - 1) == _RETURN:
            end -= 1
        total += end - begin
        bounds[row + 1] = total
    text = np.empty(total + SPARE_BYTES, np.uint8)
    text[total:] = 0
    to = text.ctypes.data
    for row in range(rows):
        begin = starts[row] + (first if row == 0 else 0)
        copy_bytes(to + bounds[row], data + begin, bounds[row + 1] - bounds[row])
    return starts, bounds, text


def compiled() -> Kernels:
    """Compiled once per machine where their cache can be written, else in memory."""
    i64 = types.int64
    ends = types.Array(i64, 1, "C", readonly=True)
    return Kernels(kept((i64, i64), _newlines), kept((i64, ends, i64, i64), _gathered))
