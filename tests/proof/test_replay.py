"""Which ranges a replay reads, and whether two lakes hold the same."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dataflow.errors import ConfigError
from proof.audit.selection import Selection
from proof.replay import ReplayRange, TableComparison, compare, content_hash, replay_ranges
from query.reader import LakeReader, LakeSnapshot
from tests.query.lakes import T0, LakeMaker, clicks, ledger

LINES = [("a", 5, 10), ("a", 10, 20), ("b", 0, 4)]


class Lakes:
    """Two lakes, filled alike unless told otherwise."""

    def __init__(self, folder: Path) -> None:
        self.makers = [LakeMaker(folder / name) for name in ("live", "again")]
        self.readers = [LakeReader(maker.folder) for maker in self.makers]

    def commit(self, tables: Any, *, live: bool = True, again: bool = True) -> None:
        for maker, wanted in zip(self.makers, (live, again), strict=True):
            if wanted:
                maker.commit(tables)

    @property
    def snapshots(self) -> tuple[LakeSnapshot, LakeSnapshot]:
        return self.readers[0].snapshot(), self.readers[1].snapshot()

    def different(self, ranges: list[ReplayRange] | None = None) -> set[str]:
        return {each.table for each in compare(*self.snapshots, ranges) if not each.is_equal}


@pytest.fixture
def lakes(tmp_path: Path) -> Iterator[Lakes]:
    made = Lakes(tmp_path)
    yield made
    for each in (*made.readers, *(maker.catalog for maker in made.makers)):
        each.close()  # type: ignore[attr-defined]


def fill(lakes: Lakes) -> datetime:
    """The ledger's lines, one commit each; gives when the second was made."""
    times = []
    for partition, start, end in LINES:
        lakes.commit({"ledger": [ledger(partition, start, end, T0)]})
        times.append(lakes.makers[0].clock)
    return times[1]


def ranges(lakes: Lakes, **selection: Any) -> list[ReplayRange]:
    return replay_ranges(lakes.snapshots[0], Selection(**selection))


def test_everything_is_replayed_from_where_the_lake_begins(lakes: Lakes) -> None:
    fill(lakes)
    assert ranges(lakes) == [ReplayRange("a", 5, 5, 20), ReplayRange("b", 0, 0, 4)]


def test_a_part_is_replayed_from_the_beginning_and_compared_by_itself(lakes: Lakes) -> None:
    second = fill(lakes)
    assert ranges(lakes, partition="a", start=12, end=15) == [ReplayRange("a", 5, 12, 15)]
    assert ranges(lakes, partition="a", since=second) == [ReplayRange("a", 5, 10, 20)]
    assert ranges(lakes, until=second) == [ReplayRange("a", 5, 5, 10)]


def test_a_selection_of_nothing_is_refused(lakes: Lakes) -> None:
    fill(lakes)
    for nothing in ({"partition": "c"}, {"start": 20}, {"start": 12, "end": 12}, {"since": T0 + timedelta(days=1)}):
        with pytest.raises(ConfigError, match="nothing of the ledger lies in it"):
            ranges(lakes, **nothing)


def test_lakes_that_were_cut_otherwise_into_commits_are_equal(lakes: Lakes) -> None:
    lakes.commit({"ad_clicks_1m_delta": [clicks("a", 0, 3, "1.5")]}, again=False)
    for spend in ("1", "0.5"):
        lakes.commit({"ad_clicks_1m_delta": [clicks("a", 0, 1 if spend == "1" else 2, spend)]}, live=False)
    assert lakes.different() == set()


def test_a_table_that_differs_is_named_with_both_counts(lakes: Lakes) -> None:
    lakes.commit({"ad_clicks_1m_delta": [clicks("a", 0, 3)]})
    lakes.commit({"ad_clicks_1m_delta": [clicks("b", 0, 1)]}, again=False)
    assert lakes.different() == {"ad_clicks_1m"}
    (found,) = [each for each in compare(*lakes.snapshots, None) if not each.is_equal]
    assert (found.rows, found.rows_replayed) == (2, 1)
    assert found.as_json()["equal"] is False


def test_of_a_part_only_rows_inside_count_and_windows_are_left_out(lakes: Lakes) -> None:
    def event(offset: int) -> dict[str, Any]:
        return {"partition": "a", "offset": offset, "event_time": 0}

    lakes.commit({"events": [event(5), event(6)]})
    lakes.commit({"events": [event(7)], "ad_clicks_1m_delta": [clicks("a", 0, 3)]}, again=False)
    assert "ad_clicks_1m" in lakes.different()
    assert lakes.different([ReplayRange("a", 0, 5, 7)]) == set()
    assert lakes.different([ReplayRange("a", 0, 5, 8)]) == {"events"}


def test_a_hash_depends_on_content_and_not_on_order(lakes: Lakes) -> None:
    lakes.commit({"late_events": [{"rollup": "r", "offset": 1}, {"rollup": None, "offset": 2}]}, again=False)
    lakes.commit({"late_events": [{"rollup": None, "offset": 2}]}, live=False)
    lakes.commit({"late_events": [{"rollup": "r", "offset": 1}]}, live=False)
    one, other = (content_hash(snapshot, "SELECT * FROM late_events") for snapshot in lakes.snapshots)
    assert one == other
    assert one[0] == 2


def test_equal_hashes_of_another_number_of_rows_are_no_equality() -> None:
    assert TableComparison("t", 1, "h", 1, "h").is_equal
    assert not TableComparison("t", 1, "h", 2, "h").is_equal
    assert not TableComparison("t", 1, "h", 1, "i").is_equal
