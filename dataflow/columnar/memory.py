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
_EIGHT_WORDS = ir.VectorType(ir.IntType(64), 8)
_SIXTEEN, _SIXTY_FOUR = (ir.VectorType(ir.IntType(8), size) for size in (16, 64))
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


def _store(bits: int) -> Callable[[Context, types.Type, types.Type], _Typed]:
    def typed(_context: Context, _at: types.Type, _word: types.Type) -> _Typed:
        def generate(context: Context, builder: ir.IRBuilder, _signature: Signature, arguments: _Values) -> ir.Value:
            word = ir.IntType(bits)
            stored = arguments[1] if bits == 64 else builder.trunc(arguments[1], word)
            builder.store(stored, builder.inttoptr(arguments[0], word.as_pointer()), align=1)
            return context.get_dummy_value()

        return types.void(types.int64, types.int64), generate

    return typed


def _copy(_context: Context, _to: types.Type, _from: types.Type, _length: types.Type) -> _Typed:
    def generate(context: Context, builder: ir.IRBuilder, _signature: Signature, arguments: _Values) -> ir.Value:
        to, source, length = arguments
        byte = ir.IntType(8).as_pointer()
        cgutils.raw_memcpy(builder, builder.inttoptr(to, byte), builder.inttoptr(source, byte), length, 1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


def _copy_16(_context: Context, _to: types.Type, _from: types.Type) -> _Typed:
    def generate(context: Context, builder: ir.IRBuilder, _signature: Signature, arguments: _Values) -> ir.Value:
        pointer = _SIXTEEN.as_pointer()
        vector = builder.load(builder.inttoptr(arguments[1], pointer), align=1)
        builder.store(vector, builder.inttoptr(arguments[0], pointer), align=1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


def _near(builder: ir.IRBuilder, at: ir.Value, end: ir.Value, size: int) -> tuple[ir.Value, ir.Value]:
    """Where `size` bytes can be read that are not behind `end`, and how many of them are before `at`."""
    last = builder.sub(end, ir.Constant(ir.IntType(64), size))
    from_ = builder.select(builder.icmp_signed("<", at, last), at, last)
    return from_, builder.sub(at, from_)


def _moved_down(builder: ir.IRBuilder, word: ir.Value, bits: ir.Value, most: int) -> ir.Value:
    """A word without its lowest bits; zero from `most` of them on."""
    zero, limit = ir.Constant(ir.IntType(64), 0), ir.Constant(ir.IntType(64), most)
    is_less = builder.icmp_unsigned("<", bits, limit)
    return builder.select(is_less, builder.lshr(word, builder.select(is_less, bits, zero)), zero)


def _near_word(_context: Context, _at: types.Type, _end: types.Type) -> _Typed:
    def generate(_target: Context, builder: ir.IRBuilder, _signature: Signature, arguments: _Values) -> ir.Value:
        from_, before = _near(builder, arguments[0], arguments[1], 8)
        word = builder.load(builder.inttoptr(from_, ir.IntType(64).as_pointer()), align=1)
        return _moved_down(builder, word, builder.shl(before, ir.Constant(ir.IntType(64), 3)), 64)

    return types.int64(types.int64, types.int64), generate


def _near_stops(_context: Context, _at: types.Type, _end: types.Type) -> _Typed:
    def generate(_target: Context, builder: ir.IRBuilder, _signature: Signature, arguments: _Values) -> ir.Value:
        from_, before = _near(builder, arguments[0], arguments[1], 16)
        vector = builder.load(builder.inttoptr(from_, _SIXTEEN.as_pointer()), align=1)
        # As signed bytes, control characters and all that is not ASCII are below a blank.
        found = builder.icmp_signed("<", vector, ir.Constant(_SIXTEEN, [32] * 16))
        for byte in b'"\\':
            found = builder.or_(found, builder.icmp_signed("==", vector, ir.Constant(_SIXTEEN, [byte] * 16)))
        stops = builder.zext(builder.bitcast(found, ir.IntType(16)), ir.IntType(64))
        return _moved_down(builder, stops, before, 64)

    return types.int64(types.int64, types.int64), generate


def _near_same(_context: Context, _at: types.Type, _end: types.Type, _byte: types.Type) -> _Typed:
    def generate(_target: Context, builder: ir.IRBuilder, _signature: Signature, arguments: _Values) -> ir.Value:
        from_, before = _near(builder, arguments[0], arguments[1], 64)
        vector = builder.load(builder.inttoptr(from_, _SIXTY_FOUR.as_pointer()), align=1)
        byte = builder.trunc(arguments[2], ir.IntType(8))
        wanted = ir.Constant(_SIXTY_FOUR, ir.Undefined)
        first = builder.insert_element(wanted, byte, ir.Constant(ir.IntType(32), 0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), 64), [0] * 64)
        found = builder.icmp_signed("==", vector, builder.shuffle_vector(first, wanted, zeros))
        return _moved_down(builder, builder.bitcast(found, ir.IntType(64)), before, 64)

    return types.int64(types.int64, types.int64, types.int64), generate


def _ones(_context: Context, _length: types.Type) -> _Typed:
    def generate(_target: Context, builder: ir.IRBuilder, _signature: Signature, arguments: _Values) -> ir.Value:
        word = ir.IntType(64)
        missing = builder.sub(ir.Constant(word, 8), arguments[0])
        missing = builder.select(builder.icmp_signed("<", missing, ir.Constant(word, 0)), ir.Constant(word, 0), missing)
        bits = builder.shl(missing, ir.Constant(word, 3))
        return _moved_down(builder, ir.Constant(word, -1), bits, 64)

    return types.int64(types.int64), generate


def _zeros(from_lowest: bool) -> Callable[[Context, types.Type], _Typed]:
    def typed(_context: Context, _word: types.Type) -> _Typed:
        def generate(_target: Context, builder: ir.IRBuilder, _signature: Signature, arguments: _Values) -> ir.Value:
            count = builder.cttz if from_lowest else builder.ctlz
            return count(arguments[0], ir.Constant(ir.IntType(1), 0))

        return types.int64(types.uint64), generate

    return typed


def _ones_in(_context: Context, _word: types.Type) -> _Typed:
    def generate(_target: Context, builder: ir.IRBuilder, _signature: Signature, arguments: _Values) -> ir.Value:
        return builder.ctpop(arguments[0])

    return types.int64(types.int64), generate


def _shift(_context: Context, _word: types.Type, _bits: types.Type) -> _Typed:
    def generate(_target: Context, builder: ir.IRBuilder, _signature: Signature, arguments: _Values) -> ir.Value:
        return builder.lshr(arguments[0], arguments[1])

    return types.int64(types.int64, types.int64), generate


def _high(_context: Context, _left: types.Type, _right: types.Type) -> _Typed:
    def generate(_target: Context, builder: ir.IRBuilder, _signature: Signature, arguments: _Values) -> ir.Value:
        wide = ir.IntType(128)
        left, right = (builder.zext(argument, wide) for argument in arguments)
        return builder.trunc(builder.lshr(builder.mul(left, right), ir.Constant(wide, 64)), ir.IntType(64))

    return types.int64(types.int64, types.int64), generate


def _below(_context: Context, _left: types.Type, _right: types.Type) -> _Typed:
    def generate(_target: Context, builder: ir.IRBuilder, _signature: Signature, arguments: _Values) -> ir.Value:
        return builder.icmp_unsigned("<", *arguments)

    return types.boolean(types.int64, types.int64), generate


def _fetch(_context: Context, _at: types.Type) -> _Typed:
    def generate(context: Context, builder: ir.IRBuilder, _signature: Signature, arguments: _Values) -> ir.Value:
        byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
        called = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        # to be written, too; kept in every cache; data
        builder.call(called, [builder.inttoptr(arguments[0], byte), *(ir.Constant(word, each) for each in (1, 3, 1))])
        return context.get_dummy_value()

    return types.void(types.int64), generate


def _eight(builder: ir.IRBuilder, at: ir.Value) -> ir.Value:
    return builder.load(builder.inttoptr(at, _EIGHT_WORDS.as_pointer()), align=8)


def _spread(builder: ir.IRBuilder, word: ir.Value) -> ir.Value:
    """Eight times the same word."""
    one = builder.insert_element(ir.Constant(_EIGHT_WORDS, ir.Undefined), word, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), 8), [0] * 8)
    return builder.shuffle_vector(one, ir.Constant(_EIGHT_WORDS, ir.Undefined), zeros)


def _bits_of(builder: ir.IRBuilder, found: ir.Value) -> ir.Value:
    return builder.zext(builder.bitcast(found, ir.IntType(8)), ir.IntType(64))


def _empty_of(_context: Context, _at: types.Type) -> _Typed:
    def generate(_target: Context, builder: ir.IRBuilder, _signature: Signature, arguments: _Values) -> ir.Value:
        nothing = ir.Constant(_EIGHT_WORDS, [0] * 8)
        return _bits_of(builder, builder.icmp_unsigned("==", _eight(builder, arguments[0]), nothing))

    return types.int64(types.int64), generate


def _same_of(_context: Context, _at: types.Type, _bits: types.Type, _wanted: types.Type) -> _Typed:
    def generate(_target: Context, builder: ir.IRBuilder, _signature: Signature, arguments: _Values) -> ir.Value:
        bits, wanted = (_spread(builder, argument) for argument in arguments[1:])
        return _bits_of(builder, builder.icmp_unsigned("==", builder.lshr(_eight(builder, arguments[0]), bits), wanted))

    return types.int64(types.int64, types.int64, types.uint64), generate


def _behind(_context: Context, _at: types.Type, _top: types.Type, _bits: types.Type, _live: types.Type) -> _Typed:
    def generate(_target: Context, builder: ir.IRBuilder, _signature: Signature, arguments: _Values) -> ir.Value:
        words = _eight(builder, arguments[0])
        top, mask, live = (_spread(builder, argument) for argument in arguments[1:])
        back = builder.and_(builder.sub(top, words), mask)
        gone = builder.icmp_unsigned(">=", builder.sub(back, ir.Constant(_EIGHT_WORDS, [1] * 8)), live)
        empty = builder.icmp_unsigned("==", words, ir.Constant(_EIGHT_WORDS, [0] * 8))
        return _bits_of(builder, builder.or_(gone, empty))

    return types.int64(types.int64, types.int64, types.int64, types.int64), generate


def _called(typed: Callable[..., _Typed]) -> Callable[..., Any]:
    return intrinsic(typed)


word_at: Callable[[Whole], int] = _called(_load(64))
"""The 8 bytes at an address, little endian, as int64."""
half_at: Callable[[Whole], int] = _called(_load(32))
"""The 4 bytes at an address, as a number from 0."""
byte_at: Callable[[Whole], int] = _called(_load(8))
"""The byte at an address, as a number from 0."""
put_word: Callable[[Whole, Whole], object] = _called(_store(64))
"""Write 8 bytes at an address."""
put_half: Callable[[Whole, Whole], object] = _called(_store(32))
"""Write the lowest 4 bytes of a number at an address."""
put_byte: Callable[[Whole, Whole], object] = _called(_store(8))
"""Write the lowest byte of a number at an address."""
copy_16: Callable[[Whole, Whole], object] = _called(_copy_16)
"""Copy 16 bytes: copy_16(to, from)."""
near_word: Callable[[Whole, Whole], int] = _called(_near_word)
"""near_word(at, end): the 8 bytes at an address, zeros from `end` on. Before `end` 8 bytes can be read."""
near_stops: Callable[[Whole, Whole], int] = _called(_near_stops)
"""near_stops(at, end): a bit per byte of the 16 at an address that is a quote, a backslash, a control or no ASCII.

Zeros from `end` on; before it 16 bytes can be read.
"""
near_same: Callable[[Whole, Whole, Whole], int] = _called(_near_same)
"""near_same(at, end, byte): a bit per byte of the 64 at an address that is `byte`, as `near_stops` has it.

Before `end` 64 bytes can be read.
"""
ones: Callable[[Whole], int] = _called(_ones)
"""A word of ones in its first so many bytes."""
copy_bytes: Callable[[Whole, Whole, Whole], object] = _called(_copy)
"""memcpy(to, from, length)."""
trailing_zeros: Callable[[Whole | np.uint64], int] = _called(_zeros(from_lowest=True))
"""How many of the lowest bits of a word are zero."""
leading_zeros: Callable[[Whole | np.uint64], int] = _called(_zeros(from_lowest=False))
"""How many of the highest bits of a word are zero."""
ones_in: Callable[[Whole], int] = _called(_ones_in)
"""How many bits of a word are one."""
shift_right: Callable[[Whole, Whole], int] = _called(_shift)
"""The bits of a word moved down by less than 64, zeros from above: the sign is a bit like others."""
high_word: Callable[[Whole, Whole], int] = _called(_high)
"""The upper 64 bits of the product of two words as numbers from 0; `*` gives the lower."""
is_below: Callable[[Whole, Whole], bool] = _called(_below)
"""Whether one word is less than another, both as numbers from 0."""
fetch: Callable[[Whole], object] = _called(_fetch)
"""Have the cache line of an address brought near, without waiting for it; any address may be named."""
empty_of: Callable[[Whole], int] = _called(_empty_of)
"""A bit per word of the eight at an address that is 0."""
same_of: Callable[[Whole, Whole, np.uint64], int] = _called(_same_of)
"""same_of(at, bits, wanted): a bit per word of the eight at an address that is `wanted` without its lowest bits."""
behind: Callable[[Whole, Whole, Whole, Whole], int] = _called(_behind)
"""behind(at, top, mask, live): a bit per word of the eight at an address that is 0, or names nothing newer than `live`.

That is, (top - word) & mask is not in 1 .. live.
"""
