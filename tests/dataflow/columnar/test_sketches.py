"""Hashes and sketches against values one by one."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow.aggregates.accuracy import BUCKET_SHIFT, KMV_K, QUANTILE_GAMMA
from dataflow.columnar.sketches import bucket_codes, entries, histogram_lists, kmv_lists
from tests.model.aggregates import bucket_middle


@given(st.integers(1, 5), st.lists(st.tuples(st.integers(0, 4), st.integers(0, 60))), st.booleans())
def test_a_distinct_sketch_holds_the_smallest_hashes_of_each_group(
    count: int, rows: list[tuple[int, int]], in_runs: bool
) -> None:
    rows = [(group % count, value) for group, value in rows]
    lists = kmv_lists(
        np.array([g for g, _ in rows], np.intp), np.array([v for _, v in rows], np.int64), count, in_runs=in_runs
    )
    assert lists.to_pylist() == [sorted({v for g, v in rows if g == group}) for group in range(count)]


@pytest.mark.parametrize("groups", [1, 3])
def test_a_sketch_above_k_keeps_k_and_merges_to_the_same(groups: int) -> None:
    values = np.random.default_rng(1).integers(0, 2**62, 9000)
    of = np.arange(9000) % groups
    whole = kmv_lists(of, values, groups)
    parts = [kmv_lists(of[at::2], values[at::2], groups) for at in (0, 1)]
    rows, hashes = entries(pa.concat_arrays(parts))
    assert kmv_lists(rows % groups, hashes.to_numpy(), groups, in_runs=True).equals(whole)
    assert [len(each) for each in whole.to_pylist()] == [KMV_K] * groups
    assert whole[0].as_py() == sorted(set(values[of == 0].tolist()))[:KMV_K]


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_bucket_codes_have_the_order_of_the_values_and_stand_for_their_middle(a: float, b: float) -> None:
    code_a, code_b = bucket_codes(np.array([a, b])).tolist()
    assert a == b or (code_a <= code_b) == (a < b) or code_a == code_b
    middle = 0.0 if code_a == 0 else 2 * QUANTILE_GAMMA ** (abs(code_a) - BUCKET_SHIFT) / (QUANTILE_GAMMA + 1)
    assert np.copysign(middle, a) == pytest.approx(bucket_middle(a), rel=0.021)
    if 1e-150 < abs(a) < 1e150:
        assert abs(middle - abs(a)) <= abs(a) * 0.0101


def test_zero_and_one_have_their_own_buckets() -> None:
    assert bucket_codes(np.array([0.0, -0.0, 1.0, -1.0])).tolist() == [0, 0, BUCKET_SHIFT, -BUCKET_SHIFT]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(-3, 3), st.integers(1, 2**40))))
def test_histograms_add_up(rows: list[tuple[int, int, int]]) -> None:
    groups = np.array([g for g, _, _ in rows], np.intp)
    buckets = np.array([b for _, b, _ in rows], np.int32)
    weights = np.array([w for _, _, w in rows], np.int64)
    found_buckets, found_counts = histogram_lists(groups, buckets, weights, 4)
    for group in range(4):
        expected: dict[int, int] = {}
        for g, b, w in rows:
            if g == group:
                expected[b] = expected.get(b, 0) + w
        assert found_buckets[group].as_py() == sorted(expected)
        assert found_counts[group].as_py() == [expected[b] for b in sorted(expected)]


def test_null_lists_have_no_entries() -> None:
    rows, values = entries(pa.array([None, [1, 2], [], None, [3]], pa.list_(pa.int64()))[1:])
    assert rows.tolist() == [0, 0, 3]
    assert values.to_pylist() == [1, 2, 3]
