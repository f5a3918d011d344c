"""Rows come back by their codes: all of them, nothing else, whatever was forgotten before."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow.columnar.chains import Chains

CODES = st.lists(st.integers(0, 2**32 - 1) | st.sampled_from([0, 1, 2**31, 2**32 - 1]), max_size=30)


def codes_of(values: list[int]) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
    return np.array(values, np.uint32)


@given(st.lists(st.tuples(CODES, st.none() | st.randoms(use_true_random=False)), max_size=8), CODES)
def test_rows_are_found_by_their_codes_however_they_came_and_left(
    parts: list[tuple[list[int], object]], asked: list[int]
) -> None:
    chains, known = Chains(), list[int]()
    for part, leaving in parts:
        chains.add(codes_of(part))
        known += part
        if leaving is not None:
            stays = np.array([leaving.random() < 0.5 for _ in known], np.bool_)  # type: ignore[attr-defined]  # a Random
            chains.keep(stays)
            known = [code for code, there in zip(known, stays.tolist(), strict=True) if there]
    assert chains.rows == len(known)
    wanted = sorted(set(asked) | set(known[::2]))
    found = chains.find(codes_of(wanted))
    assert sorted(found.tolist()) == [row for row, code in enumerate(known) if code in wanted]


@pytest.mark.parametrize("rows", [1, 2_048, 2_049, 100_000])
def test_chains_grow_with_their_rows(rows: int) -> None:
    chains, codes = Chains(), np.random.default_rng(rows).integers(0, 2**32, rows, np.uint32)
    for begin in range(0, rows, 7_000):
        chains.add(codes[begin : begin + 7_000])
    assert sorted(chains.find(np.unique(codes)).tolist()) == list(range(rows))
    assert chains.find(np.setdiff1d(codes_of([5, 6, 7]), codes)).tolist() == []
    assert 10 * rows <= chains.size_bytes <= 12 * rows + 4096 + 64


def test_many_rows_of_one_code_are_all_found() -> None:
    chains = Chains()
    chains.add(np.full(5_000, 9, np.uint32))
    assert sorted(chains.find(codes_of([8, 9])).tolist()) == list(range(5_000))
