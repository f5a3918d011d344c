"""Compiled: 128 bits that bytes are known by; as content_print.py says."""

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core.base import BaseContext as Context
from numba.extending import intrinsic

from dataflow.columnar.hash_kernel import first_mix, second_mix
from dataflow.columnar.loop import Loop
from dataflow.columnar.memory import Compiled, byte_at, word_at
from dataflow.columnar.types import UInt64s, Whole

_K0, _K1 = np.uint64(0xA0761D6478BD642F), np.uint64(0xE7037ED1A0B428DB)
_K2, _K3 = np.uint64(0x8EBC6AF09C88C6E3), np.uint64(0x589965CC75374CC3)
_K4, _K5 = np.uint64(0x1D8E4E27C47D124F), np.uint64(0xEB44ACCAB455D165)
_K6, _K7 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
_STRIPE = 64

Pair = tuple[np.uint64, np.uint64]


def _high(_context: Context, _left: types.Type, _right: types.Type) -> object:
    def generate(_target: Context, builder: ir.IRBuilder, _signature: object, arguments: list[ir.Value]) -> ir.Value:
        wide = ir.IntType(128)
        left, right = (builder.zext(each, wide) for each in arguments)
        return builder.trunc(builder.lshr(builder.mul(left, right), ir.Constant(wide, 64)), ir.IntType(64))

    return types.uint64(types.uint64, types.uint64), generate


high_of: Compiled = intrinsic(_high)
"""The upper half of the product of two uint64."""


def _word_of(at: Whole, size: Whole) -> np.uint64:
    """The `size` bytes at an address, at most 8, with zeros behind them."""
    if size >= 8:
        return np.uint64(word_at(at))
    word = np.uint64(0)
    for place in range(size):
        word |= np.uint64(byte_at(at + place)) << np.uint64(8 * place)
    return word


word_of = njit(nogil=True, cache=False)(_word_of)


def _pair_of(data: Whole, size: Whole) -> Pair:
    """Four lanes of two words: each step multiplies what came before with 16 bytes, whose own bits stay in as well."""
    a0, a1, b0, b1 = _K0, _K1, _K2, _K3
    c0, c1, d0, d1 = _K4, _K5, _K6, _K7
    at, end = data, data + size
    while at < end:
        if end - at >= _STRIPE:
            v0, v1, v2, v3 = word_at(at), word_at(at + 8), word_at(at + 16), word_at(at + 24)
            v4, v5, v6, v7 = word_at(at + 32), word_at(at + 40), word_at(at + 48), word_at(at + 56)
            w0, w1, w2, w3 = np.uint64(v0), np.uint64(v1), np.uint64(v2), np.uint64(v3)
            w4, w5, w6, w7 = np.uint64(v4), np.uint64(v5), np.uint64(v6), np.uint64(v7)
        else:
            w0, w1 = word_of(at, end - at), word_of(at + 8, end - at - 8)
            w2, w3 = word_of(at + 16, end - at - 16), word_of(at + 24, end - at - 24)
            w4, w5 = word_of(at + 32, end - at - 32), word_of(at + 40, end - at - 40)
            w6, w7 = word_of(at + 48, end - at - 48), word_of(at + 56, end - at - 56)
        left, right = a0 ^ w0, a1 ^ w1
        a0, a1 = (left * right) ^ w1 ^ _K0, high_of(left, right) ^ w0 ^ _K1
        left, right = b0 ^ w2, b1 ^ w3
        b0, b1 = (left * right) ^ w3 ^ _K2, high_of(left, right) ^ w2 ^ _K3
        left, right = c0 ^ w4, c1 ^ w5
        c0, c1 = (left * right) ^ w5 ^ _K4, high_of(left, right) ^ w4 ^ _K5
        left, right = d0 ^ w6, d1 ^ w7
        d0, d1 = (left * right) ^ w7 ^ _K6, high_of(left, right) ^ w6 ^ _K7
        at += _STRIPE
    # the length tells bytes from the same ones with zeros behind them
    one, two = first_mix(np.uint64(size) ^ _K0), second_mix(np.uint64(size) ^ _K1)
    one, two = taken(one, two, a0, a1)
    one, two = taken(one, two, b0, b1)
    one, two = taken(one, two, c0, c1)
    return taken(one, two, d0, d1)


def _taken(one: np.uint64, two: np.uint64, more: np.uint64, yet: np.uint64) -> Pair:
    """A pair with another one taken into it: for the same first one, others give others."""
    one = first_mix(one ^ more)
    two = second_mix(two ^ yet ^ one)
    return first_mix(one ^ two), two


taken = njit(nogil=True, cache=False)(_taken)
pair_of = njit(nogil=True, cache=False)(_pair_of)


def _chain(data: Whole, blocks: Whole, block_bytes: Whole, pair: UInt64s) -> None:
    one, two = pair[0], pair[1]
    for block in range(blocks):
        more, yet = pair_of(data + block * block_bytes, block_bytes)
        one, two = taken(one, two, more, yet)
    pair[0], pair[1] = one, two


def _part(data: Whole, size: Whole, pair: UInt64s) -> None:
    pair[0], pair[1] = pair_of(data, size)


_I64, _PAIR = types.int64, types.uint64[::1]

LOOPS = (Loop(types.void(_I64, _I64, _I64, _PAIR), _chain), Loop(types.void(_I64, _I64, _PAIR), _part))
"""In the order of `content_print.Kernels`."""
