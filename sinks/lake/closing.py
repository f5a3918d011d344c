"""Alert rules that judge windows when they are final, beside the writer: what they read of the lake, and when."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from dataflow.alerts.closed import ClosedJudge
from dataflow.alerts.compare_judge import CompareJudge
from dataflow.alerts.judge import Stored
from dataflow.alerts.partition_judge import PartitionJudge
from dataflow.alerts.session_judge import SessionJudge
from dataflow.alerts.windows import Span
from dataflow.messages import NEVER_MS
from dataflow.pipeline.alert_plan import AlertPlan
from dataflow.pipeline.names import ALERT_CHANGES, ALERTS
from dataflow.pipeline.plan import Plan
from dataflow.pipeline.tables import ALERT_SCHEMA, TableSpec, rollup_tables
from sinks.lake.catalog.backfills import Backfilled
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.judged import forget_judged, judged, note_judged
from sinks.lake.catalog.layout import TableLayout
from sinks.lake.catalog.sqlite import told
from sinks.lake.catalog.staged import StagedFile
from sinks.lake.frontier import Reach, ended_ms
from sinks.lake.stored_windows import StoredWindows


@dataclass(slots=True)
class _Now:
    """What is read when a rule asks: the lake's tables, and files that are staged and not published yet."""

    tables: Mapping[str, TableLayout] = field(default_factory=dict)
    staged: Sequence[StagedFile] = ()


class Closing:
    """Judges the rules of a pipeline that are judged when windows are final, epoch by epoch.

    Everything in memory is read from the lake again where it is not there, and up to where a rule has judged stands in
    the catalog. So nothing of it is in the recovery store. An epoch that a former run has staged is published without
    what it had judged, and is judged once more, which comes to the same.
    """

    def __init__(self, catalog: Catalog, stored: StoredWindows, plan: Plan) -> None:
        self._catalog = catalog
        self._stored = stored
        self._now = _Now()
        self._plan = plan
        self._rules = [rule for rule in plan.alerts if isinstance(rule, AlertPlan) and rule.is_closed]
        self._judges: list[tuple[AlertPlan, ClosedJudge]] = []
        self._partitions: list[PartitionJudge] = []
        self._begun = False
        self._seen: Mapping[str, tuple[object, int]] = {}
        self._ends: dict[int, dict[str, int]] = {}
        self._newest_ends: dict[str, int] = {}

    @property
    def tables(self) -> set[str]:
        """The tables whose rows it has to see, merged."""
        return {spec.name for rule in self._rules if rule.silence_ms is None for spec in rollup_tables(rule.rollup)}

    @property
    def has_rules(self) -> bool:
        """Whether there is anything to judge."""
        return bool(self._rules)

    @property
    def rows(self) -> int:
        """How many rows are in memory."""
        return sum(judge.rows for _, judge in self._judges)

    @property
    def held(self) -> list[tuple[str, ClosedJudge]]:
        """The rules that hold rows in memory, by name."""
        return [(rule.name, judge) for rule, judge in self._judges]

    def changes(
        self,
        rows: Mapping[str, pa.Table],
        staged: Sequence[StagedFile],
        tables: Mapping[str, TableLayout],
        gone: Mapping[str, int],
        reach: Reach,
    ) -> pa.Table:
        """The rows of table alert_changes that an epoch makes. `gone`: up to which end windows have left, by rollup."""
        if not self._rules:
            return ALERT_SCHEMA.empty_table()
        self._now.tables, self._now.staged = tables, staged
        if not self._begun:
            self._begin(reach.judged_ms)
        alerts_over_ms = gone.get(ALERTS, NEVER_MS)
        found = [ALERT_SCHEMA.empty_table()]
        for rule, judge in self._judges:
            end_ms = ended_ms(reach.reached_ms, rule.rollup.allowed_lateness_ms)
            over_ms = max(gone.get(rule.rollup.name, NEVER_MS), alerts_over_ms)
            found.append(judge.changes(rows, end_ms=end_ms, over_ms=over_ms))
        ends_ms = {rule.name: judge.judged_ms for rule, judge in self._judges}
        if ends_ms != self._newest_ends:
            self._newest_ends = self._ends[reach.epoch] = ends_ms
        for partition in self._partitions:
            found.append(partition.changes(reach.newest_ms, reached_ms=reach.reached_ms, over_ms=alerts_over_ms))
        return pa.concat_tables(found)

    def look(self, filled: Mapping[str, Sequence[Backfilled]], erased: object) -> None:
        """What other processes did to the lake that counts here."""
        seen = {rule.name: (erased, len(filled.get(rule.rollup.name, ()))) for rule in self._rules}
        for rule, judge in self._judges:
            if self._seen[rule.name] != seen[rule.name]:
                judge.forget_all()
        self._seen = seen

    def published(self, connection: sqlite3.Connection, epoch: int) -> None:
        """Inside the transaction of an epoch that was judged here: remember up to where."""
        # also those of epochs before it in which nothing had changed, so that they were not published
        for known in sorted(each for each in self._ends if each <= epoch):
            note_judged(connection, self._ends.pop(known))

    def _begin(self, judged_ms: int) -> None:
        catalog = self._catalog
        with told(catalog.path, catalog.busy_ms):
            ends_ms = judged(catalog.connection)
        new = {}
        for rule in self._rules:
            store = _OfRule(self._stored, self._now, rule)
            if rule.silence_ms is not None:
                self._partitions.append(PartitionJudge(rule, store.changes()))
                continue
            if rule.name not in ends_ms:
                new[rule.name] = ended_ms(judged_ms, rule.rollup.allowed_lateness_ms)
            kind = SessionJudge if rule.comparison is None else CompareJudge
            self._judges.append((rule, kind(rule, store, {**new, **ends_ms}[rule.name])))
        if new:
            # before anything is judged, so that what was published by then is not taken for what was judged
            with catalog.transaction() as connection:
                note_judged(connection, new)
        self._begun = True


def forget_rules_that_are_gone(catalog: Catalog, plan: Plan) -> None:
    """Rules that are not in the plan judge nothing meanwhile: when they come back, they begin as new ones do."""
    with told(catalog.path, catalog.busy_ms):
        gone = judged(catalog.connection).keys() - {rule.name for rule in plan.alerts}
    if gone:
        with catalog.transaction() as connection:
            forget_judged(connection, sorted(gone))


@dataclass(frozen=True, slots=True)
class _OfRule:
    """The lake as one rule's judge reads it: `dataflow.alerts.closed.ClosedStore`."""

    stored: StoredWindows
    now: _Now
    rule: AlertPlan

    def read(self, windows: set[Span]) -> Stored:
        def rows(name: str, schema: pa.Schema) -> pa.Table:
            return self.stored.rows(self.now.tables[name], schema, windows, self.now.staged)

        delta, *sides = rollup_tables(self.rule.rollup)
        return self._stored(delta, sides, rows)

    def ending(self, after_ms: int) -> Stored:
        delta, *sides = rollup_tables(self.rule.rollup)
        return self._stored(delta, sides, lambda name, schema: self._ending(name, schema, after_ms))

    def changes(self) -> pa.Table:
        return self._mine(self._ending(ALERT_CHANGES, ALERT_SCHEMA, NEVER_MS))

    def _stored(
        self, delta: TableSpec, sides: Sequence[TableSpec], rows: Callable[[str, pa.Schema], pa.Table]
    ) -> Stored:
        found = {side.name: rows(side.name, side.schema) for side in sides}
        return Stored(rows(delta.name, delta.schema), found, self._mine(rows(ALERT_CHANGES, ALERT_SCHEMA)))

    def _ending(self, name: str, schema: pa.Schema, after_ms: int) -> pa.Table:
        return self.stored.ending(self.now.tables[name], schema, after_ms, self.now.staged)

    def _mine(self, changes: pa.Table) -> pa.Table:
        return changes.filter(pc.equal(changes.column("rule"), self.rule.name))
