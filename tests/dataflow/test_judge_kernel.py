"""The compiled hashes against those of numpy."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow import hashing
from dataflow.hashing import checksum, hash64, identity


@pytest.fixture(autouse=True)
def unchanged() -> Iterator[None]:
    before = hashing._kernels
    yield
    hashing._kernels = before


TEXTS = st.lists(st.one_of(st.none(), st.text(max_size=40), st.text("\0a", max_size=20)), max_size=20)


def both_ways(values: pa.Array) -> list[list[list[int]]]:
    ways = []
    for faster in (False, True):
        hashing._kernels = None
        if faster:
            hashing.speed_up()
        lanes = [hash64(values), *identity(values)]
        ways.append([lane[np.asarray(values.is_valid(), bool)].tolist() for lane in lanes])
    return ways


@given(TEXTS, st.integers(0, 3))
def test_texts_have_the_same_hashes(texts: list[str | None], start: int) -> None:
    for type_ in (pa.string(), pa.large_string()):
        plain, compiled = both_ways(pa.array(texts, type_).slice(start))
        assert compiled == plain
        assert plain[0] == plain[1]


def test_numbers_and_codes_have_the_same_hashes() -> None:
    for values in (pa.array([1, -1, 2**62]), pa.array(["a", "b", "a", None]).dictionary_encode()):
        plain, compiled = both_ways(values)
        assert compiled == plain


@given(st.lists(st.tuples(st.integers(0, 2**62), st.integers(-(2**63), 2**63 - 1)), max_size=20), st.text(max_size=20))
def test_checksums_are_the_same(rows: list[tuple[int, int]], partition: str) -> None:
    offsets, times = (np.array([row[at] for row in rows], np.int64) for at in (0, 1))
    hashing._kernels = None
    plain = checksum(partition, offsets, times)
    hashing.speed_up()
    assert checksum(partition, offsets, times) == plain
    times.flags.writeable = False
    assert checksum(partition, offsets, times[::1]) == plain
