"""Which questions go to memory, which to memory and files together, and which to the files alone."""

from datetime import timedelta
from pathlib import Path

import pytest

from query.reader import Bound, LakeReader
from query.recent import RecentReader
from query.recent.keeper import Limits
from query.recent.snapshot import RecentSnapshot
from tests.query.lakes import T0, LakeMaker, clicks
from tests.query.recent.growing import Growing


@pytest.fixture
def snapshot(lake: LakeMaker) -> RecentSnapshot:
    for hour in range(6):
        lake.commit({"ad_clicks_1m_delta": [clicks("a", hour * 60, 1)]})
    reader = RecentReader(lake.folder, limits=Limits(), clock=lambda: T0 + timedelta(days=1))
    # one round keeps the newest hour
    reader.tend()
    found = reader.snapshot()
    assert isinstance(found, RecentSnapshot)
    return found


def since(hours: int) -> list[Bound]:
    return [Bound("ad_clicks_1m_delta", "window_start", T0 + timedelta(hours=hours))]


def test_a_range_in_memory_needs_no_file(snapshot: RecentSnapshot) -> None:
    place = snapshot._place("SELECT * FROM ad_clicks_1m", since(5))
    assert place is not None
    assert place.snapshot is snapshot._inside
    assert place.bounds == []


def test_a_longer_range_reads_the_files_before_the_border(snapshot: RecentSnapshot) -> None:
    place = snapshot._place("SELECT * FROM ad_clicks_1m", since(2))
    assert place is not None
    assert place.snapshot is snapshot._across
    border_ms = snapshot.kept["ad_clicks_1m"].border_ms
    assert border_ms is not None
    below = place.bounds[0].below
    assert below is not None
    assert place.bounds[0].at_least == T0 + timedelta(hours=2)
    assert snapshot.query("SELECT count(*) AS n FROM ad_clicks_1m").to_pylist() == [{"n": 6}]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "SELECT count(*) FROM ledger",
        "SELECT * FROM ad_clicks_1m_delta",
        "SELECT * FROM ad_clicks_1m JOIN ad_clicks_1m_delta USING (ad_id)",
        "SELECT * FROM ad_clicks_1m, duckdb_tables()",
        "SELECT * FROM ad_clicks_1m, _tidemill_recent.main.t1",
    ],
)
def test_what_is_not_only_of_kept_views_goes_to_the_files(snapshot: RecentSnapshot, sql: str) -> None:
    assert snapshot._place(sql, []) is None


def test_a_column_that_is_not_kept_is_found_out_once(tmp_path: Path) -> None:
    lake = Growing(tmp_path / "lake", 3)
    lake.commit()
    with RecentReader(lake.folder, clock=lambda: lake.now) as reader, LakeReader(lake.folder) as plain:
        while reader.tend():
            pass
        snapshot = reader.snapshot()
        assert isinstance(snapshot, RecentSnapshot)
        for sql in ("SELECT ads FROM mixed ORDER BY ALL", "SELECT sum(ads) AS n FROM mixed"):
            assert snapshot._place(sql, []) is not None
            assert snapshot.query(sql).equals(plain.query(sql))
            assert snapshot._place(sql, []) is None
        # it would hide the error
        assert snapshot._place("SELECT TRY(ads) FROM mixed", []) is None
        sql = "SELECT ads, n FROM mixed ORDER BY ALL"
        texts = ["#1::VARCHAR", "#2::VARCHAR"]
        assert snapshot.texts(sql, lambda _: texts).rows() == plain.snapshot().texts(sql, lambda _: texts).rows()
    lake.close()
