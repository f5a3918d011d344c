"""A rule over sessions, without a lake: judged when over, joined and retracted, whatever is still in memory."""

import random
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from dataflow import aggregates as agg
from dataflow.alerts.judge import Stored
from dataflow.alerts.session_judge import SessionJudge
from dataflow.alerts.windows import times_ms
from dataflow.messages import NEVER_MS
from dataflow.pipeline.alert_plan import AlertPlan
from dataflow.pipeline.alert_rules import threshold
from dataflow.pipeline.tables import ALERT_SCHEMA, rollup_tables
from dataflow.windows import session
from tests.dataflow.alerts.rules import plan_of

GAP = 10
ZERO = datetime(1970, 1, 1)
Event = tuple[str, int, int]
"""User, time in ms, ad."""


def rule(having: str = "n > 1 AND ads > 1") -> AlertPlan:
    counted = {"n": agg.count(), "ads": agg.count_distinct("ad")}
    return plan_of(threshold("r", keys=["user"], window=session(f"{GAP}ms"), aggregates=counted, having=having))


class Lake:
    """What commits have stored, as a rule reads it."""

    def __init__(self, plan: AlertPlan) -> None:
        self.delta, self.side = rollup_tables(plan.rollup)
        self.rows = {spec.name: spec.schema.empty_table() for spec in (self.delta, self.side)}
        self.changes = ALERT_SCHEMA.empty_table()
        self.asked = 0

    def tables(self, events: list[Event]) -> dict[str, pa.Table]:
        heads = [{"user": user, "window_start": at(time), "window_end": at(time + GAP)} for user, time, _ in events]
        main = [{**head, "row_count": 1, "late_count": 0, "n": 1} for head in heads]
        values = [{**head, "value": ad} for head, (_, _, ad) in zip(heads, events, strict=True)]
        return {
            self.delta.name: pa.Table.from_pylist(main, schema=self.delta.schema),
            self.side.name: pa.Table.from_pylist(values, schema=self.side.schema),
        }

    def keep(self, tables: dict[str, pa.Table], changes: pa.Table) -> None:
        self.rows = {name: pa.concat_tables([rows, tables[name]]) for name, rows in self.rows.items()}
        self.changes = pa.concat_tables([self.changes, changes])

    def read(self, windows: Any) -> Stored:
        raise AssertionError("sessions are read by their ends")

    def ending(self, after_ms: int) -> Stored:
        self.asked += 1
        delta, side, changes = (
            rows.filter(pa.array(times_ms(rows, "window_end") > after_ms))
            for rows in (self.rows[self.delta.name], self.rows[self.side.name], self.changes)
        )
        return Stored(delta, {self.side.name: side}, changes)

    def standing(self) -> list[tuple[str, int, int]]:
        newest = {row["alert_id"]: row for row in sorted(self.changes.to_pylist(), key=lambda row: row["change"])}
        raised = [row for row in newest.values() if row["state"] == "raised"]
        return sorted((row["key"][10:-2], ms(row["window_start"]), ms(row["window_end"])) for row in raised)


def at(time: int) -> datetime:
    return ZERO + timedelta(milliseconds=time)


def ms(time: datetime) -> int:
    return (time - ZERO) // timedelta(milliseconds=1)


def expected(events: list[Event], by_ms: int) -> list[tuple[str, int, int]]:
    found = []
    for user in sorted({user for user, _, _ in events}):
        parts: list[list[Event]] = []
        for event in sorted(each for each in events if each[0] == user):
            if parts and event[1] <= max(time for _, time, _ in parts[-1]) + GAP:
                parts[-1].append(event)
            else:
                parts.append([event])
        for part in parts:
            start, end = part[0][1], part[-1][1] + GAP
            if end <= by_ms and len(part) > 1 and len({ad for _, _, ad in part}) > 1:
                found.append((user, start, end))
    return found


@pytest.mark.parametrize("seed", range(6))
def test_the_alerts_are_those_of_all_events_whatever_comes_when(seed: int) -> None:
    rng = random.Random(seed)
    plan = rule()
    lake = Lake(plan)
    judge = SessionJudge(plan, lake, NEVER_MS)
    events: list[Event] = []
    now = 0
    for _ in range(80):
        now += rng.choice((0, 5, 30))
        # most are new, some are far behind what is over
        new = [
            (rng.choice("abc"), max(0, now - rng.choice((0, 3, 8, 200)) + rng.randrange(20)), rng.randrange(3))
            for _ in range(rng.choice((0, 1, 4)))
        ]
        tables = lake.tables(new)
        lake.keep(tables, judge.changes(tables, end_ms=now - 20, over_ms=NEVER_MS))
        events += new
        assert lake.standing() == expected(events, now - 20)
        if rng.random() < 0.1:
            judge.forget_all()
        if rng.random() < 0.1:
            # a restart may begin with less than what was judged
            judge = SessionJudge(plan, lake, max(now - 20 - rng.choice((0, 40)), -100))
            assert judge.rows == 0
    assert any(row["change"] > 1 for row in lake.changes.to_pylist())


def test_sessions_that_are_over_leave_the_memory_with_their_values() -> None:
    plan = rule()
    lake = Lake(plan)
    judge = SessionJudge(plan, lake, NEVER_MS)
    tables = lake.tables([("a", 0, 1), ("a", 5, 2), ("b", 1, 1)])
    lake.keep(tables, judge.changes(tables, end_ms=10, over_ms=NEVER_MS))
    assert judge.rows == 2 + 3
    lake.keep(
        {name: rows.schema.empty_table() for name, rows in tables.items()}, judge.changes({}, end_ms=99, over_ms=0)
    )
    assert judge.rows == 0
    assert lake.standing() == [("a", 0, 15)]
    # read once, at the start
    assert lake.asked == 1


def test_distinct_values_that_come_in_a_commit_of_their_own_have_their_session_judged_anew() -> None:
    plan = rule()
    lake = Lake(plan)
    judge = SessionJudge(plan, lake, NEVER_MS)
    tables = lake.tables([("a", 0, 1), ("a", 5, 2), ("b", 0, 1), ("b", 4, 1)])
    rows, values = tables[lake.delta.name], tables[lake.side.name]
    first = {lake.delta.name: rows, lake.side.name: values.slice(0, 0)}
    lake.keep(first, judge.changes(first, end_ms=50, over_ms=NEVER_MS))
    assert lake.standing() == []
    late = {lake.delta.name: rows.slice(0, 0), lake.side.name: values}
    lake.keep(late, judge.changes(late, end_ms=50, over_ms=NEVER_MS))
    assert lake.standing() == [("a", 0, 15)]


def test_a_session_that_goes_on_is_not_looked_for_in_the_lake() -> None:
    plan = rule()
    lake = Lake(plan)
    judge = SessionJudge(plan, lake, NEVER_MS)
    for time in range(0, 500, 5):
        tables = lake.tables([("a", time, time)])
        lake.keep(tables, judge.changes(tables, end_ms=time - 3, over_ms=NEVER_MS))
    assert lake.asked == 1
    assert lake.standing() == []
    judge.changes({}, end_ms=1_000, over_ms=NEVER_MS)
