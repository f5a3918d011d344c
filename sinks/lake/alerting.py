"""Alert rules beside the writer: the changes of alerts that an epoch makes, staged and published with its rows."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from dataflow.alerts.judge import RuleJudge, Stored
from dataflow.alerts.windows import Span
from dataflow.messages import NEVER_MS, Range
from dataflow.pipeline.alert_plan import AlertPlan
from dataflow.pipeline.names import ALERT_CHANGES, ALERTS
from dataflow.pipeline.plan import Plan
from dataflow.pipeline.tables import ALERT_SCHEMA, rollup_tables
from sinks.lake.catalog.backfills import backfills
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.erasures import last_erasure
from sinks.lake.catalog.layout import TableLayout
from sinks.lake.catalog.left import left
from sinks.lake.catalog.sqlite import told
from sinks.lake.catalog.staged import StagedFile
from sinks.lake.stored_windows import StoredWindows

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
        self._judges = [RuleJudge(rule, _OfRule(self, rule)) for rule in plan.alerts]
        self._bound_ms = plan.out_of_orderness_ms
        self._seen: dict[str, tuple[int, int]] = {}
        self._reached: dict[str, int] = {}
        self._recent: deque[set[str]] = deque(maxlen=RECENT_EPOCHS)

    @property
    def tables(self) -> set[str]:
        """The tables whose rows it has to see, merged."""
        return {spec.name for judge in self._judges for spec in (judge.delta, *judge.sides)}

    @property
    def rows(self) -> int:
        """How many merged rows and distinct values are in memory."""
        return sum(judge.rows for judge in self._judges)

    def changes(self, rows: Mapping[str, pa.Table], staged: Sequence[StagedFile]) -> pa.Table:
        """The rows of table alert_changes that an epoch with these merged rows makes.

        `staged`: files of the epochs before it that are not published yet.
        """
        self._staged = staged
        self._look()
        gone = self._gone()
        found = [ALERT_SCHEMA.empty_table()]
        for judge in self._judges:
            over_ms = max(gone.get(judge.rule.rollup.name, NEVER_MS), gone.get(ALERTS, NEVER_MS))
            delta = rows.get(judge.delta.name, judge.delta.schema.empty_table())
            sides = {side.name: rows[side.name] for side in judge.sides if side.name in rows}
            found.append(judge.changes(delta, sides, over_ms=over_ms))
        return pa.concat_tables(found)

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

    def _gone(self) -> dict[str, int]:
        """Up to which end windows have left, by rollup."""
        with told(self._catalog.path, self._catalog.busy_ms):
            return {name: each.before_ms for name, each in left(self._catalog.connection).items()}


def alerting(catalog: Catalog, plan: Plan) -> Alerting | None:
    """What judges the rules of a pipeline; None where it has none."""
    return Alerting(catalog, plan) if plan.alerts else None


@dataclass(frozen=True, slots=True)
class _OfRule:
    """The lake as one rule's judge reads it."""

    alerting: Alerting
    rule: AlertPlan

    def read(self, windows: set[Span]) -> Stored:
        return self.alerting.stored(self.rule, windows)
