"""Rules over pairs of events: what they become, and every mistake in one with its field, value and fix."""

from typing import Any, Literal

import pytest
from pydantic import BaseModel

from dataflow import EventTime, Money, Pipeline
from dataflow.errors import PipelineError
from dataflow.pipeline.pair_plan import PairPlan
from dataflow.pipeline.pair_rules import absence, sequence
from dataflow.pipeline.plan import Plan, make_plan

FIRST, THEN = "kind = 'seen'", "kind = 'click'"


class Event(BaseModel):
    at: EventTime
    kind: Literal["seen", "click"]
    user: str | None = None
    ad: int
    cost: Money
    score: float | None = None


def made(rule: Any, **settings: Any) -> Plan:
    return make_plan(Pipeline("p", Event, [], alerts=[rule], **settings), ".")


def quick(**changes: Any) -> Any:
    return sequence("quick", **{"key": "user", "first": FIRST, "then": THEN, "within": "300ms", **changes})


def lonely(**changes: Any) -> Any:
    return absence("lonely", **{"key": "user", "first": FIRST, "then": THEN, "within": "1h", **changes})


def planned(rule: Any) -> PairPlan:
    (plan,) = made(rule).alerts
    assert isinstance(plan, PairPlan)
    return plan


def test_the_evidence_has_a_row_per_event_with_what_is_asked_for() -> None:
    rule = quick(having="then.cost > first.cost AND first.at < then.at", message="{user}: {then_score} on {first_at}")
    plan = planned(rule)
    assert [key.name for key in plan.rollup.keys] == ["user", "cost", "score", "partition", "offset"]
    assert [each.name for each in plan.carried] == ["cost", "score"]
    assert [each.name for each in plan.rollup.aggregates] == ["is_first", "is_then"]
    assert plan.rollup.where is not None
    assert plan.rollup.where.sql == '(("kind" = \'seen\') OR ("kind" = \'click\')) AND (NOT ("user" IS NULL))'
    assert plan.rollup.window.size_ms == 1
    assert plan.rollup.reads == {"user", "cost", "score", "kind"}
    assert plan.rollup.names_events


def test_a_key_may_have_several_columns_or_none() -> None:
    assert [key.name for key in planned(quick(key=["ad", "user"])).keys] == ["ad", "user"]
    assert planned(quick(key=[])).keys == ()


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (quick(), "quick: kind = 'click' within 300ms after kind = 'seen'; user "),
        (lonely(), "lonely: kind = 'seen' without kind = 'click' within 1h after it; user "),
        (lonely(missing="first"), "lonely: kind = 'click' without kind = 'seen' within 1h before it; user "),
    ],
)
def test_a_rule_without_a_message_says_what_it_asks(rule: Any, text: str) -> None:
    assert [tuple(piece) for piece in planned(rule).message] == [(text, "user")]


def test_what_a_rule_asks_is_part_of_its_definition() -> None:
    plan = made(quick(having="then.cost > first.cost"))
    said = plan.definition["alerts"]
    assert isinstance(said, list)
    assert said[0]["having"] == (
        '"kind" = \'click\' within 300ms after "kind" = \'seen\', where "then.cost" > "first.cost"'
    )
    assert plan.fingerprint != made(quick()).fingerprint


COLUMNS = "its columns are first.COLUMN and then.COLUMN"
MISTAKES = [
    (quick(key="usr"), "alerts.quick.key = 'usr': unknown column; did you mean user?"),
    (quick(key=["user", "score"]), "alerts.quick.key[1] = 'score': a float cannot be a key"),
    (quick(first="kind = 'shown'"), "alerts.quick.first = \"kind = 'shown'\": "),
    (quick(then=None), "alerts.quick.then = None: write the condition of that event"),
    (quick(then="clicks"), "alerts.quick.then = 'clicks': "),
    (quick(within="0s"), "alerts.quick.within = '0s': too short; at least 1 ms"),
    (quick(within="soon"), "alerts.quick.within = 'soon': not a duration"),
    (quick(having="then.cots > 1"), "alerts.quick.having = 'then.cots > 1': at character 1"),
    (quick(having="cost > 1"), COLUMNS),
    (quick(having=5), "alerts.quick.having = 5: "),
    (quick(having="then.kind = 'clik'"), "is never 'clik'"),
    (quick(severity="bad"), "alerts.quick.severity = 'bad': write one of info"),
    (quick(cool_down="x"), "alerts.quick.cool_down = 'x': not a duration"),
    (quick(message="{cost}"), "alerts.quick.message = '{cost}': {cost} is no column of the rule"),
    (quick(message="{then_cots}"), "{then_cots} is no column of the rule; did you mean then_cost?"),
    (lonely(message="{then_cost}"), "{then_cost} is no column of the rule"),
    (lonely(missing="both"), "alerts.lonely.missing = 'both': write \"then\""),
    (
        quick(keep="1s", allowed_lateness="1m"),
        "alerts.quick.keep = '1s': shorter than within 300ms + allowed_lateness 1m",
    ),
    (sequence("alerts", key="user", first=FIRST, then=THEN, within="1s"), "reserved for the alerts themselves"),
    (sequence("events", key="user", first=FIRST, then=THEN, within="1s"), "reserved for a table of every lake"),
]


@pytest.mark.parametrize(("rule", "told"), MISTAKES, ids=lambda each: str(each)[:40])
def test_a_mistake_is_told_with_field_value_and_fix(rule: Any, told: str) -> None:
    with pytest.raises(PipelineError) as caught:
        made(rule)
    (line,) = caught.value.mistakes
    assert told in line


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(PipelineError) as caught:
        made(quick(key="usr", first="x", within="0s", having="then.y = 1", message="{z}", severity="bad"))
    assert len(caught.value.mistakes) == 6
