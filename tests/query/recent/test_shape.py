"""Which columns of a rollup are kept, and that a view of any other form is left to the files."""

from pathlib import Path

import pytest

from dataflow.pipeline.plan import make_plan
from query.duck import duckdb
from query.recent.shape import Shape, is_not_kept, not_kept, shape_of
from query.resolve import Resolver
from sinks.lake.tables.definition import Definition, definition_of
from sinks.lake.tables.prepare import create_lake
from tests.query.lakes import T0
from tests.query.recent.growing import pipeline


@pytest.fixture
def shapes(tmp_path: Path) -> dict[str, Shape | None]:
    plan = make_plan(pipeline(), tmp_path)
    create_lake(tmp_path / "lake", plan, T0).close()
    resolved = Resolver(tmp_path / "lake").resolve(None)
    definition: Definition = definition_of(plan)
    return {
        name: shape_of(rollup, resolved.views[name].sql, resolved.tables[f"{name}_delta"], duckdb.connect())
        for name, rollup in definition.by_name.items()
    }


def test_sketches_and_histograms_are_not_kept_and_sessions_not_at_all(shapes: dict[str, Shape | None]) -> None:
    mixed = shapes["mixed"]
    assert mixed is not None
    assert list(mixed.lost) == ["ads_kmv", "middle_buckets", "middle_counts"]
    assert [each.name for each in mixed.outputs if not each.is_kept] == ["ads"]
    # what an average is made of, and the count of rows, stay beside what the view shows
    assert list(mixed.added) == ["mean_sum", "mean_count", "row_count"]
    assert mixed.reads_delta
    assert shapes["visits"] is None
    per_ad = shapes["per_ad"]
    assert per_ad is not None
    assert not per_ad.lost
    assert not per_ad.reads_delta


def test_a_view_of_another_form_is_not_kept(tmp_path: Path) -> None:
    plan = make_plan(pipeline(), tmp_path)
    create_lake(tmp_path / "lake", plan, T0).close()
    delta = Resolver(tmp_path / "lake").resolve(None).tables["per_ad_delta"]
    rollup = definition_of(plan).by_name["per_ad"]
    assert shape_of(rollup, "SELECT 1 AS one", delta, duckdb.connect()) is None


def test_a_column_that_is_not_kept_says_so_when_it_is_read_and_only_then() -> None:
    rows = f"(SELECT 1 AS row_count, 2 AS n, {not_kept('BIGINT')} AS ads FROM range(1)) AS rows"
    assert duckdb.connect().execute(f"SELECT n FROM {rows}").fetchall() == [(2,)]
    with pytest.raises(duckdb.Error) as told:
        duckdb.connect().execute(f"SELECT ads FROM {rows}").fetchall()
    assert is_not_kept(told.value)


def test_rows_go_on_when_only_the_view_around_them_differs(shapes: dict[str, Shape | None]) -> None:
    shape = shapes["per_ad"]
    assert shape is not None
    assert shape._replace(sql="other").continues(shape)
    assert not shape._replace(group="other").continues(shape)
