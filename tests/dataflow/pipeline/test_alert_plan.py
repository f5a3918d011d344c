"""Alert rules, checked: what a rule asks, and every mistake by field, value and fix."""

from typing import Any

import pytest
from pydantic import BaseModel

from dataflow import EventTime, Money, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.errors import PipelineError
from dataflow.pipeline.alert_plan import AlertPlan, Piece
from dataflow.pipeline.alert_rules import distinct, threshold
from dataflow.pipeline.definition import definition_of
from dataflow.pipeline.plan import Plan, make_plan
from dataflow.pipeline.tables import tables_of
from dataflow.windows import session, tumble


class Click(BaseModel):
    at: EventTime
    user: str
    ad: int
    cost: Money


MINUTES = Rollup("minutes", ["ad"], tumble("1m"), {"n": agg.count(), "half": agg.approx_quantile("cost", 0.5)})
VISITS = Rollup("visits", ["ad"], session("1m"), {"n": agg.count()})
FARM: dict[str, Any] = {
    "keys": ["user", "ad"],
    "window": tumble("10s"),
    "aggregates": {"clicks": agg.count(), "spend": agg.sum("cost")},
}


def plan_of(*rules: Any, rollups: Any = (MINUTES,), **more: Any) -> Plan:
    return make_plan(Pipeline("p", Click, list(rollups), alerts=list(rules), **more), ".")


def mistakes_in(*rules: Any, rollups: Any = (MINUTES, VISITS)) -> list[str]:
    with pytest.raises(PipelineError) as refused:
        plan_of(*rules, rollups=rollups)
    return list(refused.value.mistakes)


def test_a_rule_is_a_rollup_of_its_name_and_a_question() -> None:
    plan = plan_of(threshold("farm", having="clicks > 20 AND spend < 1.5", cool_down="1h", **FARM))
    (rule,) = plan.alerts
    assert isinstance(rule, AlertPlan)
    assert [rollup.name for rollup in plan.rollups] == ["minutes", "farm"]
    assert (rule.rollup, rule.is_own, rule.severity, rule.cool_down_ms) == (plan.rollups[1], True, "medium", 3_600_000)
    assert rule.having is not None
    assert rule.having.columns == {"clicks", "spend"}
    assert [each.name for each in rule.judged] == ["clicks", "spend"]
    names = [spec.name for spec in tables_of(plan, events=False)]
    assert names[-2:] == ["farm_delta", "alert_changes"]


def test_a_rule_may_ask_a_rollup_that_is_declared() -> None:
    plan = plan_of(threshold("many", on="minutes", having="n > 5"))
    assert [rollup.name for rollup in plan.rollups] == ["minutes"]
    (rule,) = plan.alerts
    assert isinstance(rule, AlertPlan)
    assert (rule.rollup.name, rule.is_own) == ("minutes", False)
    assert [each.name for each in rule.judged] == ["n"]


def test_a_rule_over_sessions_waits_until_they_are_over() -> None:
    plan = plan_of(
        threshold("many", on="minutes", having="n > 5"),
        threshold("long", on="visits", having="n > 5"),
        threshold("short", having="clicks > 2", **{**FARM, "window": session("1m")}),
        rollups=(MINUTES, VISITS),
    )
    assert [rule.is_closed for rule in plan.alerts] == [False, True, True]


def test_distinct_counts_the_values_of_a_column() -> None:
    (rule,) = plan_of(distinct("ads", key="user", of="ad", more_than=50, window=tumble("1h")), rollups=[]).alerts
    assert isinstance(rule, AlertPlan)
    assert [key.name for key in rule.rollup.keys] == ["user"]
    assert rule.asks == '"distinct_count" > 50'
    several = distinct("ads", key=["user", "ad"], of="cost", more_than=0, window=tumble("1h"))
    assert [key.name for key in plan_of(several).alerts[0].rollup.keys] == ["user", "ad"]


def test_a_message_is_taken_apart_and_without_one_the_key_is_told() -> None:
    said = threshold("farm", having="clicks > 2", message="{{{user}}} {clicks} from {window_start}", **FARM)
    pieces = plan_of(said).alerts[0].message
    assert "".join(f"{text}<{column or ''}>" for text, column in pieces) == "{<><user>}<> <clicks> from <window_start>"
    silent = threshold("farm", having="clicks > 2", **FARM)
    assert plan_of(silent).alerts[0].message == (Piece("farm: clicks > 2; user ", "user"), Piece(", ad ", "ad"))
    alone = threshold("all", having="n > 2", keys=[], window=tumble("1m"), aggregates={"n": agg.count()})
    assert plan_of(alone).alerts[0].message == (Piece("all: n > 2", None),)


def test_a_pipeline_without_rules_has_the_definition_that_it_always_had() -> None:
    without, with_rule = plan_of(), plan_of(threshold("many", on="minutes", having="n > 5", message="{n} in {{}}"))
    assert "alerts" not in definition_of(without, {})
    assert definition_of(with_rule, {})["alerts"] == [
        {
            "name": "many",
            "rollup": "minutes",
            "having": '"n" > 5',
            "severity": "medium",
            "message": "{n} in {{}}",
            "cool_down_ms": 0,
        }
    ]
    assert without.fingerprint != with_rule.fingerprint


def test_alerts_stay_as_long_as_those_of_the_rule_that_keeps_longest() -> None:
    first = threshold("farm", having="clicks > 2", keep="7d", **FARM)
    second = threshold("many", on="minutes", having="n > 5", keep="30d")
    day = 86_400_000
    assert plan_of(first, second).keep_ms == {"farm": 7 * day, "alerts": 30 * day}
    assert plan_of(first, threshold("many", on="minutes", having="n > 5")).keep_ms == {"farm": 7 * day}


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (threshold("Farm", having="clicks > 2", **FARM), "alerts[0].name = 'Farm': a name starts with a lowercase"),
        (threshold("alerts", having="clicks > 2", **FARM), "alerts[0].name = 'alerts': reserved"),
        (threshold("minutes", on="minutes", having="n > 2"), "alerts[0].name = 'minutes': a rollup has this name"),
        (threshold("minutes", having="clicks > 2", **FARM), "alerts.minutes = 'minutes': this table is also made by"),
        (
            threshold("r", on="minuets", having="n > 2"),
            "alerts.r.on = 'minuets': no rollup that this pipeline",
        ),
        (threshold("r", on="minutes", having="n > 2", keys=["ad"]), "alerts.r.keys = ['ad']: the rule asks rollup"),
        (
            threshold("r", having="clicks > 2", **{**FARM, "keys": ["users"]}),
            "alerts.r.keys[0] = 'users': unknown",
        ),
        (threshold("r", having="clicks > 2", **{**FARM, "window": None}), "alerts.r.window = None: not a window"),
        (threshold("r", having="clicks >", **FARM), "alerts.r.having = 'clicks >': "),
        (threshold("r", having="click > 2", **FARM), "unknown column click; did you mean clicks?"),
        (threshold("r", having="ad > 2", **FARM), "alerts.r.having = 'ad > 2': it asks for no aggregate"),
        (threshold("r", having="clicks", **FARM), "must be true or false"),
        (threshold("r", on="minutes", having="half > 2"), "half is an approx_quantile, which takes a query to tell"),
        (threshold("r", on="minutes", having="n > 2", message="{half}"), "alerts.r.message = '{half}': half is an"),
        (threshold("r", having="clicks > 2", message="{ad", **FARM), "alerts.r.message = '{ad': a brace without"),
        (
            threshold("r", having="clicks > 2", message="{ads}", **FARM),
            "{ads} is no column of the rule; did you",
        ),
        (threshold("r", having="clicks > 2", message="{ad:03}", **FARM), "{ad} takes no format"),
        (threshold("r", having="clicks > 2", severity="bad", **FARM), "alerts.r.severity = 'bad': write one of info"),
        (threshold("r", having="clicks > 2", cool_down="soon", **FARM), "alerts.r.cool_down = 'soon': not a duration"),
        (threshold("r", having="clicks > 2", keep="1s", **FARM), "alerts.r.keep = '1s': shorter than its window 10s"),
        (threshold("r", on="minutes", having="n > 2", keep="1s"), "alerts.r.keep = '1s': shorter than its window 1m"),
        (
            distinct("d", key="usr", of="ad", more_than=1, window=tumble("1m")),
            "alerts.d.key = 'usr': unknown column; did you mean user?",
        ),
        (distinct("d", key="user", of="add", more_than=1, window=tumble("1m")), "alerts.d.of = 'add': unknown column"),
        (
            distinct("d", key="user", of="ad", more_than="1", window=tumble("1m")),  # type: ignore[arg-type]  # a mistake
            "alerts.d.more_than = '1': write a whole number, 0 or more",
        ),
        ("farm", "alerts[0] = 'farm': not a Threshold; write alerts.threshold(...)"),
    ],
)
def test_a_mistake_is_told_by_field_value_and_fix(rule: Any, told: str) -> None:
    (line,) = mistakes_in(rule)
    assert told in line


def test_every_mistake_is_told_at_once_and_none_twice() -> None:
    rules = [
        threshold("r", having="clicks > 2", severity="bad", cool_down="x", **FARM),
        threshold("r", on="minutes", having="m > 2"),
    ]
    assert [line.partition(" = ")[0] for line in mistakes_in(*rules)] == [
        "alerts[1].name",
        "alerts.r.severity",
        "alerts.r.cool_down",
        "alerts.r.having",
    ]


def test_a_rollup_may_be_called_alerts_where_there_is_no_rule() -> None:
    named = Rollup("alerts", ["ad"], tumble("1m"), {"n": agg.count()})
    assert plan_of(rollups=[named]).rollups[0].name == "alerts"
    told = mistakes_in(threshold("r", having="clicks > 2", **FARM), rollups=[named])
    assert told == ["rollups.alerts.name = 'alerts': reserved for the alerts of rules; choose another name"]


def test_rules_alone_make_a_pipeline() -> None:
    assert [each.name for each in plan_of(threshold("farm", having="clicks > 2", **FARM), rollups=[]).rollups] == [
        "farm"
    ]
