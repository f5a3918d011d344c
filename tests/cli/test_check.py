"""`tidemill check`."""

from pathlib import Path

import pyarrow as pa
import pytest

from cli.check import sql_type
from cli.main import main
from pipelines.ads import pipeline

ADS = Path(__file__).parents[2] / "pipelines" / "ads.py"

BROKEN = """
from pydantic import BaseModel
from dataflow import EventTime, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.windows import tumble

class Click(BaseModel):
    at: EventTime
    ad: str

pipeline = Pipeline("x", Click, [
    Rollup("clicks", keys=["adv"], window=tumble("1m"), aggregates={"clicks": agg.sum("ad")}),
])
"""


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    monkeypatch.setenv("TIDEMILL_EVENTS", "true")


def test_it_prints_every_table_and_view_the_windows_and_what_is_held(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(arguments=["check", "--pipeline", str(ADS)])
    out = capsys.readouterr().out
    assert out.startswith(f"{ADS}: pipeline ads is correct\n")
    for rollup in pipeline.rollups:
        assert f"\n{rollup.name} (view) " in out
        assert f"\n{rollup.name}_delta " in out
    for line in [
        "events               topic                  VARCHAR",
        "                     users_kmv              BIGINT[]",
        "                     revenue                DECIMAL(38,6)",
        "clicks_5m     hop 5m every 1m  ad_id                 \"event_type\" = 'click'  65s                  for ever",
        "Kept: events for ever, late_events for ever, dead_letters for ever, the ledger for ever.",
        "Each event_id is remembered until event time has moved 605s past its first event.",
        "Dimension ads: 500 keys in memory; an unknown key gives nulls.",
    ]:
        assert f"\n{line}\n" in out
    assert not [line for line in out.splitlines() if line != line.rstrip()]


def test_a_table_that_is_switched_off_is_not_promised(capsys, monkeypatch):
    monkeypatch.setenv("TIDEMILL_EVENTS", "false")
    with pytest.raises(SystemExit, match="0"):
        main(arguments=["check", "--pipeline", str(ADS)])
    assert "\nevents " not in capsys.readouterr().out


def test_a_broken_pipeline_ends_with_all_its_mistakes_and_exit_code_2(capsys, tmp_path):
    path = tmp_path / "broken.py"
    path.write_text(BROKEN)
    with pytest.raises(SystemExit) as ended:
        main(arguments=["check", "--pipeline", str(path)])
    assert ended.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        f"error: {path}: pipeline x: 2 mistakes\n"
        "  - rollups.clicks.keys[0] = 'adv': unknown column; did you mean ad?\n"
        "  - rollups.clicks.aggregates.clicks = 'sum(ad)': sum needs a number, this is type text; "
        "use an int or Money column, or agg.count\n"
    )


def test_the_reports_beside_the_pipeline_are_shown_and_their_mistakes_told_with_exit_code_2(capsys, tmp_path):
    path = tmp_path / "clicks.py"
    path.write_text(BROKEN.replace('["adv"]', '["ad"]').replace('agg.sum("ad")', "agg.count()"))
    (tmp_path / "reports").mkdir()
    report = tmp_path / "reports" / "per_ad.sql"
    sql = (
        "-- title: Clicks per ad\n-- view: clicks\n-- parameter: least integer = 1\nFROM clicks WHERE clicks >= $least"
    )
    report.write_text(sql)
    with pytest.raises(SystemExit, match="0"):
        main(arguments=["check", "--pipeline", str(path)])
    assert "\nper_ad  clicks  Clicks per ad  --least integer = 1\n" in capsys.readouterr().out
    report.write_text(sql.replace("WHERE clicks", "WHERE clics"))
    with pytest.raises(SystemExit, match="2"):
        main(arguments=["check", "--pipeline", str(path)])
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"error: {tmp_path / 'reports'}: 1 mistake\n  - per_ad.sql, line 4: Binder Error: ")


def test_a_missing_file_ends_with_exit_code_2(capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments=["check", "--pipeline", "nope.py"])
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("error: pipeline = 'nope.py': there is no file nope.py")


def test_types_have_the_names_that_duckdb_gives_them():
    names = [pa.string(), pa.int64(), pa.bool_(), pa.float64(), pa.date32(), pa.binary(), pa.timestamp("us")]
    expected = ["VARCHAR", "BIGINT", "BOOLEAN", "DOUBLE", "DATE", "BLOB", "TIMESTAMP"]
    assert [sql_type(name) for name in names] == expected
    assert sql_type(pa.decimal128(18, 6)) == "DECIMAL(18,6)"
    assert sql_type(pa.list_(pa.int32())) == "INTEGER[]"
