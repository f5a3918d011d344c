"""`tidemill check`."""

from pathlib import Path

import pyarrow as pa
import pytest

from cli.check import sql_type
from cli.main import main
from dataflow.pipeline.load import load
from pipelines.ads import pipeline
from sinks.lake.tables.prepare import create_lake
from tests.query.lakes import T0

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
def clean(monkeypatch, tmp_path):
    monkeypatch.setenv("TIDEMILL_EVENTS", "true")
    monkeypatch.setenv("TIDEMILL_LAKE", str(tmp_path / "lake"))
    monkeypatch.setenv("TIDEMILL_RECOVERY", str(tmp_path / "recovery"))


def test_it_prints_every_table_and_view_the_windows_and_what_is_held(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(arguments=["check", "--pipeline", str(ADS)])
    out = capsys.readouterr().out
    assert out.startswith(f"{ADS}: pipeline ads is correct\n")
    for rollup in pipeline.rollups:
        assert f"\n{rollup.name} (view) " in out
        assert f"\n{rollup.name}_delta " in out
    for line in [
        f"{'events':20} {'topic':33} VARCHAR",
        f"{'':20} {'users_kmv':33} BIGINT[]",
        f"{'':20} {'revenue':33} DECIMAL(38,6)",
        "clicks_5m     hop 5m every 1m  ad_id                 \"event_type\" = 'click'  65s                  for ever",
        "Kept: events for ever, late_events for ever, dead_letters for ever, the ledger for ever.",
        "Each event_id is remembered until event time has moved 605s past its first event.",
        "Dimension ads: 500 keys in memory; an unknown key gives nulls; the lake keeps a copy of its file.",
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


def test_a_mistake_in_a_board_beside_the_pipeline_is_told_with_key_value_and_fix_and_exit_code_2(capsys, tmp_path):
    path = tmp_path / "clicks.py"
    path.write_text(BROKEN.replace('["adv"]', '["ad"]').replace('agg.sum("ad")', "agg.count()"))
    (tmp_path / "boards").mkdir()
    file = tmp_path / "boards" / "mine.toml"
    panel = '[[panel]]\nkind = "chart"\ntitle = "Clicks"\nrollup = "clicks"\nshow = ["clicks"]\nwidth = 6\n'
    report = '[[panel]]\nkind = "report"\ntitle = "All"\nreport = "clicks"\n'
    file.write_text(f'title = "Mine"\n{panel}{report}')
    with pytest.raises(SystemExit, match="0"):
        main(arguments=["check", "--pipeline", str(path)])
    capsys.readouterr()
    wrong = panel.replace("6", "13"), panel.replace('["clicks"]', '["click"]'), report.replace("clicks", "clcks")
    file.write_text('title = "Mine"\n' + "".join(wrong))
    with pytest.raises(SystemExit, match="2"):
        main(arguments=["check", "--pipeline", str(path)])
    captured = capsys.readouterr()
    assert captured.out == ""
    first, *mistakes = captured.err.splitlines()
    assert first == f"error: {tmp_path / 'boards'}: 3 mistakes"
    assert mistakes[:2] == [
        "  - mine.toml, panel 1 (Clicks), key width = 13: write a whole number from 1 to 12",
        "  - mine.toml, panel 2 (Clicks), key show: clicks has no aggregate 'click'; did you mean clicks?",
    ]
    assert mistakes[2].startswith("  - mine.toml, panel 3 (All), key report = 'clcks': no file ")
    assert mistakes[2].endswith("; did you mean clicks?")


def test_mistakes_in_boards_are_told_beside_those_of_the_pipeline_and_of_reports(capsys, tmp_path):
    path = tmp_path / "broken.py"
    path.write_text(BROKEN)
    for folder, name in (("boards", "mine.toml"), ("reports", "mine.sql")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text("nothing\n")
    with pytest.raises(SystemExit, match="2"):
        main(arguments=["check", "--pipeline", str(path)])
    told = capsys.readouterr().err
    assert [f"error: {tmp_path / place}: " in told for place in ("broken.py", "boards", "reports")] == [True] * 3
    path.write_text(BROKEN.replace('["adv"]', '["ad"]').replace('agg.sum("ad")', "agg.count()"))
    with pytest.raises(SystemExit, match="2"):
        main(arguments=["check", "--pipeline", str(path)])
    told = capsys.readouterr().err
    assert [f"error: {tmp_path / place}: " in told for place in ("boards", "reports")] == [True] * 2


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


def test_what_a_run_would_refuse_of_its_lake_is_told_behind_the_tables_with_the_runs_exit_code(capsys, tmp_path):
    path = tmp_path / "clicks.py"
    path.write_text(BROKEN.replace('["adv"]', '["ad"]').replace('agg.sum("ad")', "agg.count()"))

    def check(code: int) -> tuple[str, str]:
        with pytest.raises(SystemExit) as ended:
            main(arguments=["check", "--pipeline", str(path)])
        assert ended.value.code == code
        return capsys.readouterr()

    out, _ = check(0)
    assert "lake" not in out
    create_lake(tmp_path / "lake", load(str(path)), T0).close()
    out, _ = check(0)
    assert out.endswith(f"\nThe lake {tmp_path / 'lake'} goes on with it.\n")
    path.write_text(path.read_text().replace('tumble("1m")', 'tumble("1h")'))
    out, err = check(5)
    assert out.startswith(f"{path}: pipeline x is correct\n")
    assert err.startswith(f"error: the lake {tmp_path / 'lake'} was filled by another definition of this pipeline:\n")
    assert "  - rollup clicks: window was tumble 1m and is tumble 1h\n" in err


def test_mistakes_of_pipeline_and_reports_are_told_together_and_none_twice(capsys, tmp_path):
    path = tmp_path / "clicks.py"
    good = 'Rollup("views", keys=["ad"], window=tumble("1m"), aggregates={"n": agg.count()}),\n]'
    path.write_text(BROKEN.replace("\n]", f"\n    {good}"))
    (tmp_path / "reports").mkdir()
    for name, view, sql in [
        ("of_a_wrong_rollup", "clicks", "FROM clicks WHERE nonsense"),
        ("of_a_right_one", "views", "FROM views WHERE nope > 1"),
        ("of_none", "viewz", "FROM viewz"),
        ("cut_off", "clicks", "SELECT FROM WHERE"),
    ]:
        (tmp_path / "reports" / f"{name}.sql").write_text(f"-- title: {name}\n-- view: {view}\n{sql}\n")

    def told() -> list[str]:
        with pytest.raises(SystemExit, match="2"):
            main(arguments=["check", "--pipeline", str(path)])
        captured = capsys.readouterr()
        assert captured.out == ""
        return [line for line in captured.err.splitlines() if line]

    lines = told()
    assert lines[0] == f"error: {path}: pipeline x: 2 mistakes"
    assert lines[3] == f"error: {tmp_path / 'reports'}: 3 mistakes"
    assert [line.split(",")[0].strip(" -") for line in lines[4:]] == [
        "cut_off.sql",
        "of_a_right_one.sql",
        "of_none.sql",
    ]
    assert lines[6] == "  - of_none.sql, line 2: view = 'viewz': the pipeline has no such rollup; did you mean views?"
    path.write_text(path.read_text().replace("ad: str", "ad: list"))
    lines = told()
    assert lines[0] == f"error: {path}: pipeline x: 2 mistakes"
    assert [line.split(",")[0].strip(" -") for line in lines[4:]] == ["cut_off.sql", "of_none.sql"]


def test_mistakes_of_reports_and_refusals_of_the_lake_are_told_together(capsys, tmp_path):
    path = tmp_path / "clicks.py"
    path.write_text(BROKEN.replace('["adv"]', '["ad"]').replace('agg.sum("ad")', "agg.count()"))
    create_lake(tmp_path / "lake", load(str(path)), T0).close()
    path.write_text(path.read_text().replace('tumble("1m")', 'tumble("1h")'))
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "r.sql").write_text("-- title: r\n-- view: clicks\nFROM clicks WHERE nope\n")
    with pytest.raises(SystemExit, match="2"):
        main(arguments=["check", "--pipeline", str(path)])
    err = capsys.readouterr().err
    assert err.startswith(f"error: {tmp_path / 'reports'}: 1 mistake\n")
    assert "\nerror: the lake " in err


def test_it_says_in_how_many_windows_a_row_counts_where_they_are_many(capsys, tmp_path):
    text = BROKEN.replace("adv", "ad").replace('agg.sum("ad")', "agg.count()")
    windows = (
        'hop("1d", every="1m")',
        'cumulate("1h", step="1m")',
        'hop("59m", every="1m")',
        'tumble("1d", zone="Asia/Tokyo")',
    )
    rollups = [
        f'Rollup("r{at}", keys=[], window={window}, aggregates={{"n": agg.count()}}),'
        for at, window in enumerate(windows)
    ]
    text = text.replace("import tumble", "import cumulate, hop, tumble").replace(
        '    Rollup("clicks"', "".join(rollups) + 'Rollup("clicks"'
    )
    (tmp_path / "many.py").write_text(text)
    with pytest.raises(SystemExit, match="0"):
        main(arguments=["check", "--pipeline", str(tmp_path / "many.py")])
    out = capsys.readouterr().out
    assert "hop 1d every 1m (1440 windows a row)" in out
    assert "cumulate 1h by steps of 1m (60 windows a row)" in out
    assert out.count("windows a row") == 2
    assert "tumble 1d in Asia/Tokyo" in out


def test_max_future_without_a_clock_is_refused_where_files_are_read(capsys, tmp_path):
    text = BROKEN.replace("adv", "ad").replace('agg.sum("ad")', "agg.count()")
    path = tmp_path / "clicks.py"
    (tmp_path / "input").mkdir()
    for more, refused in (
        ("", False),
        (', max_future="1m"', True),
        (', max_future="1m", max_future_clock="2026-03-01T00:00:00Z"', False),
    ):
        path.write_text(text[: text.rindex(")")] + more + ")\n")
        for source in ("files", "kafka", "generator"):
            code = 2 if refused and source == "files" else 0
            where = ["--source", source, "--input", str(tmp_path / "input")]
            with pytest.raises(SystemExit, match=str(code)):
                main(arguments=["check", "--pipeline", str(path), *where])
            assert ("error: max_future = '1m': counts from" in capsys.readouterr().err) == (code == 2)


RULES = """
from pydantic import BaseModel
from tidemill import EventTime, Pipeline, Rollup, alerts
from tidemill import aggregates as agg
from tidemill.windows import tumble

class Click(BaseModel):
    at: EventTime
    ad: str
    user: str

pipeline = Pipeline(
    "x",
    Click,
    [Rollup("clicks", keys=["ad"], window=tumble("1m"), aggregates={"n": agg.count()})],
    out_of_orderness="5s",
    alerts=[
        alerts.threshold("many", on="clicks", having="n > 5", severity="high", cool_down="1h", keep="7d"),
        alerts.distinct("ads", key="user", of="ad", more_than=3, window=tumble("1h"), keep="30d"),
        alerts.absence("once", key="user", first="ad = 'a'", then="ad = 'b'", within="10m", keep="30d"),
        alerts.silence("quiet", key="user", after="10m", keep="30d"),
        alerts.silence("lost", key="source_partition", after="10m", keep="30d"),
        alerts.compare("fewer", on="clicks", value="n", against=alerts.mean(of=3), drops_below=0.5, keep="30d"),
    ],
)
"""


def test_it_shows_each_alert_rule_and_what_it_holds(tmp_path, capsys):
    path = tmp_path / "rules.py"
    path.write_text(RULES)
    with pytest.raises(SystemExit, match="0"):
        main(arguments=["check", "--pipeline", str(path)])
    out = " ".join(capsys.readouterr().out.split())
    assert 'many high clicks "n" > 5 1h 30d a row per key and window, 65s of event time' in out
    assert (
        'ads medium ads "distinct_count" > 3 never 30d a row per key and window, 3605s of event time, and each '
        "distinct value" in out
    )
    asked = "\"ad\" = 'a' without \"ad\" = 'b' within 10m after it"
    assert f"once medium once {asked} never 30d a row per event, 605s of event time" in out
    assert 'quiet medium quiet "events" >= 1 never 30d a row per session that is not final, 605s after its last' in out
    assert "lost medium ledger silent for 10m never 30d a line per source partition" in out
    assert "fewer medium clicks n < 0.5 * before AND sample >= 1, before: mean of the 3 windows before never" in out
    assert "nothing: a window that is final is read back, and 3 windows before it, 3m back" in out
    assert "alerts (view) alert_id VARCHAR state VARCHAR rule VARCHAR severity VARCHAR key VARCHAR" in out
    assert "message VARCHAR change BIGINT quiet BOOLEAN" in out
    assert "alert_changes alert_id VARCHAR change BIGINT state VARCHAR" in out
    assert "Alert rules hold open windows in memory alone" in out
