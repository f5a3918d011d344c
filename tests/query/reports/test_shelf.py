"""What reports there are, and which one a name means."""

from pathlib import Path

import duckdb
import pytest

from dataflow.errors import ConfigError, PipelineError
from dataflow.pipeline.plan import make_plan
from query.reader import LakeReader
from query.reports import Report, RollupReport, Shelf, listing, reports_folder
from sinks.lake.tables.definition import definition_of
from tests.query.reports.shop import row, shop_lake, shop_pipeline

ORDERS = """-- title: Orders per city
-- view: city_1m
-- parameter: city text = none
SELECT * FROM city_1m WHERE $city IS NULL OR city = $city
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    reports = tmp_path / "reports"
    reports.mkdir()
    (reports / "orders.sql").write_text(ORDERS)
    (reports / "city_5m.sql").write_text(ORDERS.replace("title: Orders", "title: My own"))
    (reports / "theirs.sql").write_text("-- pipeline: ads\n" + ORDERS)
    (reports / "broken.sql").write_text(ORDERS.replace("-- title", "-- titel"))
    (reports / "notes.txt").write_text("no report")
    return reports


@pytest.fixture
def shelf(folder: Path) -> Shelf:
    return Shelf(folder, definition_of(make_plan(shop_pipeline(), folder)))


def test_reports_stand_beside_the_pipeline_file(tmp_path: Path) -> None:
    assert reports_folder("pipelines/ads.py") == Path("pipelines/reports")
    assert reports_folder(f"{tmp_path}/shop.py:orders") == tmp_path / "reports"
    odd = tmp_path / "a:b"
    odd.write_text("")
    assert reports_folder(str(odd)) == tmp_path / "reports"


def test_files_come_first_and_then_the_rollups_without_one(shelf: Shelf) -> None:
    assert shelf.names() == ["broken", "city_5m", "orders", "city_1m", "city_day", "city_visits"]
    lines = {line["report"]: line for line in listing(shelf)}
    assert lines["orders"] == {"report": "orders", "title": "Orders per city", "parameters": "--city text = none"}
    assert lines["city_5m"]["title"] == "My own per city"
    assert lines["city_day"]["title"] == "Windows of cumulate 1d by steps of 1h per city"
    assert lines["city_1m"]["parameters"].startswith("--last duration = 1h, --top integer = none, ")
    assert lines["broken"]["title"].startswith("(cannot be asked) line 1: titel")


def test_a_report_about_what_the_lake_has_not_is_listed_as_one_that_cannot_be_asked(folder: Path) -> None:
    (folder / "raw.sql").write_text(ORDERS.replace("city_1m", "events"))
    (folder / "shipped.sql").write_text(ORDERS.replace("city_1m", "ad_clicks_1m"))
    shelf = Shelf(folder, definition_of(make_plan(shop_pipeline(), folder)), known={"city_1m", "events"})
    lines = {line["report"]: line for line in listing(shelf)}
    assert lines["shipped"]["title"] == "(cannot be asked) ad_clicks_1m is not in this lake"
    assert lines["raw"]["title"] == lines["orders"]["title"] == "Orders per city"
    assert lines["city_day"]["title"].startswith("Windows of")


def test_a_file_comes_before_the_rollup_of_its_name(shelf: Shelf) -> None:
    found = shelf.find("city_5m")
    assert isinstance(found, Report)
    assert found.rollup is not None
    assert found.rollup.name == "city_1m"
    assert isinstance(shelf.find("city_1m"), RollupReport)
    with pytest.raises(PipelineError, match=r"broken\.sql"):
        shelf.find("broken")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("order", "did you mean orders"),
        ("theirs", "belongs to pipeline ads, this lake to shop"),
        ("../reports/orders", "no rollup of this lake has this name"),
        ("city_1m_delta", "did you mean city_1m"),
    ],
)
def test_a_name_that_is_none_is_told_with_the_nearest(shelf: Shelf, name: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        shelf.find(name)


def test_without_a_lake_there_are_the_files(folder: Path, tmp_path: Path) -> None:
    assert Shelf(folder, None).names() == ["broken", "city_5m", "orders", "theirs"]
    assert Shelf(tmp_path / "none", None).names() == []
    with pytest.raises(ConfigError, match="has this name"):
        Shelf(tmp_path / "none", None).find("orders")


def test_a_file_is_parsed_once_by_the_parser_that_is_given_and_again_when_it_was_changed(folder: Path) -> None:
    parsed: list[None] = []
    with duckdb.connect(":memory:") as connection:

        def parser() -> duckdb.DuckDBPyConnection:
            parsed.append(None)
            return connection.cursor()

        shelf = Shelf(folder, None, parser)
        assert shelf.find("orders") == shelf.find("orders")
        assert len(parsed) == 1
        (folder / "orders.sql").write_text(ORDERS.replace("Orders", "Other orders", 1))
        assert shelf.read(folder / "orders.sql").title == "Other orders per city"
        assert len(parsed) == 2


def test_a_readers_own_parser_reads_reports_before_and_after_its_lake_was_asked(folder: Path, tmp_path: Path) -> None:
    with shop_lake(tmp_path / "lake") as lake, LakeReader(lake.folder) as reader:
        lake.commit({"city_1m_delta": [row("a", 0, 1, 1)]})
        for _ in range(2):
            assert Shelf(folder, None, reader.parser).read(folder / "orders.sql").uses == {"city"}
            assert reader.query("SELECT orders FROM city_1m").to_pylist() == [{"orders": 1}]
