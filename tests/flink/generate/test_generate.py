import pytest

from dataflow.errors import ConfigError, PipelineError
from dataflow.pipeline.load import load
from dataflow.pipeline.plan import make_plan
from flink.generate.generate import generate
from flink.generate.options import Handover, Options
from tests.chaos.subject import ROOT
from tests.dataflow.alerts.pairs import QUICK_AND_COUNTED
from tests.flink.generate.cases import HERE, NAMES, expected, made, options_of


@pytest.mark.parametrize("name", NAMES)
def test_a_case_gives_the_files_that_stand_in_its_folder(name):
    files = made(name)
    wanted = expected(name)
    assert wanted, f"{name} has no file to compare with; python -m tests.flink.generate.cases writes them"
    assert {each: files.get(each) for each in wanted} == wanted


@pytest.mark.parametrize("name", [name for name in NAMES if "job.sql" in expected(name)])
def test_the_same_pipeline_gives_the_same_text_each_time(name):
    assert made(name) == made(name)


def plan_of(name: str):
    return load(str(HERE / name / "pipeline.py"))


def test_no_part_of_a_job_has_a_parallelism_of_its_own():
    for name in NAMES:
        assert "scan.parallelism" not in "".join(made(name).values())
        assert "sink.parallelism" not in "".join(made(name).values())


def test_the_script_is_the_statements_and_the_last_one_starts_the_job():
    job = generate(plan_of("tumble"), options_of(HERE / "tumble"))
    for statement in job.statements:
        assert f"\n{statement};\n" in job.files["job.sql"]
    assert job.statements[-1].startswith("EXECUTE STATEMENT SET BEGIN\n")
    assert {f"SET '{key}' = '{value}'" for key, value in job.settings.items()} == {
        each for each in job.statements if each.startswith("SET ")
    }


def test_it_tells_the_tables_that_it_writes_and_their_topics():
    job = generate(plan_of("tumble"), Options(sink_prefix="x"))
    assert job.topics == ("x.ad_clicks_1m", "x.late_events", "x.dead_letters")
    table = job.table("ad_clicks_1m")
    assert table.columns.names == ["window_start", "window_end", "ad_id", "clicks", "spend"]
    assert table.key == ("window_start", "ad_id")


def test_a_key_that_may_be_null_stands_in_two_columns_of_the_records_key():
    table = generate(plan_of("hop"), Options()).table("users_5m")
    assert table.key == ("window_start", "_key_user_id", "_null_user_id")
    assert table.hidden == ("_key_user_id", "_null_user_id")


def test_only_the_rollups_that_are_named_are_in_the_job():
    job = generate(plan_of("hop"), Options(rollups=("users_5m",)))
    assert [table.name for table in job.tables] == ["users_5m", "late_events", "dead_letters"]


def test_the_example_is_a_job_without_the_one_rollup_that_flink_cannot_say():
    plan = load(str(ROOT / "pipelines" / "ads.py"))
    with pytest.raises(
        PipelineError, match=r"1 mistake\n.*campaign_1m.aggregates.users: approx_count_distinct .*--rollup"
    ):
        generate(plan, Options())
    others = tuple(rollup.name for rollup in plan.rollups if rollup.name != "campaign_1m")
    assert [table.name for table in generate(plan, Options(rollups=others)).tables][:-2] == list(others)


def test_a_rollup_that_is_not_there_is_refused_by_its_name():
    with pytest.raises(ConfigError, match=r"rollup = 'user_5m'.*users_5m"):
        generate(plan_of("hop"), Options(rollups=("user_5m",)))


def test_the_evidence_of_a_rule_over_pairs_is_a_table_and_its_alerts_are_one_more_where_they_are_asked_for():
    plan = make_plan(QUICK_AND_COUNTED, ".")
    assert [table.name for table in generate(plan, Options()).tables][:-2] == ["counted", "quick"]
    job = generate(plan, Options(alerts=("quick",)))
    assert [table.name for table in job.tables][:-2] == ["counted", "quick", "quick_alerts"]
    table = job.table("quick_alerts")
    assert table.rule == "quick"
    assert table.key == ("then_partition", "then_offset")
    assert table.columns.names[:3] == ["window_start", "window_end", "user"]


def test_a_job_that_fills_a_lake_refuses_rules_over_pairs_by_name():
    plan = make_plan(QUICK_AND_COUNTED, ".")
    with pytest.raises(
        PipelineError, match=r"1 mistake\n.*alerts.quick: a job tells a lake its rows a checkpoint apart"
    ):
        generate(plan, Options(start={0: 0}, handover=Handover({0: 0}, {})))


def test_alerts_of_a_rollup_that_is_left_out_are_refused():
    plan = make_plan(QUICK_AND_COUNTED, ".")
    with pytest.raises(PipelineError, match=r"alerts.quick: it asks rollup quick, which --rollup leaves out"):
        generate(plan, Options(rollups=("counted",), alerts=("quick",)))


def test_a_rule_that_is_not_there_is_refused_by_its_name():
    with pytest.raises(ConfigError, match=r"alert = 'quik'.*quick"):
        generate(make_plan(QUICK_AND_COUNTED, "."), Options(alerts=("quik",)))
