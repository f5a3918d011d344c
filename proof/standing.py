"""Which alerts of a rule must stand, told by SQL over its rollup's final rows and not as they were raised."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pyarrow as pa

from dataflow.alerts.texts import alert_id, json_text
from dataflow.pipeline.alert_plan import AlertPlan
from dataflow.pipeline.closed_rules import SOURCE_PARTITION
from dataflow.pipeline.pair_plan import PairPlan
from dataflow.pipeline.plan import Plan
from dataflow.sql import quoted
from proof.compare_standing import compared_sql, differing
from proof.pair_standing import pairs_sql, places_of
from proof.parity.conditions import condition
from proof.parity.layout import ALERTS_LAYOUT, Nearness, Tables, layouts

NEARLY: tuple[Nearness, ...] = ("close", "distinct", "quantile")
"""Values on which two engines agree but nearly, so that a condition may be true for one of them alone."""

Rule = AlertPlan | PairPlan

Ask = Callable[[str], pa.Table]
"""Answers a query."""


class Standing(NamedTuple):
    """One alert: `key` as its columns' values by name, the window [start_ms, end_ms), as JSON where its events are."""

    key: Mapping[str, Any]
    start_ms: int
    end_ms: int
    of: str = ""


@dataclass(frozen=True, slots=True)
class Reached:
    """How far event time has come: the largest event time of each source partition, and the furthest watermark.

    Without any, windows that have to be over are all taken to be.
    """

    newest_ms: Mapping[str, int] = field(default_factory=dict)
    watermark_ms: int | None = None

    def is_over(self, end_ms: int, allowed_lateness_ms: int) -> bool:
        """Whether a window that ends so is."""
        return self.watermark_ms is None or end_ms - 1 + allowed_lateness_ms <= self.watermark_ms


def standing(rule: Rule, ask: Ask, rows: str, counted: str, reached: Reached) -> dict[str, Standing]:
    """By its id each alert that must stand once all that has come is judged.

    `rows`: SQL of the rollup's keys, window_start and window_end as BIGINT ms, and aggregates, each by its name;
    `counted`: of a rule that compares, SQL of keys, windows and `row_count`. An absence stands where nothing more
    comes.
    """
    if isinstance(rule, PairPlan):
        return _by_id(rule, ask(pairs_sql(rule, rows)).to_pylist())
    if rule.silence_ms is not None:
        return _by_id(rule, _silent(rule.silence_ms, reached))
    if rule.comparison is not None:
        found: Iterable[Mapping[str, Any]] = differing(rule, ask(compared_sql(rule, rows, counted)).to_pylist())
    else:
        found = ask(standing_sql(rule, rows)).to_pylist()
    if rule.is_closed:
        lateness_ms = rule.rollup.allowed_lateness_ms
        found = [each for each in found if reached.is_over(each["window_end"], lateness_ms)]
    return _by_id(rule, found)


def standing_sql(rule: AlertPlan, rows: str) -> str:
    """The keys and windows (BIGINT ms) for which the rule's condition is true."""
    assert rule.having is not None, "a rule that is judged with each row has a condition"
    columns = [key.name for key in rule.rollup.keys] + ["window_start", "window_end"]
    return f"SELECT {', '.join(map(quoted, columns))} FROM ({rows}) AS told WHERE {condition(rule.having)}"


def _by_id(rule: Rule, rows: Iterable[Mapping[str, Any]]) -> dict[str, Standing]:
    keys = rule.keys if isinstance(rule, PairPlan) else rule.rollup.keys
    found = {}
    for row in rows:
        key = {each.name: row[each.name] for each in keys}
        start_ms, end_ms = row["window_start"], row["window_end"]
        of = json_text(places_of(rule, row)) if isinstance(rule, PairPlan) else ""
        found[alert_id(rule.name, json_text(key), start_ms, end_ms, of)] = Standing(key, start_ms, end_ms, of)
    return found


def _silent(silence_ms: int, reached: Reached) -> Iterator[Mapping[str, Any]]:
    for name, newest_ms in reached.newest_ms.items():
        if reached.is_over(newest_ms + silence_ms, 0):
            yield {SOURCE_PARTITION: name, "window_start": newest_ms, "window_end": newest_ms + silence_ms}


def certain(plan: Plan, but: Sequence[Nearness]) -> list[Rule]:
    """The rules that ask for no value of these kinds, on which two counts need not agree to the last digit."""
    known = layouts(plan)
    near = {name: {column.name: column.near for column in each.values} for name, each in known.items()}
    return [
        rule
        for rule in plan.alerts
        if not any(near.get(rule.rollup.name, {}).get(name, "same") in but for name in _asked(rule))
    ]


def _asked(rule: Rule) -> Collection[str]:
    """The aggregates that an alert depends on."""
    if isinstance(rule, PairPlan):
        return ()
    if rule.comparison is not None:
        return (rule.comparison.value.name,)
    return () if rule.having is None else rule.having.columns


def alerts_of(
    plan: Plan, tables: Tables, reached: Reached, counted: Tables | None = None, but: Collection[str] = ()
) -> tuple[pa.Table, set[str]]:
    """The alerts that must stand by the rollups' tables of one side, in ALERTS_LAYOUT, and of which rules.

    Left out are rules that ask for what engines agree on but nearly (sums of doubles, and what is approximate), those
    named in `but`, those whose rollup is not there, and without `counted`, how many events each window has, those that
    compare.
    """
    import duckdb

    lines: list[dict[str, Any]] = []
    told: set[str] = set()
    with duckdb.connect() as con:
        for rule in certain(plan, NEARLY):
            is_made = rule.rollup.name in tables or rule.silence_ms is not None
            if rule.name in but or not is_made or (rule.comparison is not None and counted is None):
                continue
            told.add(rule.name)
            if rule.rollup.name in tables:
                con.register("_given", tables[rule.rollup.name])
                con.register("_counted", (counted or {}).get(rule.rollup.name, tables[rule.rollup.name]))
            found = standing(
                rule,
                lambda sql: con.sql(sql).to_arrow_table(),
                "SELECT * FROM _given",
                "SELECT * FROM _counted",
                reached,
            )
            lines += [
                {"rule": rule.name, "key": json_text(each.key), "window_start": each.start_ms}
                | {"window_end": each.end_ms, "of": each.of}
                for each in found.values()
            ]
    return pa.Table.from_pylist(lines, ALERTS_LAYOUT.schema), told
