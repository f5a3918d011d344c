"""The fold: judged rows of one range become its ledger line and the rows of every lake table."""

from dataclasses import replace

import numpy as np
import pyarrow as pa

from dataflow.columnar.hashing import checksum
from dataflow.columnar.types import Bools
from dataflow.enrich.columns import Columns
from dataflow.enrich.joins import Joins
from dataflow.fold.rollup import RollupDelta, RollupFold, Times
from dataflow.messages import Judged, Parcel, Range, RollupCount
from dataflow.own_columns import EVENT_PLACE, TIMESTAMP, WATERMARK
from dataflow.pipeline.names import DEAD_LETTERS, EVENTS, LATE_EVENTS
from dataflow.pipeline.plan import Plan
from dataflow.pipeline.tables import LATE_SCHEMA, events_schema
from dataflow.rules import Rules


class Fold:
    """Stateless and order-free: any parcel may be folded anywhere, in any order, and their rows added up.

    Delta rows may repeat a key and window within a parcel; `dataflow.fold.merge.merge_rows` makes them one.
    """

    def __init__(self, plan: Plan, *, events: bool, joins: Joins | None = None) -> None:
        """`events`: keep the accepted rows as well, in table `events`. `joins` has the dimensions that rules of judged
        rows name; those of `plan` where left out.
        """
        self._time = plan.event.event_time.name
        self._joins = joins or Joins(plan)
        self._few = frozenset(name for name in plan.event.values if plan.event.arrow.field(name).type == pa.string())
        self._rules = plan.rules
        self._rollups = [RollupFold(rollup) for rollup in plan.rollups]
        self._names_events = any(rollup.names_events for rollup in plan.rollups)
        self._by_rules = {plan.rules: self._rollups}
        self._events_schema = events_schema(plan) if events else None

    def fold(self, judged: Judged) -> Parcel:
        """The parcel of one range. A heartbeat gives one without tables."""
        dead = 0 if judged.dead is None else judged.dead.num_rows
        line = Range(
            judged.partition,
            judged.topic,
            judged.start,
            judged.end,
            read=judged.read,
            duplicate=judged.duplicate,
            dead=dead,
            max_event_time=judged.max_event_time,
            finished=judged.finished,
            watermark=judged.watermark,
            rules=judged.rules or self._rules,
            content=judged.content,
            lost=judged.lost,
        )
        parcel = Parcel(line, {}, final=judged.final)
        if judged.dead is not None and dead:
            parcel.tables[DEAD_LETTERS] = judged.dead
        if judged.rows is not None and judged.rows.num_rows:
            self._fold_rows(judged, judged.rows, parcel)
        else:
            line.rollups = {rollup.plan.name: RollupCount() for rollup in self._rollups}
        return parcel

    def _fold_rows(self, judged: Judged, rows: pa.RecordBatch, parcel: Parcel) -> None:
        line = parcel.range
        if self._names_events:
            rows = rows.append_column(EVENT_PLACE[0], _repeated(judged.partition, rows.num_rows))
        columns = Columns(rows, self._joins.lookups(judged.rules), self._few)
        event_time, offset = rows.column(self._time).to_numpy(), rows.column("offset").to_numpy()
        times = Times(event_time, rows.column(WATERMARK).to_numpy())
        deltas = [rollup.fold(columns, times) for rollup in self._judging(judged.rules or self._rules)]
        for rollup, delta in zip(self._rollups, deltas, strict=True):
            line.rollups[rollup.plan.name] = delta.count
            parcel.tables.update(delta.tables)
        late = _late_rows(deltas, rows.num_rows)
        accepted = None if late is None else ~late
        if any(delta.count.late for delta in deltas):
            parcel.tables[LATE_EVENTS] = self._late_events(judged, deltas, columns, times)
        line.late = 0 if late is None else int(late.sum())
        line.accepted = rows.num_rows - line.late
        if accepted is not None:
            offset, event_time = offset[accepted], event_time[accepted]
        line.checksum = checksum(judged.partition, offset, event_time)
        if self._events_schema is not None and line.accepted:
            parcel.tables[EVENTS] = self._events(judged, columns, accepted)

    def _judging(self, rules: Rules) -> list[RollupFold]:
        """The rollups, taking late rows as `rules` say."""
        if rules not in self._by_rules:
            lateness = dict(rules.allowed_lateness_ms)
            self._by_rules[rules] = [
                RollupFold(replace(each.plan, allowed_lateness_ms=lateness[each.plan.name]))
                if each.plan.name in lateness
                else each
                for each in self._rollups
            ]
        return self._by_rules[rules]

    def _late_events(self, judged: Judged, deltas: list[RollupDelta], columns: Columns, times: Times) -> pa.RecordBatch:
        """One row per rollup and row that is late for it."""
        at = np.concatenate([delta.late_at for delta in deltas])
        counts = [len(delta.late_at) for delta in deltas]
        names = pa.array([rollup.plan.name for rollup in self._rollups], pa.string())
        arrays = [
            names.take(pa.array(np.repeat(np.arange(len(deltas)), counts))),
            _repeated(judged.topic, len(at)),
            _repeated(judged.partition, len(at)),
            columns["offset"].take(pa.array(at)),
            pa.array(times.event_time[at]).cast(TIMESTAMP),
            pa.array(times.watermark[at]).cast(TIMESTAMP),
            pa.array(np.concatenate([delta.late_by_ms for delta in deltas])),
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=LATE_SCHEMA)

    def _events(self, judged: Judged, columns: Columns, accepted: Bools | None) -> pa.RecordBatch:
        """The accepted rows in table `events`."""
        assert self._events_schema is not None
        names = self._events_schema.names
        arrays = [_repeated(judged.topic, columns.rows), _repeated(judged.partition, columns.rows)]
        # the same bytes under another name: nothing is copied
        arrays += [
            columns[name].cast(TIMESTAMP) if name == self._time else columns[name] for name in names[len(arrays) :]
        ]
        batch = pa.RecordBatch.from_arrays(arrays, schema=self._events_schema)
        return batch if accepted is None else batch.filter(pa.array(accepted))


def _late_rows(deltas: list[RollupDelta], rows: int) -> Bools | None:
    """Rows that at least one rollup takes and every one that takes it is late for; None = none."""
    if not any(delta.count.late for delta in deltas):
        return None
    late, counted = np.zeros(rows, np.bool_), np.zeros(rows, np.bool_)
    for delta in deltas:
        taken = np.ones(rows, np.bool_) if delta.taken is None else delta.taken.copy()
        taken[delta.late_at] = False
        late[delta.late_at] = True
        counted |= taken
    return late & ~counted


def _repeated(text: str | None, rows: int) -> pa.Array:
    return pa.nulls(rows, pa.string()) if text is None else pa.repeat(pa.scalar(text, pa.string()), rows)
