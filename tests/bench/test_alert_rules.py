"""The bench of alert rules in small: a commit is judged, and a run with ten rules ends well."""

from bench.alert_rules import judge_ms, run_cpu_s
from bench.alert_rules_pipeline import pipeline, without
from dataflow.pipeline.plan import make_plan


def test_judging_is_measured() -> None:
    assert min(judge_ms(keys=100, commits=2).values()) > 0


def test_a_run_with_ten_rules_is_measured() -> None:
    plan = make_plan(pipeline, "pipelines")
    assert (len(plan.alerts), len(make_plan(without, "pipelines").alerts)) == (10, 0)
    assert run_cpu_s("pipeline", 2_000) > 0
