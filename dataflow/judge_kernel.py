"""Compiled: hashes of texts, checksums of rows, the search for remembered ids; as hashing.py and dedup.py say."""

from typing import Any

import numpy as np
from numba import njit, types

from dataflow.memory_ops import word_at

_SEED, _SECOND_SEED = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
_A, _B = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_C, _D = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
_STEP = np.uint64(0x9FB21C651E98DF25)
_27, _30, _31, _32, _33 = (np.uint64(bits) for bits in (27, 30, 31, 32, 33))
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_NEVER_MS = -(2**63)


def _first_mix(state: Any) -> Any:
    state = (state ^ (state >> _30)) * _A
    state = (state ^ (state >> _27)) * _B
    return state ^ (state >> _31)


def _second_mix(state: Any) -> Any:
    state = (state ^ (state >> _33)) * _C
    state = (state ^ (state >> _33)) * _D
    return state ^ (state >> _33)


first_mix, second_mix = njit(_first_mix), njit(_second_mix)


def _hash_texts(data: int, starts: Any, lengths: Any, first: Any, second: Any) -> None:
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
                two = (two ^ word) * _STEP
                two ^= two >> _32
            at += 8
            rest -= 8
        first[i] = first_mix(one)
        if both:
            second[i] = second_mix(two)


def _sum_rows(partition: Any, offsets: Any, event_times: Any) -> Any:
    total = np.uint64(0)
    for i in range(len(offsets)):
        total += first_mix(first_mix(np.uint64(offsets[i]) ^ partition) ^ np.uint64(event_times[i]))
    return total


def _judge_ids(
    lane1: Any, lane2: Any, event_time: Any, watermark: Any, horizon_ms: int, slots: Any, place_of_block: Any,
    lanes1: Any, lanes2: Any, times: Any, older: Any, base: int, top: int, block_bits: int, first: Any,
) -> int:  # fmt: skip
    """Entries are numbered modulo 2**32, as DedupMemory says; room for all rows is there. Gives the new top."""
    slot_mask = np.uint64(len(slots) - 1)
    block_mask = (1 << block_bits) - 1
    # A look ahead brings what the second loop needs into the cache, many places at a time.
    for i in range(len(lane1)):
        number = np.int64(slots[np.int64(lane1[i] & slot_mask)])
        place = np.int64(place_of_block[number >> block_bits]) << block_bits | (number & block_mask)
        first[i] = lanes1[place] == lane1[i] and older[place] == 0
    for i in range(len(lane1)):
        slot = np.int64(lane1[i] & slot_mask)
        live, wrapped = top - base, top & 0xFFFFFFFF
        age: Any = (wrapped - np.int64(slots[slot])) & 0xFFFFFFFF
        last: Any = 0
        is_first = True
        while last < age <= live:
            number = (wrapped - age) & 0xFFFFFFFF
            place = np.int64(place_of_block[number >> block_bits]) << block_bits | (number & block_mask)
            if lanes1[place] == lane1[i] and lanes2[place] == lane2[i]:
                reachable = watermark[i] >= _NEVER_MS + horizon_ms
                is_first = reachable and times[place] <= watermark[i] - horizon_ms
                break
            last = age
            age = (wrapped - np.int64(older[place])) & 0xFFFFFFFF
        first[i] = is_first
        if is_first:
            place = np.int64(place_of_block[wrapped >> block_bits]) << block_bits | (wrapped & block_mask)
            lanes1[place], lanes2[place], times[place] = lane1[i], lane2[i], event_time[i]
            older[place] = slots[slot]
            slots[slot] = wrapped
            top += 1
    return top


def compiled() -> tuple[Any, Any, Any]:
    """(hash_texts, sum_rows, judge_ids), compiled once per machine where their cache can be written."""
    i64, u64s, i64s, u32s = types.int64, types.uint64[::1], types.int64[::1], types.uint32[::1]
    # Arrow's own buffers may only be read.
    seen = types.Array(i64, 1, "C", readonly=True)
    memory = (u32s, u32s, u64s, u64s, i64s, u32s)
    signatures = (
        types.void(i64, i64s, i64s, u64s, u64s),
        types.uint64(types.uint64, seen, seen),
        types.int64(u64s, u64s, seen, seen, i64, *memory, i64, i64, i64, types.boolean[::1]),
    )
    functions = (_hash_texts, _sum_rows, _judge_ids)
    made = []
    for signature, function in zip(signatures, functions, strict=True):
        try:
            made.append(njit(signature, nogil=True, cache=True)(function))
        except RuntimeError:
            # No folder to keep it in can be written.
            made.append(njit(signature, nogil=True)(function))
    return made[0], made[1], made[2]
