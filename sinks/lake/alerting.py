"""Alert rules beside the writer: the changes of alerts that an epoch makes, staged and published with its rows."""

import sqlite3
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from dataflow.alerts.judge import RuleJudge, Stored
from dataflow.alerts.pair_judge import PairJudge
from dataflow.alerts.stats import RuleStats
from dataflow.alerts.windows import Span
from dataflow.messages import NEVER_MS, Parcel, Range
from dataflow.pipeline.alert_plan import AlertPlan
from dataflow.pipeline.names import ALERT_CHANGES, ALERTS
from dataflow.pipeline.pair_plan import PairPlan
from dataflow.pipeline.plan import Plan
from dataflow.pipeline.tables import ALERT_SCHEMA, rollup_tables
from sinks.lake.catalog.backfills import backfills
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.erasures import last_erasure
from sinks.lake.catalog.layout import TableLayout
from sinks.lake.catalog.left import left
from sinks.lake.catalog.rules import longest_lateness
from sinks.lake.catalog.sqlite import told
from sinks.lake.catalog.staged import StagedFile
from sinks.lake.closing import Closing, forget_rules_that_are_gone
from sinks.lake.early import Early
from sinks.lake.frontier import Frontier, Reach, Stand
from sinks.lake.stored_windows import StoredWindows
from sinks.lake.unfolded import Ahead, nothing_waits

RECENT_EPOCHS = 256
"""A source partition without records for so many epochs holds no window in memory; what it brings later is read back
from the lake."""


class Alerting:
    """Judges all rules of a pipeline, epoch by epoch, in the writer's thread.

    All that it holds in memory is read from the lake again where it is not there: after a restart, and for windows that
    were over. So nothing of it is in the recovery store.
    """

    def __init__(self, catalog: Catalog, plan: Plan) -> None:
        """`plan` has at least one rule."""
        self._catalog = catalog
        self._stored = StoredWindows(catalog)
        self._tables: Mapping[str, TableLayout] = {}
        self._staged: Sequence[StagedFile] = ()
        self._judges = [
            PairJudge(rule, _OfPairs(self, rule))
            if isinstance(rule, PairPlan)
            else RuleJudge(rule, _OfRule(self, rule))
            for rule in plan.alerts
            if isinstance(rule, PairPlan) or not rule.is_closed
        ]
        self._closed = Closing(catalog, self._stored, plan)
        self._pairs = [judge for judge in self._judges if isinstance(judge, PairJudge)]
        self._bound_ms = plan.out_of_orderness_ms
        self._idle_ms = plan.idle_timeout_ms
        self._rules = plan.rules
        self._frontier: Frontier | None = None
        self._reach = Reach(0, NEVER_MS, NEVER_MS, NEVER_MS, {})
        self._judged_reached_ms: int | None = None
        self._changed: Counter[tuple[str, str]] = Counter()
        self._seen: dict[str, tuple[int, int]] = {}
        self._reached: dict[str, int] = {}
        self._recent: deque[set[str]] = deque(maxlen=RECENT_EPOCHS)
        self._early: Early | None = None
        self._left: Mapping[str, int] = {}

    @property
    def tables(self) -> set[str]:
        """The tables whose rows it has to see, merged."""
        return {spec.name for judge in self._judges for spec in (judge.delta, *judge.sides)} | self._closed.tables

    @property
    def rows(self) -> int:
        """How many merged rows and distinct values are in memory."""
        return sum(judge.rows for judge in self._judges) + self._closed.rows

    @property
    def stats(self) -> tuple[RuleStats, ...]:
        """What each rule holds in memory, and has done since the start."""
        judges = [*((judge.rule.name, judge) for judge in self._judges), *self._closed.held]
        return tuple(
            RuleStats(
                name, judge.rows, judge.size_bytes, self._changed[name, "raised"], self._changed[name, "retracted"]
            )
            for name, judge in judges
        )

    def tell_early(
        self, rules: Collection[str], tell: Callable[[pa.Table], None], ahead: Ahead = nothing_waits
    ) -> None:
        """From now on tell raised alerts of these rules, in ALERT_SCHEMA, as soon as the rows for them are here.

        Of rules that are judged with each row; `tell` must neither wait nor raise. `ahead` folds rows that come
        unfolded, for the rollups of these rules.
        """
        judges = [judge for judge in self._judges if isinstance(judge, RuleJudge) and judge.rule.name in rules]
        self._early = Early(judges, tell, ahead) if judges else None

    def came(self, parcels: Sequence[Parcel], staged: Sequence[StagedFile]) -> None:
        """These are of an epoch to be judged: tell what they raise, where anybody wants that early.

        `staged` is as of `reach`. What the epoch's commit does stays the same.
        """
        early = self._early
        if early is None or not early.concerns(parcels):
            return
        if not early.has_begun:
            self._look()
            self._left = self._gone()
        self._staged = staged
        early.look(parcels, self._left)

    def reach(self, stand: Stand, staged: Sequence[StagedFile]) -> None:
        """How far the epoch to be judged has come. `staged`: files of epochs before it that are not published yet."""
        self._staged = staged
        if self._early is not None:
            self._early.forget()
        if not self._pairs and not self._closed.has_rules:
            return
        if self._frontier is None:
            self._frontier = Frontier.of_lake(self._catalog, self._bound_ms, self._idle_ms)
        self._reach = self._frontier.reach(stand)

    def due(self) -> bool:
        """Whether an epoch without any row has alerts to judge: a window may be final by now, or an absence certain."""
        if self._pairs:
            self._look()
        has_moved = self._closed.has_rules and self._judged_reached_ms != self._reach.reached_ms
        return has_moved or any(judge.due(self._reach.frontier_ms) for judge in self._pairs)

    def changes(self, rows: Mapping[str, pa.Table]) -> pa.Table:
        """The rows of table alert_changes that the epoch makes that `reach` told of, with these merged rows."""
        self._look()
        gone = self._gone()
        found = [ALERT_SCHEMA.empty_table()]
        for judge in self._judges:
            over_ms = max(gone.get(judge.rule.rollup.name, NEVER_MS), gone.get(ALERTS, NEVER_MS))
            delta = rows.get(judge.delta.name, judge.delta.schema.empty_table())
            if isinstance(judge, PairJudge):
                found.append(judge.changes(delta, over_ms=over_ms, frontier_ms=self._reach.frontier_ms))
                continue
            sides = {side.name: rows[side.name] for side in judge.sides if side.name in rows}
            found.append(judge.changes(delta, sides, over_ms=over_ms))
        found.append(self._closed.changes(rows, self._staged, self._tables, gone, self._reach))
        self._judged_reached_ms = self._reach.reached_ms
        changes = pa.concat_tables(found)
        self._changed.update(zip(changes.column("rule").to_pylist(), changes.column("state").to_pylist(), strict=True))
        return changes

    def published(self, connection: sqlite3.Connection, epoch: int) -> None:
        """Inside the transaction that publishes an epoch: what has to stand in the catalog with it."""
        self._closed.published(connection, epoch)

    def ended(self, ranges: Sequence[Range]) -> None:
        """The epoch of these ranges is staged: windows that none of the lately active partitions can change may go."""
        for entry in ranges:
            if entry.max_event_time is not None:
                known = self._reached.get(entry.partition, NEVER_MS)
                self._reached[entry.partition] = max(known, entry.max_event_time - self._bound_ms)
        self._recent.append({entry.partition for entry in ranges if entry.read})
        recent = set().union(*self._recent) & self._reached.keys()
        if recent:
            reached = min(self._reached[partition] for partition in recent)
            for judge in self._judges:
                judge.forget(reached - judge.rule.rollup.allowed_lateness_ms)

    def stored(self, rule: AlertPlan, windows: set[Span]) -> Stored:
        """All that the lake has of some windows of a rule, staged files included."""
        delta, *sides = rollup_tables(rule.rollup)
        changes = self._rows(ALERT_CHANGES, ALERT_SCHEMA, windows)
        return Stored(
            self._rows(delta.name, delta.schema, windows),
            {side.name: self._rows(side.name, side.schema, windows) for side in sides},
            changes.filter(pc.equal(changes.column("rule"), rule.name)),
        )

    def events(self, rule: PairPlan, spans: Sequence[Span], schema: pa.Schema) -> Iterator[pa.Table]:
        """A rule's evidence of some times, staged files included; in pieces."""
        (delta,) = rollup_tables(rule.rollup)
        return self._stored.rows_between(self._tables[delta.name], schema, spans, self._staged)

    def changes_between(self, rule: PairPlan, spans: Sequence[Span]) -> pa.Table:
        """The changes of a rule's alerts that begin in these times, staged files included."""
        pieces = self._stored.rows_between(self._tables[ALERT_CHANGES], ALERT_SCHEMA, spans, self._staged)
        own = [piece.filter(pc.equal(piece.column("rule"), rule.name)) for piece in pieces]
        return pa.concat_tables([ALERT_SCHEMA.empty_table(), *own])

    def judged_ms(self, rule: PairPlan) -> int:
        """The frontier by which a rule's absences were judged with the last commit, or less.

        Where the rule had a longer allowed lateness then, less by that much: it had waited for so much more.
        """
        with told(self._catalog.path, self._catalog.busy_ms):
            former = longest_lateness(self._catalog.connection, self._rules)
        own_ms = rule.rollup.allowed_lateness_ms
        return max(NEVER_MS, self._reach.judged_ms - max(0, former.get(rule.rollup.name, own_ms) - own_ms))

    def _rows(self, table: str, schema: pa.Schema, windows: set[Span]) -> pa.Table:
        return self._stored.rows(self._tables[table], schema, windows, self._staged)

    def _look(self) -> None:
        """What other processes did to the lake that counts here."""
        self._tables = self._tables or self._catalog.tables()
        with told(self._catalog.path, self._catalog.busy_ms):
            filled, erased = backfills(self._catalog.connection), last_erasure(self._catalog.connection)
        for judge in self._judges:
            # older rows came into windows that are held, or values of a distinct count went from them
            seen = (erased, len(filled.get(judge.rule.rollup.name, ())))
            if self._seen.get(judge.rule.name, seen) != seen:
                judge.forget_all()
            self._seen[judge.rule.name] = seen
        self._closed.look(filled, erased)

    def _gone(self) -> dict[str, int]:
        """Up to which end windows have left, by rollup."""
        with told(self._catalog.path, self._catalog.busy_ms):
            return {name: each.before_ms for name, each in left(self._catalog.connection).items()}


def alerting(catalog: Catalog, plan: Plan) -> Alerting | None:
    """What judges the rules of a pipeline; None where it has none."""
    forget_rules_that_are_gone(catalog, plan)
    return Alerting(catalog, plan) if plan.alerts else None


@dataclass(frozen=True, slots=True)
class _OfRule:
    """The lake as one rule's judge reads it."""

    alerting: Alerting
    rule: AlertPlan

    def read(self, windows: set[Span]) -> Stored:
        return self.alerting.stored(self.rule, windows)


@dataclass(frozen=True, slots=True)
class _OfPairs:
    """The lake as the judge of a rule over pairs reads it."""

    alerting: Alerting
    rule: PairPlan

    def events(self, spans: Sequence[Span], schema: pa.Schema) -> Iterator[pa.Table]:
        return self.alerting.events(self.rule, spans, schema)

    def changes(self, spans: Sequence[Span]) -> pa.Table:
        return self.alerting.changes_between(self.rule, spans)

    def judged_ms(self) -> int:
        return self.alerting.judged_ms(self.rule)
