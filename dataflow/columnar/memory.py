"""Raw memory in compiled code: words and bytes at addresses, as numba intrinsics."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.base import BaseContext as Context
from numba.core.typing.templates import Signature
from numba.extending import intrinsic

from dataflow.columnar.types import Whole

Compiled = Callable[..., Any]
"""A loop that numba has compiled; its signature stands where it is made."""

_Values = Sequence[ir.Value]
_Typed = tuple[Signature, Callable[[Context, ir.IRBuilder, Signature, _Values], ir.Value]]
"""An intrinsic's signature, and what writes its code."""


def _load(bits: int) -> Callable[[Context, types.Type], _Typed]:
    def typed(_context: Context, _at: types.Type) -> _Typed:
        def generate(_target: Context, builder: ir.IRBuilder, _signature: Signature, arguments: _Values) -> ir.Value:
            word = ir.IntType(bits)
            loaded = builder.load(builder.inttoptr(arguments[0], word.as_pointer()), align=1)
            return loaded if bits == 64 else builder.zext(loaded, ir.IntType(64))

        return types.int64(types.int64), generate

    return typed


def _store(_context: Context, _at: types.Type, _word: types.Type) -> _Typed:
    def generate(context: Context, builder: ir.IRBuilder, _signature: Signature, arguments: _Values) -> ir.Value:
        builder.store(arguments[1], builder.inttoptr(arguments[0], ir.IntType(64).as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


def _copy(_context: Context, _to: types.Type, _from: types.Type, _length: types.Type) -> _Typed:
    def generate(context: Context, builder: ir.IRBuilder, _signature: Signature, arguments: _Values) -> ir.Value:
        to, source, length = arguments
        byte = ir.IntType(8).as_pointer()
        cgutils.raw_memcpy(builder, builder.inttoptr(to, byte), builder.inttoptr(source, byte), length, 1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


def _zeros(_context: Context, _word: types.Type) -> _Typed:
    def generate(_target: Context, builder: ir.IRBuilder, _signature: Signature, arguments: _Values) -> ir.Value:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


def _called(typed: Callable[..., _Typed]) -> Callable[..., int]:
    return intrinsic(typed)


word_at: Callable[[Whole], int] = _called(_load(64))
"""The 8 bytes at an address, little endian, as int64."""
half_at: Callable[[Whole], int] = _called(_load(32))
"""The 4 bytes at an address, as a number from 0."""
byte_at: Callable[[Whole], int] = _called(_load(8))
"""The byte at an address, as a number from 0."""
put_word: Callable[[Whole, int], object] = _called(_store)
"""Write 8 bytes at an address."""
copy_bytes: Callable[[Whole, Whole, Whole], object] = _called(_copy)
"""memcpy(to, from, length)."""
trailing_zeros: Callable[[np.uint64], int] = _called(_zeros)
"""How many of the lowest bits of a uint64 are zero."""
