"""Compiled: hashes of texts and words, checksums of rows; as hashing.py says."""

import numpy as np
from numba import njit, types

from dataflow.columnar.loop import Loop
from dataflow.columnar.memory import word_at
from dataflow.columnar.types import Int64s, UInt64s

_SEED, _SECOND_SEED = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
_A, _B = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_C, _D = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
_STEP = np.uint64(0x9FB21C651E98DF25)
_27, _30, _31, _32, _33 = (np.uint64(bits) for bits in (27, 30, 31, 32, 33))
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_WORD_BYTES = np.uint64(8)


def _first_mix(state: np.uint64) -> np.uint64:
    state = (state ^ (state >> _30)) * _A
    state = (state ^ (state >> _27)) * _B
    return state ^ (state >> _31)


def _second_mix(state: np.uint64) -> np.uint64:
    state = (state ^ (state >> _33)) * _C
    state = (state ^ (state >> _33)) * _D
    return state ^ (state >> _33)


first_mix, second_mix = njit()(_first_mix), njit()(_second_mix)


def _second_step(state: np.uint64, word: np.uint64) -> np.uint64:
    state = (state ^ word) * _STEP
    return state ^ (state >> _32)


second_step = njit()(_second_step)


def _hash_texts(data: int, starts: Int64s, lengths: Int64s, first: UInt64s, second: UInt64s) -> None:
    both = len(second) > 0
    for i in range(len(starts)):
        at, rest = data + starts[i], lengths[i]
        one = _SEED ^ np.uint64(rest)
        two = _SECOND_SEED ^ (np.uint64(rest) * _STEP)
        while rest > 0:
            word = np.uint64(word_at(at))
            if rest < 8:
                word &= _ALL >> np.uint64(64 - 8 * rest)
            one = first_mix(one ^ word)
            if both:
                two = second_step(two, word)
            at += 8
            rest -= 8
        first[i] = first_mix(one)
        if both:
            second[i] = second_mix(two)


def _hash_words(words: Int64s, first: UInt64s, second: UInt64s) -> None:
    """Values of one word each; their second lane starts from the seed alone, which stored ids hold to."""
    both = len(second) > 0
    for i in range(len(words)):
        word = np.uint64(words[i])
        first[i] = first_mix(first_mix(_SEED ^ _WORD_BYTES ^ word))
        if both:
            second[i] = second_mix(second_step(_SECOND_SEED ^ _WORD_BYTES, word))


def _sum_rows(partition: np.uint64, offsets: Int64s, event_times: Int64s) -> np.uint64:
    total = np.uint64(0)
    for i in range(len(offsets)):
        total += first_mix(first_mix(np.uint64(offsets[i]) ^ partition) ^ np.uint64(event_times[i]))
    return total


_I64, _U64S, _I64S = types.int64, types.uint64[::1], types.int64[::1]
# Arrow's own buffers may only be read.
_SEEN = types.Array(_I64, 1, "C", readonly=True)

LOOPS = (
    Loop(types.void(_I64, _I64S, _I64S, _U64S, _U64S), _hash_texts),
    Loop(types.void(_SEEN, _U64S, _U64S), _hash_words),
    Loop(types.uint64(types.uint64, _SEEN, _SEEN), _sum_rows),
)
"""In the order of `hashing.Kernels`."""
