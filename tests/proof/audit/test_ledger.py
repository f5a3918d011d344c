"""The audit of the ledger by itself: gaps, overlaps, counts that do not add up, an end elsewhere than the lake's."""

from typing import Any

import pyarrow as pa
import pytest

from dataflow.messages import Range, RollupCount
from proof.audit.ledger import check_ledger, check_published
from proof.audit.report import Report
from proof.ledger import LedgerLine
from tests.proof.audit.told import kinds, one_range, the
from tests.proof.audited import doubled, with_value, without


@pytest.mark.parametrize("name", ["accepted", "checksum", "max_event_time", "per_ad_counted", "visits_late"])
def test_an_altered_ledger_row_is_named_by_its_range(lake, name):
    seen: dict[str, Any] = {}

    def change(content: pa.Table) -> pa.Table | None:
        at = next((at for at, row in enumerate(content.to_pylist()) if row["read"]), None)
        if at is None:
            return None
        seen.update(content.slice(at, 1).to_pylist()[0])
        return with_value(at, **{name: lambda value: value + 1})(content)

    lake.rewrite("ledger", change, cunning=True)
    report = lake.audit()
    finding = the(report, "ledger", "ledger")
    assert one_range(finding) == (seen["partition"], seen["start_offset"], seen["end_offset"])
    assert f"{name} is {seen[name] + 1}, the source gives {seen[name]}" in finding.detail
    conserved = name in ("checksum", "max_event_time")
    assert (("conservation", "ledger") in kinds(report)) != conserved


def test_counts_that_still_add_up_are_compared_with_the_source(lake):
    change = with_value(0, accepted=lambda count: count - 1, late=lambda count: count + 1)
    lake.rewrite("ledger", change, cunning=True)
    report = lake.audit()
    assert kinds(report) == {("ledger", "ledger")}
    assert "accepted is" in report.findings[0].detail


def with_read(change: Any) -> Any:
    """`change(at)` for the first row of a ledger file, unless it is only a heartbeat."""
    return lambda content: change(0)(content) if content.column("read")[0].as_py() else None


def test_a_removed_ledger_row_is_a_gap(lake):
    lake.rewrite("ledger", with_read(without), cunning=True)
    report = lake.audit()
    assert kinds(report) == {("gap", "ledger"), ("ledger", "ledger")}
    assert one_range(the(report, "gap", "ledger"))[1:] == one_range(the(report, "ledger", "ledger"))[1:]


def test_a_removed_last_ledger_row_is_a_gap(compacted):
    lake = compacted
    lake.rewrite("ledger", lambda content: content.slice(0, 0), cunning=True)
    report = lake.audit()
    assert ("gap", "ledger") in kinds(report)


def test_a_doubled_ledger_row_is_an_overlap(lake):
    lake.rewrite("ledger", with_read(doubled), cunning=True)
    report = lake.audit()
    assert kinds(report) == {("overlap", "ledger")}


def test_a_ledger_row_that_reaches_into_the_next_one_is_an_overlap(lake):
    lake.rewrite("ledger", with_read(lambda at: with_value(at, end_offset=lambda end: end + 2)), cunning=True)
    report = lake.audit()
    assert ("overlap", "ledger") in kinds(report)
    (overlap,) = [each for each in report.findings if each.kind == "overlap"]
    assert one_range(overlap)[2] - one_range(overlap)[1] == 2


def test_contiguous_ranges_with_wrong_borders_do_not_hold_what_they_say(compacted):
    lake = compacted

    def move(content: pa.Table) -> pa.Table:
        rows = content.to_pylist()
        mine = [row for row in rows if row["partition"] == "left" and row["read"]]
        mine[0]["end_offset"] += 1
        mine[1]["start_offset"] += 1
        return pa.Table.from_pylist(rows, schema=content.schema)

    lake.rewrite("ledger", move, cunning=True)
    report = lake.audit()
    differing = [one_range(each) for each in report.findings if "the source gives" in each.detail]
    assert differing == [("left", 0, 7), ("left", 7, 12)]


def test_a_ledger_row_of_another_source_partition_is_found(lake):
    lake.rewrite("ledger", with_read(lambda at: with_value(at, partition="stranger")), cunning=True)
    report = lake.audit()
    assert {("gap", "ledger"), ("offset", "ledger")} <= kinds(report)
    assert any(each.ranges and each.ranges[0].partition == "stranger" for each in report.findings)


@pytest.mark.parametrize(
    ("move", "kind", "where"),
    [(5, "gap", (60, 65)), (1, "gap", (60, 61)), (-1, "offset", (59, 60)), (-5, "offset", (55, 60))],
)
def test_a_moved_next_offset_is_found(lake, move, kind, where):
    lake.run('UPDATE own_offset SET next = next + ? WHERE "partition" = ?', move, "left")
    report = lake.audit()
    assert one_range(the(report, kind, "ledger")) == ("left", *where)


def test_a_moved_event_time_is_found(lake):
    lake.run('UPDATE own_offset SET max_event_time = max_event_time + 1 WHERE "partition" = ?', "left")
    assert kinds(lake.audit()) == {("offset", "ledger")}


def line(start: int, end: int, epoch: int = 1, **changes: Any) -> LedgerLine:
    count = end - start
    counts = {"read": count, "accepted": count, "max_event_time": 9, **changes}
    return LedgerLine(Range("p", "t", start, end, rollups={"r": RollupCount(0, count, 0)}, **counts), epoch, 0, epoch)


def checked(
    *lines: LedgerLine, end: int, newest: int | None = 9, begin: int | None = None
) -> tuple[list[str], list[str]]:
    """(findings, segments) of one source partition."""
    report = Report(1)
    starts = {} if begin is None else {"p": begin}
    segments = check_ledger({"p": lines}, {"p": (end, newest)}, starts, report)["p"]
    shown = [f"[{each.start}, {each.end}){'' if each.line else ' hole'}" for each in segments]
    return [f"{each.kind} {', '.join(map(str, each.ranges))}" for each in report.findings], shown


def test_rows_that_follow_one_another_to_the_lakes_offset_are_right() -> None:
    assert checked(line(0, 5), line(5, 7, 2), end=7) == ([], ["[0, 5)", "[5, 7)"])


def test_a_heartbeat_of_no_offsets_is_right_anywhere() -> None:
    beat = line(5, 5, 2, max_event_time=None)
    assert checked(line(0, 5), beat, line(5, 7, 3), end=7)[0] == []


def test_segments_cover_every_offset_once_whatever_the_rows_are() -> None:
    assert checked(line(0, 5), line(7, 9, 2), end=9) == (["gap p [5, 7)"], ["[0, 5)", "[5, 7) hole", "[7, 9)"])
    assert checked(line(0, 5), line(3, 9, 2), end=9) == (["overlap p [3, 5)"], ["[0, 5)", "[5, 9) hole"])
    assert checked(line(0, 5), line(1, 3, 2), end=5) == (["overlap p [1, 3)"], ["[0, 5)"])


def test_offsets_known_to_have_been_read_before_the_first_row_are_a_gap() -> None:
    assert checked(line(4, 6), end=6, begin=2) == (["gap p [2, 4)"], ["[2, 4) hole", "[4, 6)"])
    assert checked(line(4, 6), end=6, begin=4)[0] == []


def test_an_end_that_is_not_the_lakes_is_found_on_either_side() -> None:
    assert checked(line(0, 5), end=7) == (["gap p [5, 7)"], ["[0, 5)", "[5, 7) hole"])
    assert checked(line(0, 5), end=3) == (["offset p [3, 5)"], ["[0, 5)"])


def test_counts_that_do_not_add_up_are_named() -> None:
    assert checked(line(0, 5, accepted=4), end=5)[0] == ["conservation p [0, 5)"]


def test_a_source_partition_that_the_catalog_does_not_know_is_found() -> None:
    report = Report(1)
    check_ledger({"p": [line(0, 5)]}, {}, {}, report)
    (finding,) = report.findings
    assert "no next offset of this source partition" in finding.detail


def test_a_published_range_without_its_row_is_found_and_one_row_counts_once() -> None:
    report = Report(1)
    lines = {"p": [line(0, 5), line(5, 7, 2)]}
    check_published([(1, '[["p", 0, 5]]'), (2, '[["p", 5, 7]]')], lines, report)
    assert report.findings == []
    check_published([(1, '[["p", 0, 5], ["p", 0, 5]]'), (3, '[["q", 0, 1]]')], lines, report)
    assert [str(each.ranges[0]) for each in report.findings] == ["p [0, 5)", "q [0, 1)"]
