"""A rule of every told aggregate, and rows of its rollup made by hand."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
from pydantic import BaseModel

from dataflow import EventTime, Money, Pipeline
from dataflow import aggregates as agg
from dataflow.alerts.judge import Stored
from dataflow.alerts.windows import Span, in_windows
from dataflow.pipeline.alert_plan import AlertPlan
from dataflow.pipeline.alert_rules import distinct, threshold
from dataflow.pipeline.plan import make_plan
from dataflow.pipeline.tables import ALERT_SCHEMA, rollup_tables
from dataflow.windows import tumble

SECOND = 1_000


class Click(BaseModel):
    at: EventTime
    user: str | None = None
    ad: int
    cost: Money = Decimal(0)


def clicks(having: str = "clicks > 2", **changes: Any) -> AlertPlan:
    """More than two clicks of a user on an ad in ten seconds."""
    told: dict[str, Any] = {
        "keys": ["user", "ad"],
        "window": tumble("10s"),
        "aggregates": {"clicks": agg.count(), "spend": agg.sum("cost"), "mean": agg.avg("cost")},
        "message": "{user} clicked {ad} {clicks} times from {window_start}",
        **changes,
    }
    return plan_of(threshold("farm", having=having, **told))


def ads(more_than: int = 2) -> AlertPlan:
    """A user on more than so many ads."""
    return plan_of(distinct("ads", key="user", of="ad", more_than=more_than, window=tumble("10s")))


def plan_of(rule: Any) -> AlertPlan:
    (plan,) = make_plan(Pipeline("p", Click, [], alerts=[rule]), ".").alerts
    assert isinstance(plan, AlertPlan)
    return plan


def delta(*rows: tuple[str | None, int, int, int]) -> pa.Table:
    """Delta rows of `clicks`: user, ad, number of the window, clicks of 0.25 each."""
    made = [
        {
            "user": user,
            "ad": ad,
            **window(number),
            "clicks": count,
            "spend": Decimal(count) / 4,
            "mean_sum": Decimal(count) / 4,
            "mean_count": count,
            "row_count": count,
            "late_count": 0,
        }
        for user, ad, number, count in rows
    ]
    return pa.Table.from_pylist(made, schema=rollup_tables(clicks().rollup)[0].schema)


def visits(*rows: tuple[str | None, int, int]) -> tuple[pa.Table, dict[str, pa.Table]]:
    """Delta rows and distinct values of `ads`: user, number of the window, ad."""
    table, side = rollup_tables(ads().rollup)
    heads = [{"user": user, **window(number)} for user, number, _ in rows]
    main = [{**head, "row_count": 1, "late_count": 0} for head in heads]
    values = [{**head, "value": ad} for head, (_, _, ad) in zip(heads, rows, strict=True)]
    return (
        pa.Table.from_pylist(main, schema=table.schema),
        {side.name: pa.Table.from_pylist(values, schema=side.schema)},
    )


def window(number: int) -> dict[str, datetime]:
    start = datetime(1970, 1, 1) + timedelta(seconds=10 * number)
    return {"window_start": start, "window_end": start + timedelta(seconds=10)}


class Memory:
    """A store that has been given what it reads back, and says for which windows it was asked."""

    def __init__(self, rule: AlertPlan) -> None:
        self._specs = rollup_tables(rule.rollup)
        self.rows: dict[str, list[pa.Table]] = {spec.name: [] for spec in self._specs}
        self.changes: list[pa.Table] = []
        self.asked: list[set[Span]] = []

    def keep(self, delta: pa.Table, sides: Mapping[str, pa.Table], changes: pa.Table) -> None:
        self.rows[self._specs[0].name].append(delta)
        for name, side in sides.items():
            self.rows[name].append(side)
        self.changes.append(changes)

    def read(self, windows: set[Span]) -> Stored:
        self.asked.append(windows)
        delta, *sides = (
            _inside(pa.concat_tables([spec.schema.empty_table(), *self.rows[spec.name]]), windows)
            for spec in self._specs
        )
        changes = _inside(pa.concat_tables([ALERT_SCHEMA.empty_table(), *self.changes]), windows)
        return Stored(delta, {spec.name: side for spec, side in zip(self._specs[1:], sides, strict=True)}, changes)


def _inside(rows: pa.Table, windows: set[Span]) -> pa.Table:
    return rows.filter(pa.array(in_windows(rows, windows)))
