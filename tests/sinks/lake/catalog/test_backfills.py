"""The marks of backfills: which offsets a rollup got later."""

import sqlite3

from sinks.lake.catalog.backfills import Backfilled, backfills, covers, note_backfill, whole_from, write_down_backfills


def test_marks_are_read_back_by_rollup_and_an_older_lake_has_none() -> None:
    connection = sqlite3.connect(":memory:")
    assert backfills(connection) == {}
    write_down_backfills(connection)
    write_down_backfills(connection)
    assert backfills(connection) == {}
    first, second = Backfilled("t/0", 0, 5, None, None, 1, 2, 1, 0, 7), Backfilled("t/1", 5, 9, 60, 90, 0, 4, 0, 1, 8)
    note_backfill(connection, "visits", [second, first])
    assert backfills(connection) == {"visits": [first, second]}
    connection.close()


def test_a_mark_covers_what_lies_in_it_whole() -> None:
    marks = [Backfilled("t/0", 0, 5, None, None, 0, 5, 0, 0, 7), Backfilled("t/0", 5, 9, 2, 3, 0, 4, 0, 0, 7)]
    assert covers(marks, "t/0", 1, 5) is marks[0]
    assert covers(marks, "t/0", 5, 9) is marks[1]
    assert covers(marks, "t/0", 4, 6) is None
    assert covers(marks, "t/1", 1, 5) is None
    assert whole_from({"r": marks}, "r") == 3
    assert whole_from({"r": marks[:1]}, "r") is None
    assert whole_from({}, "r") is None
