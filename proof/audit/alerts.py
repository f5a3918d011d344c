"""The alerts of a lake against the rollups of the same snapshot: those that stand are those whose condition is true."""

from collections.abc import Mapping
from typing import Any

from dataflow.pipeline.alert_plan import AlertPlan
from dataflow.pipeline.names import ALERT_CHANGES, ALERTS
from dataflow.pipeline.plan import Plan
from dataflow.sql import quoted, text
from proof.audit.report import Finding, Report, Unproven
from proof.audit.settled import Facts
from proof.dump import contents
from proof.standing import Standing, by_id, certain, standing_sql, told_by_rows
from query.alerts import has_alerts
from query.reader import LakeSnapshot

_NEVER_MS = -(2**62)


def check_alerts(snapshot: LakeSnapshot, plan: Plan, catalog: Facts, report: Report) -> None:
    """Compare the alerts of every rule; says in the report how many stand, and which differ."""
    if not plan.alerts or not has_alerts(snapshot):
        return
    _check_numbers(snapshot, report)
    rows = contents(snapshot)
    exact = {rule.name for rule in certain(plan, ["close"])}
    report.tables[ALERTS] = 0
    rules = told_by_rows(plan)
    for name in sorted({rule.name for rule in plan.alerts} - {rule.name for rule in rules}):
        why = "it asks for pairs of events, or waits for the end of windows, which final rows alone do not tell"
        report.unproven.append(Unproven(f"alerts of {name}", why))
    for rule in rules:
        if rule.name not in exact:
            why = "it asks for a sum or an average of doubles, whose last digits depend on the order of rows"
            report.unproven.append(Unproven(f"alerts of {rule.name}", why))
            continue
        _Rule(snapshot, rule, catalog, report).check(rows[rule.rollup.name])


class _Rule:
    """One rule at one snapshot."""

    def __init__(self, snapshot: LakeSnapshot, rule: AlertPlan, catalog: Facts, report: Report) -> None:
        self.snapshot, self.rule, self.report = snapshot, rule, report
        left = [catalog.gone[name].before_ms for name in (rule.rollup.name, ALERTS) if name in catalog.gone]
        # of windows that have left, one of both may still be there
        self.after_ms = max(left, default=_NEVER_MS)
        counted = [each.name for each in rule.rollup.aggregates if each.keeps_values]
        self.is_erased = any(rule.rollup.distinct_table(name) in catalog.erased.side_rows for name in counted)

    def check(self, rows: str) -> None:
        """`rows`: SQL of the rollup's rows, with windows in ms."""
        kept = f"SELECT * FROM ({rows}) AS kept WHERE window_end > {self.after_ms}"
        wanted = by_id(self.rule, self.snapshot.query(standing_sql(self.rule, kept)).to_pylist())
        held = self._held()
        self.report.tables[ALERTS] += len(held)
        missing = {name: each for name, each in wanted.items() if name not in held}
        extra = {name: each for name, each in held.items() if name not in wanted}
        if self.is_erased and (missing or extra):
            why = "distinct values were erased, and a rule counts without them from a window's next row on"
            self.report.unproven.append(Unproven(f"{len(missing) + len(extra)} alerts of {self.rule.name}", why))
            return
        for name, each in sorted(extra.items(), key=lambda pair: (pair[1].start_ms, pair[0])):
            told = f"alert {name} of rule {self.rule.name} stands, and its condition is not true: {self._having}"
            self._add("alert_extra", told, each)
        self._tell_missing(missing)

    @property
    def _having(self) -> str:
        return self.rule.asks

    def _held(self) -> dict[str, Standing]:
        found = self.snapshot.query(
            f"SELECT alert_id, key, epoch_ms(window_start) AS low, epoch_ms(window_end) AS high FROM {ALERTS}"
            f" WHERE state = 'raised' AND rule = {text(self.rule.name)} AND epoch_ms(window_end) > {self.after_ms}"
        )
        return {row["alert_id"]: Standing({"key": row["key"]}, row["low"], row["high"]) for row in found.to_pylist()}

    def _tell_missing(self, missing: Mapping[str, Standing]) -> None:
        if not missing:
            return
        newest, first = self._newest_rows(), self._first_change()
        open_ones = 0
        for name, each in sorted(missing.items(), key=lambda pair: (pair[1].start_ms, pair[0])):
            at = newest.get((*(each.key[key.name] for key in self.rule.rollup.keys), each.start_ms, each.end_ms))
            # a rule judges a window that was there before it with the next row, and never by what is filled later
            if at is None or (not self.rule.is_own and (first is None or at < first)):
                open_ones += 1
                continue
            told = f"alert {name} of rule {self.rule.name} does not stand, and its condition is true: {self._having}"
            self._add("alert_missing", told, each)
        if open_ones:
            why = "they had no row since the rule's first alert, or were filled later, so it may not have judged them"
            self.report.unproven.append(Unproven(f"{open_ones} windows of {self.rule.name} without an alert", why))

    def _newest_rows(self) -> dict[tuple[Any, ...], int]:
        """By key and window, the last commit with a row that was not filled later."""
        delta = self.rule.rollup.delta_table
        filled = {mark.snapshot for mark in self.snapshot.backfilled.get(self.rule.rollup.name, ())}
        keys = [quoted(key.name) for key in self.rule.rollup.keys]
        columns = ", ".join([*keys, "epoch_ms(window_start) AS low", "epoch_ms(window_end) AS high"])
        found = self.snapshot.query(
            f"SELECT {columns}, max(_snapshot) AS at FROM {quoted(delta + '_history')}"
            f" WHERE _snapshot NOT IN ({', '.join(map(str, sorted(filled))) or '-1'}) GROUP BY ALL",
            histories=[delta],
        )
        return {tuple(list(row.values())[:-1]): row["at"] for row in found.to_pylist()}

    def _first_change(self) -> int | None:
        found = self.snapshot.query(
            f"SELECT min(_snapshot) AS first FROM {ALERT_CHANGES}_history WHERE rule = {text(self.rule.name)}",
            histories=[ALERT_CHANGES],
        )
        first: int | None = found.column("first")[0].as_py()
        return first

    def _add(self, kind: str, told: str, each: Standing) -> None:
        self.report.add(Finding(kind, ALERTS, told, key=each.key, window_ms=(each.start_ms, each.end_ms)))


def _check_numbers(snapshot: LakeSnapshot, report: Report) -> None:
    """Changes of an alert are numbered 1, 2, ... and raise and retract it in turns."""
    found = snapshot.query(
        "SELECT alert_id, any_value(rule) AS rule, any_value(key) AS key, any_value(epoch_ms(window_start)) AS low,"
        f" any_value(epoch_ms(window_end)) AS high FROM {ALERT_CHANGES} GROUP BY alert_id"
        " HAVING count(*) <> max(change) OR count(DISTINCT change) <> max(change) OR min(change) <> 1"
        " OR bool_or(state <> CASE change % 2 WHEN 1 THEN 'raised' ELSE 'retracted' END) ORDER BY low, alert_id"
    )
    for row in found.to_pylist():
        told = f"the changes of alert {row['alert_id']} of rule {row['rule']} are not 1, 2, ... and raised in turns"
        report.add(
            Finding("alert_numbers", ALERT_CHANGES, told, key={"key": row["key"]}, window_ms=(row["low"], row["high"]))
        )
