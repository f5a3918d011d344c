"""Where the source partitions stand, told without the ledger: the same as the ledger tells."""

from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow.pipeline.tables import tables_of
from query.ends import ends_of, ends_sql, merged, relation
from query.reader import LakeReader
from sinks.lake.tables.finality import frontier_sql
from sinks.lake.tables.prepare import open_lake
from sinks.lake.tables.views import with_ledger
from sinks.lake.upkeep.compact import compact
from sinks.lake.upkeep.tiers import FAN_IN
from sinks.lake.writer import commit
from tests.sinks.lake.small import Clock, at, parcel, small_plan, writer_for

PLAN = small_plan()
COLUMNS = (
    '"partition", end_offset, "read", max_event_time, watermark, out_of_orderness_ms, finished, final, committed_at'
)
LINE = st.tuples(
    st.sampled_from(["t/0", "t/1", "o'clock"]),
    st.integers(0, 3),
    st.integers(0, 2),
    st.none() | st.integers(-(2**62), 2**62),
    st.booleans() | st.none(),
    st.integers(0, 120),
    st.sampled_from([("NULL", "NULL"), ("NULL", "0"), ("7000", "0"), (str(2**62), "9")]),
)
Line = tuple[str, int, int, int | None, bool | None, int, tuple[str, str]]


def literal(lines: list[Line]) -> str:
    rows = ", ".join(
        f"('{name.replace(chr(39), chr(39) * 2)}', {end}, {read}, {'NULL' if seen is None else seen},"
        f" {told[0]}, {told[1]}, true,"
        f" {'NULL' if final is None else final},"
        f" make_timestamp(epoch_us(now()) - {age_s}500000))"
        for name, end, read, seen, final, age_s, told in lines
    )
    kinds = ("VARCHAR", *["BIGINT"] * 5, "BOOLEAN", "BOOLEAN", "TIMESTAMP")
    types = ", ".join(f"NULL::{kind}" for kind in kinds)
    values = f"VALUES {rows}, ({types})" if rows else f"VALUES ({types})"
    return f'(SELECT * FROM ({values}) AS all_lines({COLUMNS}) WHERE "partition" IS NOT NULL) AS ledger'


def total_row(hour: int) -> dict[str, Any]:
    window = {"window_start": at(hour * 3_600_000), "window_end": at((hour + 1) * 3_600_000)}
    return {**window, "clicks": 1, "spend": None, "row_count": 1, "late_count": 0}


@pytest.fixture(scope="module")
def database() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


@settings(deadline=None, max_examples=25)
@given(before=st.lists(LINE, max_size=6), both=st.lists(LINE, max_size=4), after=st.lists(LINE, max_size=6))
def test_the_frontier_of_the_ends_is_that_of_the_ledger(
    database: duckdb.DuckDBPyConnection, before: list[Line], both: list[Line], after: list[Line]
) -> None:
    database.execute("BEGIN")  # now() stands still
    try:
        # a compaction may have merged lines already seen with new ones
        parts = [
            ends_of(database.execute(ends_sql(f"SELECT * FROM {literal(part)}")).fetchall())
            for part in (before + both, both + after)
        ]
        frontier = frontier_sql(5_000, 30_000)
        short = database.execute(with_ledger(frontier, relation(merged(*parts)))).fetchall()
        whole = database.execute(with_ledger(frontier, literal(before + both + after))).fetchall()
    finally:
        database.execute("ROLLBACK")
    assert short == whole


def test_a_view_asks_the_given_lines_wherever_it_names_the_ledger(database: duckdb.DuckDBPyConnection) -> None:
    sql = "WITH f AS (SELECT max(a) AS m FROM (SELECT a FROM ledger)) SELECT m, (SELECT count(*) FROM ledger) FROM f"
    assert database.execute(with_ledger(sql, "(VALUES (1), (2)) AS lines(a)")).fetchall() == [(2, 2)]


def test_is_final_is_the_same_at_every_snapshot_in_any_order_and_after_compaction(tmp_path: Path) -> None:
    clock = Clock()
    writer = writer_for(tmp_path, PLAN, clock=clock)
    for epoch in range(1, 13):
        rows = {"total_delta": [total_row(epoch // 4)]}
        partition = f"t/{epoch % 2}"
        place = (epoch - 1) // 2
        one = parcel(PLAN, 0, place, place + 1, tables=rows, partition=partition, max_event_time=epoch * 1_200_000)
        commit(writer, [one], epoch)
    sql = "SELECT window_start, is_final FROM total ORDER BY 1"

    with LakeReader(tmp_path) as reader:

        def fresh(number: int) -> list[dict[str, object]]:
            snapshot = reader.snapshot(number)
            # with files named, the ledger itself is read
            return snapshot.with_files(snapshot.resolved.files).query(sql).to_pylist()

        newest = reader.snapshot().id
        numbers = [1, 2, 5, 9, newest, 3]
        for number in numbers:
            assert reader.query(sql, as_of=number).to_pylist() == fresh(number)
        catalog = open_lake(tmp_path, PLAN, clock())
        compact(catalog, [], clock=clock)
        catalog.close()
        for number in numbers:
            assert reader.query(sql, as_of=number).to_pylist() == fresh(number)
        assert reader.snapshot().query(sql).to_pylist()[0]["is_final"]


def test_what_is_newer_in_a_merged_file_is_still_read_at_a_newer_snapshot(tmp_path: Path) -> None:
    clock = Clock()
    writer = writer_for(tmp_path, PLAN, clock=clock)
    for place in range(FAN_IN):
        commit(writer, [parcel(PLAN, 0, place, place + 1, max_event_time=place * 1_000)], place + 1)
    catalog = open_lake(tmp_path, PLAN, clock())
    assert compact(catalog, tables_of(PLAN, events=False), clock=clock).merged_files >= FAN_IN
    catalog.close()
    with LakeReader(tmp_path) as reader:
        newest = reader.snapshot().id
        older = next(number for number in range(1, newest) if reader.snapshot(number).ends())
        # the older one first: its rows lie in the same file as all that came later
        first = reader.snapshot(older).ends()
        with LakeReader(tmp_path) as another:
            assert reader.snapshot().ends() == another.snapshot().ends() != first


def test_another_lake_under_the_same_path_is_known_by_its_own_ledger_alone(tmp_path: Path) -> None:
    def fill(folder: Path, newest_ms: int, epochs: int) -> None:
        writer = writer_for(folder, PLAN)
        for epoch in range(1, epochs + 1):
            rows = {"total_delta": [total_row(0)]}
            one = parcel(PLAN, 0, epoch - 1, epoch, tables=rows, max_event_time=newest_ms)
            commit(writer, [one], epoch)
        writer.close()

    fill(tmp_path / "lake", 7_200_000, 1)
    sql = "SELECT is_final FROM total"
    with LakeReader(tmp_path / "lake") as reader:
        assert reader.query(sql).to_pylist() == [{"is_final": True}]
        # more snapshots than the first one had, as if it had gone on
        fill(tmp_path / "other", 60_000, 3)
        (tmp_path / "lake").rename(tmp_path / "gone")
        (tmp_path / "other").rename(tmp_path / "lake")
        assert reader.query(sql).to_pylist() == [{"is_final": False}]


def test_a_query_on_a_view_opens_no_file_of_the_ledger(tmp_path: Path) -> None:
    writer = writer_for(tmp_path, PLAN)
    commit(writer, [parcel(PLAN, 0, 0, 1, tables={"total_delta": [total_row(0)]})], 1)
    with LakeReader(tmp_path) as reader:
        plan = str(reader.query("EXPLAIN SELECT clicks FROM total").to_pylist())
        assert plan.count("READ_PARQUET") == 1
        # read once; from then on every snapshot costs its new files only
        for path in (tmp_path / "main" / "ledger").iterdir():
            path.unlink()
        assert reader.query("SELECT clicks, is_final FROM total").num_rows == 1
