"""Rules over pairs of events, their evidence made by hand, and a store that reads it back."""

import random
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

import pyarrow as pa
from pydantic import BaseModel

from dataflow import EventTime, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.alerts.pair_judge import PairJudge
from dataflow.alerts.windows import Span, begins_in
from dataflow.messages import NEVER_MS
from dataflow.pipeline.pair_plan import PairPlan
from dataflow.pipeline.pair_rules import absence, sequence
from dataflow.pipeline.plan import make_plan
from dataflow.pipeline.tables import ALERT_SCHEMA, rollup_tables
from dataflow.windows import tumble

EVER_MS = 10**30


class Event(BaseModel):
    at: EventTime
    kind: Literal["a", "b", "c"]
    user: str | None = None
    x: int = 0


QUICK_AND_COUNTED = Pipeline(
    "p",
    Event,
    [Rollup("counted", ["user"], tumble("1m"), {"n": agg.count()})],
    out_of_orderness="5s",
    idle_timeout="36500d",
    alerts=[sequence("quick", key="user", first="kind = 'a'", then="kind = 'b'", within="300ms")],
)
"""A rule over pairs, and a rollup that every engine can make."""


class Row(NamedTuple):
    """An event of the evidence: kind is `a` (first), `b` (then) or `ab` (both)."""

    user: str
    time: int
    kind: str
    partition: str = "p"
    offset: int = 0
    x: int = 0


def plan_of(rule: Any) -> PairPlan:
    (plan,) = make_plan(Pipeline("p", Event, [], alerts=[rule]), ".").alerts
    assert isinstance(plan, PairPlan)
    return plan


def clicks(within: str = "10ms", **changes: Any) -> PairPlan:
    """B after A."""
    told: dict[str, Any] = {"key": "user", "first": "kind = 'a'", "then": "kind = 'b'", **changes}
    return plan_of(sequence("quick", within=within, **told))


def lonely(missing: Any = "then", within: str = "10ms", **changes: Any) -> PairPlan:
    """A without B after it, or B without A before it."""
    told: dict[str, Any] = {"key": "user", "first": "kind = 'a'", "then": "kind = 'b'", **changes}
    return plan_of(absence("lonely", within=within, missing=missing, **told))


def evidence(rule: PairPlan, *rows: Row) -> pa.Table:
    """Rows of the rule's delta table."""
    schema = rollup_tables(rule.rollup)[0].schema
    columns: dict[str, Any] = {
        "user": [row.user for row in rows],
        "x": [row.x for row in rows],
        "partition": [row.partition for row in rows],
        "offset": [row.offset for row in rows],
        "window_start": pa.array([row.time for row in rows], pa.int64()).cast(pa.timestamp("ms")),
        "window_end": pa.array([row.time + 1 for row in rows], pa.int64()).cast(pa.timestamp("ms")),
        "is_first": [int("a" in row.kind) for row in rows],
        "is_then": [int("b" in row.kind) for row in rows],
        "row_count": [1] * len(rows),
        "late_count": [0] * len(rows),
    }
    return pa.table({field.name: pa.array(columns[field.name], field.type) for field in schema}, schema=schema)


class Memory:
    """A store that has been given what it reads back, and says for which times it was asked."""

    def __init__(self, rule: PairPlan) -> None:
        self._schema = rollup_tables(rule.rollup)[0].schema
        self.evidence: list[pa.Table] = []
        self.told: list[pa.Table] = []
        self.asked: list[Span] = []
        self.judged = NEVER_MS

    def events(self, spans: Sequence[Span], schema: pa.Schema) -> Iterator[pa.Table]:
        self.asked += spans
        for rows in self.evidence:
            yield rows.filter(pa.array(begins_in(rows, spans))).select(schema.names)

    def changes(self, spans: Sequence[Span]) -> pa.Table:
        rows = pa.concat_tables([ALERT_SCHEMA.empty_table(), *self.told])
        return rows.filter(pa.array(begins_in(rows, spans)))

    def judged_ms(self) -> int:
        return self.judged


class Run:
    """A judge with a store, commit by commit."""

    def __init__(self, rule: PairPlan) -> None:
        self.rule = rule
        self.store = Memory(rule)
        self.judge = PairJudge(rule, self.store)

    def commit(self, *rows: Row, frontier_ms: int = NEVER_MS, over_ms: int = NEVER_MS) -> list[dict[str, Any]]:
        made = evidence(self.rule, *rows)
        told = self.judge.changes(made, over_ms=over_ms, frontier_ms=frontier_ms)
        self.store.evidence.append(made)
        self.store.told.append(told)
        self.store.judged = max(self.store.judged, min(frontier_ms, 2**62))
        return told.to_pylist()

    def restart(self) -> None:
        self.judge = PairJudge(self.rule, self.store)

    def standing(self) -> set[str]:
        """The ids of the alerts that are raised; each change is the next of its alert."""
        numbers: dict[str, int] = {}
        for row in pa.concat_tables(self.store.told).to_pylist():
            assert row["change"] == numbers.get(row["alert_id"], 0) + 1
            assert row["state"] == ("raised" if row["change"] % 2 else "retracted")
            numbers[row["alert_id"]] = row["change"]
        return {name for name, number in numbers.items() if number % 2}


def paired(rule: PairPlan, rows: Sequence[Row]) -> Iterator[tuple[Row | None, Row | None]]:
    """The pairs of a rule whose `having`, if there is one, is then.x >= first.x; a missing side is None."""

    def meet(first: Row, then: Row) -> bool:
        return (
            "a" in first.kind
            and "b" in then.kind
            and first[3:5] != then[3:5]
            and first.user == then.user
            and first.time <= then.time < first.time + rule.within_ms
            and (rule.having is None or then.x >= first.x)
        )

    for row in rows:
        if rule.missing == "then":
            if "a" in row.kind and not any(meet(row, other) for other in rows):
                yield row, None
        elif "b" in row.kind:
            firsts = [other for other in rows if meet(other, row)]
            if rule.missing == "first":
                if not firsts:
                    yield None, row
            elif firsts:
                yield max(firsts, key=lambda first: (first.time, first.partition, first.offset)), row


def random_rows(rng: random.Random, count: int) -> list[Row]:
    """Events of a few keys, whose partitions run at their own times."""
    made, clocks = [], {name: rng.randrange(-50, 50) for name in ("p", "q", "a/1")}
    for offset in range(count):
        name = rng.choice(list(clocks))
        clocks[name] += rng.choice((0, 0, 1, 1, 3, 9, 30))
        time = clocks[name] - rng.choice((0, 0, 0, 1, 5))
        made.append(Row(rng.choice("uvw"), time, rng.choice(("a", "b", "b", "ab")), name, offset, rng.randrange(3)))
    return made
