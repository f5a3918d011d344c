"""Rows that wait are folded as if they had come in fewer reads: the same line of the ledger, the same rows."""

from decimal import Decimal
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow.fold import later
from dataflow.fold.fold import Fold
from dataflow.fold.later import Later, joined, unfolded
from dataflow.messages import DEAD_SCHEMA, Judged
from dataflow.own_columns import WATERMARK
from dataflow.pipeline.tables import tables_of
from sinks.lake.ledger import merge_ranges
from tests.dataflow.fold.test_fold import merged, watermarked
from tests.dataflow.hot_path import ROWS, Row, batch_of, plan

FOLD = Fold(plan(), events=True).fold
NUMBERS = [pa.field(name, pa.int64()) for name in ("offset", "record_timestamp", WATERMARK)]
SCHEMA = pa.schema([*plan().event.arrow, *NUMBERS])
SOME: Row = {
    **dict.fromkeys(("event_id", "shop", "member", "ratio", "day")),
    "event_time": 1,
    "kind": "click",
    "amount": 1,
    "cost": Decimal(1),
}
TABLES = [spec.name for spec in tables_of(plan(), events=True)]


def reads(rows: list[Row], cuts: list[int], partition: str = "t/0") -> list[Judged]:
    edges = sorted({0, len(rows), *(cut for cut in cuts if cut < len(rows))})
    return [
        Judged(partition, "t", start, end, read=end - start, rows=batch_of(rows[start:end], SCHEMA))
        for start, end in pairwise(edges)
    ]


def nothing(partition: str, at: int) -> Judged:
    return Judged(partition, "t", at, at)


@given(st.lists(ROWS, min_size=1, max_size=8), st.lists(st.integers(1, 7)))
def test_ranges_that_are_folded_together_say_what_they_say_apart(rows: list[Row], cuts: list[int]) -> None:
    parts = reads(watermarked(rows), cuts)
    apart = [FOLD(part) for part in parts]
    waiting = Later(FOLD)
    for part in parts:
        waiting.add(part, 7)
    together = waiting.rest()
    assert [parcel.epoch for parcel in together] == [7]
    assert waiting.rest() == []
    assert merge_ranges(parcel.range for parcel in together) == merge_ranges(parcel.range for parcel in apart)
    for name in TABLES:
        assert sorted(map(str, merged(together, name))) == sorted(map(str, merged(apart, name)))


def test_few_rows_wait_and_what_is_large_or_empty_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(later, "FEW_ROWS", 3)
    few, many = reads(watermarked([SOME] * 5), [2])
    parcel = unfolded(few)
    assert parcel is not None
    assert parcel.unfolded is few
    assert (parcel.range.start, parcel.range.end, parcel.range.read, parcel.tables) == (0, 2, 2, {})
    assert unfolded(many) is None
    assert unfolded(nothing("t/0", 5)) is None
    assert unfolded(few, 2) is not None
    assert unfolded(few, 3) is None, "so few come so slowly that they are folded at once"


def test_of_many_source_partitions_those_with_most_rows_do_not_wait_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(later, "FEW_ROWS", 4)
    monkeypatch.setattr(later, "MOST_ROWS", 8)
    waiting, found = Later(FOLD), []
    for name, rows in (("t/0", 2), ("t/1", 3), ("t/2", 2), ("t/3", 2), ("t/4", 1)):
        waiting.add(reads(watermarked([SOME] * rows), [], name)[0], 1)
        found.append([parcel.range.partition for parcel in waiting.due()])
    assert found == [[], [], [], ["t/1"], []]
    assert [parcel.range.partition for parcel in waiting.rest()] == ["t/0", "t/2", "t/3", "t/4"]


def test_one_source_partition_at_a_time_is_folded_once_enough_of_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(later, "FEW_ROWS", 3)
    waiting = Later(FOLD)
    for name in ("t/0", "t/1"):
        for part in reads(watermarked([SOME] * 4), [2], name):
            waiting.add(part, 1)
    due = [(parcel.range.partition, parcel.range.end) for _ in range(3) for parcel in waiting.due()]
    assert due == [("t/0", 4), ("t/1", 4)]
    assert waiting.rest() == []


def test_ranges_with_a_gap_or_other_rules_or_losses_stay_apart() -> None:
    first, second, third = reads(watermarked([SOME] * 3), [1, 2])
    assert [(part.start, part.end) for part in joined([first, second, third])] == [(0, 3)]
    assert [(part.start, part.end) for part in joined([first, third])] == [(0, 1), (2, 3)]
    second.content = "another"
    assert len(joined([first, second, third])) == 3
    lost = Judged("t/0", "t", 3, 5, lost=2)
    assert len(joined([third, lost, nothing("t/0", 5)])) == 3


def test_dead_letters_and_repeats_add_up() -> None:
    first, second = reads(watermarked([SOME] * 2), [1])
    dead = DEAD_SCHEMA.empty_table().to_batches() or [pa.RecordBatch.from_pylist([], DEAD_SCHEMA)]
    first.dead, second.duplicate, second.max_event_time, second.watermark = dead[0], 2, 9, 8
    (whole,) = joined([first, second])
    assert (whole.duplicate, whole.max_event_time, whole.watermark, whole.read) == (2, 9, 8, 2)
    assert whole.dead is not None
    assert whole.rows is not None
    assert whole.rows.num_rows == 2
