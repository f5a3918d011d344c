"""Compiled: the memory of ids, as intake/remembered.py says: a table of slots over a log of entries."""

import numpy as np
from numba import types

from dataflow.columnar.hashing import SPREAD
from dataflow.columnar.inner import inner
from dataflow.columnar.loop import Loop
from dataflow.columnar.memory import behind, empty_of, fetch, same_of, trailing_zeros
from dataflow.columnar.types import Bools, Int32s, Int64s, UInt16s, UInt32s, UInt64s, Whole

LINE_SLOTS = 8
"""Of the table, in a line of the cache: they are looked at together."""
BLOCK_BITS = 10
"""Entries lie, and leave, in blocks of 1,024."""
NUMBERS = 2**31 - 1
"""Entries are numbered modulo 2**31."""
TIMES = 2**16
"""Of a block's times so many, in ms, have room in 16 bits."""

_AHEAD = 64
"""Rows whose lines are asked for at a time: memory takes 100 ns to answer, but it answers many side by side."""
_SPREAD, _OCCUPIED = np.uint64(SPREAD), np.uint64(NUMBERS + 1)
_1, _32, _LOW = np.uint64(1), np.uint64(32), np.uint64(2**32 - 1)
_BLOCK_MASK = (1 << BLOCK_BITS) - 1
_NEVER_MS = -(2**63)


def _home(mark: np.uint64, lines: Whole) -> Whole:
    """The first slot of the line where an id is looked for first.

    Marks in ascending order have ascending homes, of any number of lines: a table of more lines has them in that order.
    """
    return np.int64((mark * np.uint64(lines)) >> _32) * LINE_SLOTS


home = inner(_home)


def _is_held(slot: np.uint64, base: Whole, top: Whole) -> bool:
    """Whether a slot is of an entry that is held: its number says how many entries ago it came. Without a branch."""
    back = (top - np.int64(slot & _LOW)) & NUMBERS
    is_there: bool = (slot != np.uint64(0)) & (np.uint64(back - 1) < np.uint64(top - base))
    return is_there


is_held = inner(_is_held)


def _judge(
    lane1: UInt64s, lane2: UInt64s, event_time: Int64s, watermark: Int64s, horizon_ms: int, is_told: bool,
    slots: UInt64s, slots_at: int, lines: int, place_of_block: UInt32s, lows: UInt32s, lanes2: UInt64s, times: UInt16s,
    bases: Int64s, newest: Int64s, wide_of: Int32s, wide: Int64s, state: Int64s, start: int, first: Bools,
) -> int:  # fmt: skip
    """Judges rows from `start` on; gives the row that it stopped at, which is the end or one that there is no room for.

    `is_told`: rows are remembered without being judged. `state` holds base, top and the number of slots that are not
    empty; of these there is room for all rows. What there may be no room for is a time in its block or, where
    `state[3]` is 1 then, the end of the table.
    """
    rows, last_line = len(lane1), slots_at + 8 * (len(slots) - LINE_SLOTS)
    base, top, used = state[0], state[1], state[2]
    blocks = len(place_of_block) - 1
    done = rows
    asked = start
    for i in range(start, rows):
        if i == asked:
            # Loops of little else, so that the processor waits for many lines at a time: those of a judgement reach no
            # further than the next one.
            asked = min(asked + _AHEAD, rows)
            for k in range(i, asked):
                fetch(slots_at + 8 * home((lane1[k] * _SPREAD) >> _32, lines))
            for k in range(i, asked):
                mark = (lane1[k] * _SPREAD) >> _32
                line: Whole = slots_at + 8 * home(mark, lines)
                # if that one is full it goes on in the next
                fetch(line + 8 * LINE_SLOTS * (empty_of(line) == 0))
                same: Whole = same_of(line, 31, mark << _1 | _1)
                if same != 0:
                    number: Whole = np.int64(slots[(line - slots_at) // 8 + trailing_zeros(same)]) & NUMBERS
                    block: Whole = np.int64(place_of_block[(number >> BLOCK_BITS) & blocks])
                    place: Whole = block << BLOCK_BITS | number & _BLOCK_MASK
                    fetch(lanes2.ctypes.data + 8 * place)
                    fetch(lows.ctypes.data + 4 * place)
                    fetch(times.ctypes.data + 2 * place)
        spread = lane1[i] * _SPREAD
        mark, low = spread >> _32, np.uint32(spread & _LOW)
        wanted = mark << _1 | _1
        line = slots_at + 8 * home(mark, lines)
        to: Whole = line
        known: Whole = -1
        is_first = True
        while True:
            same = same_of(line, 31, wanted)
            while same != 0:
                at: Whole = (line - slots_at) // 8 + trailing_zeros(same)
                same &= same - 1
                if is_held(slots[at], base, top):
                    number = np.int64(slots[at]) & NUMBERS
                    block = np.int64(place_of_block[(number >> BLOCK_BITS) & blocks])
                    place = block << BLOCK_BITS | number & _BLOCK_MASK
                    if lows[place] == low and lanes2[place] == lane2[i]:
                        if not is_told:
                            time: Whole = bases[block] + np.int64(times[place])
                            if wide_of[block]:
                                time = wide[(np.int64(wide_of[block]) - 1) << BLOCK_BITS | number & _BLOCK_MASK]
                            is_first = watermark[i] >= _NEVER_MS + horizon_ms and time <= watermark[i] - horizon_ms
                        known = at
                        break
            if known >= 0 or empty_of(line) != 0:
                break
            line += 8 * LINE_SLOTS
        if is_first:
            number = top & NUMBERS
            block = np.int64(place_of_block[(number >> BLOCK_BITS) & blocks])
            place = block << BLOCK_BITS | number & _BLOCK_MASK
            when: Whole = event_time[i]
            if number & _BLOCK_MASK == 0:
                bases[block] = max(when, _NEVER_MS + TIMES // 2) - TIMES // 2
                newest[block], wide_of[block] = when, 0
            is_near = np.uint64(when - bases[block]) < np.uint64(TIMES)
            if not is_near and wide_of[block] == 0:
                state[3], done = 0, i
                break
            if known < 0:
                # the first slot that is empty, or of an entry that has left
                free = behind(to, top, NUMBERS, top - base)
                while free == 0:
                    to += 8 * LINE_SLOTS
                    free = behind(to, top, NUMBERS, top - base)
                if to >= last_line:
                    state[3], done = 1, i
                    break
                known = (to - slots_at) // 8 + trailing_zeros(free)
                used += slots[known] == np.uint64(0)
            slots[known] = mark << _32 | _OCCUPIED | np.uint64(number)
            if wide_of[block]:
                wide[(np.int64(wide_of[block]) - 1) << BLOCK_BITS | number & _BLOCK_MASK] = when
            else:
                times[place] = np.uint16(when - bases[block])
            newest[block] = max(newest[block], when)
            lows[place], lanes2[place] = low, lane2[i]
            top += 1
        first[i] = is_first
    state[1], state[2] = top, used
    return done


def _put(slot: np.uint64, slots: UInt64s, slots_at: int, lines: Whole) -> Whole:
    """A slot's content goes to the first empty one from its home on; there is one, and it is told."""
    at: Whole = home(slot >> _32, lines)
    free = empty_of(slots_at + 8 * at)
    while free == 0:
        at += LINE_SLOTS
        free = empty_of(slots_at + 8 * at)
    at += trailing_zeros(free)
    slots[at] = slot
    return at


put = inner(_put)


def _sweep(slots: UInt64s, slots_at: int, lines: int, base: int, top: int) -> Whole:
    """Empties the slots of entries that have left, in its place; gives how many are not empty."""
    used: Whole = 0
    for at in range(len(slots)):
        slot = slots[at]
        if slot != np.uint64(0):
            slots[at] = np.uint64(0)
            if is_held(slot, base, top):
                # not behind where it was: all from its home to there was put back before it
                put(slot, slots, slots_at, lines)
                used += 1
    return used


def _gather(slots: UInt64s, former: int, base: int, top: int) -> Whole:
    """Moves the slots of entries that are held from the first `former` ones to the end of the table, in their order.

    Gives how many there are; there are as many slots more, at least, as a line has.
    """
    to = len(slots) - LINE_SLOTS
    for back in range(former):
        # without a branch on what no processor can guess: what is not held is written over
        at = former - 1 - back
        slot = slots[at]
        slots[at] = np.uint64(0)
        slots[to - 1] = slot
        to -= is_held(slot, base, top)
    slots[to - 1] = np.uint64(0)
    return len(slots) - LINE_SLOTS - to


def _spread_out(rest: UInt64s, slots: UInt64s, slots_at: int, lines: int) -> Whole:
    """Takes slots from `rest`, in the order of their homes, about, and puts them where they belong in so many lines.

    `rest` may be the table's own end, but for its last line. Gives how many it could put before there was no empty slot
    for one but behind all these.
    """
    for at in range(len(rest)):
        slot = rest[at]
        rest[at] = np.uint64(0)
        to = put(slot, slots, slots_at, lines)
        if to >= len(slots) - LINE_SLOTS:
            slots[to], rest[at] = np.uint64(0), slot
            return at
    return len(rest)


_I64, _U64S, _I64S = types.int64, types.uint64[::1], types.int64[::1]
# Arrow's own buffers may only be read.
_SEEN, _SEEN_LANE = (types.Array(word, 1, "C", readonly=True) for word in (_I64, types.uint64))
_ROWS = (_SEEN_LANE, _SEEN_LANE, _SEEN, _SEEN, _I64, types.boolean)
_ENTRIES = (types.uint32[::1], types.uint32[::1], _U64S, types.uint16[::1], _I64S, _I64S, types.int32[::1], _I64S)

LOOPS = (
    Loop(_I64(*_ROWS, _U64S, _I64, _I64, *_ENTRIES, _I64S, _I64, types.boolean[::1]), _judge),
    Loop(_I64(_U64S, _I64, _I64, _I64, _I64), _sweep),
    Loop(_I64(_U64S, _I64, _I64, _I64), _gather),
    Loop(_I64(_U64S, _U64S, _I64, _I64), _spread_out),
)
"""In the order of `remembered.Kernels`."""
