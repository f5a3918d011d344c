"""Silences and comparisons as they are declared: what is made of them, and every mistake with field, value and fix."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel

from dataflow import EventTime, Money, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.errors import PipelineError
from dataflow.pipeline.closed_rules import compare, earlier, mean, silence
from dataflow.pipeline.definition import definition_of
from dataflow.pipeline.plan import Plan, make_plan
from dataflow.windows import cumulate, hop, session, tumble

HOUR_MS = 3_600_000


class Sale(BaseModel):
    at: EventTime
    shop: str
    cost: Money


HOURLY = Rollup(
    "hourly",
    ["shop"],
    tumble("1h"),
    {"n": agg.count(), "revenue": agg.sum("cost"), "half": agg.approx_quantile("cost", 0.5), "low": agg.min("shop")},
)
VISITS = Rollup("visits", ["shop"], session("1m"), {"n": agg.count()})
LOCAL = Rollup("local", ["shop"], tumble("1d", zone="Europe/Berlin"), {"n": agg.count()})
SLIDING = Rollup("sliding", ["shop"], hop("1h", every="25m"), {"n": agg.count()})
GROWING = Rollup("growing", ["shop"], cumulate("1d", step="1h"), {"n": agg.count()})
NAMED = Rollup("named", ["shop"], tumble("1h"), {"before": agg.count()})


def plan_of(*rules: Any, rollups: Any = (HOURLY, VISITS, LOCAL, SLIDING, GROWING, NAMED), **more: Any) -> Plan:
    return make_plan(Pipeline("p", Sale, list(rollups), alerts=list(rules), **more), ".")


def drop(**changes: Any) -> Any:
    told: dict[str, Any] = {"on": "hourly", "value": "revenue", "against": earlier("1d"), "drops_below": 0.5}
    return compare("drop", **{**told, **changes})


def test_a_silence_is_a_rollup_of_sessions_and_a_question() -> None:
    (rule,) = plan_of(silence("quiet", key="shop", after="10m", at_least=3, where="cost > 1"), rollups=[]).alerts
    assert (rule.rollup.name, rule.is_own, rule.rollup.window) == ("quiet", True, session("10m"))
    assert rule.asks == '"events" >= 3'
    assert rule.rollup.where is not None
    said = "".join(f"{text}{'' if column is None else f'<{column}>'}" for text, column in rule.message)
    assert said == "quiet: nothing for 10m; shop <shop>"


def test_a_silence_of_source_partitions_has_no_rollup() -> None:
    plan = plan_of(silence("lost", key="source_partition", after="10m", keep="1d"), rollups=[HOURLY])
    (rule,) = plan.alerts
    assert [rollup.name for rollup in plan.rollups] == ["hourly"]
    assert (rule.asks, rule.silence_ms, rule.is_own, rule.is_closed) == ("silent for 10m", 600_000, False, True)
    assert plan.keep_ms == {"alerts": 24 * HOUR_MS}


def test_a_comparison_says_how_long_before_and_how_much() -> None:
    plan = plan_of(drop(at_least=100))
    (rule,) = plan.alerts
    assert rule.comparison is not None
    assert (rule.comparison.back_ms, rule.comparison.drops_below) == ((24 * HOUR_MS,), Decimal("0.5"))
    assert rule.asks == "revenue < 0.5 * before AND sample >= 100, before: 1d earlier"
    assert definition_of(plan, {})["alerts"][0]["having"] == rule.asks
    (rule,) = plan_of(drop(against=mean(3), rises_above=2)).alerts
    assert rule.comparison is not None
    assert rule.comparison.back_ms == (HOUR_MS, 2 * HOUR_MS, 3 * HOUR_MS)
    said = "(revenue < 0.5 * before OR revenue > 2 * before) AND sample >= 1, before: mean of the 3 windows before"
    assert rule.asks == said


def test_windows_that_grow_are_compared_with_those_that_have_grown_as_far() -> None:
    (rule,) = plan_of(drop(on="growing", value="n", against=mean(2))).alerts
    assert rule.comparison is not None
    assert rule.comparison.back_ms == (24 * HOUR_MS, 48 * HOUR_MS)


def test_what_is_compared_must_still_be_there() -> None:
    short = Rollup("hourly", ["shop"], tumble("1h"), {"revenue": agg.sum("cost")}, keep="1d")
    with pytest.raises(PipelineError) as refused:
        plan_of(drop(), rollups=[short], allowed_lateness="1h")
    (told,) = refused.value.mistakes
    assert told == (
        "rollups.hourly.keep = '1d': shorter than alert rule drop, which looks back 1d + its window 1h + "
        'allowed_lateness 1h, so what is still needed would leave; write at least keep="26h"'
    )
    kept = Rollup("hourly", ["shop"], tumble("1h"), {"revenue": agg.sum("cost")}, keep="26h")
    assert plan_of(drop(), rollups=[kept], allowed_lateness="1h").keep_ms == {"hourly": 26 * HOUR_MS}
    own = {"on": None, "keys": ["shop"], "window": tumble("1h"), "aggregates": {"revenue": agg.sum("cost")}}
    with pytest.raises(PipelineError, match=r"alerts.drop.keep = '1d': shorter than alert rule drop, which looks back"):
        plan_of(drop(keep="1d", **own))


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (silence("r", key="shop", after="soon"), "alerts.r.after = 'soon': not a duration"),
        (silence("r", key="shop", after="0s"), "alerts.r.after = '0s': too short; at least 1 ms"),
        (silence("r", key="shops", after="1m"), "alerts.r.key = 'shops': unknown column; did you mean shop?"),
        (silence("r", key="shop", after="1m", at_least=0), "alerts.r.at_least = 0: write a whole number of events"),
        (silence("r", key="shop", after="1m", at_least="x"), "alerts.r.at_least = 'x': write a whole number"),  # type: ignore[arg-type]  # a mistake
        (silence("r", key="shop", after="1m", where="cost >"), "alerts.r.where = 'cost >': "),
        (silence("r", key="shop", after="1m", message="{shops}"), "alerts.r.message = '{shops}': {shops} is no column"),
        (silence("r", key="shop", after="1m", keep="1s"), "alerts.r.keep = '1s': shorter than its window 1m"),
        (silence("r", key="source_partition", after="x"), "alerts.r.after = 'x': not a duration"),
        (
            silence("r", key="source_partition", after="1m", where="cost > 1"),
            "alerts.r.where = 'cost > 1': a silence of source partitions is about all records",
        ),
        (silence("r", key="source_partition", after="1m", at_least=2), "alerts.r.at_least = 2: a silence of source"),
        (drop(value="revenu"), "alerts.drop.value = 'revenu': no aggregate of the rule; did you mean revenue?"),
        (drop(value="half"), "alerts.drop.value = 'half': half is an approx_quantile, which takes a query to tell"),
        (drop(value="low"), "alerts.drop.value = 'low': string is no number"),
        (drop(on="hurly"), "alerts.drop.on = 'hurly': no rollup"),
        (drop(on="visits", value="n"), "alerts.drop.on = 'visits': no session has an earlier one of its size"),
        (drop(on="local", value="n"), "alerts.drop.on = 'local': windows by a zone's clock differ in length"),
        (drop(on="named", value="before"), "alerts.drop.on = 'before': a comparison has a column before of its own"),
        (drop(against="1d"), "alerts.drop.against = '1d': write alerts.earlier"),
        (drop(against=earlier("1x")), "alerts.drop.against.by = '1x': not a duration"),
        (drop(against=earlier("90m")), "alerts.drop.against.by = '90m': no window of hourly begins so much earlier"),
        (drop(on="growing", value="n", against=earlier("1h")), "begins so much earlier; write a multiple of 1d"),
        (drop(against=mean(0)), "alerts.drop.against.of = 0: write a whole number of windows from 1 to 1000"),
        (drop(on="sliding", value="n", against=mean(2)), "no window of sliding ends where the next begins"),
        (drop(drops_below=None), "alerts.drop.drops_below = None: write drops_below=0.5, or rises_above=2.0"),
        (drop(drops_below=0), "alerts.drop.drops_below = 0: write a number above 0"),
        (drop(drops_below="half"), "alerts.drop.drops_below = 'half': write a number above 0"),
        (drop(rises_above=float("nan")), "alerts.drop.rises_above = nan: write a number above 0"),
        (drop(rises_above=0.4), "alerts.drop.rises_above = 0.4: less than drops_below 0.5, so always true"),
        (drop(at_least=0), "alerts.drop.at_least = 0: write a whole number of events"),
        (drop(message="{after}"), "alerts.drop.message = '{after}': {after} is no column of the rule"),
        (drop(keys=["shop"]), "alerts.drop.keys = ['shop']: the rule asks rollup hourly, which says that; leave it"),
    ],
)
def test_a_mistake_is_told_by_field_value_and_fix(rule: Any, told: str) -> None:
    with pytest.raises(PipelineError) as refused:
        plan_of(rule)
    (mistake,) = refused.value.mistakes
    assert told in mistake
