"""Source partitions that say nothing, told while they do."""

from typing import Any

from dataflow import Pipeline
from dataflow.alerts.partition_judge import PartitionJudge
from dataflow.messages import NEVER_MS
from dataflow.pipeline.alert_plan import AlertPlan
from dataflow.pipeline.closed_rules import silence
from dataflow.pipeline.plan import make_plan
from dataflow.pipeline.tables import ALERT_SCHEMA
from tests.dataflow.alerts.rules import Click


def rule() -> AlertPlan:
    asked = silence("lost", key="source_partition", after="10s", message="{source_partition} is silent")
    other = silence("other", key="user", after="1s")
    made = make_plan(Pipeline("p", Click, [], alerts=[asked, other]), ".").alerts[0]
    assert isinstance(made, AlertPlan)
    return made


def told(judge: PartitionJudge, newest_s: dict[str, int], reached_s: int, over_ms: int = NEVER_MS) -> list[Any]:
    newest = {name: 1000 * second for name, second in newest_s.items()}
    rows = judge.changes(newest, reached_ms=1000 * reached_s, over_ms=over_ms).to_pylist()
    return [(row["message"], row["window_start"].second, row["state"], row["change"]) for row in rows]


def test_a_partition_is_told_once_and_taken_back_when_it_goes_on() -> None:
    judge = PartitionJudge(rule(), ALERT_SCHEMA.empty_table())
    assert told(judge, {"a": 5, "b": 14}, 14) == []
    assert told(judge, {"a": 5, "b": 20}, 20) == [("a is silent", 5, "raised", 1)]
    assert told(judge, {"a": 5, "b": 30}, 30) == []
    # what was told stays while event time is held back
    assert told(judge, {"a": 5, "b": 30}, 1) == []
    assert told(judge, {"a": 21, "b": 45}, 45) == [("a is silent", 5, "retracted", 2), ("a is silent", 21, "raised", 1)]


def test_what_was_told_is_read_back_and_what_has_left_is_let_be() -> None:
    first = PartitionJudge(rule(), ALERT_SCHEMA.empty_table())
    changes = first.changes({"a": 5_000, "b": 6_000}, reached_ms=20_000, over_ms=NEVER_MS)
    assert changes.num_rows == 2
    again = PartitionJudge(rule(), changes)
    assert told(again, {"a": 5, "b": 6}, 20) == []
    assert told(again, {"a": 6, "b": 7}, 9, over_ms=15_000) == [("b is silent", 6, "retracted", 2)]
