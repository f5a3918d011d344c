"""The check of a pipeline's reports, without a lake of its own."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from dataflow.errors import PipelineError
from dataflow.pipeline.load import load
from dataflow.pipeline.plan import Plan, make_plan
from query.reports.check import check_reports
from tests.query.reports.shop import shop_pipeline

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ADS = Path(__file__).parents[3] / "pipelines" / "ads.py"
GOOD = """-- title: Orders per city
-- view: city_1m
-- parameter: city text
-- parameter: hours integer = 2
-- range: last $hours hours
SELECT city, orders, buyers FROM city_1m
WHERE window_start >= $start AND window_start < $end
  AND city = $city
"""


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return make_plan(shop_pipeline(), tmp_path)


def put(folder: Path, name: str, text: str) -> None:
    (folder / f"{name}.sql").write_text(text)


def checked(folder: Path, plan: Plan) -> list[str]:
    return [report.name for report in check_reports(folder, plan, NOW, events=True)]


def test_the_shipped_reports_are_right() -> None:
    assert checked(ADS.parent / "reports", load(str(ADS))) == ["clicks_per_ad", "revenue_per_hour", "top_campaigns"]


def test_a_pipeline_without_reports_has_none(tmp_path: Path, plan: Plan) -> None:
    assert checked(tmp_path / "nothing", plan) == []


def test_reports_of_other_pipelines_in_the_same_folder_are_left_alone(tmp_path: Path, plan: Plan) -> None:
    put(tmp_path, "orders", GOOD)
    put(tmp_path, "theirs", "-- pipeline: ads\n" + GOOD.replace("city_1m", "nope"))
    assert checked(tmp_path, plan) == ["orders"]


def test_every_mistake_of_every_file_is_told_with_its_line(tmp_path: Path, plan: Plan) -> None:
    put(tmp_path, "a", GOOD.replace("view: city_1m", "view: city_1h"))
    put(tmp_path, "b", GOOD.replace("city, orders", "city, order_count"))
    put(tmp_path, "c", GOOD.replace("FROM city_1m", "FROM city_2m"))
    put(tmp_path, "d", GOOD.replace("-- title", "-- titel"))
    put(tmp_path, "e", GOOD.replace("city = $city", "buyers + $city > now() - city"))
    put(tmp_path, "f", GOOD)
    put(tmp_path, "g", GOOD.replace("hours integer = 2", "hours integer = 0"))
    with pytest.raises(PipelineError) as raised:
        checked(tmp_path, plan)
    told = [mistake.partition(": ") for mistake in raised.value.mistakes]
    assert [place for place, _, _ in told] == [
        "a.sql, line 2", "b.sql, line 6", "c.sql, line 6", "d.sql, line 1", "d.sql, line 1", "e.sql, line 8", "g.sql",
    ]  # fmt: skip
    said = {place: what for place, _, what in told}
    assert "no such rollup (it has: city_1m, city_5m, city_day, city_visits)" in said["a.sql, line 2"]
    assert 'order_count" not found' in said["b.sql, line 6"]
    assert "city_1m has city, window_start, window_end, orders" in said["b.sql, line 6"]
    assert "city_2m does not exist" in said["c.sql, line 6"]
    assert "--hours = 0: must be 1 or more" in said["g.sql"]
