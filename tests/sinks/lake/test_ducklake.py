"""The official extension answers every question about our lake as its files do: before, while and after compaction."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dataflow.pipeline.tables import tables_of
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.reader import open_readonly
from sinks.lake.upkeep.compact import compact
from sinks.lake.upkeep.expire import Retention
from sinks.lake.writer import commit
from tests.ducklake_client import ducklake_query, plain
from tests.sinks.lake.reading import ask, lake_connection, rows_of
from tests.sinks.lake.small import Click, Clock, event_row, parcel, per_ad_row, small_plan, writer_for

pytestmark = pytest.mark.ducklake

PLAN = small_plan()
SPECS = tables_of(PLAN, events=True)
EPOCHS = 20
ROWS = 7

FILTERS = (
    "ad = 'ad 1'",
    "ad > 'ad 0'",
    "ad IS NULL",
    '"offset" = 77',
    '"offset" BETWEEN 30 AND 44',
    "time < TIMESTAMP '1970-01-01'",
    "time >= TIMESTAMP '1970-01-01 00:01:30.5'",
    "record_timestamp >= 1700000000100",
    "cost = 2.5",
    "cost > 9.125",
    "cost < 0",
    "score > 20.5",
    "score IS NULL",
    "score < -1",
    "day = DATE '2026-02-01'",
    "day < DATE '2026-01-05'",
    "day IS NULL",
    "flag",
    "NOT flag",
    "flag IS NULL",
    '"user" = 100',
    '"user" > 135 OR "user" < -2',
    "\"partition\" = 't/0'",
)
QUESTIONS = (
    *(f'SELECT count(*), sum("offset"), sum(cost) FROM events WHERE {condition}' for condition in FILTERS),
    'SELECT count(*), count(ad), count(score), count(day), count(flag), count("user") FROM events',
    "SELECT min(ad), max(ad), min(cost), max(cost), min(score), max(score), min(day), max(day) FROM events",
    'SELECT * FROM events ORDER BY "offset"',
    "SELECT * FROM ledger ORDER BY start_offset",
    "SELECT ad, window_start, sum(clicks) FROM per_ad_delta GROUP BY ALL ORDER BY ALL",
    "SELECT count(*) FROM per_ad_delta WHERE window_start = TIMESTAMP '1970-01-01 00:03:00'",
    "SELECT sum(clicks), sum(spend) FROM per_ad_delta WHERE window_start >= TIMESTAMP '1970-01-01 00:09:00'",
    "SELECT ad, sum(len(users_kmv)), max(users_kmv[1]) FROM per_ad_delta GROUP BY ad ORDER BY ad",
    "SELECT ad, clicks, users FROM per_ad ORDER BY ad, window_start",
)


def rows(epoch: int) -> dict[str, list[dict[str, Any]]]:
    """An epoch's rows; in the first one every optional column is null."""
    first = (epoch - 1) * ROWS
    empty = {"ad": None, "score": None, "day": None, "flag": None, "user": None} if epoch == 1 else {}
    return {
        "events": [event_row(offset, **empty) for offset in range(first, first + ROWS)],
        "per_ad_delta": [per_ad_row(ad, epoch // 2, epoch, users=[epoch, epoch + 100]) for ad in ("a", "b")],
    }


def fill(folder: Path, clock: Clock) -> None:
    writer = writer_for(folder, PLAN, clock=clock)
    for epoch in range(1, EPOCHS + 1):
        start = (epoch - 1) * ROWS
        commit(writer, [parcel(PLAN, 0, start, start + ROWS, tables=rows(epoch))], epoch)
    writer.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lake(tmp_path: Path, clock: Clock) -> Path:
    fill(tmp_path / "lake", clock)
    return tmp_path / "lake"


def at_versions(versions: list[int]) -> list[str]:
    return [f'SELECT count(*), sum("offset"), max(score) FROM events AT (VERSION => {version})' for version in versions]


def agrees(lake: Path) -> None:
    """All questions, and time travel to every snapshot, as the files say."""
    with open_readonly(lake) as reader:
        versions = [snapshot.id for snapshot in reader.snapshots() if snapshot.id >= 2]
    answers = ducklake_query(lake, [*QUESTIONS, *at_versions(versions)])
    with lake_connection(lake) as connection:
        assert answers[: len(QUESTIONS)] == [plain(connection.execute(sql).fetchall()) for sql in QUESTIONS]
    for number, version in list(enumerate(versions, start=len(QUESTIONS)))[::4]:
        past = ask(lake, 'SELECT count(*), sum("offset"), max(score) FROM events', as_of=version)
        assert answers[number] == plain(past), version


def test_counts_sums_and_filters_equal_those_of_the_files_before_and_after_compaction(lake: Path, clock: Clock) -> None:
    agrees(lake)
    before = ducklake_query(lake, list(QUESTIONS))
    catalog = Catalog.open(lake)
    report = compact(catalog, SPECS, clock=clock)
    assert report.merged_files == 3 * EPOCHS
    compact(catalog, SPECS, clock=clock, retention=Retention(grace=timedelta(0)))
    catalog.close()
    assert len(list(lake.glob("main/events/*.parquet"))) == 1
    assert ducklake_query(lake, list(QUESTIONS)) == before
    agrees(lake)


def test_the_change_feed_is_the_same_after_compaction(lake: Path, clock: Clock) -> None:
    feeds = [
        'SELECT snapshot_id, rowid, change_type, "offset"'
        " FROM ducklake_table_changes('lake', 'main', 'events', 4, 12) ORDER BY ALL",
        "SELECT count(*) FROM ducklake_table_insertions('lake', 'main', 'per_ad_delta', 3, 9)",
        "SELECT count(DISTINCT rowid), min(rowid), max(rowid) FROM events",
    ]
    before = ducklake_query(lake, feeds)
    assert len(before[0]) == 9 * ROWS
    catalog = Catalog.open(lake)
    compact(catalog, SPECS, clock=clock)
    catalog.close()
    assert ducklake_query(lake, feeds) == before


def test_sums_of_expired_deltas_answer_the_same(lake: Path, clock: Clock) -> None:
    questions = [sql for sql in QUESTIONS if "FROM per_ad" in sql and "count(*)" not in sql and "len(" not in sql]
    before = ducklake_query(lake, questions)
    catalog = Catalog.open(lake)
    clock.now += timedelta(days=30)
    report = compact(catalog, SPECS, clock=clock)
    catalog.close()
    assert report.expiry.snapshots == EPOCHS + 1
    assert report.summed_rows > 0
    assert ducklake_query(lake, questions) == before
    with lake_connection(lake) as connection:
        assert before == [plain(connection.execute(sql).fetchall()) for sql in questions]


class Richer(Click):
    country: str | None = None


def test_an_added_column_reads_as_null_before_and_as_itself_after(lake: Path, clock: Clock) -> None:
    richer = small_plan(event=Richer)
    start = EPOCHS * ROWS
    new = [{**event_row(offset), "country": "NZ"} for offset in range(start, start + 3)]
    commit(writer_for(lake, richer, clock=clock), [parcel(richer, 0, start, start + 3, tables={"events": new})], 99)
    questions = [
        "SELECT count(country), count(*) FROM events",
        "SELECT count(*) FROM events WHERE country IS NULL",
        "SELECT count(*) FROM events WHERE country = 'NZ'",
        "SELECT * FROM events AT (VERSION => 3) LIMIT 0",
    ]
    expected = [[[3, start + 3]], [[start]], [[3]], []]
    assert ducklake_query(lake, questions) == expected
    catalog = Catalog.open(lake)
    compact(catalog, tables_of(richer, events=True), clock=clock)
    catalog.close()
    assert ducklake_query(lake, questions) == expected
    assert ask(lake, "SELECT count(country), count(*) FROM events") == [(3, start + 3)]


def test_the_extension_may_write_and_we_go_on(lake: Path, clock: Clock) -> None:
    total = EPOCHS * ROWS
    ducklake_query(
        lake,
        [
            "INSERT INTO late_events VALUES ('per_ad', 't', 't/0', 1, make_timestamp_ms(2), make_timestamp_ms(3), 4)",
            "CALL ducklake_flush_inlined_data('lake')",
            'DELETE FROM events WHERE "offset" = 3',
        ],
        writable=True,
    )
    writer = writer_for(lake, PLAN, clock=clock)
    commit(writer, [parcel(PLAN, 0, total, total + 2, tables={"events": [event_row(total), event_row(total + 1)]})], 99)
    writer.close()
    questions = ["SELECT count(*) FROM events", "SELECT rollup FROM late_events"]
    expected = [[[total + 1]], [["per_ad"]]]
    assert ducklake_query(lake, questions) == expected
    with open_readonly(lake) as reader:
        assert reader.foreign_changes(reader.latest().id) == ["events"]
    catalog = Catalog.open(lake)
    compact(catalog, SPECS, clock=clock)
    catalog.close()
    assert ducklake_query(lake, questions) == expected


def test_the_extensions_own_maintenance_keeps_our_lake_exact(lake: Path, clock: Clock) -> None:
    before = ducklake_query(lake, list(QUESTIONS))
    ducklake_query(lake, ["CALL ducklake_merge_adjacent_files('lake')"], writable=True)
    assert ducklake_query(lake, list(QUESTIONS)) == before
    start = EPOCHS * ROWS
    writer = writer_for(lake, PLAN, clock=clock)
    commit(writer, [parcel(PLAN, 0, start, start + 1, tables={"events": [event_row(start)]})], 99)
    for epoch in range(100, 110):
        start += 1
        commit(writer, [parcel(PLAN, 0, start, start + 1, tables={"events": [event_row(start)]})], epoch)
    writer.close()
    catalog = Catalog.open(lake)
    report = compact(catalog, SPECS, clock=clock)
    catalog.close()
    assert (report.files["events"], report.skipped) == (1, ())
    cost = sum((Decimal(offset) / 8 - 1 for offset in range(start + 1)), Decimal(0))
    questions = ["SELECT count(*), sum(cost) FROM events", "SELECT count(*) FROM events AT (VERSION => 5)"]
    (answer, past) = ducklake_query(lake, questions)
    assert (answer[0][0], Decimal(answer[0][1])) == (start + 1, cost)
    assert past == [[4 * ROWS]]
    assert len(rows_of(lake, "events", 5)) == 4 * ROWS


def test_a_moved_lake_attaches_after_the_next_run_has_opened_it(lake: Path, clock: Clock) -> None:
    moved = lake.rename(lake.with_name("elsewhere"))
    writer_for(moved, PLAN, clock=clock).close()
    assert ducklake_query(moved, ["SELECT count(*) FROM events"]) == [[[EPOCHS * ROWS]]]
