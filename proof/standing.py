"""Which alerts of a rule must stand, told by SQL over its rollup's final rows and not as they were raised."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from dataflow.alerts.texts import alert_id, json_text
from dataflow.pipeline.alert_plan import AlertPlan
from dataflow.pipeline.plan import Plan
from dataflow.sql import quoted
from proof.parity.conditions import condition
from proof.parity.layout import ALERTS_LAYOUT, Nearness, Tables, layouts

NEARLY: tuple[Nearness, ...] = ("close", "distinct", "quantile")
"""Values on which two engines agree but nearly, so that a condition may be true for one of them alone."""


class Standing(NamedTuple):
    """One alert: `key` as its columns' values by name, the window [start_ms, end_ms)."""

    key: Mapping[str, Any]
    start_ms: int
    end_ms: int


def standing_sql(rule: AlertPlan, rows: str) -> str:
    """The keys and windows (BIGINT ms) for which the rule's condition is true.

    `rows`: SQL of the rollup's keys, window_start and window_end as BIGINT ms, and aggregates, each by its name.
    """
    assert rule.having is not None, "a rule that is judged with each row has a condition"
    columns = [key.name for key in rule.rollup.keys] + ["window_start", "window_end"]
    return f"SELECT {', '.join(map(quoted, columns))} FROM ({rows}) AS told WHERE {condition(rule.having)}"


def by_id(rule: AlertPlan, rows: Iterable[Mapping[str, Any]]) -> dict[str, Standing]:
    """What `standing_sql` gives, by the id of the alert."""
    found = {}
    for row in rows:
        key = {each.name: row[each.name] for each in rule.rollup.keys}
        start_ms, end_ms = row["window_start"], row["window_end"]
        found[alert_id(rule.name, json_text(key), start_ms, end_ms)] = Standing(key, start_ms, end_ms)
    return found


def told_by_rows(plan: Plan) -> list[AlertPlan]:
    """The rules whose alerts follow from their rollup's rows: a condition that is asked with each row of a window."""
    return [rule for rule in plan.alerts if isinstance(rule, AlertPlan) and rule.having and not rule.is_closed]


def certain(plan: Plan, but: Sequence[Nearness]) -> list[AlertPlan]:
    """The rules that ask for no value of these kinds, on which two counts need not agree to the last digit."""
    known = layouts(plan)
    near = {name: {column.name: column.near for column in each.values} for name, each in known.items()}
    return [
        rule
        for rule in told_by_rows(plan)
        if rule.having and not any(near[rule.rollup.name].get(name, "same") in but for name in rule.having.columns)
    ]


def alerts_of(plan: Plan, tables: Tables) -> pa.Table:
    """The alerts that must stand by the rollups' tables of one side, in the columns of ALERTS_LAYOUT.

    Left out are rules that ask for what engines agree on but nearly: sums of doubles, and what is approximate.
    """
    import duckdb

    lines: list[dict[str, Any]] = []
    with duckdb.connect() as con:
        for rule in certain(plan, NEARLY):
            con.register("_given", tables[rule.rollup.name])
            found = con.sql(standing_sql(rule, "SELECT * FROM _given")).to_arrow_table()
            lines += [
                {"rule": rule.name, "key": json_text(key), "window_start": start_ms, "window_end": end_ms}
                for key, start_ms, end_ms in by_id(rule, found.to_pylist()).values()
            ]
            con.unregister("_given")
    return pa.Table.from_pylist(lines, ALERTS_LAYOUT.schema)
