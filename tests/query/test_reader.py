"""The reader: snapshots, time travel, pruning, what it refuses, and readers beside a writer."""

import multiprocessing
import os
import signal
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from dataflow.errors import ForeignLake, LakeError, LakeMissing, QueryError, SnapshotExpired
from query.reader import Bound, LakeReader
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.files import write_file
from tests.query.lakes import T0, LakeMaker, clicks, ledger

TOTAL = "SELECT coalesce(sum(clicks), 0)::BIGINT AS n FROM ad_clicks_1m"


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[LakeMaker]:
    maker = LakeMaker(tmp_path / "lake")
    yield maker
    maker.catalog.close()


def _one(table: pa.Table) -> object:
    return table.column(0)[0].as_py()


def test_every_table_and_view_of_an_empty_lake_has_its_columns_and_no_rows(lake: LakeMaker) -> None:
    with LakeReader(lake.folder) as reader:
        snapshot = reader.snapshot()
        names = snapshot.names()
        assert {"ad_clicks_1m", "ad_clicks_1m_delta", "visits", "ledger", "events", "dead_letters"} <= set(names)
        for name in names:
            assert snapshot.query(f"SELECT * FROM {name}").num_rows == 0
        schema = snapshot.query("SELECT * FROM ad_clicks_1m_delta").schema
        assert schema.field("window_start").type == pa.timestamp("us")
        assert schema.field("spend").type == pa.decimal128(38, 6)


def test_a_view_merges_the_delta_rows_of_all_commits(lake: LakeMaker) -> None:
    lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 2, "1.5")]})
    lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 3, "0.25"), clicks(None, 1, 1)]})
    with LakeReader(lake.folder) as reader:
        rows = reader.query("SELECT ad_id, clicks, spend::VARCHAR AS s FROM ad_clicks_1m ORDER BY window_start")
    assert rows.to_pylist() == [
        {"ad_id": "a", "clicks": 5, "s": "1.750000"},
        {"ad_id": None, "clicks": 1, "s": "0.000000"},
    ]


def test_an_older_snapshot_is_named_by_id_time_or_text(lake: LakeMaker) -> None:
    first = lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 2)]})
    at_first = lake.clock
    lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 40)]}, after_s=10)
    with LakeReader(lake.folder) as reader:
        assert _one(reader.query(TOTAL)) == 42
        for as_of in (first, str(first), at_first, at_first + timedelta(seconds=9), at_first.isoformat()):
            assert _one(reader.query(TOTAL, as_of=as_of)) == 2
        naive = at_first.replace(tzinfo=None)
        assert _one(reader.query(TOTAL, as_of=naive)) == 2


def test_a_snapshot_that_never_was_is_told_with_the_range_that_is_kept(lake: LakeMaker) -> None:
    with LakeReader(lake.folder) as reader:
        with pytest.raises(LakeError, match="no snapshot 99"):
            reader.snapshot(99)
        with pytest.raises(LakeError, match="no snapshot"):
            reader.snapshot(T0 - timedelta(days=1))
        with pytest.raises(QueryError, match="write a snapshot id"):
            reader.snapshot("yesterday-ish")


def test_asking_again_without_a_commit_gives_the_same_snapshot_object(lake: LakeMaker) -> None:
    with LakeReader(lake.folder) as reader:
        first = reader.snapshot()
        assert reader.snapshot() is first
        lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 2)]})
        assert reader.snapshot() is not first
        assert _one(first.query(TOTAL)) == 0
        assert _one(reader.snapshot().query(TOTAL)) == 2


def test_a_connection_keeps_its_snapshot_while_others_move_on(lake: LakeMaker) -> None:
    lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 2)]})
    with LakeReader(lake.folder) as reader:
        connection = reader.snapshot().connection()
        for more in range(1, 4):
            number = lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 1)]})
            assert reader.snapshot().id == number
            assert _one(reader.snapshot().query(TOTAL)) == 2 + more
        assert connection.sql(TOTAL).fetchall() == [(2,)]


def test_no_lake_and_a_foreign_file_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(LakeMissing, match="tidemill run"):
        LakeReader(tmp_path / "none").snapshot()
    (tmp_path / "catalog.sqlite").write_bytes(b"no database at all, but long enough to look like one" * 20)
    with pytest.raises(ForeignLake):
        LakeReader(tmp_path).snapshot()


def test_a_lake_that_is_only_being_made_is_not_there_yet(tmp_path: Path) -> None:
    (tmp_path / "catalog.sqlite").touch()
    with LakeReader(tmp_path) as reader:
        with pytest.raises(LakeMissing, match="only being made"):
            reader.snapshot()
        (tmp_path / "catalog.sqlite").unlink()
        with closing(sqlite3.connect(tmp_path / "catalog.sqlite")) as other:
            other.execute("CREATE TABLE theirs (a)")
        with pytest.raises(ForeignLake, match="no DuckLake catalog"):
            reader.snapshot()


def test_a_lake_made_anew_under_the_same_name_is_noticed(tmp_path: Path) -> None:
    with LakeMaker(tmp_path / "lake") as maker:
        maker.commit({"ad_clicks_1m_delta": [clicks("a", 0, 7)]})
    reader = LakeReader(tmp_path / "lake")
    assert _one(reader.query(TOTAL)) == 7
    (tmp_path / "lake").rename(tmp_path / "old")
    with pytest.raises(LakeMissing):
        reader.query(TOTAL)
    with LakeMaker(tmp_path / "lake") as maker:
        maker.commit({"ad_clicks_1m_delta": [clicks("a", 0, 1)]})
    assert _one(reader.query(TOTAL)) == 1
    reader.close()


def test_a_moved_lake_reads_its_files_beside_its_catalog(tmp_path: Path) -> None:
    with LakeMaker(tmp_path / "lake") as maker:
        maker.commit({"ad_clicks_1m_delta": [clicks("a", 0, 7)]})
    (tmp_path / "lake").rename(tmp_path / "it's moved")
    with LakeReader(tmp_path / "it's moved") as reader:
        assert _one(reader.query(TOTAL)) == 7


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "SELECT 1; SELECT 2",
        "DROP VIEW ad_clicks_1m",
        "CREATE TABLE x AS SELECT 1",
        "SET threads = 1",
        "INSTALL httpfs",
        "ATTACH 'x.duckdb'",
        "COPY (SELECT 1) TO '{main}/x.csv'",
        "WITH x AS (COPY (SELECT 1) TO '{main}/x.csv') SELECT * FROM x",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '{main}/x.csv'",
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_blob('{main}/../catalog.sqlite')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT nope FROM ledger",
        "SELEC 1",
    ],
)
def test_what_does_not_only_read_the_lake_is_refused(lake: LakeMaker, sql: str) -> None:
    lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 2)]})
    before = sorted((lake.folder / "main").rglob("*"))
    with LakeReader(lake.folder) as reader, pytest.raises(QueryError):
        reader.query(sql.format(main=lake.folder / "main"))
    assert sorted((lake.folder / "main").rglob("*")) == before


@pytest.mark.parametrize(
    "sql",
    ["SHOW TABLES", "DESCRIBE ad_clicks_1m", "SUMMARIZE ledger", "EXPLAIN SELECT * FROM ledger", "VALUES (1)",
     "WITH RECURSIVE r AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM r WHERE i < 3) SELECT * FROM r",
     "FROM ledger UNION ALL FROM ledger", "SELECT table_name FROM information_schema.tables"],
)  # fmt: skip
def test_every_reading_statement_is_answered(lake: LakeMaker, sql: str) -> None:
    with LakeReader(lake.folder) as reader:
        assert reader.query(sql).num_columns > 0


def test_an_unknown_table_is_told_with_those_that_exist(lake: LakeMaker) -> None:
    with LakeReader(lake.folder) as reader, pytest.raises(QueryError, match=r"The lake holds: .*ad_clicks_1m.*ledger"):
        reader.query("SELECT * FROM clicks")


@pytest.mark.parametrize(
    ("clause", "flag"),
    [
        ("(VERSION => 12)", "--as-of 12"),
        ("(TIMESTAMP => '2026-01-31 12:00:00')", '--as-of "2026-01-31 12:00:00"'),
        ("(TIMESTAMP => TIMESTAMP '2026-01-31 12:00:00')", '--as-of "2026-01-31 12:00:00"'),
        ("(TIMESTAMP => now() - INTERVAL 1 DAY)", "--as-of SNAPSHOT|TIME"),
    ],
)
@pytest.mark.parametrize("around", ["SELECT * FROM {}", "SELECT 1 WHERE 1 IN (SELECT clicks FROM {})"])
def test_a_snapshot_named_inside_a_query_is_told_with_the_flag_that_names_it(
    lake: LakeMaker, clause: str, flag: str, around: str
) -> None:
    with LakeReader(lake.folder) as reader:
        for name in ("ad_clicks_1m", "ledger"):
            with pytest.raises(QueryError) as told:
                reader.query(around.format(f"{name} AT {clause}"))
            assert f"ask with {flag}" in str(told.value)


def test_every_table_and_view_has_a_name_with_its_schema_as_well(lake: LakeMaker) -> None:
    lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 2)]})
    bound = Bound("ad_clicks_1m_delta", "window_start", T0 + timedelta(days=1))
    with LakeReader(lake.folder) as reader:
        snapshot = reader.snapshot()
        for name in snapshot.names():
            assert snapshot.query(f'SELECT * FROM "main".{name}').schema == snapshot.query(f"FROM {name}").schema
        sql = "SELECT d.clicks, main.ad_clicks_1m.clicks FROM main.ad_clicks_1m_delta AS d, main.ad_clicks_1m"
        assert snapshot.query(sql).num_rows == 1
        assert snapshot.connection().sql("SELECT clicks FROM main.ad_clicks_1m").fetchall() == [(2,)]
        # leaving files out is allowed, not asked for
        assert snapshot.query("SELECT * FROM main.ad_clicks_1m", bounds=[bound]).num_rows <= 1
        lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 40)]})
        assert _one(reader.query("SELECT clicks FROM main.ad_clicks_1m")) == 42
        assert _one(reader.query("SELECT clicks FROM main.ad_clicks_1m", as_of=snapshot.id)) == 2


def test_a_held_snapshot_never_reads_the_files_of_another_lake(tmp_path: Path) -> None:
    for name, count in (("lake", 7), ("other", 1)):
        with LakeMaker(tmp_path / name) as maker:
            maker.commit({"ad_clicks_1m_delta": [clicks("a", 0, count)]})
    with LakeReader(tmp_path / "lake") as reader:
        held = reader.snapshot()
        (tmp_path / "lake").rename(tmp_path / "old")
        (tmp_path / "other").rename(tmp_path / "lake")
        with pytest.raises(SnapshotExpired, match="another lake has come"):
            held.query(TOTAL)
        assert _one(reader.query(TOTAL)) == 1


def test_a_query_that_takes_too_long_is_stopped(lake: LakeMaker) -> None:
    with LakeReader(lake.folder) as reader, pytest.raises(QueryError, match=r"longer than 0\.2 s"):
        reader.query("SELECT sum(hash(i)) FROM range(100000000000) t(i)", timeout_s=0.2)


def test_interrupt_stops_a_long_query(lake: LakeMaker) -> None:
    with LakeReader(lake.folder) as reader:
        snapshot = reader.snapshot()
        timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            snapshot.query("SELECT sum(hash(i)) FROM range(1000000000000) t(i)")
        timer.join()
        assert _one(snapshot.query("SELECT 1")) == 1


def test_bounds_leave_out_files_whose_statistics_rule_them_out(lake: LakeMaker) -> None:
    for minute in range(5):
        lake.commit({"ad_clicks_1m_delta": [clicks("a", minute, 1)]})
    bound = Bound("ad_clicks_1m_delta", "window_start", T0 + timedelta(minutes=1), T0 + timedelta(minutes=3))
    with LakeReader(lake.folder) as reader:
        snapshot = reader.snapshot()
        assert len(snapshot.bounded_files(bound)) == 2
        assert _one(snapshot.query(TOTAL, bounds=[bound])) == 2
        assert _one(snapshot.query(TOTAL)) == 5
        with pytest.raises(QueryError, match="no column"):
            snapshot.bounded_files(Bound("ad_clicks_1m_delta", "nope", 1))


def merge(catalog: Catalog, table: str) -> None:
    """What a compaction does: one file with each row's snapshot, then the old ones gone from catalog and disk."""
    with LakeReader(catalog.folder) as reader:
        snapshot = reader.snapshot()
        rows = snapshot.query(f"SELECT * FROM {table}_history", histories=[table])
        old = snapshot.files(table)
    layout = catalog.tables()[table]
    merged = write_file(
        catalog.folder, layout, rows.drop_columns(["_snapshot"]), "merged.parquet",
        snapshots=rows.column("_snapshot"),
    )  # fmt: skip
    with catalog.transaction() as connection:
        marks = ",".join(str(file.id) for file in old)
        connection.execute(f"DELETE FROM ducklake_data_file WHERE data_file_id IN ({marks})")
        first_file = catalog.head().next_file_id
        newest = catalog.head().id
        catalog.snapshot(T0 + timedelta(hours=1), f"merge_adjacent:{layout.id}", file_ids=1)
        begin = min(file.begin_snapshot for file in old)
        catalog.insert_file(first_file, merged, begin=begin, row_id_start=0, partial_max=newest)
    for file in old:
        file.path.unlink()


def test_older_snapshots_stay_exact_after_their_files_were_merged(lake: LakeMaker) -> None:
    ids = [lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, n)]}) for n in (1, 10, 100)]
    with LakeReader(lake.folder) as reader:
        held = reader.snapshot(ids[1])
        merge(lake.catalog, "ad_clicks_1m_delta")
        assert [_one(reader.query(TOTAL, as_of=number)) for number in ids] == [1, 11, 111]
        history = reader.snapshot().query(
            "SELECT _snapshot, sum(clicks)::BIGINT AS n FROM ad_clicks_1m_delta_history GROUP BY ALL ORDER BY ALL",
            histories=["ad_clicks_1m_delta"],
        )
        assert history.to_pylist() == [{"_snapshot": s, "n": n} for s, n in zip(ids, (1, 10, 100), strict=True)]
        # resolved before the merge, read after the old files were deleted
        assert _one(held.query(TOTAL)) == 11


def test_rows_that_another_client_deleted_are_not_shown_in_silence(lake: LakeMaker) -> None:
    lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 1)]})
    with lake.catalog.transaction() as connection:
        connection.execute(
            "INSERT INTO ducklake_delete_file (delete_file_id, table_id, begin_snapshot, data_file_id, path)"
            " SELECT 1, table_id, 1, 0, 'x' FROM ducklake_table WHERE table_name = 'ad_clicks_1m_delta'"
        )
    with LakeReader(lake.folder) as reader:
        with pytest.raises(QueryError, match="another DuckLake client"):
            reader.query(TOTAL)
        assert _one(reader.query("SELECT count(*) FROM ledger")) == 0


def test_a_column_added_later_is_null_in_older_files(lake: LakeMaker) -> None:
    lake.commit({"late_events": [{"rollup": "r", "partition": "p", "offset": 1}]})
    with lake.catalog.transaction() as connection:
        (table_id,) = connection.execute(
            "SELECT table_id FROM ducklake_table WHERE table_name='late_events'"
        ).fetchone()
        number = lake.catalog.snapshot(lake.clock, f"altered_table:{table_id}", schema=True)
        connection.execute(
            "UPDATE ducklake_column SET end_snapshot = ? WHERE table_id = ? AND column_name = 'rollup'",
            (number, table_id),
        )
        row = (number, table_id)
        connection.execute(
            "INSERT INTO ducklake_column VALUES (1, ?, NULL, ?, 1, 'rollup_name', 'varchar', NULL, 'NULL', 1, NULL,"
            " 'literal', 'duckdb')", row)  # fmt: skip
        connection.execute(
            "INSERT INTO ducklake_column VALUES (99, ?, NULL, ?, 99, 'why', 'varchar', NULL, 'NULL', 1, NULL,"
            " 'literal', 'duckdb')", row)  # fmt: skip
    with LakeReader(lake.folder) as reader:
        assert reader.query("SELECT rollup_name, why FROM late_events").to_pylist() == [
            {"rollup_name": "r", "why": None}
        ]
        assert reader.query("SELECT * FROM late_events", as_of=number - 1).column_names[0] == "rollup"


def _poll(folder: Path, started: Any, done: Any, seen: Any) -> None:
    reader = LakeReader(folder, threads=1)
    last, polls = (0, 0), 0
    while True:
        ended = done.is_set()
        row = reader.query(
            "SELECT (SELECT coalesce(sum(clicks), 0)::BIGINT FROM ad_clicks_1m) AS n,"
            " (SELECT coalesce(sum(read), 0)::BIGINT FROM ledger) AS r"
        ).to_pylist()[0]
        now = (row["n"], row["r"])
        assert now >= last, (last, now)
        assert now[0] == now[1]
        last, polls = now, polls + 1
        if polls == 1:
            started.release()
        if ended:
            seen.put((polls, last))
            return


def test_totals_never_go_down_for_readers_in_threads_and_processes_while_commits_happen(lake: LakeMaker) -> None:
    context = multiprocessing.get_context("spawn")
    started, done, seen = context.Semaphore(0), context.Event(), context.Queue()
    workers: list[Any] = [
        *(threading.Thread(target=_poll, args=(lake.folder, started, done, seen)) for _ in range(2)),
        *(context.Process(target=_poll, args=(lake.folder, started, done, seen)) for _ in range(2)),
    ]
    for worker in workers:
        worker.start()
    for _ in workers:
        assert started.acquire(timeout=60)
    for step in range(60):
        lake.commit(
            {"ad_clicks_1m_delta": [clicks("a", step % 7, 3)], "ledger": [ledger("p", 3 * step, 3 * step + 3, T0)]},
            after_s=0.25,
        )
        if step == 30:
            merge(lake.catalog, "ad_clicks_1m_delta")
    done.set()
    results = [seen.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join()
    assert {last for _, last in results} == {(180, 180)}
    assert min(polls for polls, _ in results) > 1


def test_one_reader_is_shared_by_many_threads(lake: LakeMaker) -> None:
    failures: list[BaseException] = []
    with LakeReader(lake.folder, threads=1) as reader:

        def work() -> None:
            last = 0
            try:
                for _ in range(15):
                    now = int(str(_one(reader.query(TOTAL))))
                    assert now >= last
                    last = now
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for step in range(20):
            lake.commit({"ad_clicks_1m_delta": [clicks("a", step, 1)]})
        for thread in threads:
            thread.join()
        assert failures == []
        assert _one(reader.query(TOTAL)) == 20


def test_plain_duckdb_reads_the_files_too(lake: LakeMaker) -> None:
    lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 2)]})
    found = duckdb.sql(f"SELECT sum(clicks) FROM read_parquet('{lake.folder}/main/ad_clicks_1m_delta/*.parquet')")
    assert found is not None
    assert found.fetchall() == [(2,)]
