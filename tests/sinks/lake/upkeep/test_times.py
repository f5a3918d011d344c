"""The times of files, from the catalog alone."""

from pathlib import Path

from sinks.lake.catalog.catalog import Catalog
from sinks.lake.upkeep.times import NEVER_KNOWN, FileTimes, file_times
from tests.sinks.lake.upkeep.leaving import MINUTE_MS, Hit, Leaving, plan_of


def times(lake: Leaving, table: str, column: str | None) -> list[FileTimes]:
    catalog = Catalog.open(lake.folder)
    try:
        return file_times(catalog.connection, catalog.tables()[table], column)
    finally:
        catalog.close()


def bounds(lake: Leaving, table: str, column: str | None) -> list[tuple[int | None, int | None]]:
    return [(file.earliest_ms, file.latest_ms) for file in times(lake, table, column)]


def dead(offset: int) -> dict[str, list[dict[str, object]]]:
    return {"dead_letters": [{"topic": "t", "partition": "t/0", "offset": offset, "reason": "empty", "message": "no"}]}


def test_ints_and_timestamps_are_milliseconds_of_the_live_files_in_row_order(tmp_path: Path) -> None:
    lake = Leaving(tmp_path / "lake", plan_of())
    lake.commit([Hit("a", 500, 1), Hit("a", 130_250, 1)])
    lake.commit([Hit("a", -1, 1)])
    assert bounds(lake, "events", "time") == [(500, 130_250), (-1, -1)]
    assert bounds(lake, "minutes_delta", "window_end") == [(MINUTE_MS, 3 * MINUTE_MS), (0, 0)]
    assert bounds(lake, "visits_delta", "window_start") == [(500, 130_250), (-1, -1)]
    assert [(file.rows, file.newest - file.begin) for file in times(lake, "events", "time")] == [(2, 0), (1, 0)]


def test_what_the_catalog_does_not_know_may_be_any_time_and_a_file_without_values_has_none(tmp_path: Path) -> None:
    lake = Leaving(tmp_path / "lake", plan_of())
    lake.commit([Hit("a", 400_000, 1)])
    lake.commit([], "t/1")
    catalog = Catalog.open(lake.folder)
    # as for times beyond the year 9999
    catalog.connection.execute("UPDATE ducklake_file_column_stats SET min_value = NULL, max_value = NULL")
    catalog.close()
    assert bounds(lake, "visits_delta", "window_end") == [(-NEVER_KNOWN, NEVER_KNOWN)]
    assert bounds(lake, "events", "none_such") == [(-NEVER_KNOWN, NEVER_KNOWN)]
    assert bounds(lake, "ledger", "max_event_time")[1] == (None, None)


def test_dead_letters_have_the_largest_event_time_that_the_ledger_knows_of_then(tmp_path: Path) -> None:
    lake = Leaving(tmp_path / "lake", plan_of())
    lake.commit_rows([], dead(0))
    lake.commit_rows([Hit("a", 700, 1)], dead(1))
    lake.commit([Hit("a", 900, 1)])
    lake.commit_rows([Hit("a", 100, 1)], dead(3))
    assert [latest for _, latest in bounds(lake, "dead_letters", None)] == [NEVER_KNOWN, 700, 900]
