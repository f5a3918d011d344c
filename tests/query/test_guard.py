"""What stands around a query: only one reading statement, a time limit, ^C."""

import os
import signal
import threading

import duckdb
import pyarrow as pa
import pytest

from dataflow.errors import QueryError
from query import guard
from query.reader import LakeReader
from tests.query.lakes import LakeMaker, clicks


def _one(table: pa.Table) -> object:
    return table.column(0)[0].as_py()


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


def test_a_text_that_was_found_to_read_is_not_looked_at_again_and_one_that_writes_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guard, "_found", {})
    with duckdb.connect() as connection:
        assert guard.require_select(connection, "SELECT 1")
        assert not guard.require_select(connection, "EXPLAIN SELECT 1")
    # the connection is closed, and not asked
    assert guard.require_select(connection, "SELECT 1")
    assert not guard.require_select(connection, "EXPLAIN SELECT 1")
    for _ in range(2):
        with duckdb.connect() as connection, pytest.raises(QueryError, match="no SELECT"):
            guard.require_select(connection, "DROP TABLE x")


def test_no_more_than_some_texts_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "_found", {})
    with duckdb.connect() as connection:
        for number in range(guard._MOST_FOUND + 5):
            guard.require_select(connection, f"SELECT {number}")
    assert len(guard._found) == 5


def test_what_is_known_of_texts_is_let_go_however_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    # as two threads leave it that looked at its size at the same time
    known = {f"SELECT {n}": True for n in range(guard._MOST_FOUND + 1)}
    monkeypatch.setattr(guard, "_found", known)
    with duckdb.connect() as connection:
        guard.require_select(connection, "SELECT 'one more'")
    assert known == {"SELECT 'one more'": True}
