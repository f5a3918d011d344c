"""How far back windows are kept, and what goes when there is too much."""

from datetime import timedelta

import pytest

from query.recent import RecentReader, keeper
from query.recent.keeper import Limits
from tests.query.lakes import T0, LakeMaker, clicks

HOURS = 12


@pytest.fixture
def filled(lake: LakeMaker, monkeypatch: pytest.MonkeyPatch) -> LakeMaker:
    monkeypatch.setattr(keeper, "_SMALL_ROWS", 0)
    for hour in range(HOURS):
        lake.commit({"ad_clicks_1m_delta": [clicks("a", hour * 60 + minute, 1) for minute in range(0, 60, 20)]})
    return lake


def held(lake: LakeMaker, limits: Limits) -> RecentReader:
    reader = RecentReader(lake.folder, limits=limits, clock=lambda: T0 + timedelta(days=1))
    while reader.tend():
        pass
    return reader


def test_windows_are_kept_as_far_back_as_asked_newest_first(filled: LakeMaker) -> None:
    with held(filled, Limits(reach=timedelta(hours=3))) as reader:
        since_ms = reader.held().since_ms["ad_clicks_1m"]
        assert since_ms is not None
        newest = T0 + timedelta(hours=HOURS)
        assert timedelta(hours=3) <= newest - (T0.fromtimestamp(since_ms / 1000, T0.tzinfo)) <= timedelta(hours=8)
        assert reader.query("SELECT count(*) AS n FROM ad_clicks_1m").to_pylist() == [{"n": HOURS * 3}]


def test_all_are_kept_where_they_are_few(filled: LakeMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "_SMALL_ROWS", 10_000)
    with held(filled, Limits(reach=timedelta(hours=3))) as reader:
        assert reader.held().since_ms == {"ad_clicks_1m": None}


def test_beyond_the_bytes_the_oldest_windows_go_and_answers_stay(filled: LakeMaker) -> None:
    with held(filled, Limits(most_bytes=1)) as reader:
        assert reader.held().since_ms["ad_clicks_1m"] is not None
        for hour in range(HOURS, HOURS + 3):
            filled.commit({"ad_clicks_1m_delta": [clicks("a", hour * 60, 1)]})
            reader.tend()
        assert reader.query("SELECT count(*) AS n FROM ad_clicks_1m").to_pylist() == [{"n": HOURS * 3 + 3}]
