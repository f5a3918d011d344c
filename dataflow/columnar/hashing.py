"""64-bit hashes of whole columns: sketches, duplicate detection and the ledger's checksum stand on them."""

import threading
from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dataflow.columnar.buffers import words_in
from dataflow.columnar.loops import loops
from dataflow.columnar.numbers import from_arrow
from dataflow.columnar.types import Int64s

if TYPE_CHECKING:
    from dataflow.columnar.memory import Compiled

Hashes = npt.NDArray[np.uint64]

_WORD_BYTES = 8
SPREAD = 0x9E3779B97F4A7C15
"""The first lane of an id times this, modulo 2**64, is what is kept of it: its highest bits hang on every bit of the
lane. Odd, so that the lane can be had back."""

_compiling = threading.Lock()


class Kernels(NamedTuple):
    """What `compiled` makes; each is called with arrays in one piece."""

    hash_texts: "Compiled"
    hash_words: "Compiled"
    sum_rows: "Compiled"


@cache
def _kernels() -> Kernels:
    return Kernels(*loops("columnar/hash_kernel"))


def load() -> Kernels:
    """The loops that hash and sum up, ready to run.

    Done at the first use, since it takes some tenths of a second, and some seconds where nothing is cached.
    """
    with _compiling:
        return _kernels()


def hash64(array: pa.Array) -> Hashes:
    """Hash of each value's canonical bytes: UTF-8 of text, else 8 bytes little endian.

    Money counts as micros, a date as days, a boolean as 0 or 1, a double as its bits (-0.0 as 0.0). For each 8-byte
    word w, the last one padded with zeros: h = mix(h ^ w), from h = SEED ^ length; then mix(h). What stands at nulls
    means nothing.
    """
    return _lanes(array, 1)[0]


def identity(array: pa.Array) -> tuple[Hashes, Hashes]:
    """Two independent hashes of each value, together 128 bits; the first is `hash64`.

    The second starts from SEED2 ^ (length * STEP), so that text with zero bytes differs from its padding, or from
    SEED2 ^ 8 where values are no text, and takes a cheaper step per word: (h ^ w) * STEP, folded on itself.
    """
    return _lanes(array, 2)


def checksum(partition: str, offsets: Int64s, event_times: Int64s) -> int:
    """Order-free fingerprint of rows of a source partition: the sum of their hashes modulo 2**64, as signed int64.

    A row's hash is mix(mix(h ^ offset) ^ event time), h the hash of the partition's name.
    """
    if offsets.size == 0:
        return 0
    name = _hash_of_name(partition)
    total = load().sum_rows(name, np.ascontiguousarray(offsets), np.ascontiguousarray(event_times))
    return int(np.uint64(total).view(np.int64))


@lru_cache(maxsize=4_096)
def _hash_of_name(name: str) -> np.uint64:
    hashed: np.uint64 = hash64(pa.array([name], pa.string()))[0]
    return hashed


def _lanes(array: pa.Array, lanes: int) -> tuple[Hashes, Hashes]:
    """The first hash of each value and, of two lanes, the second."""
    if isinstance(array, pa.DictionaryArray):
        array = array.dictionary_decode()
    first = np.empty(len(array), np.uint64)
    second = np.empty(len(array) if lanes == 2 else 0, np.uint64)
    if _is_text(array.type):
        data, starts, lengths = _text(array)
        load().hash_texts(data.ctypes.data, np.ascontiguousarray(starts), lengths, first, second)
    else:
        load().hash_words(_number_words(array), first, second)
    return first, second


def _is_text(data_type: pa.DataType) -> bool:
    return pa.types.is_string(data_type) or pa.types.is_large_string(data_type) or pa.types.is_binary(data_type)


def _number_words(array: pa.Array) -> Int64s:
    if pa.types.is_boolean(array.type):
        array = array.cast(pa.int8()).cast(pa.int64())
    values = from_arrow(array).values
    if values.dtype == np.float64:
        values = values + 0.0
    return np.ascontiguousarray(values).view(np.int64)


def _text(array: pa.Array) -> tuple[npt.NDArray[np.uint8], Int64s, Int64s]:
    """The bytes with 8 spare ones behind them, and where each value lies in them."""
    if pa.types.is_large_string(array.type):
        array = array.cast(pa.string())
    rows = len(array)
    if rows == 0:
        return np.zeros(_WORD_BYTES, np.uint8), np.zeros(0, np.int64), np.zeros(0, np.int64)
    _, offset_buffer, data_buffer = array.buffers()
    offsets = words_in(offset_buffer, np.int32)[array.offset : array.offset + rows + 1].astype(np.int64)
    first, last = int(offsets[0]), int(offsets[-1])
    data = np.zeros(last - first + _WORD_BYTES, np.uint8)
    if data_buffer is not None:
        # A word is read whole, also where a value ends inside it: the copy makes that safe at the buffer's end.
        data[: last - first] = words_in(data_buffer, np.uint8)[first:last]
    offsets -= first
    return data, offsets[:-1], np.diff(offsets)
