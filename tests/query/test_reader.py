"""The reader: snapshots, time travel, pruning, what it refuses, and readers beside a writer."""

import multiprocessing
import sqlite3
import threading
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from dataflow.errors import ForeignLake, LakeError, LakeMissing, QueryError
from query.reader import LakeReader
from tests.query.lakes import T0, LakeMaker, clicks, ledger, merge

TOTAL = "SELECT coalesce(sum(clicks), 0)::BIGINT AS n FROM ad_clicks_1m"


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
