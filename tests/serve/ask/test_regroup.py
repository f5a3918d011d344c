"""What of a rollup goes together over windows, and which spans it goes into."""

from pathlib import Path

import duckdb
import pytest

from dataflow.pipeline.plan import make_plan
from serve.ask.regroup import bucket_end_sql, bucket_sql, regrouped, require_apart, require_fits
from serve.problem import Problem
from sinks.lake.tables.definition import RollupDefinition, definition_of
from tests.query.reports.shop import shop_pipeline


@pytest.fixture
def rollups(tmp_path: Path) -> dict[str, RollupDefinition]:
    return definition_of(make_plan(shop_pipeline(), tmp_path)).by_name


def test_counts_and_sums_go_together_and_distinct_counts_do_not(rollups: dict[str, RollupDefinition]) -> None:
    found = regrouped(rollups["city_1m"])
    assert dict(found.together) == {
        "orders": 'CAST(coalesce(sum("orders"), 0) AS BIGINT)',
        "turnover": 'sum("turnover")',
    }
    assert found.left_out == ["buyers"]


def test_windows_that_overlap_do_not_add_up(rollups: dict[str, RollupDefinition]) -> None:
    for name in ("city_1m", "city_visits"):
        require_apart(rollups[name], "total", "true")
    for name in ("city_5m", "city_day"):
        with pytest.raises(Problem, match="overlap"):
            require_apart(rollups[name], "total", "true")


def test_a_span_holds_whole_windows(rollups: dict[str, RollupDefinition]) -> None:
    require_fits(rollups["city_1m"], 300_000, "5m")
    require_fits(rollups["city_visits"], 90_001, "90001ms")
    with pytest.raises(Problem, match="multiple of the window's 1m"):
        require_fits(rollups["city_1m"], 90_000, "90s")


@pytest.mark.parametrize(
    ("moment", "every_ms", "zone", "start", "end"),
    [
        ("2026-03-29 12:34:56", 300_000, None, "2026-03-29 12:30:00", "2026-03-29 12:35:00"),
        ("2026-03-29 12:34:56", 86_400_000, None, "2026-03-29 00:00:00", "2026-03-30 00:00:00"),
        ("2026-03-29 12:34:56", 300_000, "Europe/Amsterdam", "2026-03-29 12:30:00", "2026-03-29 12:35:00"),
        # the day on which summer time begins has 23 hours, the one on which it ends 25
        ("2026-03-29 12:34:56", 86_400_000, "Europe/Amsterdam", "2026-03-28 23:00:00", "2026-03-29 22:00:00"),
        ("2026-10-25 12:34:56", 86_400_000, "Europe/Amsterdam", "2026-10-24 22:00:00", "2026-10-25 23:00:00"),
        ("1969-12-31 23:59:59", 3_600_000, None, "1969-12-31 23:00:00", "1970-01-01 00:00:00"),
    ],
)
def test_a_time_lies_in_its_span(moment: str, every_ms: int, zone: str | None, start: str, end: str) -> None:
    with duckdb.connect() as connection:
        bucket = bucket_sql(f"TIMESTAMP '{moment}'", every_ms, zone)
        found = connection.execute(
            f"SELECT s::VARCHAR, ({bucket_end_sql('s', every_ms, zone)})::VARCHAR FROM (SELECT {bucket} AS s)"
        )
        assert found.fetchall() == [(start, end)]
