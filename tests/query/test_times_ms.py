"""Times in milliseconds, of a table whose times are TIMESTAMPs and of an older one whose times are BIGINTs."""

import re
from pathlib import Path

import pytest

from dataflow.event.fields import EVENT_TIME_LIMIT_MS
from dataflow.messages import NEVER_MS
from query.reader import LakeReader, LakeSnapshot
from query.times_ms import at_ms, columns_in_ms, in_ms
from sinks.lake.catalog.layout import Column, TableLayout
from tests.sinks.lake.small import Clock
from tests.sinks.lake.tables.older import ROWS, fill, older_lake


@pytest.fixture(params=["timestamp", "int64"])
def snapshot(request: pytest.FixtureRequest, tmp_path: Path) -> LakeSnapshot:
    """Of two epochs, written by this version or by the one before."""
    if request.param == "timestamp":
        fill(tmp_path / "lake", Clock(), range(1, 3))
    else:
        older_lake(tmp_path / "lake", Clock(), 2)
    found = LakeReader(tmp_path / "lake").snapshot()
    assert found.tables["events"].columns[5] == Column(6, "time", request.param)
    return found


def test_the_same_rows_come_in_milliseconds_whatever_the_type(snapshot: LakeSnapshot) -> None:
    columns = columns_in_ms(snapshot.tables["events"], ["offset", "time", "ad"])
    rows = snapshot.query(f'SELECT {columns} FROM events ORDER BY "offset"')
    assert rows.column_names == ["offset", "time", "ad"]
    assert rows.column("time").to_pylist() == [n * 1000 - 5000 for n in range(2 * ROWS)]
    late = columns_in_ms(snapshot.tables["late_events"], ["watermark", "event_time"])
    assert snapshot.query(f"SELECT {late} FROM late_events ORDER BY ALL").to_pylist() == [
        {"watermark": 0, "event_time": -9000},
        {"watermark": 7000, "event_time": -2000},
    ]


def test_a_bound_in_milliseconds_finds_its_rows_and_leaves_out_row_groups(snapshot: LakeSnapshot) -> None:
    table = snapshot.tables["events"]
    since = at_ms(table, "time", 6000)
    sql = f"SELECT count(*) AS n, max({in_ms(table, 'time')}) AS last FROM events WHERE time > {since}"
    assert snapshot.query(sql).to_pylist() == [{"n": 2, "last": 8000}]
    plan = snapshot.connection().execute(f"EXPLAIN ANALYZE {sql}").fetchall()[0][1]
    assert re.findall(r"Row Groups Scanned: (\d) / (\d)", plan) == [("1", "2")]


@pytest.mark.parametrize("time_ms", [NEVER_MS, -EVENT_TIME_LIMIT_MS - 1, EVENT_TIME_LIMIT_MS + 1, 2**63 - 1])
def test_a_bound_that_no_event_reaches_is_none_the_less_one(snapshot: LakeSnapshot, time_ms: int) -> None:
    bound = at_ms(snapshot.tables["events"], "time", time_ms)
    rows = snapshot.query(f"SELECT count(*) AS n FROM events WHERE time > {bound}").to_pylist()
    assert rows == [{"n": 2 * ROWS if time_ms < 0 else 0}]


def test_what_is_no_time_or_no_column_stays_as_it_is() -> None:
    table = TableLayout(1, "t", "t/", (Column(1, "a b", "int64"), Column(2, "at", "timestamp")))
    assert columns_in_ms(table, ["a b", "at", "gone"]) == '"a b", epoch_ms("at") AS "at", "gone"'
