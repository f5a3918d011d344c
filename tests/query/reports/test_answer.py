"""The shipped reports: ranges, order, limits, and what an empty answer says."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dataflow import Rollup
from dataflow import aggregates as agg
from dataflow.errors import ConfigError, PipelineError, QueryError
from dataflow.windows import tumble
from query.definition import lake_definition
from query.reader import LakeReader, LakeSnapshot
from query.reports import Answer, Shelf, ask
from tests.query.lakes import T0, LakeMaker, ads_pipeline, clicks, ledger

NOW = T0 + timedelta(minutes=7, seconds=30)
SHIPPED = Path(__file__).parents[3] / "pipelines" / "reports"


def _ask(
    name: str,
    snapshot: LakeSnapshot,
    now: datetime,
    *,
    at: str | None = None,
    limit: int | None = None,
    **given: object,
) -> Answer:
    """A shipped report, over a lake of the tests' pipeline, whose name and rollups are those of the shipped one."""
    with LakeReader(snapshot._means.resolver.folder) as reader:
        definition = lake_definition(reader)
    return ask(snapshot, Shelf(SHIPPED, definition).find(name), given, now, at=at, limit=limit)


def _campaign(name: str | None, at: datetime, n: int, revenue: str | None) -> dict[str, Any]:
    start = at.replace(tzinfo=None)
    money = None if revenue is None else Decimal(revenue)
    return {
        "campaign_id": name, "window_start": start, "window_end": start + timedelta(minutes=1), "impressions": 4 * n,
        "clicks": n, "conversions": 1, "spend": Decimal(n), "revenue": money, "row_count": 5 * n, "late_count": 0,
    }  # fmt: skip


def _hour(hour: int, revenue: str) -> dict[str, Any]:
    start = (T0 + timedelta(hours=hour)).replace(tzinfo=None)
    return {
        "window_start": start, "window_end": start + timedelta(hours=1), "revenue": Decimal(revenue), "events": 2,
        "row_count": 2, "late_count": 0,
    }  # fmt: skip


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[LakeMaker]:
    with LakeMaker(tmp_path / "lake") as maker:
        yield maker


@pytest.fixture
def full(lake: LakeMaker) -> Iterator[LakeSnapshot]:
    lake.commit(
        {
            "ad_clicks_1m_delta": [
                clicks("b", 7, 2, "1"),
                clicks("a", 7, 2, "0.5"),
                clicks("c", 3, 9),
                clicks("x", 2, 99),
            ],
            "campaign_1m_delta": [
                _campaign("low", T0, 10, "1.5"),
                _campaign("top", T0, 1, "2"),
                _campaign(None, T0, 1, None),
                _campaign("top", T0 - timedelta(hours=12, minutes=1), 100, "50"),
            ],
            "revenue_1h_delta": [_hour(0, "10"), _hour(-1, "20"), _hour(-30, "40")],
            "ledger": [ledger("p", 0, 10, T0 + timedelta(minutes=7, seconds=10))],
        }
    )
    with LakeReader(lake.folder) as reader:
        yield reader.snapshot()


def test_clicks_per_ad_counts_the_running_minute_and_those_before_it(full: LakeSnapshot) -> None:
    answer = _ask("clicks_per_ad", full, NOW, minutes=5)
    assert (answer.start, answer.end) == (T0 + timedelta(minutes=3), T0 + timedelta(minutes=8))
    assert [(row["ad_id"], row["clicks"]) for row in answer.table.to_pylist()] == [("c", 9), ("a", 2), ("b", 2)]
    assert "2026-01-01 12:03 to 12:08 UTC" in answer.note
    assert _ask("clicks_per_ad", full, NOW, minutes=1, limit=1).table.to_pylist() == [
        {"ad_id": "a", "clicks": 2, "spend": Decimal("0.500000")}
    ]


def test_a_time_or_the_newest_event_takes_the_place_of_the_clock(full: LakeSnapshot) -> None:
    later = NOW + timedelta(days=3)
    answer = _ask("clicks_per_ad", full, later, minutes=1, at="latest")
    assert (answer.start, answer.table.num_rows) == (T0 + timedelta(minutes=7), 2)
    assert _ask("clicks_per_ad", full, later, minutes=1, at="2026-01-01T12:02").table.to_pylist()[0]["ad_id"] == "x"
    with pytest.raises(QueryError, match="now, latest or a UTC time"):
        _ask("clicks_per_ad", full, later, at="noon")


def test_an_empty_answer_over_old_data_names_the_command_that_answers(full: LakeSnapshot) -> None:
    answer = _ask("clicks_per_ad", full, NOW + timedelta(days=3), minutes=9)
    assert answer.table.num_rows == 0
    assert "newest event in the lake is of 2026-01-01 12:07:10 UTC" in answer.note
    assert "tidemill report clicks_per_ad --minutes 9 --at latest" in answer.note


def test_the_day_of_an_empty_answer_is_the_newest_ones_in_the_command_that_answers(full: LakeSnapshot) -> None:
    answer = _ask("top_campaigns", full, NOW, day="2026-02-03")
    assert answer.note.endswith("Ask at that time: tidemill report top_campaigns --at latest")


def test_an_empty_lake_says_so(lake: LakeMaker) -> None:
    with LakeReader(lake.folder) as reader:
        assert "holds no events yet" in _ask("revenue_per_hour", reader.snapshot(), NOW).note


def test_top_campaigns_takes_one_utc_day_and_puts_the_highest_revenue_first(full: LakeSnapshot) -> None:
    rows = _ask("top_campaigns", full, NOW).table.to_pylist()
    assert [row["campaign_id"] for row in rows] == ["top", "low", None]
    assert rows[1] == {
        "campaign_id": "low", "impressions": 40, "clicks": 10, "conversions": 1, "spend": Decimal("10.000000"),
        "revenue": Decimal("1.500000"), "click_percent": 25.0,
    }  # fmt: skip
    before = _ask("top_campaigns", full, NOW, day="yesterday").table.to_pylist()
    assert [(row["campaign_id"], row["clicks"]) for row in before] == [("top", 100)]
    assert _ask("top_campaigns", full, NOW, day="2025-12-31").table.num_rows == 1
    with pytest.raises(QueryError, match="is no day"):
        _ask("top_campaigns", full, NOW, day="monday")


def test_revenue_per_hour_lists_the_newest_hour_first(full: LakeSnapshot) -> None:
    answer = _ask("revenue_per_hour", full, NOW)
    assert [row["revenue"] for row in answer.table.to_pylist()] == [10, 20]
    assert answer.table.column_names == ["hour", "revenue", "events", "is_final"]
    assert _ask("revenue_per_hour", full, NOW, hours=31).table.num_rows == 3


def test_a_report_reads_only_the_files_of_its_range(lake: LakeMaker) -> None:
    for minute in range(4):
        lake.commit({"ad_clicks_1m_delta": [clicks("a", minute, 1)]})
    with LakeReader(lake.folder) as reader:
        snapshot = reader.snapshot()
        for file in snapshot.files("ad_clicks_1m_delta")[:2]:
            file.path.unlink()
        assert _ask("clicks_per_ad", snapshot, T0 + timedelta(minutes=3), minutes=2).table.to_pylist()[0]["clicks"] == 2


def test_a_report_of_an_older_snapshot_does_not_change(lake: LakeMaker) -> None:
    first = lake.commit({"ad_clicks_1m_delta": [clicks("a", 7, 1)], "ledger": [ledger("p", 0, 1, NOW)]})
    lake.commit({"ad_clicks_1m_delta": [clicks("a", 7, 5)], "ledger": [ledger("p", 1, 6, NOW)]})
    with LakeReader(lake.folder) as reader:
        assert _ask("clicks_per_ad", reader.snapshot(first), NOW).table.to_pylist()[0]["clicks"] == 1
        assert _ask("clicks_per_ad", reader.snapshot(), NOW).table.to_pylist()[0]["clicks"] == 6


def test_a_snapshot_from_before_the_rollup_is_no_mistake_of_the_file(lake: LakeMaker) -> None:
    with LakeReader(lake.folder) as reader, pytest.raises(QueryError, match="snapshot 0 has no rollup campaign_1m yet"):
        _ask("top_campaigns", reader.snapshot(0), NOW)


def test_a_pipeline_without_the_rollup_or_its_columns_is_told_what_is_missing(tmp_path: Path) -> None:
    bare = Rollup("ad_clicks_1m", ["ad_id"], tumble("1m"), {"clicks": agg.count()})
    with LakeMaker(tmp_path / "lake", ads_pipeline(rollups=[bare])), LakeReader(tmp_path / "lake") as reader:
        with pytest.raises(
            PipelineError, match=r"campaigns.sql: 1 mistake\n.*line 3: .*campaign_1m.*it has: ad_clicks_1m"
        ):
            _ask("top_campaigns", reader.snapshot(), NOW)
        with pytest.raises(PipelineError, match=r"ad.sql: 1 mistake\n.*line 8: .*spend.*has ad_id, window_start"):
            _ask("clicks_per_ad", reader.snapshot(), NOW)


def test_numbers_below_one_are_refused(full: LakeSnapshot) -> None:
    with pytest.raises(ConfigError, match="--minutes"):
        _ask("clicks_per_ad", full, NOW, minutes=0)
    with pytest.raises(ConfigError, match="--limit"):
        _ask("clicks_per_ad", full, NOW, limit=0)


def test_an_event_time_beyond_the_calendar_does_not_break_a_report(lake: LakeMaker) -> None:
    lake.commit({"ledger": [ledger("p", 0, 1, None, max_event_time=2**60)]})
    with LakeReader(lake.folder) as reader:
        for at in ("now", "latest"):
            assert _ask("clicks_per_ad", reader.snapshot(), NOW, at=at).table.num_rows == 0
            assert _ask("top_campaigns", reader.snapshot(), NOW, at=at).table.num_rows == 0
            assert _ask("revenue_per_hour", reader.snapshot(), NOW, at=at).table.num_rows == 0
