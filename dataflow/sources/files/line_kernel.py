"""Compiled: where lines end, and their bytes without what ends them, side by side; as line_text.py says."""

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.base import BaseContext as Context
from numba.core.typing.templates import Signature
from numba.extending import intrinsic

from dataflow.columnar.loop import Loop
from dataflow.columnar.memory import Compiled, byte_at, copy_bytes, trailing_zeros
from dataflow.columnar.types import Int32s, Int64s, Whole

_NEWLINE, _RETURN, _LANES = 10, 13, 64


def _newlines_at(_context: Context, _at: types.Type) -> object:
    def generate(_target: Context, builder: ir.IRBuilder, _signature: Signature, arguments: list[ir.Value]) -> ir.Value:
        lanes = ir.VectorType(ir.IntType(8), _LANES)
        loaded = builder.load(builder.inttoptr(arguments[0], lanes.as_pointer()), align=1)
        same = builder.icmp_unsigned("==", loaded, ir.Constant(lanes, [_NEWLINE] * _LANES))
        return builder.bitcast(same, ir.IntType(_LANES))

    return types.uint64(types.int64), generate


def _ones(_context: Context, _word: types.Type) -> object:
    def generate(_target: Context, builder: ir.IRBuilder, _signature: Signature, arguments: list[ir.Value]) -> ir.Value:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate


newlines_at: Compiled = intrinsic(_newlines_at)
"""A bit for each of the 64 bytes at an address, the lowest for the first: whether it is a newline."""
ones_in: Compiled = intrinsic(_ones)
"""How many bits of a uint64 are set."""


def _count(data: Whole, size: Whole) -> Whole:
    count = 0
    whole = size - size % _LANES
    for at in range(0, whole, _LANES):
        count += ones_in(newlines_at(data + at))
    for at in range(whole, size):
        count += byte_at(data + at) == _NEWLINE
    return count


def _find(data: Whole, size: Whole, found: Int64s) -> None:
    number = 0
    whole = size - size % _LANES
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


def _measure(data: Whole, ends: Int64s, first: Whole, newline: Whole, starts: Int64s, bounds: Int32s) -> Whole:
    rows = len(ends)
    total = 0
    starts[0] = bounds[0] = 0
    for row in range(rows):
        begin, end = starts[row] + (first if row == 0 else 0), ends[row]
        starts[row + 1] = end + newline
        if newline and end > begin and byte_at(data + end - 1) == _RETURN:
            end -= 1
        total += end - begin
        bounds[row + 1] = total
    return total


def _gather(data: Whole, first: Whole, starts: Int64s, bounds: Int32s, to: Whole) -> None:
    for row in range(len(bounds) - 1):
        begin = starts[row] + (first if row == 0 else 0)
        copy_bytes(to + bounds[row], data + begin, np.int64(bounds[row + 1] - bounds[row]))


_I64, _WORDS, _HALVES = types.int64, types.int64[::1], types.int32[::1]
_ENDS = types.Array(_I64, 1, "C", readonly=True)

LOOPS = (
    Loop(_I64(_I64, _I64), _count),
    Loop(types.void(_I64, _I64, _WORDS), _find),
    Loop(_I64(_I64, _ENDS, _I64, _I64, _WORDS, _HALVES), _measure),
    Loop(types.void(_I64, _I64, _WORDS, _HALVES, _I64), _gather),
)
"""In the order of `line_text.Kernels`. Addresses are of bytes that stay where they are meanwhile."""
