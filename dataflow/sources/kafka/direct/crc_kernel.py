"""Compiled: CRC-32C of bytes at an address, by the processor's own instruction where it has one."""

from collections.abc import Callable, Sequence
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.base import BaseContext as Context
from numba.core.typing.templates import Signature
from numba.extending import intrinsic

from dataflow.columnar.inner import inner
from dataflow.columnar.memory import byte_at, word_at
from dataflow.columnar.types import UInt32s, Whole

_POLYNOMIAL = 0x82F63B78
_FULL = np.uint32(0xFFFFFFFF)

Crc = Callable[[Whole, Whole], Whole]
"""crc(data, size): of `size` bytes at address `data`, as a number from 0."""


def _tables() -> UInt32s:
    """What each byte does to the sum, when so many bytes follow it in its word of eight."""
    table = np.zeros((8, 256), np.uint32)
    rest = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        rest = (rest >> np.uint32(1)) ^ np.where(rest & 1, np.uint32(_POLYNOMIAL), np.uint32(0))
    table[0] = rest
    for behind in range(1, 8):
        table[behind] = table[0][table[behind - 1] & 0xFF] ^ (table[behind - 1] >> np.uint32(8))
    return table


_TABLES = _tables()


def _instruction(bits: int) -> Any:
    def typed(_context: Context, _sum: types.Type, _data: types.Type) -> object:
        def generate(
            _target: Context, builder: ir.IRBuilder, _signature: Signature, arguments: Sequence[ir.Value]
        ) -> ir.Value:
            wide, narrow = ir.IntType(64), ir.IntType(bits)
            kept = wide if bits == 64 else ir.IntType(32)
            name = f"llvm.x86.sse42.crc32.{kept.width}.{bits}"
            called = cgutils.get_or_insert_function(builder.module, ir.FunctionType(kept, [kept, narrow]), name)
            sum_, data = arguments
            if bits != 64:
                sum_, data = builder.trunc(sum_, kept), builder.trunc(data, narrow)
            told = builder.call(called, [sum_, data])
            return told if bits == 64 else builder.zext(told, wide)

        return types.int64(types.int64, types.int64), generate

    return intrinsic(typed)


_eight_more, _one_more = _instruction(64), _instruction(8)


def _by_instruction(data: Whole, size: Whole) -> Whole:
    found = 0xFFFFFFFF
    whole = size - size % 8
    for at in range(0, whole, 8):
        found = _eight_more(found, word_at(data + at))
    for at in range(whole, size):
        found = _one_more(found, byte_at(data + at))
    return found ^ 0xFFFFFFFF


def _by_table(data: Whole, size: Whole) -> Whole:
    found = _FULL
    whole = size - size % 8
    for at in range(0, whole, 8):
        word = np.uint64(word_at(data + at)) ^ np.uint64(found)
        found = np.uint32(0)
        for byte in range(8):
            found ^= _TABLES[7 - byte, (word >> np.uint64(8 * byte)) & np.uint64(0xFF)]
    for at in range(whole, size):
        found = _TABLES[0, (found ^ np.uint32(byte_at(data + at))) & np.uint32(0xFF)] ^ (found >> np.uint32(8))
    return np.int64(found ^ _FULL)


def has_instruction() -> bool:
    """Whether this processor computes CRC-32C itself, in the way that is known here."""
    features: dict[str, bool] = llvm.get_host_cpu_features()
    return llvm.get_process_triple().startswith("x86_64") and features.get("sse4.2", False)


by_table: Crc = inner(_by_table)
crc32c: Crc = inner(_by_instruction) if has_instruction() else by_table
"""For other compiled code."""
