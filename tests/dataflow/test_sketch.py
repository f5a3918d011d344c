"""Hashes and sketches against values one by one."""

from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow.aggregates import BUCKET_SHIFT, KMV_K, QUANTILE_GAMMA
from dataflow.hashing import checksum, hash64, identity
from dataflow.sketch import bucket_codes, entries, histogram_lists, kmv_lists
from tests.model.aggregates import bucket_middle
from tests.model.hashing import canonical, mix
from tests.model.hashing import hash64 as hash_one


@given(st.lists(st.text(max_size=40) | st.none()), st.integers(0, 3))
def test_text_hashes_by_its_bytes_also_in_a_slice(texts: list[str | None], skip: int) -> None:
    array = pa.array(texts, pa.string())[skip:]
    for text, value in zip(texts[skip:], hash64(array).tolist(), strict=True):
        assert text is None or value == hash_one(text.encode())


@pytest.mark.parametrize(
    ("values", "data_type"),
    [
        ([0, 1, -1, 2**63 - 1, -(2**63)], pa.int64()),
        ([True, False], pa.bool_()),
        ([date(1970, 1, 2), date(1969, 12, 31)], pa.date32()),
        ([Decimal("0.000001"), Decimal("-12.5"), Decimal("999999999999.999999")], pa.decimal128(18, 6)),
    ],
)
def test_numbers_hash_by_eight_bytes(values: list[Any], data_type: pa.DataType) -> None:
    expected = [hash_one(canonical(value)) for value in values]
    assert hash64(pa.array([None, *values], data_type)[1:]).tolist() == expected


@given(st.lists(st.text(alphabet="ab\0", max_size=20), unique=True))
def test_different_ids_have_different_identities(texts: list[str]) -> None:
    array = pa.array(texts, pa.string())
    first, second = identity(array)
    assert first.tolist() == hash64(array).tolist()
    # "b" and "a\0" share the first hash, whose length goes in unmixed; the second one tells them apart.
    assert len(set(second.tolist())) == len(texts)


@given(st.lists(st.tuples(st.integers(0, 2**63 - 1), st.integers(-(2**63), 2**63 - 1))), st.integers(0, 10))
def test_the_checksum_is_a_sum_of_row_hashes(rows: list[tuple[int, int]], cut: int) -> None:
    def of(part: list[tuple[int, int]]) -> int:
        return checksum("ads/0", np.array([o for o, _ in part], np.int64), np.array([t for _, t in part], np.int64))

    total = sum(mix(mix(hash_one(b"ads/0") ^ o) ^ (t % 2**64)) for o, t in rows) % 2**64
    assert of(rows) % 2**64 == total
    assert (of(rows[:cut]) + of(rows[cut:]) - of(rows)) % 2**64 == 0


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
