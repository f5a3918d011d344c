import numpy as np
import pyarrow as pa
import pytest

from dataflow.columnar.buffers import words_in


def test_a_buffer_is_read_as_the_words_that_it_holds() -> None:
    column = pa.array([3, -1, 2**40], pa.int64())
    assert words_in(column.buffers()[1], np.int64).tolist()[:3] == [3, -1, 2**40]
    assert words_in(pa.py_buffer(b"\x01\x00\x02\x00"), np.uint16).tolist() == [1, 2]


def test_nothing_is_copied_or_writable() -> None:
    words = np.arange(4)
    seen = words_in(pa.py_buffer(words), np.int64)
    words[0] = 9
    assert seen[0] == 9
    with pytest.raises(ValueError, match="read-only"):
        words_in(pa.py_buffer(b"12345678"), np.int64)[0] = 1


def test_a_buffer_that_is_absent_is_a_mistake_of_the_caller() -> None:
    absent = pa.array([1, 2], pa.int64()).buffers()[0]
    with pytest.raises(AssertionError, match="validity"):
        words_in(absent, np.uint8)
