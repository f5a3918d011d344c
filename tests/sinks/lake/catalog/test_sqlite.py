"""SQLite's connections and errors, told as ours with the fix."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from dataflow.errors import ForeignLake, LakeError, LakeMissing, LakeUnwritable
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.sqlite import connect, connect_readonly, told, transaction
from sinks.lake.tables.prepare import create_lake
from tests.sinks.lake.small import NOON, small_plan

PLAN = small_plan()


def test_a_locked_catalog_is_waited_for_and_then_named(tmp_path: Path) -> None:
    create_lake(tmp_path, PLAN, NOON).close()
    blocker = sqlite3.connect(tmp_path / "catalog.sqlite", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    catalog = Catalog.open(tmp_path, busy_ms=50)
    with pytest.raises(LakeUnwritable, match=r"locked by another process for 0\.05 s"), catalog.transaction():
        pass
    blocker.execute("ROLLBACK")
    with catalog.transaction():
        pass
    blocker.close()


def test_a_full_disk_under_the_catalog_rolls_back_and_is_named(tmp_path: Path) -> None:
    catalog = create_lake(tmp_path, PLAN, NOON)
    pages = catalog.one("PRAGMA page_count")[0]
    catalog.connection.execute(f"PRAGMA max_page_count={pages + 1}")
    rows = [(number, "x" * 100) for number in range(10_000)]
    with pytest.raises(LakeUnwritable, match="disk is full"), catalog.transaction() as connection:
        connection.executemany("INSERT INTO own_file VALUES (?, ?)", rows)
    assert catalog.one("SELECT count(*) FROM own_file") == (0,)


def test_a_file_that_is_not_there_is_a_missing_lake_for_both_sides(tmp_path: Path) -> None:
    openers: list[Callable[..., sqlite3.Connection]] = [connect, connect_readonly]
    for opener in openers:
        with pytest.raises(LakeMissing, match="start `tidemill run` first"):
            opener(tmp_path / "catalog.sqlite", busy_ms=10)
    assert list(tmp_path.iterdir()) == []


def test_a_writing_connection_is_durable_and_a_reading_one_cannot_write(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    writing = connect(path, busy_ms=10, create=True)
    assert writing.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert writing.execute("PRAGMA synchronous").fetchone() == (2,)
    writing.execute("CREATE TABLE t (n)")
    reading = connect_readonly(path, busy_ms=10)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reading.execute("INSERT INTO t VALUES (1)")
    reading.close()
    writing.close()


def test_a_transaction_is_undone_by_any_exception(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    connection = connect(path, busy_ms=10, create=True)
    connection.execute("CREATE TABLE t (n)")

    def interrupted() -> None:
        with transaction(connection, path, 10):
            connection.execute("INSERT INTO t VALUES (1)")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with transaction(connection, path, 10):
        connection.execute("INSERT INTO t VALUES (2)")
    assert connection.execute("SELECT n FROM t").fetchall() == [(2,)]
    connection.close()


def error_of(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("said so")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        (sqlite3.SQLITE_BUSY, LakeUnwritable, "locked by another process for 0.25 s"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, LakeUnwritable, "locked by another process"),
        (sqlite3.SQLITE_FULL, LakeUnwritable, "the disk is full"),
        (sqlite3.SQLITE_IOERR_FSYNC, LakeUnwritable, "cannot be opened or written"),
        (sqlite3.SQLITE_READONLY, LakeUnwritable, "check the folder's owner"),
        (sqlite3.SQLITE_CORRUPT, ForeignLake, "restore the lake from a backup"),
        (sqlite3.SQLITE_NOTADB, ForeignLake, "no readable SQLite file"),
        (sqlite3.SQLITE_ERROR, LakeError, "tidemill doctor"),
    ],
)
def test_an_error_of_sqlite_is_told_with_what_to_do(
    tmp_path: Path, code: int, kind: type[LakeError], said: str
) -> None:
    with pytest.raises(LakeError, match=said) as caught, told(tmp_path / "catalog.sqlite", 250):
        raise error_of(code)
    assert caught.type is kind
    assert str(tmp_path) in str(caught.value)


def test_other_exceptions_pass_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(KeyError), told(tmp_path, 1):
        raise KeyError
