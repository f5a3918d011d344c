"""The alerts of a lake against the rows of the same snapshot: those that stand are those of which it is true."""

from collections.abc import Mapping, Sequence
from typing import Any

from dataflow.pipeline.names import ALERT_CHANGES, ALERTS
from dataflow.pipeline.pair_plan import PairPlan
from dataflow.pipeline.plan import Plan
from dataflow.sql import quoted, text
from proof.audit.reached import Reach, reach_of
from proof.audit.report import Finding, Report, Unproven
from proof.audit.settled import Facts
from proof.dump import contents
from proof.ledger import LedgerLine
from proof.standing import Reached, Rule, Standing, certain, standing
from query.alerts import has_alerts
from query.reader import LakeSnapshot

_NEVER_MS = -(2**62)

Lines = Mapping[str, Sequence[LedgerLine]]


def check_alerts(snapshot: LakeSnapshot, plan: Plan, catalog: Facts, lines: Lines, report: Report) -> None:
    """Compare the alerts of every rule; says in the report how many stand, and which differ. `lines`: the ledger."""
    if not plan.alerts or not has_alerts(snapshot):
        return
    _check_numbers(snapshot, report)
    rows = contents(snapshot)
    exact = {rule.name for rule in certain(plan, ["close"])}
    report.tables[ALERTS] = 0
    reach = reach_of(snapshot, plan.out_of_orderness_ms)
    for rule in plan.alerts:
        if rule.name not in exact:
            why = "it asks for a sum or an average of doubles, whose last digits depend on the order of rows"
            report.unproven.append(Unproven(f"alerts of {rule.name}", why))
            continue
        was_away = _was_away(rule, lines)
        _Rule(snapshot, rule, catalog, report).check(rows.get(rule.rollup.name, ""), reach, was_away=was_away)


def _was_away(rule: Rule, lines: Lines) -> bool:
    """Whether the pipeline had the rule, and then not, for some ranges."""
    if not rule.is_own:
        return False
    there = [[rule.rollup.name in line.entry.rollups for line in each] for each in lines.values()]
    return any(True in each and False in each[each.index(True) :] for each in there)


class _Rule:
    """One rule at one snapshot."""

    def __init__(self, snapshot: LakeSnapshot, rule: Rule, catalog: Facts, report: Report) -> None:
        self.snapshot, self.rule, self.report = snapshot, rule, report
        left = [catalog.gone[name].before_ms for name in (rule.rollup.name, ALERTS) if name in catalog.gone]
        # of windows that have left, one of both may still be there
        self.after_ms = max(left, default=_NEVER_MS)
        counted = [each.name for each in rule.rollup.aggregates if each.keeps_values]
        self.is_erased = any(rule.rollup.distinct_table(name) in catalog.erased.side_rows for name in counted)

    def check(self, rows: str, reach: Reach, *, was_away: bool) -> None:
        """`rows`: SQL of the rollup's rows, with windows in ms."""
        kept = f"SELECT * FROM ({rows}) AS kept WHERE window_end > {self.after_ms}" if rows else ""
        told = standing(self.rule, self.snapshot.query, kept, self._counted(), Reached(reach.newest_ms))
        wanted = {name: each for name, each in told.items() if self._is_judged(each)}
        held = {name: each for name, each in self._held().items() if self._is_judged(each)}
        self.report.tables[ALERTS] += len(held)
        missing = {
            name: each
            for name, each in wanted.items()
            if name not in held and self._due_ms(each) <= self._sure_ms(reach)
        }
        extra = {name: each for name, each in held.items() if name not in wanted}
        early = {name: each for name, each in held.items() if name in wanted and self._is_early(each, reach)}
        if self.is_erased and (missing or extra):
            why = "distinct values were erased, and a rule counts without them from a window's next row on"
            self.report.unproven.append(Unproven(f"{len(missing) + len(extra)} alerts of {self.rule.name}", why))
            return
        for given, why in ((extra, f"its condition is not true: {self._having}"), (early, "its window is not over")):
            for name, each in sorted(given.items(), key=lambda pair: (pair[1].start_ms, pair[0])):
                self._add("alert_extra", f"alert {name} of rule {self.rule.name} stands, and {why}", each)
        if was_away and missing:
            why = "the rule was out of the pipeline file for a time, and never judges what was certain meanwhile"
            self.report.unproven.append(Unproven(f"{len(missing)} alerts of {self.rule.name}", why))
            return
        self._tell_missing(missing)

    @property
    def _having(self) -> str:
        return self.rule.asks

    def _due_ms(self, each: Standing) -> int:
        """What event time has to come to before it is told."""
        rule = self.rule
        if isinstance(rule, PairPlan):
            return _NEVER_MS if rule.missing is None else each.end_ms - 1 + rule.rollup.allowed_lateness_ms
        return each.end_ms - 1 + rule.rollup.allowed_lateness_ms if rule.is_closed else _NEVER_MS

    def _sure_ms(self, reach: Reach) -> int:
        """What event time has come to by the newest commit, or less; nobody knows which partitions were idle."""
        if isinstance(self.rule, PairPlan):
            return reach.least_ms
        return min(reach.least_ms, reach.most_ms)

    def _is_early(self, each: Standing, reach: Reach) -> bool:
        # a run with --final makes absences certain to the last event, and no window
        return not isinstance(self.rule, PairPlan) and self._due_ms(each) > reach.most_ms

    def _is_judged(self, each: Standing) -> bool:
        """Whether nothing that decides has left."""
        rule = self.rule
        if isinstance(rule, PairPlan):
            return (each.end_ms - rule.within_ms if rule.missing is None else each.start_ms) >= self.after_ms
        reach_ms = 0 if rule.comparison is None else rule.comparison.reach_ms
        return each.end_ms - reach_ms > self.after_ms

    def _counted(self) -> str:
        """How many events each window has, where a rule asks for that."""
        if self.rule.comparison is None:
            return ""
        keys = ", ".join(quoted(key.name) for key in self.rule.rollup.keys)
        return (
            f"SELECT {keys}{keys and ', '}epoch_ms(window_start) AS window_start, epoch_ms(window_end) AS window_end,"
            f" sum(row_count)::BIGINT AS row_count FROM {quoted(self.rule.rollup.delta_table)} GROUP BY ALL"
        )

    def _held(self) -> dict[str, Standing]:
        found = self.snapshot.query(
            f"SELECT alert_id, key, epoch_ms(window_start) AS low, epoch_ms(window_end) AS high FROM {ALERTS}"
            f" WHERE state = 'raised' AND rule = {text(self.rule.name)}"
        )
        return {row["alert_id"]: Standing({"key": row["key"]}, row["low"], row["high"]) for row in found.to_pylist()}

    def _tell_missing(self, missing: Mapping[str, Standing]) -> None:
        if not missing:
            return
        # rules over pairs are never filled later, and source partitions have no rollup
        is_sure = isinstance(self.rule, PairPlan) or self.rule.silence_ms is not None
        newest, first = ({} if is_sure else self._newest_rows()), self._first_change()
        open_ones = 0
        for name, each in sorted(missing.items(), key=lambda pair: (pair[1].start_ms, pair[0])):
            at = None if is_sure else self._newest_row(newest, each)
            # a rule judges a window that was there before it with the next row, and never by what is filled later
            if not is_sure and (at is None or (not self.rule.is_own and (first is None or at < first))):
                open_ones += 1
                continue
            told = f"alert {name} of rule {self.rule.name} does not stand, and its condition is true: {self._having}"
            self._add("alert_missing", told, each)
        if open_ones:
            why = "they had no row since the rule's first alert, or were filled later, so it may not have judged them"
            self.report.unproven.append(Unproven(f"{open_ones} windows of {self.rule.name} without an alert", why))

    def _newest_row(
        self, newest: Mapping[tuple[Any, ...], Mapping[tuple[int, int], int]], each: Standing
    ) -> int | None:
        """The last commit with a row of a window, or of those that it is compared with."""
        rule = self.rule
        of_key = newest.get(tuple(each.key[key.name] for key in rule.rollup.keys), {})
        if rule.rollup.merges_windows:
            inside = [at for (low, high), at in of_key.items() if each.start_ms <= low and high <= each.end_ms]
        else:
            backs = (0, *(() if rule.comparison is None else rule.comparison.back_ms))
            windows = [(each.start_ms - back, each.end_ms - back) for back in backs]
            inside = [of_key[window] for window in windows if window in of_key]
        return max(inside, default=None)

    def _newest_rows(self) -> dict[tuple[Any, ...], dict[tuple[int, int], int]]:
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
        newest: dict[tuple[Any, ...], dict[tuple[int, int], int]] = {}
        for row in found.to_pylist():
            *key, low, high, at = row.values()
            newest.setdefault(tuple(key), {})[low, high] = at
        return newest

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
