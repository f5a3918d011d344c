"""Every mistake in what leaves the lake is told with field, value and fix, and no secret with it."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from dataflow import EventTime, Pipeline, Rollup, kafka, webhook
from dataflow import aggregates as agg
from dataflow.errors import PipelineError
from dataflow.pipeline.alert_rules import threshold
from dataflow.pipeline.emit_plan import Early
from dataflow.pipeline.plan import Plan, make_plan
from dataflow.windows import session, tumble

HERE = Path(__file__).parent


class Click(BaseModel):
    time: EventTime
    who: str


def plan(emit: Any = None, alerts_to: Any = (), window: Any = None, **counts: Any) -> Plan:
    rollup = Rollup("minutes", ["who"], window or tumble("1m"), counts or {"n": agg.count()}, emit=emit)
    rules = [threshold("odd", on="minutes", having="n > 1")] if window is None and not counts else []
    return make_plan(Pipeline("small", Click, [rollup], alerts=rules, alerts_to=alerts_to), HERE)


def mistakes(**declared: Any) -> list[str]:
    with pytest.raises(PipelineError) as found:
        plan(**declared)
    return found.value.mistakes


def test_ways_out_are_told_by_name_with_their_keys() -> None:
    made = plan(
        [kafka("f", key=["who"]), kafka("n", when="every_commit")], [kafka("a"), webhook("http://h", secret="S")]
    )
    assert [(each.name, each.key, each.what, each.where) for each in made.emits] == [
        ("minutes.final.f", ("who",), "minutes, each row when its window is final", "Kafka topic f"),
        (
            "minutes.every_commit.n",
            ("who", "window_start", "window_end"),
            "minutes, each row anew with every commit",
            "Kafka topic n",
        ),
        ("alerts.a", ("alert_id",), "alerts", "Kafka topic a"),
        ("webhook.webhook", ("alert_id",), "alerts", "webhook webhook"),
    ]
    assert plan(kafka("f")).emits[0].key == ("who", "window_start", "window_end")
    assert plan().emits == ()


def test_what_is_sent_is_no_part_of_what_tables_mean() -> None:
    assert plan(kafka("f"), [kafka("a")]).fingerprint == plan().fingerprint


@pytest.mark.parametrize(
    ("emit", "said"),
    [
        (kafka("a b"), "rollups.minutes.emit.topic = 'a b': the name of a topic"),
        (kafka("a", when="now"), 'rollups.minutes.emit.when = \'now\': write "final" or "every_commit"'),
        (kafka("a", key=["wo"]), "rollups.minutes.emit.key = 'wo': no key of the"),
        (kafka("a", key=["who"], when="every_commit"), "rollups.minutes.emit.key = ['who']: with every_commit the key"),
        (kafka("a", rules=["odd"]), "rollups.minutes.emit.rules = ['odd']: rules are about alerts"),
        (kafka("a", start="never"), "rollups.minutes.emit.start = 'never': write"),
        (kafka("a", early=True), "rollups.minutes.emit.early = True: only alerts are told early"),
        (kafka("a", properties={"linger.ms": 5}), "rollups.minutes.emit.properties.linger.ms = 5: write the value as"),  # type: ignore[dict-item]
        (webhook("https://h", secret="S"), "rollups.minutes.emit = 'webhook(...)': webhooks take alerts"),
        ("topic", "rollups.minutes.emit = 'topic': not a target"),
        ([kafka("a"), kafka("a")], "rollups.minutes.emit = 'minutes.final.a': two targets of one name"),
    ],
)
def test_a_mistake_in_a_rollups_target_is_told(emit: Any, said: str) -> None:
    (line,) = mistakes(emit=emit)
    assert line.startswith(said), line


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (webhook("ftp://h", secret="S"), "alerts_to[0].url = 'ftp://h': write a URL that begins with https://"),
        (webhook("https://me:pw@h", secret="S"), "alerts_to[0].url = '****': write a URL"),
        (webhook("https://h", secret="whsec_abc/+"), "alerts_to[0].secret = '****': name the variable"),
        (webhook("https://h", secret="S", tries=0), "alerts_to[0].tries = 0: write a whole number from 1"),
        (webhook("https://h", secret="S", timeout="1ms"), "alerts_to[0].timeout = '1ms': too short"),
        (
            webhook("https://h", secret="S", rules=["od"]),
            "alerts_to[0].rules = 'od': no rule of this pipeline; did you",
        ),
        (kafka("a", when="final"), "alerts_to[0].when = 'final': is about rows of a rollup"),
        (kafka("a", rules="odd"), "alerts_to[0].rules = 'odd': write a list of rules' names"),
        (kafka("a", early="b c"), "alerts_to[0].early = 'b c': write True for the topic a-early, or the name"),
        (kafka("a", early=1), "alerts_to[0].early = 1: write True for the topic a-early"),  # type: ignore[arg-type]
        (kafka("a", early="a"), "alerts_to.early = 'a': what is early needs a topic of its own"),
        ("https://h", "alerts_to = 'https://h': not a target; write kafka(topic) or webhook(url, secret=...)"),
    ],
)
def test_a_mistake_in_a_target_of_alerts_is_told(target: Any, said: str) -> None:
    (line,) = mistakes(alerts_to=[target])
    assert line.startswith(said), line


def test_webhooks_of_one_name_sessions_and_a_column_of_our_name_are_refused() -> None:
    twice = [webhook("https://a", secret="S"), webhook("https://b", secret="S")]
    (line,) = mistakes(alerts_to=twice)
    assert line == "alerts_to = 'webhook.webhook': two targets of one name; give each webhook a name"
    (line,) = mistakes(emit=kafka("a", when="every_commit"), window=session("1m"))
    assert line.startswith("rollups.minutes.emit.when = 'every_commit': sessions grow")
    (line,) = mistakes(emit=kafka("a"), correction=agg.count())
    assert line.startswith("rollups.minutes.emit = 'correction': rows have a field of this name")
    (line,) = mistakes(alerts_to=[kafka("a")], window=tumble("2m"))
    assert line.startswith("alerts_to = '1 targets': the pipeline has no alert rule")


def test_what_is_told_early_has_a_topic_of_its_own_and_names_the_rules_that_wait() -> None:
    made = plan(alerts_to=[kafka("a", early=True), kafka("b", early="now"), kafka("c")])
    assert [each.early for each in made.emits] == [
        Early("a-early", ("odd",), ()),
        Early("now", ("odd",), ()),
        None,
    ]
    rules = [
        threshold("odd", on="minutes", having="n > 1"),
        threshold("visit", keys=["who"], window=session("1m"), aggregates={"n": agg.count()}, having="n > 1"),
    ]
    rollup = Rollup("minutes", ["who"], tumble("1m"), {"n": agg.count()})

    def early(**wanted: Any) -> Early | None:
        to = kafka("a", early=True, **wanted)
        return make_plan(Pipeline("small", Click, [rollup], alerts=rules, alerts_to=[to]), HERE).emits[0].early

    both = early()
    assert both is not None
    assert both.what == "raised alerts of odd, before their commit; not early: visit"
    alone = early(rules=["odd"])
    assert alone is not None
    assert alone.what == "raised alerts of odd, before their commit"
    with pytest.raises(PipelineError) as found:
        early(rules=["visit"])
    (line,) = found.value.mistakes
    assert line.startswith("alerts_to[0].early = True: no rule of this target can be told before its commit")
