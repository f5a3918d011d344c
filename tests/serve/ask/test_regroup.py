"""What of a rollup goes together over windows."""

from pathlib import Path

import pytest

from dataflow.pipeline.plan import make_plan
from serve.ask.regroup import regrouped, require_apart
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
