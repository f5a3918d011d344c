"""Fetch answers taken apart."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow.sources.kafka.direct.answer import read_answer
from dataflow.sources.kafka.direct.connection import Malformed
from tests.dataflow.sources.kafka.direct.encoded import Part, answer

PARTS = [
    Part(3, b"records", high=10, stable=8, low=2, aborted=[(7, 6), (5, 1)]),
    Part(0, error=6, high=-1, stable=-1, low=-1, aborted=[], replica=2),
    Part(1),
]


def _array(data: bytes) -> np.ndarray:
    return np.frombuffer(data, np.uint8).copy()


def test_all_that_is_said_of_each_partition_is_read() -> None:
    body = answer("ads", PARTS, throttle_ms=50)
    found = read_answer(_array(body))
    assert (found.throttle_ms, found.error) == (50, 0)
    first, second, third = found.parts
    assert [part.part for part in found.parts] == [("ads", 3), ("ads", 0), ("ads", 1)]
    assert (first.high, first.stable, first.low, first.error, first.replica) == (10, 8, 2, 0, -1)
    assert body[first.begin : first.end] == b"records"
    # by offset
    assert first.aborted.tolist() == [5, 1, 7, 6]
    assert (second.error, second.replica, second.aborted.tolist(), second.begin) == (6, 2, [], second.end)
    assert third.begin == third.end == len(body)


@given(st.integers(0, 300), st.integers(0, 255))
def test_what_is_cut_or_changed_is_read_or_refused_and_never_read_beyond(at: int, byte: int) -> None:
    body = bytearray(answer("ads", PARTS))
    body[at % len(body)] = byte
    for data in (bytes(body), bytes(body[: at % len(body)])):
        try:
            found = read_answer(_array(data))
        except Malformed:
            continue
        assert all(0 <= part.begin <= part.end <= len(data) for part in found.parts)


def test_an_answer_that_ends_too_soon_is_malformed() -> None:
    with pytest.raises(Malformed):
        read_answer(_array(answer("ads", PARTS)[:-1]))
    with pytest.raises(Malformed, match="bytes of records"):
        read_answer(_array(answer("ads", [Part(0, b"records")])[:-1]))
