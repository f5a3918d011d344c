"""Hashes and checksums against a model in plain Python, and against the values that lakes and memories hold."""

from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow.columnar.hashing import Hashes, checksum, hash64, identity
from tests.model.hashing import canonical, mix, second_hash_of_text, second_hash_of_word
from tests.model.hashing import hash64 as hash_one

TEXTS = st.lists(st.one_of(st.none(), st.text(max_size=40), st.text("\0a", max_size=20)), max_size=20)
CODED = ["", "a", "ad-1", "12345678", "123456789", "ünïcödé", "b", "a\0", "x" * 40]
"""Texts whose hashes stand below as they were written into the first lakes."""
CODED_HASHES = [
    *(16294208416658607535, 13307658512818067026, 13448792453640154307, 12729979880924091435, 1727681662284549744),
    *(16864410572184369366, 361491670660535238, 361491670660535238, 6824063600866449921),
]
CODED_SECOND = [
    *(16507096966833969069, 13928274916284475565, 6480684897717452527, 89714306429101089, 4904441629704026725),
    *(1347889650522054691, 8697948300217604654, 13590519744543832663, 3224122386839008885),
]


@given(TEXTS, st.integers(0, 3))
def test_text_hashes_by_its_bytes_also_in_a_slice(texts: list[str | None], skip: int) -> None:
    there = [(at, text.encode()) for at, text in enumerate(texts[skip:]) if text is not None]
    for kind in (pa.string(), pa.large_string()):
        array = pa.array(texts, kind)[skip:]
        for lane in (hash64(array), identity(array)[0]):
            assert [int(lane[at]) for at, _ in there] == [hash_one(text) for _, text in there]
        second = identity(array)[1]
        assert [int(second[at]) for at, _ in there] == [second_hash_of_text(text) for _, text in there]


@pytest.mark.parametrize(
    ("values", "data_type"),
    [
        ([0, 1, -1, 2**63 - 1, -(2**63)], pa.int64()),
        ([True, False], pa.bool_()),
        ([0.0, 1.5, -2.25], pa.float64()),
        ([date(1970, 1, 2), date(1969, 12, 31)], pa.date32()),
        ([Decimal("0.000001"), Decimal("-12.5"), Decimal("999999999999.999999")], pa.decimal128(18, 6)),
    ],
)
def test_numbers_hash_by_eight_bytes(values: list[Any], data_type: pa.DataType) -> None:
    array = pa.array([None, *values], data_type)[1:]
    first, second = identity(array)
    assert first.tolist() == hash64(array).tolist() == [hash_one(canonical(value)) for value in values]
    assert second.tolist() == [second_hash_of_word(canonical(value)) for value in values]


def test_zero_below_zero_hashes_as_zero() -> None:
    assert len(set(hash64(pa.array([0.0, -0.0])).tolist())) == 1


def test_a_column_of_codes_hashes_as_what_the_codes_stand_for() -> None:
    for values in (pa.array(["a", "b", "a"]), pa.array([5, -7, 5])):
        for lane, coded in zip(identity(values), identity(values.dictionary_encode()), strict=True):
            assert coded.tolist() == lane.tolist()


def test_a_column_without_rows_has_no_hashes() -> None:
    for kind in (pa.string(), pa.int64()):
        assert [len(lane) for lane in (hash64(pa.array([], kind)), *identity(pa.array([], kind)))] == [0, 0, 0]


@given(st.lists(st.text(alphabet="ab\0", max_size=20), unique=True))
def test_different_ids_have_different_identities(texts: list[str]) -> None:
    _, second = identity(pa.array(texts, pa.string()))
    # "b" and "a\0" share the first hash, whose length goes in unmixed; the second one tells them apart.
    assert len(set(second.tolist())) == len(texts)


@given(st.lists(st.tuples(st.integers(0, 2**63 - 1), st.integers(-(2**63), 2**63 - 1))), st.integers(0, 10))
def test_the_checksum_is_a_sum_of_row_hashes(rows: list[tuple[int, int]], cut: int) -> None:
    def of(part: list[tuple[int, int]]) -> int:
        offsets, times = (np.array([row[at] for row in part], np.int64) for at in (0, 1))
        # as Arrow's own buffers are
        times.flags.writeable = False
        return checksum("ads/0", offsets, times)

    total = sum(mix(mix(hash_one(b"ads/0") ^ o) ^ (t % 2**64)) for o, t in rows) % 2**64
    assert of(rows) % 2**64 == total
    assert (of(rows[:cut]) + of(rows[cut:]) - of(rows)) % 2**64 == 0


def test_hashes_are_those_that_lakes_and_memories_of_ids_hold() -> None:
    def told(lanes: tuple[Hashes, Hashes]) -> tuple[list[int], list[int]]:
        return lanes[0].tolist(), lanes[1].tolist()

    assert told(identity(pa.array(CODED))) == (CODED_HASHES, CODED_SECOND)
    zero, one, below = (
        (15655543297350242377, 12705498974416486254),
        (8409816773569330625, 3308072598042372894),
        (15068777468760853230, 11558833161583580085),
    )
    numbers = tuple(list(lane) for lane in zip(zero, one, below, strict=True))
    assert told(identity(pa.array([0, 1, -1]))) == numbers
    assert told(identity(pa.array([Decimal("-12.5")], pa.decimal128(18, 6)))) == (
        [17764575087460290322],
        [13323430508147876848],
    )
    assert told(identity(pa.array([1.5, -2.25]))) == (
        [6683006250311742895, 17972078956178234256],
        [9616722482468756626, 4842658506123699636],
    )


def test_checksums_are_those_that_ledgers_hold() -> None:
    offsets, times = np.array([0, 1, 2**40]), np.array([0, -1, 1767225600000])
    assert checksum("ads/0", offsets, times) == 758999773181012236
    assert checksum("ünïcödé", np.array([7]), np.array([-(2**63)])) == 9163868881076819682
    assert checksum("ads/0", offsets[:0], times[:0]) == 0
