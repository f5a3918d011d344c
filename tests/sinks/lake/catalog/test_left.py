"""What the catalog remembers of what has left, and where source partitions stand."""

import sqlite3
from pathlib import Path
from typing import Any

from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.left import Left, Seen, left, seen, write_down_left, write_left
from tests.sinks.lake.small import Clock, parcel, small_plan, writer_for

PLAN = small_plan()


def test_what_has_left_is_written_over(tmp_path: Path) -> None:
    writer_for(tmp_path / "lake", PLAN).close()
    catalog = Catalog.open(tmp_path / "lake")
    assert left(catalog.connection) == {}
    with catalog.transaction() as connection:
        write_left(connection, "events", Left(5, 2, 7))
        write_left(connection, "events", Left(9, 3, 8))
    assert left(catalog.connection) == {"events": Left(9, 3, 8)}
    catalog.close()


def test_a_partition_was_last_seen_when_it_last_had_records(tmp_path: Path) -> None:
    clock = Clock()
    writer = writer_for(tmp_path / "lake", PLAN, clock=clock)
    catalog = Catalog.open(tmp_path / "lake")

    def commit(epoch: int, start: int, end: int, **changes: Any) -> int:
        writer.write([parcel(PLAN, epoch, start, end, **changes)])
        writer.snapshot()
        writer.publish_now()
        return int(clock.now.timestamp() * 1000)

    first = commit(1, 0, 0)
    assert seen(catalog.connection) == [Seen(None, False, first)]
    at = commit(2, 0, 4)
    assert seen(catalog.connection) == [Seen(4_000, False, at)]
    commit(3, 4, 4, finished=True)
    assert seen(catalog.connection) == [Seen(4_000, True, at)]
    catalog.close()
    writer.close()


def test_an_older_lake_gets_what_it_lacks_once() -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute(
        'CREATE TABLE own_offset("partition" TEXT PRIMARY KEY, topic TEXT, next INTEGER, max_event_time INTEGER)'
    )
    connection.execute("INSERT INTO own_offset VALUES ('t/0', 't', 5, 77)")
    assert left(connection) == {}
    connection.execute("CREATE TABLE ducklake_snapshot(snapshot_time TEXT)")
    connection.execute("INSERT INTO ducklake_snapshot VALUES ('1970-01-01 00:00:01.000000+00')")
    write_down_left(connection)
    connection.execute("UPDATE ducklake_snapshot SET snapshot_time = '1970-01-01 00:00:02.000000+00'")
    write_down_left(connection)
    assert seen(connection) == [Seen(77, False, 1_000)]
    assert left(connection) == {}
    connection.close()
