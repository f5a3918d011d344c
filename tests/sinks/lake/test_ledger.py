from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow.errors import ConservationError, Gap
from dataflow.messages import Range, RollupCount
from dataflow.pipeline.tables import ledger_schema
from dataflow.rules import Rules
from sinks.lake.ledger import check_conservation, ledger_rows, merge_ranges
from tests.sinks.lake.small import small_plan


def entry(start: int, end: int, partition: str = "t/0", **changes: object) -> Range:
    made = Range(partition, "t", start, end, end - start, end - start)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


@given(st.lists(st.integers(0, 5), min_size=1, max_size=20), st.randoms(use_true_random=False))
def test_ranges_in_any_order_become_one(lengths: list[int], shuffler: object) -> None:
    at = 7
    ranges = []
    for length in lengths:
        ranges.append(entry(at, at + length, checksum=2**62 + length, max_event_time=length or None))
        at += length
    shuffler.shuffle(ranges)  # type: ignore[attr-defined]  # Hypothesis's random
    (whole,) = merge_ranges(ranges)
    assert (whole.start, whole.end, whole.read, whole.accepted) == (7, at, at - 7, at - 7)
    total = sum(2**62 + length for length in lengths)
    assert (whole.checksum - total) % 2**64 == 0
    assert -(2**63) <= whole.checksum < 2**63
    assert whole.max_event_time == (max(lengths) or None)


def test_the_ranges_given_are_not_changed() -> None:
    ranges = [entry(0, 2, rollups={"r": RollupCount(0, 2, 0)}), entry(2, 3, rollups={"r": RollupCount(0, 1, 0)})]
    assert merge_ranges(ranges)[0].rollups["r"].counted == 3
    assert [part.rollups["r"].counted for part in ranges] == [2, 1]


@pytest.mark.parametrize("second", [(3, 4), (1, 4)])
def test_ranges_that_do_not_follow_each_other_are_a_gap(second: tuple[int, int]) -> None:
    with pytest.raises(Gap, match=r"t/0: one epoch holds offsets \[0, 2\) and then"):
        merge_ranges([entry(0, 2), entry(*second)])


STRICT, MILD = Rules(5, 30, 0, (("total", 0),)), Rules(50, 30, 0, (("total", 7),))


def test_where_rules_change_within_an_epoch_each_has_a_range_of_its_own() -> None:
    parts = [
        entry(0, 0, rules=MILD),
        entry(0, 2, rules=STRICT, watermark=10),
        entry(2, 2, rules=MILD),
        entry(2, 3, rules=STRICT, watermark=12),
        entry(3, 5, rules=MILD, watermark=12),
        entry(5, 5, rules=MILD),
    ]
    merged = [(part.start, part.end, part.rules, part.watermark) for part in merge_ranges(parts)]
    assert merged == [(0, 3, STRICT, 12), (3, 5, MILD, 12)]


def test_a_row_tells_its_rules_and_one_of_an_earlier_version_none() -> None:
    schema, at = ledger_schema(small_plan()), datetime(2026, 1, 1, tzinfo=UTC)
    told, untold = ledger_rows(
        [entry(0, 5, rules=MILD, watermark=9), entry(5, 6)], schema, epoch=9, committed_at=at
    ).to_pylist()
    names = (
        "watermark",
        "out_of_orderness_ms",
        "idle_timeout_ms",
        "deduplicate_within_ms",
        "total_allowed_lateness_ms",
    )
    assert [told[name] for name in names] == [9, 50, 30, 0, 7]
    assert [untold[name] for name in names] == [None] * 5


def test_a_rule_that_is_longer_than_any_time_is_told_as_the_longest() -> None:
    line = entry(0, 5, rules=MILD._replace(out_of_orderness_ms=10**20, allowed_lateness_ms=(("total", 10**20),)))
    at = datetime(2026, 1, 1, tzinfo=UTC)
    (row,) = ledger_rows([line], ledger_schema(small_plan()), epoch=9, committed_at=at).to_pylist()
    assert row["out_of_orderness_ms"] == row["total_allowed_lateness_ms"] == 2**63 - 1


def test_partitions_are_in_name_order() -> None:
    assert [part.partition for part in merge_ranges([entry(0, 1, "b"), entry(0, 1, "a")])] == ["a", "b"]


@pytest.mark.parametrize(
    "broken",
    [
        entry(0, 5, accepted=4),
        entry(0, 5, duplicate=1),
        entry(0, 5, read=6, accepted=6),
        entry(0, 5, rollups={"r": RollupCount(1, 3, 0)}),
        entry(0, 5, accepted=3, dead=1, duplicate=1, rollups={"r": RollupCount(1, 3, 0)}),
    ],
)
def test_a_record_too_many_or_too_few_is_refused(broken: Range) -> None:
    with pytest.raises(ConservationError, match=r"offsets \[0, 5\)"):
        check_conservation(broken)


def test_holes_in_the_offsets_are_no_missing_records() -> None:
    check_conservation(entry(0, 50, read=3, accepted=1, dead=2, rollups={"r": RollupCount(0, 1, 0)}))


def test_a_row_holds_all_counts() -> None:
    plan = small_plan()
    line = entry(0, 5, accepted=2, late=1, duplicate=1, dead=1, rollups={"total": RollupCount(1, 1, 1)}, finished=True)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    (row,) = ledger_rows([line], ledger_schema(plan), epoch=9, committed_at=at).to_pylist()
    assert (row["partition"], row["read"], row["late"], row["finished"], row["epoch"]) == ("t/0", 5, 1, True, 9)
    assert (row["total_filtered"], row["total_counted"], row["total_late"]) == (1, 1, 1)
    assert row["per_ad_late"] is None
    assert row["final"] is False
    (row,) = ledger_rows([line], ledger_schema(plan), epoch=9, committed_at=at, final={"t/0"}).to_pylist()
    assert row["final"] is True
    assert row["committed_at"] == at.replace(tzinfo=None)


def gap(start: int, end: int) -> Range:
    return entry(start, end, read=0, accepted=0, lost=end - start)


def test_what_is_lost_has_a_range_of_its_own_and_is_never_read() -> None:
    parts = [entry(0, 2), entry(2, 2), gap(2, 6), entry(6, 6), entry(6, 9), gap(9, 10)]
    merged = merge_ranges(reversed(parts))
    assert [(each.start, each.end, each.read, each.lost) for each in merged] == [
        (0, 2, 2, 0),
        (2, 6, 0, 4),
        (6, 9, 3, 0),
        (9, 10, 0, 1),
    ]
    schema = ledger_schema(small_plan())
    rows = ledger_rows(merged, schema, epoch=1, committed_at=datetime(2026, 1, 1, tzinfo=UTC)).to_pylist()
    assert [row["lost"] for row in rows] == [0, 4, 0, 1]


@pytest.mark.parametrize("wrong", [entry(0, 4, lost=4), entry(0, 4, read=0, accepted=0, lost=3)])
def test_a_range_is_lost_as_a_whole_or_not_at_all(wrong: Range) -> None:
    with pytest.raises(ConservationError, match=r"offsets \[0, 4\): lost [34], but read [04] of 4"):
        check_conservation(wrong)
