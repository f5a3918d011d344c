"""Which rollups saw not all that the lake has read: a replay, which has them from the start, makes other tables."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from dataflow.pipeline.names import EVENTS, LEDGER
from dataflow.spoken import counted, moment
from proof.backfill.lines import lines_without
from query.reader import LakeSnapshot
from sinks.lake.catalog.backfills import whole_from


@dataclass(frozen=True, slots=True)
class NotWhole:
    """`rollups`: those that cannot be compared, and why; `tables`: what cannot be compared because of any, and why."""

    rollups: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, str] = field(default_factory=dict)

    def told(self) -> list[str]:
        """Each with its reason."""
        return [f"{name}: {why}" for name, why in {**self.rollups, **self.tables}.items()]


def not_whole(snapshot: LakeSnapshot) -> NotWhole:
    """What of a lake is another thing than its pipeline would make of the same records from the start."""
    known = {column.name for column in snapshot.tables[LEDGER].columns}
    rollups: dict[str, str] = {}
    later: list[str] = []
    for name in sorted(name for name in snapshot.views if f"{name}_counted" in known):
        marks = snapshot.backfilled.get(name, ())
        unseen = sum(int((each.accepted + each.late).sum()) for each in lines_without(snapshot, name, marks))
        missed, from_ms = sum(mark.missed for mark in marks), whole_from(snapshot.backfilled, name)
        if unseen:
            rollups[name] = f"{counted(unseen, 'event')} were read without it; see `tidemill backfill`"
        elif from_ms is not None:
            rollups[name] = f"it is whole for windows from {moment(from_ms)} on"
        elif missed:
            rollups[name] = f"{counted(missed, 'record')} had been late for all others when it came"
        if name in rollups or any(mark.late for mark in marks):
            later.append(name)
    # a record is late, and not in the events, if it is late for all rollups that take it
    why = f"which records are late depends on {', '.join(later)}, which came later"
    return NotWhole(rollups, dict.fromkeys((EVENTS, "counts"), why) if later else {})
