"""64-bit hashes of whole columns: sketches, duplicate detection and the ledger's checksum stand on them."""

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dataflow.batch import Int64s
from dataflow.numeric import from_arrow

_kernels: tuple[Any, Any, Any] | None = None
_compiling = threading.Lock()

Hashes = npt.NDArray[np.uint64]
Positions = npt.NDArray[np.intp]

_SEED = np.uint64(0x9E3779B97F4A7C15)
_SECOND_SEED = np.uint64(0xD6E8FEB86659FD93)
_SHIFTS = (np.uint64(30), np.uint64(27), np.uint64(31))
_FACTORS = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_SECOND_SHIFTS = (np.uint64(33), np.uint64(33), np.uint64(33))
_SECOND_FACTORS = (np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53))
_SECOND_STEP = np.uint64(0x9FB21C651E98DF25)
_HALF = np.uint64(32)
_TAIL_MASKS = np.array([(1 << 8 * length) - 1 for length in range(9)], np.uint64)
_WORD_BYTES = 8


def hash64(array: pa.Array) -> Hashes:
    """Hash of each value's canonical bytes: UTF-8 of text, else 8 bytes little endian.

    Money counts as micros, a date as days, a boolean as 0 or 1, a double as its bits (-0.0 as 0.0). For each 8-byte
    word w, the last one padded with zeros: h = mix(h ^ w), from h = SEED ^ length; then mix(h). What stands at nulls
    means nothing.
    """
    if _kernels is not None and _is_text(array.type):
        return _compiled_lanes(array, 1)[0]
    states = _lanes(array, 1)
    return _mix(states[0], _SHIFTS, _FACTORS)


def identity(array: pa.Array) -> tuple[Hashes, Hashes]:
    """Two independent hashes of each value, together 128 bits; the first is `hash64`.

    The second starts from SEED2 ^ (length * STEP), so that text with zero bytes differs from its padding, and takes a
    cheaper step per word: (h ^ w) * STEP, folded on itself.
    """
    if _kernels is not None and _is_text(array.type):
        return _compiled_lanes(array, 2)
    first, second = _lanes(array, 2)
    return _mix(first, _SHIFTS, _FACTORS), _mix(second, _SECOND_SHIFTS, _SECOND_FACTORS)


def checksum(partition: str, offsets: Int64s, event_times: Int64s) -> int:
    """Order-free fingerprint of rows of a source partition: the sum of their hashes modulo 2**64, as signed int64.

    A row's hash is mix(mix(h ^ offset) ^ event time), h the hash of the partition's name.
    """
    if offsets.size == 0:
        return 0
    name = hash64(pa.array([partition], pa.string()))[0]
    if _kernels is not None:
        total = _kernels[1](name, np.ascontiguousarray(offsets), np.ascontiguousarray(event_times))
        return int(np.uint64(total).view(np.int64))
    state = offsets.view(np.uint64) ^ name
    state = _mix(state, _SHIFTS, _FACTORS)
    state ^= event_times.view(np.uint64)
    state = _mix(state, _SHIFTS, _FACTORS)
    return int(np.add.reduce(state).view(np.int64))


def speed_up() -> None:
    """From now on compiled loops hash and search in this process, with the same results.

    Not done at once: loading them takes some tenths of a second, the first time ever some seconds.
    """
    global _kernels
    with _compiling:
        if _kernels is None:
            try:
                from dataflow.judge_kernel import compiled
            except ImportError:
                return
            _kernels = compiled()


def kernels() -> tuple[Any, Any, Any] | None:
    """(hash_texts, sum_rows, judge_ids) after `speed_up`."""
    return _kernels


def _compiled_lanes(array: pa.Array, lanes: int) -> tuple[Hashes, Hashes]:
    assert _kernels is not None
    data, starts, lengths = _text(array)
    first = np.empty(len(starts), np.uint64)
    second = np.empty(len(starts) if lanes == 2 else 0, np.uint64)
    _kernels[0](data.ctypes.data, np.ascontiguousarray(starts), lengths, first, second)
    return first, second


def _lanes(array: pa.Array, lanes: int) -> list[Hashes]:
    """States of one or two lanes after all words."""
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if _is_text(array.type):
        data, starts, lengths = _text(array)
        length = lengths.view(np.uint64)
        states = [_SEED ^ length, _SECOND_SEED ^ (length * _SECOND_STEP)][:lanes]
        for rows, words in _words(data, starts, lengths):
            for state, step in zip(states, (_first_step, _second_step), strict=False):
                if rows is None:
                    step(state, words)
                else:
                    state[rows] = step(state[rows], words)
        return states
    words = _number_words(array)
    states = [np.full(len(words), seed ^ np.uint64(_WORD_BYTES)) for seed in (_SEED, _SECOND_SEED)[:lanes]]
    for state, step in zip(states, (_first_step, _second_step), strict=False):
        step(state, words)
    return states


def _first_step(state: Hashes, words: Hashes) -> Hashes:
    state ^= words
    return _mix(state, _SHIFTS, _FACTORS)


def _second_step(state: Hashes, words: Hashes) -> Hashes:
    state ^= words
    state *= _SECOND_STEP
    state ^= state >> _HALF
    return state


def _is_text(data_type: pa.DataType) -> bool:
    return pa.types.is_string(data_type) or pa.types.is_large_string(data_type) or pa.types.is_binary(data_type)


def _number_words(array: pa.Array) -> Hashes:
    if pa.types.is_boolean(array.type):
        array = array.cast(pa.int8()).cast(pa.int64())
    values = from_arrow(array).values
    if values.dtype == np.float64:
        values = values + 0.0
    return np.ascontiguousarray(values).view(np.uint64)


def _text(array: pa.Array) -> tuple[npt.NDArray[np.uint8], Int64s, Int64s]:
    """The bytes with 8 spare ones behind them, and where each value lies in them."""
    if pa.types.is_large_string(array.type):
        array = array.cast(pa.string())
    rows = len(array)
    if rows == 0:
        return np.zeros(_WORD_BYTES, np.uint8), np.zeros(0, np.int64), np.zeros(0, np.int64)
    _, offset_buffer, data_buffer = array.buffers()
    offsets = np.frombuffer(offset_buffer, np.int32)[array.offset : array.offset + rows + 1].astype(np.int64)
    first, last = int(offsets[0]), int(offsets[-1])
    data = np.zeros(last - first + _WORD_BYTES, np.uint8)
    if data_buffer is not None:
        # A word is read whole, also where a value ends inside it: the copy makes that safe at the buffer's end.
        data[: last - first] = np.frombuffer(data_buffer, np.uint8)[first:last]
    offsets -= first
    return data, offsets[:-1], np.diff(offsets)


def _words(data: npt.NDArray[np.uint8], starts: Int64s, lengths: Int64s) -> Iterator[tuple[Positions | None, Hashes]]:
    """The first words of all values, the second ones, ...: which rows have one (None = all), and the words."""
    every_word = np.ndarray((len(data) - _WORD_BYTES + 1,), np.dtype("<u8"), data, strides=(1,))
    longest = int(lengths.max(initial=0))
    shortest = int(lengths.min(initial=longest))
    for at in range(0, longest, _WORD_BYTES):
        rows = None if shortest > at else np.flatnonzero(lengths > at)
        words = every_word[(starts if rows is None else starts[rows]) + at]
        if shortest < at + _WORD_BYTES:
            rest = (lengths if rows is None else lengths[rows]) - at
            words &= _TAIL_MASKS[np.minimum(rest, _WORD_BYTES)]
        yield rows, words


def _mix(state: Hashes, shifts: tuple[np.uint64, np.uint64, np.uint64], factors: tuple[np.uint64, np.uint64]) -> Hashes:
    """Scramble in place."""
    spare = np.empty_like(state)
    for shift, factor in zip(shifts, factors, strict=False):
        np.right_shift(state, shift, out=spare)
        np.bitwise_xor(state, spare, out=state)
        np.multiply(state, factor, out=state)
    np.right_shift(state, shifts[2], out=spare)
    np.bitwise_xor(state, spare, out=state)
    return state
