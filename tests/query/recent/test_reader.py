"""What a reader that stays has in memory, when it asks it, and who waits for whom."""

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from query.recent import RecentReader
from query.recent.keeper import Limits
from query.recent.snapshot import RecentSnapshot
from query.snapshot import LakeSnapshot
from tests.query.lakes import T0, LakeMaker, clicks, ledger, visit

CLICKS = "SELECT ad_id, sum(clicks) AS n FROM ad_clicks_1m GROUP BY ad_id ORDER BY ad_id"


@pytest.fixture
def reader(lake: LakeMaker) -> Any:
    for minute in range(4):
        lake.commit({"ad_clicks_1m_delta": [clicks("a", minute, 2), clicks("b", minute, 1)]})
    with RecentReader(lake.folder, clock=lambda: T0) as made:
        while made.tend():
            pass
        yield made


def rows(snapshot: LakeSnapshot, sql: str = CLICKS) -> list[Any]:
    return [tuple(row.values()) for row in snapshot.query(sql).to_pylist()]


def without_files(lake: LakeMaker) -> None:
    for path in lake.folder.glob("main/ad_clicks_1m_delta/*.parquet"):
        path.unlink()


def test_what_is_in_memory_is_answered_without_a_file(lake: LakeMaker, reader: RecentReader) -> None:
    snapshot = reader.snapshot()
    without_files(lake)
    assert rows(snapshot) == [("a", 8), ("b", 4)]
    assert snapshot.texts(CLICKS, lambda columns: ["#1", "#2::VARCHAR"]).rows() == [("a", "8"), ("b", "4")]


def test_of_a_commit_only_the_new_files_are_read(lake: LakeMaker, reader: RecentReader) -> None:
    reader.snapshot()
    without_files(lake)
    lake.commit({"ad_clicks_1m_delta": [clicks("a", 1, 5)], "ledger": [ledger("clicks/0", 0, 5, T0)]})
    assert rows(reader.snapshot()) == [("a", 13), ("b", 4)]


def test_a_snapshot_that_is_held_stays_as_it_was(lake: LakeMaker, reader: RecentReader) -> None:
    before = reader.snapshot()
    for minute in range(3):
        lake.commit({"ad_clicks_1m_delta": [clicks("b", minute, 7)]})
        reader.tend()
    assert rows(before) == [("a", 8), ("b", 4)]
    assert rows(reader.snapshot(before.id)) == [("a", 8), ("b", 4)]
    assert rows(reader.snapshot()) == [("a", 8), ("b", 25)]


def test_sessions_and_tables_are_asked_of_the_files(lake: LakeMaker, reader: RecentReader) -> None:
    lake.commit({"visits_delta": [visit("a", 0, 3, 2)]})
    while reader.tend():
        pass
    assert "visits" not in reader.held().since_ms
    assert rows(reader.snapshot(), "SELECT ad_id, n FROM visits") == [("a", 2)]
    assert rows(reader.snapshot(), "SELECT count(*) FROM ad_clicks_1m_delta") == [(8,)]


def test_without_room_nothing_is_kept(lake: LakeMaker) -> None:
    lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 2)]})
    with RecentReader(lake.folder, limits=Limits(most_bytes=0), clock=lambda: T0) as reader:
        assert not reader.tend()
        assert reader.held() == (0, 0, {})
        assert rows(reader.snapshot()) == [("a", 2)]


def test_what_is_held_is_told(reader: RecentReader) -> None:
    held = reader.held()
    assert held.size_bytes > 0
    assert held.rows == 8
    assert held.since_ms == {"ad_clicks_1m": None}


def test_a_commit_is_taken_in_before_anybody_asks(lake: LakeMaker) -> None:
    lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 2)]})
    with RecentReader(lake.folder, clock=lambda: T0) as reader:
        reader.follow()
        newest = lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 3)]})
        for _ in range(2_000):
            seen = reader._latest
            if isinstance(seen, RecentSnapshot) and seen.id == newest and seen.kept:
                break
            threading.Event().wait(0.005)
        assert rows(reader.snapshot()) == [("a", 5)]
        assert isinstance(seen, RecentSnapshot)
        assert seen.kept["ad_clicks_1m"].snapshot == newest


def test_while_a_commit_is_taken_in_questions_go_to_the_files(lake: LakeMaker, reader: RecentReader) -> None:
    held = reader.snapshot()
    lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 3)]})
    with reader._turn:
        assert rows(held) == [("a", 8), ("b", 4)]
        newer = reader.snapshot()
        assert not isinstance(newer, RecentSnapshot)
        assert rows(newer) == [("a", 11), ("b", 4)]
    assert isinstance(reader.snapshot(), RecentSnapshot)


def test_many_threads_ask_while_commits_come(lake: LakeMaker, reader: RecentReader) -> None:
    problems: list[BaseException] = []
    done = threading.Event()

    def ask() -> None:
        try:
            while not done.is_set():
                snapshot = reader.snapshot()
                assert rows(snapshot)[0][1] == 8 + expected[snapshot.id]
        except BaseException as problem:
            problems.append(problem)

    expected = {reader.snapshot().id: 0}
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    head = lake.catalog.head().id
    for number in range(1, 16):
        expected[head + number] = number
        lake.commit({"ad_clicks_1m_delta": [clicks("a", number % 5, 1)]})
        reader.tend()
    done.set()
    for thread in threads:
        thread.join()
    assert problems == []


def test_another_lake_at_the_place_is_another(lake: LakeMaker, reader: RecentReader, tmp_path: Path) -> None:
    lake.catalog.close()
    lake.folder.rename(tmp_path / "old")
    with LakeMaker(lake.folder) as other:
        other.commit({"ad_clicks_1m_delta": [clicks("z", 0, 1)]}, after_s=timedelta(hours=1).total_seconds())
        reader.tend()
        assert rows(reader.snapshot()) == [("z", 1)]
