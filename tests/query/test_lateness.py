"""How far windows moved after they were closed, from delta rows and the ledger's history."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dataflow.errors import ForeignLake, QueryError
from query.definition import lake_definition
from query.lateness import FOREVER_MS, as_json, as_table, closing_levels, lateness, windows_table
from query.reader import LakeReader
from tests.query.lakes import T0, LakeMaker, clicks, ledger, visit

T0_MS = int(T0.timestamp() * 1000)


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[LakeMaker]:
    with LakeMaker(tmp_path / "lake") as maker:
        yield maker


@pytest.fixture
def reader(lake: LakeMaker) -> Iterator[LakeReader]:
    with LakeReader(lake.folder) as opened:
        yield opened


def _at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def test_rows_after_the_closing_commit_are_corrections_and_those_in_it_are_not(
    lake: LakeMaker, reader: LakeReader
) -> None:
    delta = "ad_clicks_1m_delta"
    lake.commit({delta: [clicks("a", 0, 10, "4")], "ledger": [ledger("p", 0, 10, _at(30))]})
    # end - 1 + bound is 64.999 s: this commit closes the first minute, its own rows came in time
    lake.commit({delta: [clicks("a", 0, 2, "1")], "ledger": [ledger("p", 10, 12, _at(64.999))]})
    first = lake.commit({delta: [clicks("a", 0, 3, "0.5")], "ledger": [ledger("p", 12, 15, _at(70))]})
    last = lake.commit({delta: [clicks("a", 0, 1), clicks("b", 1, 7)], "ledger": [ledger("p", 15, 23, _at(70))]})
    (found,) = lateness(reader, rollup="ad_clicks_1m")
    (window,) = found.moved
    assert (window.key, window.window_start_ms) == ({"ad_id": "a"}, T0_MS)
    assert (window.corrections, window.rows_added) == (2, 4)
    assert (window.first_correction, window.last_correction) == (first, last)
    assert (window.movements["clicks"].at_close, window.movements["clicks"].change) == (12, 4)
    assert window.movements["spend"].change == Decimal("0.5")
    assert window.movements["spend"].relative == pytest.approx(0.1)
    assert (found.closed_windows, found.rows_at_close, found.corrections) == (1, 12, 2)


def test_one_millisecond_before_the_end_is_not_closed(lake: LakeMaker, reader: LakeReader) -> None:
    delta = "ad_clicks_1m_delta"
    lake.commit({delta: [clicks("a", 0, 1)], "ledger": [ledger("p", 0, 1, _at(64.998))]})
    lake.commit({delta: [clicks("a", 0, 1)], "ledger": [ledger("p", 1, 2, _at(64.998))]})
    (found,) = lateness(reader, rollup="ad_clicks_1m")
    assert (found.closed_windows, found.moved) == (0, [])


def test_the_slowest_active_partition_closes_and_an_idle_one_does_not_hold(lake: LakeMaker, reader: LakeReader) -> None:
    facts = lake_definition(reader)
    first = lake.commit({"ledger": [ledger("p", 0, 1, _at(100)), ledger("q", 0, 1, _at(10))]})
    lake.commit({"ledger": [ledger("p", 1, 2, _at(101))]}, after_s=29)
    idle = lake.commit({"ledger": [ledger("p", 2, 3, _at(102))]}, after_s=2)
    assert closing_levels(reader.snapshot(), facts) == [(T0_MS + 5_000, first), (T0_MS + 97_000, idle)]


def test_rules_that_changed_close_by_what_held_at_each_commit(lake: LakeMaker, reader: LakeReader) -> None:
    def told(
        partition: str, start: int, newest_s: int, disorder_s: int, idle_s: int, watermark_s: int
    ) -> dict[str, Any]:
        rules = {"out_of_orderness_ms": disorder_s * 1000, "idle_timeout_ms": idle_s * 1000, "deduplicate_within_ms": 0}
        line = ledger(partition, start, start + 1, _at(newest_s))
        return {**line, **rules, "watermark": T0_MS + watermark_s * 1000}

    facts = lake_definition(reader)
    # as an earlier version wrote it: 5 s of disorder
    first = lake.commit({"ledger": [ledger("p", 0, 1, _at(100)), ledger("q", 0, 1, _at(10))]})
    # a minute of disorder takes no watermark back
    lake.commit({"ledger": [told("p", 1, 101, 60, 30, 95), told("q", 1, 20, 60, 30, 5)]})
    ahead = lake.commit({"ledger": [told("q", 2, 100, 60, 30, 40)]})
    # 40 s without records: as long as the timeout is longer, q holds the others back
    lake.commit({"ledger": [told("p", 2, 200, 60, 50, 140)]}, after_s=40)
    idle = lake.commit({"ledger": [told("p", 3, 200, 60, 20, 140)]}, after_s=1)
    levels = [(T0_MS + 5_000, first), (T0_MS + 40_000, ahead), (T0_MS + 140_000, idle)]
    assert closing_levels(reader.snapshot(), facts) == levels


def test_where_every_partition_is_idle_the_furthest_one_closes(lake: LakeMaker, reader: LakeReader) -> None:
    facts = lake_definition(reader)
    first = lake.commit({"ledger": [ledger("p", 0, 1, _at(100)), ledger("q", 0, 1, _at(10)), ledger("r", 0, 1, None)]})
    assert closing_levels(reader.snapshot(), facts) == []
    # nothing was read for the idle timeout: q does not hold p's windows back any longer
    idle = lake.commit({"ledger": [ledger("q", 1, 1, None)]}, after_s=30)
    assert closing_levels(reader.snapshot(), facts) == [(T0_MS + 95_000, idle)]
    assert first < idle


def test_partitions_that_are_idle_without_a_valid_row_close_nothing(lake: LakeMaker, reader: LakeReader) -> None:
    lake.commit({"ledger": [ledger("p", 0, 1, None)]})
    lake.commit({"ledger": [ledger("p", 1, 1, None)]}, after_s=31)
    assert closing_levels(reader.snapshot(), lake_definition(reader)) == []


def test_an_active_partition_without_a_valid_row_closes_nothing(lake: LakeMaker, reader: LakeReader) -> None:
    facts = lake_definition(reader)
    lake.commit({"ledger": [ledger("p", 0, 1, _at(100)), ledger("q", 0, 1, None)]})
    assert closing_levels(reader.snapshot(), facts) == []
    # to be read to its end says nothing of what comes
    lake.commit({"ledger": [ledger("q", 1, 1, None, finished=True)]})
    assert closing_levels(reader.snapshot(), facts) == []
    end = lake.commit({"ledger": [ledger("q", 1, 1, None, finished=True, final=True)]})
    assert closing_levels(reader.snapshot(), facts) == [(T0_MS + 95_000, end)]
    lake.commit({"ledger": [ledger("q", 1, 1, None)]})
    end = lake.commit({"ledger": [ledger("p", 1, 1, None, finished=True, final=True)]})
    assert closing_levels(reader.snapshot(), facts)[-1] == (FOREVER_MS, end)


def test_a_partition_that_goes_on_after_its_final_end_closes_by_its_watermark(
    lake: LakeMaker, reader: LakeReader
) -> None:
    facts = lake_definition(reader)
    first = lake.commit({"ledger": [ledger("p", 0, 1, _at(5)), ledger("q", 0, 1, None, finished=True, final=True)]})
    assert closing_levels(reader.snapshot(), facts) == [(T0_MS, first)]
    again = lake.commit({"ledger": [ledger("p", 1, 2, _at(100)), ledger("q", 1, 2, _at(10))]})
    assert closing_levels(reader.snapshot(), facts) == [(T0_MS, first), (T0_MS + 5_000, again)]


def test_a_window_that_appears_after_its_end_counts_from_nothing(lake: LakeMaker, reader: LakeReader) -> None:
    lake.commit({"ledger": [ledger("p", 0, 1, _at(200))]})
    lake.commit(
        {"ad_clicks_1m_delta": [clicks("a", 0, 5), clicks("b", 0, 0, late=2)], "ledger": [ledger("p", 1, 8, _at(200))]}
    )
    (found,) = lateness(reader, rollup="ad_clicks_1m")
    (window,) = found.moved
    assert (window.rows_added, window.movements["clicks"].relative) == (5, None)
    assert found.late_rows == 2


def test_a_correction_that_joins_two_sessions_is_told_of_the_merged_one(lake: LakeMaker, reader: LakeReader) -> None:
    lake.commit({"visits_delta": [visit("a", 0, 2, 2), visit("a", 20, 21, 3)], "ledger": [ledger("p", 0, 5, _at(10))]})
    lake.commit({"ledger": [ledger("p", 5, 6, _at(50))]})
    lake.commit({"visits_delta": [visit("a", 11, 11, 1)], "ledger": [ledger("p", 6, 7, _at(50))]})
    (found,) = lateness(reader, rollup="visits")
    (window,) = found.moved
    assert window.window_end_ms - window.window_start_ms == 31_000
    assert (window.movements["n"].at_close, window.movements["n"].change) == (5, 1)


def test_keys_choose_windows_and_unknown_names_are_refused(lake: LakeMaker, reader: LakeReader) -> None:
    lake.commit({"ledger": [ledger("p", 0, 1, _at(200))]})
    lake.commit(
        {"ad_clicks_1m_delta": [clicks("a", 0, 5), clicks("b", 0, 6)], "ledger": [ledger("p", 1, 12, _at(200))]}
    )
    found = lateness(reader, key={"ad_id": "b"})
    assert [each.rollup for each in found] == ["ad_clicks_1m", "visits"]
    assert [window.key["ad_id"] for window in found[0].moved] == ["b"]
    with pytest.raises(QueryError, match="no rollup nope"):
        lateness(reader, rollup="nope")
    with pytest.raises(QueryError, match="key column nope"):
        lateness(reader, key={"nope": "1"})


def test_an_older_snapshot_knows_only_its_own_corrections(lake: LakeMaker, reader: LakeReader) -> None:
    lake.commit({"ledger": [ledger("p", 0, 1, _at(200))]})
    first = lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 5)], "ledger": [ledger("p", 1, 6, _at(200))]})
    lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 1)], "ledger": [ledger("p", 6, 7, _at(200))]})
    assert [each.rows_added for each in lateness(reader, rollup="ad_clicks_1m", as_of=str(first))] == [5]
    assert [each.rows_added for each in lateness(reader, rollup="ad_clicks_1m")] == [6]


def test_the_result_is_told_as_tables_and_as_json(lake: LakeMaker, reader: LakeReader) -> None:
    lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 4)], "ledger": [ledger("p", 0, 4, _at(200))]})
    lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 1)], "ledger": [ledger("p", 4, 5, _at(200))]})
    found = lateness(reader, rollup="ad_clicks_1m")
    assert as_table(found).to_pylist()[0]["change_percent"] == 25.0
    assert windows_table(found, 5).to_pylist()[0]["moved"] == "clicks 4 +1, spend 0.000000 +0.000000"
    assert windows_table(found, 0).num_rows == 0
    (told,) = as_json(found)
    assert told["windows"][0]["window_start"] == T0_MS
    assert told["windows"][0]["aggregates"]["clicks"] == {"at_close": "4", "change": "1", "relative": 0.25}


def test_a_lake_that_no_pipeline_filled_is_refused(lake: LakeMaker, reader: LakeReader) -> None:
    with lake.catalog.transaction() as connection:
        connection.execute("DELETE FROM own_pipeline")
    with pytest.raises(ForeignLake, match="no Tidemill pipeline"):
        lateness(reader)


def test_since_leaves_out_windows_that_start_before(lake: LakeMaker, reader: LakeReader) -> None:
    delta = "ad_clicks_1m_delta"
    lake.commit({delta: [clicks("a", 0, 1), clicks("a", 1, 1)], "ledger": [ledger("p", 0, 2, _at(200))]})
    lake.commit({delta: [clicks("a", 0, 2), clicks("a", 1, 3)], "ledger": [ledger("p", 2, 7, _at(200))]})
    (found,) = lateness(reader, rollup="ad_clicks_1m", since=_at(60))
    assert [(window.window_start_ms, window.rows_added) for window in found.moved] == [(T0_MS + 60_000, 3)]
    (whole,) = lateness(reader, rollup="ad_clicks_1m", since=_at(0))
    assert whole == lateness(reader, rollup="ad_clicks_1m")[0]
    assert len(whole.moved) == 2
