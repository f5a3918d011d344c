"""Compiled: hashes of texts and words, checksums of rows, the memory of ids; as hashing.py and remembered.py say."""

import numpy as np
from numba import njit, types

from dataflow.columnar.loop import Loop
from dataflow.columnar.memory import word_at
from dataflow.columnar.types import Bools, Int64s, UInt32s, UInt64s, Whole

_SEED, _SECOND_SEED = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
_A, _B = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_C, _D = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
_STEP = np.uint64(0x9FB21C651E98DF25)
_27, _30, _31, _32, _33 = (np.uint64(bits) for bits in (27, 30, 31, 32, 33))
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_WORD_BYTES = np.uint64(8)
_NEVER_MS = -(2**63)


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


def _place_of(number: Whole, place_of_block: UInt32s, block_bits: int) -> Whole:
    # a power of two of blocks, one behind the other however often they have gone round
    block = place_of_block[(number >> block_bits) & (len(place_of_block) - 1)]
    return np.int64(block) << block_bits | (number & ((1 << block_bits) - 1))


def _link(number: Whole, place: Whole, lane1: np.uint64, slots: UInt32s, older: UInt32s) -> None:
    """The entry becomes the head of its slot's chain."""
    slot = np.int64(lane1 & np.uint64(len(slots) - 1))
    older[place] = slots[slot]
    slots[slot] = number


place_of, link = njit()(_place_of), njit()(_link)


def _judge_ids(
    lane1: UInt64s, lane2: UInt64s, event_time: Int64s, watermark: Int64s, horizon_ms: int,
    slots: UInt32s, place_of_block: UInt32s, lanes1: UInt64s, lanes2: UInt64s, times: Int64s, older: UInt32s,
    base: int, top: int, block_bits: int, first: Bools,
) -> int:  # fmt: skip
    """Entries are numbered modulo 2**32, as DedupMemory says; room for all rows is there. Gives the new top."""
    slot_mask = np.uint64(len(slots) - 1)
    # A look ahead. The second loop must finish with one row before it begins the next, which may be a repeat of it, so
    # a place that is not in the cache is waited for row by row. This loop asks for the same places (the head of each
    # row's chain) and decides nothing: its reads do not depend on each other, so the processor waits for many at a
    # time, and the second loop finds them near. Of 4 rows at 100 ns a miss that is about 100 ns instead of 400. What it
    # writes into `first` is overwritten; it is there so that the compiler cannot leave the reads out. A head may be
    # wrong here, one that a former row of this batch will have replaced: that costs a miss, never a verdict.
    for i in range(len(lane1)):
        place = place_of(np.int64(slots[np.int64(lane1[i] & slot_mask)]), place_of_block, block_bits)
        first[i] = lanes1[place] == lane1[i] and older[place] == 0
    for i in range(len(lane1)):
        # Ages count entries backwards from the newest, which is 1. An empty slot or the end of a chain is a number that
        # is no longer held or, after 2**32 entries, some other one's: ages that do not grow end the chain as well.
        live, wrapped = top - base, top & 0xFFFFFFFF
        age: Whole = (wrapped - np.int64(slots[np.int64(lane1[i] & slot_mask)])) & 0xFFFFFFFF
        last: Whole = 0
        is_first = True
        while last < age <= live:
            place = place_of((wrapped - age) & 0xFFFFFFFF, place_of_block, block_bits)
            if lanes1[place] == lane1[i] and lanes2[place] == lane2[i]:
                reachable = watermark[i] >= _NEVER_MS + horizon_ms
                is_first = reachable and times[place] <= watermark[i] - horizon_ms
                break
            last = age
            age = (wrapped - np.int64(older[place])) & 0xFFFFFFFF
        first[i] = is_first
        if is_first:
            place = place_of(wrapped, place_of_block, block_bits)
            lanes1[place], lanes2[place], times[place] = lane1[i], lane2[i], event_time[i]
            link(wrapped, place, lane1[i], slots, older)
            top += 1
    return top


def _remember_ids(
    lane1: UInt64s, lane2: UInt64s, event_time: Int64s, slots: UInt32s, place_of_block: UInt32s,
    lanes1: UInt64s, lanes2: UInt64s, times: Int64s, older: UInt32s, top: int, block_bits: int,
) -> int:  # fmt: skip
    """Append entries without judging them; room for all rows is there. Gives the new top."""
    for i in range(len(lane1)):
        number = top & 0xFFFFFFFF
        place = place_of(number, place_of_block, block_bits)
        lanes1[place], lanes2[place], times[place] = lane1[i], lane2[i], event_time[i]
        link(number, place, lane1[i], slots, older)
        top += 1
    return top


def _link_ids(
    slots: UInt32s, place_of_block: UInt32s, lanes1: UInt64s, older: UInt32s, base: int, top: int, block_bits: int
) -> None:
    """Put all entries into empty slots, the oldest first."""
    for entry in range(base, top):
        number = entry & 0xFFFFFFFF
        place = place_of(number, place_of_block, block_bits)
        link(number, place, lanes1[place], slots, older)


_I64, _U64S, _I64S, _U32S = types.int64, types.uint64[::1], types.int64[::1], types.uint32[::1]
# Arrow's own buffers may only be read.
_SEEN, _SEEN_LANE = (types.Array(word, 1, "C", readonly=True) for word in (_I64, types.uint64))
_MEMORY = (_U32S, _U32S, _U64S, _U64S, _I64S, _U32S)

LOOPS = (
    Loop(types.void(_I64, _I64S, _I64S, _U64S, _U64S), _hash_texts),
    Loop(types.void(_SEEN, _U64S, _U64S), _hash_words),
    Loop(types.uint64(types.uint64, _SEEN, _SEEN), _sum_rows),
    Loop(_I64(_U64S, _U64S, _SEEN, _SEEN, _I64, *_MEMORY, _I64, _I64, _I64, types.boolean[::1]), _judge_ids),
    Loop(_I64(_SEEN_LANE, _SEEN_LANE, _SEEN, *_MEMORY, _I64, _I64), _remember_ids),
    Loop(types.void(_U32S, _U32S, _U64S, _U32S, _I64, _I64, _I64), _link_ids),
)
"""In the order of `hashing.Kernels`."""
