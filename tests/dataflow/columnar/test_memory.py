"""Raw memory in compiled code, against numpy's own reading."""

import numpy as np
from numba import njit

from dataflow.columnar.memory import byte_at, copy_bytes, half_at, put_word, trailing_zeros, word_at


@njit()
def _read(at: int) -> tuple[int, int, int]:
    return word_at(at), half_at(at), byte_at(at)


@njit()
def _write(at: int, word: int) -> None:
    put_word(at, word)


@njit()
def _copy(to: int, source: int, length: int) -> None:
    copy_bytes(to, source, length)


@njit()
def _zeros(word: int) -> int:
    return trailing_zeros(np.uint64(word))


def test_words_are_little_endian_and_read_at_any_address() -> None:
    memory = np.array([9, 1, 2, 3, 0xFF, 5, 6, 7, 0xF8, 9], np.uint8)
    content = memory.tobytes()[1:9]
    word, half, byte = _read(memory.ctypes.data + 1)
    assert word == int.from_bytes(content, "little", signed=True)
    assert half == int.from_bytes(content[:4], "little")
    assert byte == 1
    assert _read(memory.ctypes.data + 8)[2] == 0xF8


def test_a_word_is_written_where_it_is_told_and_nowhere_else() -> None:
    memory = np.zeros(11, np.uint8)
    _write(memory.ctypes.data + 1, -2)
    assert memory.tolist() == [0, 0xFE, *[0xFF] * 7, 0, 0]


def test_so_many_bytes_are_copied_as_named() -> None:
    source, to = np.arange(1, 9, dtype=np.uint8), np.zeros(8, np.uint8)
    _copy(to.ctypes.data + 2, source.ctypes.data, 3)
    assert to.tolist() == [0, 0, 1, 2, 3, 0, 0, 0]


def test_the_lowest_zero_bits_are_counted_and_of_zero_all_64() -> None:
    assert [_zeros(word) for word in (1, 8, -(2**63), 0)] == [0, 3, 63, 64]
