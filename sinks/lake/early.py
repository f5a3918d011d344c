"""Alerts before their commit: what the parcels of the epoch have raised so far, told as they come."""

from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa

from dataflow.alerts.early_judge import EarlyJudge
from dataflow.alerts.judge import RuleJudge
from dataflow.messages import NEVER_MS, Parcel
from dataflow.pipeline.names import ALERTS
from sinks.lake.unfolded import Ahead, nothing_waits

BEHIND_RECORDS = 10_000
"""A parcel of so many records comes of a run that catches up: its commit is as soon, and looking twice would cost time
that brings it closer."""


class Early:
    """Looks ahead for some rules, in the writer's thread, and tells what it finds."""

    def __init__(
        self, judges: Sequence[RuleJudge], tell: Callable[[pa.Table], None], ahead: Ahead = nothing_waits
    ) -> None:
        """`tell(changes)` gets raised alerts, in ALERT_SCHEMA; it must neither wait nor raise.

        `ahead` folds rows that come unfolded, for all rollups of these rules.
        """
        self._judges = [(EarlyJudge(judge), judge) for judge in judges]
        self._tables = {spec.name for judge in judges for spec in (judge.delta, *judge.sides)}
        self._tell, self._ahead = tell, ahead
        self._waiting: list[Parcel] = []
        self.has_begun = False
        """Whether the epoch has had a parcel with rows of these rules."""

    def concerns(self, parcels: Sequence[Parcel]) -> bool:
        """Whether any of these has rows of its rules, or may have some."""
        return any(parcel.unfolded or not self._tables.isdisjoint(parcel.tables) for parcel in parcels)

    def look(self, parcels: Sequence[Parcel], gone: Mapping[str, int]) -> None:
        """Tell what these parcels raise with those before them. `gone`: up to which end windows have left."""
        self._waiting += parcels
        if any(parcel.range.read >= BEHIND_RECORDS for parcel in parcels):
            return
        self.has_begun = True
        rows = self._rows()
        for early, judge in self._judges:
            delta = rows.get(judge.delta.name, judge.delta.schema.empty_table())
            sides = {side.name: rows[side.name] for side in judge.sides if side.name in rows}
            over_ms = max(gone.get(judge.rule.rollup.name, NEVER_MS), gone.get(ALERTS, NEVER_MS))
            found = early.raised(delta, sides, over_ms=over_ms)
            if found.num_rows:
                self._tell(found)

    def forget(self) -> None:
        """The epoch has ended."""
        self._waiting, self.has_begun = [], False
        for early, _ in self._judges:
            early.forget()

    def _rows(self) -> dict[str, pa.Table]:
        """All that waits, by table."""
        batches: dict[str, list[pa.RecordBatch]] = {}
        few = [parcel.unfolded for parcel in self._waiting if parcel.unfolded is not None]
        for tables in [*(parcel.tables for parcel in self._waiting), *self._ahead(few)]:
            for name in self._tables & tables.keys():
                if tables[name].num_rows:
                    batches.setdefault(name, []).append(tables[name])
        self._waiting = []
        return {name: pa.Table.from_batches(each) for name, each in batches.items()}
