"""Marks of erasures: written once, read back, runs of offsets instead of single ones."""

import itertools
import sqlite3
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.lake.catalog.erasures import ErasedRows, erased_rows, erasures, finish_erasures, note_erasure

AT = "2026-11-25 12:00:00.000000+00"


@pytest.fixture
def connection() -> sqlite3.Connection:
    return sqlite3.connect(":memory:")


def test_a_lake_without_erasures_has_none(connection: sqlite3.Connection) -> None:
    assert erasures(connection) == []
    connection.close()


def test_marks_are_read_back_and_finished_together(connection: sqlite3.Connection) -> None:
    first = [ErasedRows("dead_letters", "t/0", 1, ((4, 5),)), ErasedRows("events", "t/0", 3, ((1, 3), (7, 8)))]
    note_erasure(connection, AT, 5, ["user", "kind"], first)
    note_erasure(connection, AT, 9, ["user"], [ErasedRows("r_users_distinct", "", 2)])
    one, two = erasures(connection)
    assert (one.at, one.snapshot, one.columns) == (datetime(2026, 11, 25, 12, tzinfo=UTC), 5, ("kind", "user"))
    assert (one.erased, one.rows) == (tuple(first), {"dead_letters": 1, "events": 3})
    assert two.erased == (ErasedRows("r_users_distinct", "", 2),)
    assert not one.finished
    finish_erasures(connection)
    assert all(each.finished for each in erasures(connection))
    connection.close()


@given(st.sets(st.integers(0, 60)))
def test_runs_hold_exactly_the_offsets(offsets: set[int]) -> None:
    marks = list(erased_rows({("events", "p"): sorted(offsets, reverse=True)}))
    runs = marks[0].runs
    assert [offset for start, end in runs for offset in range(start, end)] == sorted(offsets)
    assert all(end < start for (_, end), (start, _) in itertools.pairwise(runs))
    assert marks[0].rows == len(offsets)
