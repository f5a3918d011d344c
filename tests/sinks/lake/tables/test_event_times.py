"""Event times are TIMESTAMPs to everybody; those of an older lake become such ones and lose neither row nor past."""

import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataflow.errors import LakeError
from dataflow.filter.equalities import equalities
from dataflow.pipeline.tables import tables_of
from query.reader import Bound, LakeReader
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.format import FORMAT, format_of
from sinks.lake.content import DamagedFile
from sinks.lake.leftovers import remove_merged
from sinks.lake.tables.definition import read_definition
from sinks.lake.tables.event_times import MESSAGE, Takeover, open_existing
from sinks.lake.tables.prepare import open_lake
from sinks.lake.upkeep.compact import compact
from sinks.lake.upkeep.erase import erase
from sinks.lake.upkeep.expire import Retention
from sinks.lake.upkeep.found import look
from sinks.lake.upkeep.holders import condition_schema
from sinks.lake.upkeep.times import file_times
from tests.ducklake_client import ducklake_query, plain
from tests.sinks.lake.small import Clock, at, parcel, writer_for
from tests.sinks.lake.tables.older import PLAN, ROWS, WITHOUT_TIMES, fill, late_row, older, older_lake, rows, say_older

ROOT = Path(__file__).parents[4]
SPECS = tables_of(PLAN, events=True)
KEEP_ALL = Retention(keep=timedelta(days=9_999), thin_every=timedelta(0), grace=timedelta(0))
BOUNDS = (
    "time >= TIMESTAMP '1970-01-01 00:00:10'",
    "time < TIMESTAMP '1970-01-01'",
    "time BETWEEN TIMESTAMP '1970-01-01 00:00:03' AND TIMESTAMP '1970-01-01 00:00:05.5'",
    "time = TIMESTAMP '1969-12-31 23:59:57'",
    "time > TIMESTAMP '2026-01-01 10:00'",
    "date_trunc('minute', time) = TIMESTAMP '1970-01-01'",
)
SAME = (
    *(f'SELECT count(*), sum("offset"), min(time), max(time) FROM events WHERE {bound}' for bound in BOUNDS),
    "SELECT min(time), max(time), count(*), count(time) FROM events",
    'SELECT * FROM events ORDER BY "offset"',
    'SELECT * FROM late_events ORDER BY "offset"',
    "SELECT count(*), max(event_time) FROM late_events WHERE watermark >= TIMESTAMP '1970-01-01 00:00:10'",
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lake(tmp_path: Path, clock: Clock) -> Path:
    """A lake of the version before."""
    older_lake(tmp_path / "lake", clock)
    return tmp_path / "lake"


def squeeze(folder: Path, clock: Clock) -> None:
    catalog = Catalog.open(folder)
    report = compact(catalog, SPECS, clock=clock, retention=KEEP_ALL)
    catalog.close()
    assert not report.skipped


def merged(folder: Path, table: str) -> bool:
    """Whether one file holds the rows of several commits."""
    with LakeReader(folder) as reader:
        return any(file.partial_max is not None for file in reader.snapshot().files(table))


def agrees(folder: Path) -> None:
    with LakeReader(folder) as reader:
        connection = reader.snapshot().connection()
        mine = [plain(connection.execute(sql).fetchall()) for sql in SAME]
    assert ducklake_query(folder, SAME) == mine


def told(folder: Path, as_of: int | None = None) -> list[dict[str, Any]]:
    """All events with their times in milliseconds, whatever their type."""
    with LakeReader(folder) as reader:
        table = reader.query('SELECT * FROM events ORDER BY "offset"', as_of=as_of)
    at_time = table.schema.get_field_index("time")
    kind = table.schema.field("time").type
    times = table.column("time") if kind == pa.int64() else table.column("time").cast(pa.timestamp("ms"))
    return table.set_column(at_time, "time", times.cast(pa.int64())).to_pylist()


def head(folder: Path) -> int:
    with sqlite3.connect(folder / "catalog.sqlite") as connection:
        return int(connection.execute("SELECT max(snapshot_id) FROM ducklake_snapshot").fetchone()[0])


def unlisted(folder: Path) -> set[str]:
    with sqlite3.connect(folder / "catalog.sqlite") as connection:
        listed = {path for (path,) in connection.execute("SELECT path FROM ducklake_data_file")}
    return {path.name for path in folder.glob("main/*/*")} - listed


@pytest.mark.ducklake
def test_both_readers_give_the_same_rows_for_timestamp_bounds_before_and_after_compaction(
    tmp_path: Path, clock: Clock
) -> None:
    fill(tmp_path, clock, range(1, 10))
    agrees(tmp_path)
    squeeze(tmp_path, clock)
    assert merged(tmp_path, "events")
    agrees(tmp_path)


def test_plain_parquet_readers_see_a_timestamp_over_the_int64_milliseconds(tmp_path: Path, clock: Clock) -> None:
    fill(tmp_path, clock, range(1, 2))
    for table, names in (("events", ["time"]), ("late_events", ["event_time", "watermark"])):
        (path,) = (tmp_path / "main" / table).glob("*.parquet")
        file = pq.ParquetFile(path)
        assert [str(file.schema_arrow.field(name).type) for name in names] == ["timestamp[ms]"] * len(names)
        for name in names:
            group = file.metadata.row_group(0).column(file.schema_arrow.get_field_index(name))
            assert group.physical_type == "INT64"
    assert pq.read_table(path).column("event_time").to_pylist() == [at(-9000)]


def test_a_bound_on_the_event_time_leaves_out_files_and_row_groups(tmp_path: Path, clock: Clock) -> None:
    fill(tmp_path, clock, range(1, 9))
    sql = "EXPLAIN ANALYZE SELECT count(*), sum(\"offset\") FROM events WHERE time >= TIMESTAMP '1970-01-01 00:00:40'"
    since = Bound("events", "time", at_least=datetime(1970, 1, 1, 0, 0, 40, tzinfo=UTC))
    with LakeReader(tmp_path) as reader:
        snapshot = reader.snapshot()
        assert len(snapshot.files("events")) == 8
        assert len(snapshot.bounded_files(since)) == 2
        (found,) = re.findall(r"Row Groups Scanned: (\d+) / (\d+)", snapshot.connection().execute(sql).fetchall()[0][1])
    assert found == ("2", "8")


@pytest.mark.ducklake
def test_the_official_client_leaves_out_files_by_the_event_time_too(tmp_path: Path, clock: Clock) -> None:
    fill(tmp_path, clock, range(1, 9))
    sql = "EXPLAIN ANALYZE SELECT sum(\"offset\") FROM events WHERE time >= TIMESTAMP '1970-01-01 00:00:40'"
    ((row,),) = ducklake_query(tmp_path, [sql])
    assert re.findall(r"Total Files Read: (\d+)", row[1]) == ["2"]


def test_an_older_lake_is_taken_over_with_every_row_its_order_and_the_commit_that_added_it(
    lake: Path, clock: Clock
) -> None:
    said: list[str] = []
    before, newest = told(lake), head(lake)
    open_existing(lake, clock(), Takeover(say=said.append)).close()
    assert said[0].startswith("events is written anew with time as TIMESTAMP: 28 rows in 4 files, ")
    assert said[1].startswith(
        "late_events is written anew with event_time and watermark as TIMESTAMP: 4 rows in 4 files"
    )
    assert told(lake) == before
    with LakeReader(lake) as reader:
        snapshot = reader.snapshot()
        assert (snapshot.id, snapshot.resolved.snapshot.message) == (newest + 1, MESSAGE)
        assert snapshot.tables["events"].column("time").type == "timestamp"  # type: ignore[union-attr]
        assert [column.name for column in snapshot.tables["events"].columns] == list(before[0])
        sql = 'SELECT "offset", _snapshot FROM events_history ORDER BY ALL'
        whose = snapshot.query(sql, histories=["events"]).to_pylist()
        former = reader.snapshot(newest).query(sql, histories=["events"]).to_pylist()
        assert whose == former
        assert len({row["_snapshot"] for row in whose}) == 4
        late = reader.query('SELECT event_time, watermark FROM late_events ORDER BY "offset"').to_pylist()
    assert late[1] == {"event_time": at(late_row(ROWS)["event_time"]), "watermark": at(late_row(ROWS)["watermark"])}
    catalog = Catalog.open(lake)
    assert format_of(catalog.connection).number == FORMAT
    latest = [file.latest_ms for file in file_times(catalog.connection, catalog.tables()["events"], "time")]
    assert latest == [(ROWS * n - 1) * 1000 - 5000 for n in range(1, 5)]
    catalog.close()


def test_snapshots_from_before_a_lake_was_taken_over_answer_as_they_did(lake: Path, clock: Clock) -> None:
    pasts = {number: told(lake, number) for number in range(2, head(lake) + 1)}
    newest = head(lake)
    open_existing(lake, clock()).close()
    fill(lake, clock, range(5, 14))
    squeeze(lake, clock)
    assert merged(lake, "events")
    assert {number: told(lake, number) for number in pasts} == pasts
    with LakeReader(lake) as reader:
        assert reader.query("SELECT max(time) AS t FROM events", as_of=newest).to_pylist() == [{"t": 22_000}]
        assert reader.query("SELECT max(time) AS t FROM events").to_pylist() == [{"t": at(85_000)}]


@pytest.mark.ducklake
def test_the_official_client_reads_a_lake_that_was_taken_over_now_and_in_the_past(lake: Path, clock: Clock) -> None:
    newest = head(lake)
    open_existing(lake, clock()).close()
    agrees(lake)
    fill(lake, clock, range(5, 14))
    agrees(lake)
    squeeze(lake, clock)
    agrees(lake)
    past = [f"SELECT count(*), min(time), max(time) FROM events AT (VERSION => {n})" for n in (newest, newest + 1)]
    times = "count(*), min(event_time), max(watermark)"
    past.append(f"SELECT {times} FROM late_events AT (VERSION => {newest}) WHERE event_time >= -2000")
    assert ducklake_query(lake, past) == [
        [[28, -5000, 22_000]],
        [[28, "1969-12-31 23:59:55", "1970-01-01 00:00:22"]],
        [[3, -2000, 21_000]],
    ]
    assert ducklake_query(lake, ["SELECT count(DISTINCT rowid), min(rowid), max(rowid) FROM events"]) == [[[91, 0, 90]]]


def test_the_old_files_go_when_no_snapshot_shows_them_any_more(lake: Path, clock: Clock) -> None:
    with sqlite3.connect(lake / "catalog.sqlite") as connection:
        old = {path for (path,) in connection.execute("SELECT path FROM ducklake_data_file WHERE table_id IN (3, 4)")}
    open_existing(lake, clock()).close()
    before = told(lake)
    catalog = Catalog.open(lake)
    clock.now += timedelta(days=30)
    compact(catalog, SPECS, clock=clock, retention=Retention(grace=timedelta(0)))
    clock.now += timedelta(days=1)
    compact(catalog, SPECS, clock=clock, retention=Retention(grace=timedelta(0)))
    (rows_known,) = catalog.one("SELECT record_count FROM ducklake_table_stats WHERE table_id = 4")
    (low, high) = catalog.one(
        "SELECT min_value, max_value FROM ducklake_table_column_stats s JOIN ducklake_column c"
        " USING (table_id, column_id) WHERE table_id = 4 AND column_name = 'time' AND column_type = 'timestamp'"
    )
    catalog.close()
    assert (rows_known, low, high) == (28, "1969-12-31 23:59:55", "1970-01-01 00:00:22")
    assert not {path.name for path in lake.glob("main/*/*")} & old
    assert told(lake) == before


def test_a_lake_whose_files_were_merged_before_is_taken_over_like_any_other(tmp_path: Path, clock: Clock) -> None:
    with older():
        fill(tmp_path, clock, range(1, 10))
        catalog = Catalog.open(tmp_path)
        compact(catalog, tables_of(PLAN, events=True), clock=clock, retention=KEEP_ALL)
        catalog.close()
    say_older(tmp_path)
    assert merged(tmp_path, "events")
    pasts = {number: told(tmp_path, number) for number in range(2, head(tmp_path) + 1)}
    before = told(tmp_path)
    open_existing(tmp_path, clock()).close()
    assert told(tmp_path) == before
    assert {number: told(tmp_path, number) for number in pasts} == pasts


DIES = """
import sys
from datetime import datetime
from pathlib import Path
from sinks.lake.fault import fault_from
from sinks.lake.tables.event_times import Takeover, open_existing

lake, at, fault = sys.argv[1:]
open_existing(Path(lake), datetime.fromisoformat(at), Takeover(fault=fault_from(fault)))
"""


def die(lake: Path, clock: Clock, fault: str) -> None:
    """Take the lake over in a process that dies of it: a fork of this one may wait for a lock that a thread had."""
    died = subprocess.run([sys.executable, "-c", DIES, str(lake), clock().isoformat(), fault], cwd=ROOT, check=False)
    assert died.returncode == -signal.SIGKILL


KILLS = ("before_file", "in_file", "after_file", "in_file:6", "after_file:8", "before_retype", "in_retype")


@pytest.mark.parametrize("fault", [*KILLS, "after_retype"])
def test_a_takeover_that_is_killed_leaves_the_lake_as_before_or_has_it_done(
    lake: Path, clock: Clock, fault: str
) -> None:
    before, newest = told(lake), head(lake)
    die(lake, clock, fault)
    done = fault == "after_retype"
    assert head(lake) == newest + done
    assert told(lake) == before
    assert bool(unlisted(lake)) == (not done and fault != "before_file")
    fill(lake, clock, range(5, 6))
    assert told(lake)[:28] == before
    assert unlisted(lake) == set()
    assert head(lake) == newest + 2


def test_an_end_that_is_asked_for_as_the_commit_returns_takes_no_file_that_it_published(
    lake: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = told(lake)
    committing = Catalog.transaction

    @contextmanager
    def interrupted(catalog: Catalog) -> Iterator[sqlite3.Connection]:
        with committing(catalog) as connection:
            yield connection
        # ^C while a COMMIT waits for the disk is heard as soon as that returns
        raise KeyboardInterrupt

    monkeypatch.setattr(Catalog, "transaction", interrupted)
    with pytest.raises(KeyboardInterrupt):
        open_existing(lake, clock())
    assert told(lake) == before


def test_files_that_a_killed_takeover_left_are_removed_by_the_next_run(lake: Path, clock: Clock) -> None:
    die(lake, clock, "before_retype")
    assert len(unlisted(lake)) == 8
    catalog = open_existing(lake, clock())
    assert remove_merged(catalog) == 8
    catalog.close()
    assert unlisted(lake) == set()


def refused(lake: Path, clock: Clock, said: str, how: Takeover | None = None) -> None:
    """Taking the lake over fails, and leaves nothing behind."""
    newest, before = head(lake), told(lake)
    with pytest.raises(LakeError, match=re.escape(said)):
        open_existing(lake, clock(), how)
    assert (head(lake), told(lake), unlisted(lake)) == (newest, before, set())
    with pytest.raises(LakeError, match=re.escape(said)):
        open_lake(lake, PLAN, clock(), how=how)
    assert (head(lake), told(lake), unlisted(lake)) == (newest, before, set())


def at_point(point: str, work: Callable[[], object]) -> Callable[[str], None]:
    def fault(passed: str) -> None:
        if passed == point:
            work()

    return fault


def test_a_damaged_file_is_not_written_anew_as_if_it_were_right(lake: Path, clock: Clock) -> None:
    path = sorted((lake / "main" / "events").iterdir())[2]
    content = path.read_bytes()
    path.write_bytes(content[:8] + bytes([content[8] ^ 1]) + content[9:])
    with pytest.raises(DamagedFile, match="is not the file that was committed; see `tidemill audit`"):
        open_existing(lake, clock())
    assert unlisted(lake) == set()


def test_another_process_that_was_faster_has_taken_it_over_for_both(lake: Path, clock: Clock) -> None:
    before, newest = told(lake), head(lake)

    def rival() -> None:
        open_existing(lake, clock()).close()

    open_existing(lake, clock(), Takeover(fault=at_point("before_retype", rival))).close()
    assert (told(lake), head(lake), unlisted(lake)) == (before, newest + 1, set())


def test_a_change_by_another_client_meanwhile_is_told_and_nothing_is_done(lake: Path, clock: Clock) -> None:
    def change() -> None:
        with sqlite3.connect(lake / "catalog.sqlite") as connection:
            connection.execute("UPDATE ducklake_data_file SET row_id_start = row_id_start + 1000 WHERE table_id = 3")

    said = "another process changed table late_events"
    refused(lake, clock, said, Takeover(fault=at_point("before_retype", change)))


@pytest.mark.ducklake
def test_rows_that_another_client_deleted_are_to_be_made_a_file_first(lake: Path, clock: Clock) -> None:
    ducklake_query(lake, ['DELETE FROM events WHERE "offset" = 3'], writable=True)
    said = "another client deleted rows of table events"
    with pytest.raises(LakeError, match=said) as error:
        open_existing(lake, clock())
    (way_out,) = re.findall(r"(CALL .*\)), then", str(error.value))
    ducklake_query(lake, ["CALL ducklake_flush_inlined_data('lake')", way_out], writable=True)
    open_existing(lake, clock()).close()
    asked = ['SELECT count(*), count(*) FILTER ("offset" = 3), min(time), max(time) FROM events']
    assert ducklake_query(lake, asked) == [[[27, 0, "1969-12-31 23:59:55", "1970-01-01 00:00:22"]]]


@pytest.mark.ducklake
def test_rows_that_another_client_keeps_inside_the_catalog_are_to_be_made_a_file_first(
    lake: Path, clock: Clock
) -> None:
    ducklake_query(lake, ['INSERT INTO events("partition", "offset", time) VALUES (\'x\', 99, 5)'], writable=True)
    with pytest.raises(LakeError, match="inside the catalog, where they cannot be rewritten") as error:
        open_existing(lake, clock())
    (way_out,) = re.findall(r"(CALL .*\)), then", str(error.value))
    ducklake_query(lake, [way_out], writable=True)
    open_existing(lake, clock()).close()
    assert told(lake)[-1]["offset"] == 99
    assert told(lake)[-1]["time"] == 5
    agrees(lake)


def test_an_event_time_that_only_the_pipeline_file_tells_waits_for_a_command_with_one(lake: Path, clock: Clock) -> None:
    with sqlite3.connect(lake / "catalog.sqlite") as connection:
        connection.execute("UPDATE own_pipeline SET definition = json_remove(definition, '$.event_time', '$.event')")
    before = told(lake)
    catalog = open_existing(lake, clock())
    assert format_of(catalog.connection).number == WITHOUT_TIMES
    assert catalog.tables()["events"].column("time").type == "int64"  # type: ignore[union-attr]
    catalog.close()
    squeeze(lake, clock)
    open_existing(lake, clock(), Takeover("time")).close()
    assert told(lake) == before
    with LakeReader(lake) as reader:
        assert reader.snapshot().tables["events"].column("time").type == "timestamp"  # type: ignore[union-attr]


def test_an_epoch_that_the_former_version_staged_is_published_with_timestamps(tmp_path: Path, clock: Clock) -> None:
    with older():
        writer = writer_for(tmp_path, PLAN, clock=clock)
        for epoch in (1, 2):
            start = (epoch - 1) * ROWS
            writer.write([parcel(PLAN, epoch, start, start + ROWS, tables=rows(epoch))])
            state = writer.snapshot()
        writer.close()
    say_older(tmp_path)
    assert len(told(tmp_path)) == ROWS
    writer_for(tmp_path, PLAN, clock=clock, state=state).close()
    assert [row["time"] for row in told(tmp_path)] == [n * 1000 - 5000 for n in range(2 * ROWS)]
    assert unlisted(tmp_path) == set()


def test_a_person_is_erased_from_the_old_files_of_a_lake_that_was_taken_over_too(lake: Path, clock: Clock) -> None:
    catalog = open_existing(lake, clock())
    definition = read_definition(catalog.one("SELECT definition FROM own_pipeline")[0])
    assert definition is not None
    # a time in a condition is in milliseconds, as in the pipeline's own
    wanted = equalities('"time" = -4000', condition_schema(definition))
    found = look(catalog, definition, wanted)
    assert (found.rows["events"], found.past_rows["events"], found.past_of["events"]) == (1, 1, 28)
    done = erase(catalog, definition, wanted, clock=clock, wait=lambda: None)
    catalog.close()
    assert done.proof.left == []
    assert [row["offset"] for row in told(lake)] == [n for n in range(28) if n != 1]
    assert not list(lake.glob("main/events/small-lake-0000000001-*"))
