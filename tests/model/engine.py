"""Records in, tables out: semantics rules 2 to 9, 13 and 14, one record at a time."""

from dataclasses import dataclass, field
from typing import Any

from tests.model.aggregates import aggregate
from tests.model.contract import MAX_DEPTH, Dead, read_record
from tests.model.expression import Node, is_true, parse
from tests.model.spec import PipelineSpec, Record, RollupSpec, event_time_column
from tests.model.windows import Span, is_late, windows_of

Row = dict[str, Any]
Group = tuple[Span, tuple[Any, ...]]
"""One window of one key."""


@dataclass
class Counts:
    """What became of a source partition's records (semantics rule 8)."""

    read: int = 0
    accepted: int = 0
    duplicate: int = 0
    late: int = 0
    dead: int = 0


@dataclass
class RollupCounts:
    """What a rollup did with a source partition's rows (semantics rule 8)."""

    filtered: int = 0
    counted: int = 0
    late: int = 0


@dataclass
class Tables:
    """Everything that the lake must hold.

    `rollups`: name -> rows (start, end, keys, aggregates). `late`: (rollup, partition, offset, event time, watermark).
    `dead`: (partition, offset, reason). `accepted`: (partition, offset). `lost`: (partition, start, end).
    `sizes`: of each rollup's (start, end, keys) how many rows. `watermarks` and `newest`: of each source partition with
    an event its watermark and its largest event time in the end.
    """

    rollups: dict[str, list[tuple[int, int, tuple[Any, ...], list[Any]]]] = field(default_factory=dict)
    late: list[tuple[str, str, int, int, int]] = field(default_factory=list)
    dead: list[tuple[str, int, str]] = field(default_factory=list)
    dead_fields: list[tuple[str, int, str | None]] = field(default_factory=list)
    accepted: list[tuple[str, int]] = field(default_factory=list)
    counts: dict[str, Counts] = field(default_factory=dict)
    rollup_counts: dict[tuple[str, str], RollupCounts] = field(default_factory=dict)
    lost: list[tuple[str, int, int]] = field(default_factory=list)
    sizes: dict[str, dict[tuple[int, int, tuple[Any, ...]], int]] = field(default_factory=dict)
    watermarks: dict[str, int] = field(default_factory=dict)
    newest: dict[str, int] = field(default_factory=dict)


Lost = dict[str, list[tuple[int, int]]]
"""By source partition the offsets [start, end) that were gone before they were read (semantics rule 14)."""

Held = dict[str, dict[int, PipelineSpec]]
"""By source partition and offset the pipeline whose rules the record was judged by (semantics rule 13)."""


def run(
    spec: PipelineSpec,
    partitions: dict[str, list[Record]],
    max_depth: int = MAX_DEPTH,
    held: Held | None = None,
    lost: Lost | None = None,
) -> Tables:
    """The tables of a pipeline over whole source partitions, each in offset order.

    `held`: where the rules were others than those of `spec`. `lost`: what was never read, whatever is there.
    """
    tables = Tables()
    groups: dict[str, dict[Group, list[Row]]] = {rollup.name: {} for rollup in spec.rollups}
    for partition, whole in partitions.items():
        gone = (lost or {}).get(partition, [])
        tables.lost += [(partition, start, end) for start, end in gone]
        records = [record for record in whole if not any(start <= record.offset < end for start, end in gone)]
        _Partition(spec, partition, tables, groups).run(records, max_depth, (held or {}).get(partition, {}))
    for rollup in spec.rollups:
        found = groups[rollup.name]
        if rollup.window.kind == "session":
            found = merge_sessions(found)
        tables.rollups[rollup.name] = [
            (start, end, keys, [aggregate(each, rows) for each in rollup.aggregates.values()])
            for ((start, end), keys), rows in found.items()
        ]
        tables.sizes[rollup.name] = {(start, end, keys): len(rows) for ((start, end), keys), rows in found.items()}
    return tables


class _Partition:
    """One source partition: all that depends on the order of its records."""

    def __init__(
        self, spec: PipelineSpec, name: str, tables: Tables, groups: dict[str, dict[Group, list[Row]]]
    ) -> None:
        self.spec = self.last = spec
        self.name = name
        self.tables = tables
        self.groups = groups
        self.time_column = event_time_column(spec.fields)
        self.max_event_time: int | None = None
        self.floor: int | None = None
        self.remembered: dict[Any, int] = {}
        self.counts = tables.counts.setdefault(name, Counts())
        self.filters: dict[str, Node | None] = {
            rollup.name: parse(rollup.where) if rollup.where is not None else None for rollup in spec.rollups
        }

    def run(self, records: list[Record], max_depth: int, held: dict[int, PipelineSpec]) -> None:
        for rollup in self.spec.rollups:
            self.tables.rollup_counts[(rollup.name, self.name)] = RollupCounts()
        for record in records:
            self.go_by(held.get(record.offset, self.last))
            self.counts.read += 1
            row = self.event_of(record, max_depth)
            if isinstance(row, Dead):
                self.counts.dead += 1
                self.tables.dead.append((self.name, record.offset, row.reason))
                self.tables.dead_fields.append((self.name, record.offset, row.field))
                continue
            self.judge(record.offset, row)
        reached = self.watermark()
        if reached is not None and self.max_event_time is not None:
            self.tables.watermarks[self.name], self.tables.newest[self.name] = reached, self.max_event_time

    def go_by(self, spec: PipelineSpec) -> None:
        """Semantics rule 13: the watermark stays where it was, and what was forgotten stays forgotten."""
        if spec is self.spec:
            return
        self.floor = self.watermark()
        if self.floor is not None:
            self.remembered = {
                identity: time
                for identity, time in self.remembered.items()
                if time + self.spec.dedup_horizon > self.floor
            }
        self.spec = spec

    def watermark(self) -> int | None:
        """After the last row."""
        if self.max_event_time is None:
            return None
        reached = self.max_event_time - self.spec.bound
        return reached if self.floor is None else max(reached, self.floor)

    def event_of(self, record: Record, max_depth: int) -> Row | Dead:
        """Contract, then dimensions, then the future guard: the first reason wins."""
        event = read_record(record, self.spec, max_depth)
        if isinstance(event, Dead):
            return event
        for dimension in self.spec.dimensions:
            key = event[dimension.key]
            known = dimension.rows.get(key) if key is not None else None
            if known is None and dimension.unknown_is_dead:
                return Dead("unknown_dimension", dimension.key)
            for column in dimension.columns:
                event[column] = known[column] if known is not None else None
        guard = self.spec.max_future
        stamp = self.spec.max_future_clock if record.timestamp is None else record.timestamp
        if guard is not None and stamp is not None and event[self.time_column] > stamp + guard:
            return Dead("future_event", self.time_column)
        return event

    def judge(self, offset: int, row: Row) -> None:
        """Watermark, duplicates, lateness, class of one valid row."""
        time = row[self.time_column]
        watermark = self.watermark()
        self.max_event_time = time if self.max_event_time is None else max(self.max_event_time, time)
        if self.is_duplicate(row, time, watermark):
            self.counts.duplicate += 1
            return
        takers = 0
        late_for = 0
        row = {**row, "partition": self.name, "offset": offset}
        for rollup in self.spec.rollups:
            counts = self.tables.rollup_counts[(rollup.name, self.name)]
            if not is_true(self.filters[rollup.name], row):
                counts.filtered += 1
                continue
            takers += 1
            spans = windows_of(time, rollup.window)
            on_time = [span for span in spans if not is_late(span, rollup.lateness, watermark)]
            if on_time:
                counts.counted += 1
                self.count(rollup, on_time, row)
            else:
                assert watermark is not None
                counts.late += 1
                late_for += 1
                self.tables.late.append((rollup.name, self.name, offset, time, watermark))
        if takers and takers == late_for:
            self.counts.late += 1
        else:
            self.counts.accepted += 1
            self.tables.accepted.append((self.name, offset))

    def is_duplicate(self, row: Row, time: int, watermark: int | None) -> bool:
        """Semantics rule 5: remembered from the first row on, until its event time + horizon <= watermark."""
        if self.spec.dedup_column is None:
            return False
        identity = row[self.spec.dedup_column]
        if identity is None:
            return False
        first = self.remembered.get(identity)
        if first is not None and not (watermark is not None and first + self.spec.dedup_horizon <= watermark):
            return True
        self.remembered[identity] = time
        return False

    def count(self, rollup: RollupSpec, spans: list[Span], row: Row) -> None:
        keys = tuple(row[key] for key in rollup.keys)
        for span in spans:
            self.groups[rollup.name].setdefault((span, keys), []).append(row)


def merge_sessions(groups: dict[Group, list[Row]]) -> dict[Group, list[Row]]:
    """Join the sessions of each key that overlap or touch; the rows' own windows come in."""
    by_key: dict[tuple[Any, ...], list[tuple[Span, list[Row]]]] = {}
    for (span, keys), rows in groups.items():
        by_key.setdefault(keys, []).append((span, rows))
    merged: dict[Group, list[Row]] = {}
    for keys, parts in by_key.items():
        start, end, gathered = 0, 0, list[Row]()
        for span, rows in sorted(parts, key=lambda part: part[0]):
            if gathered and span[0] <= end:
                end = max(end, span[1])
                gathered += rows
                continue
            if gathered:
                merged[((start, end), keys)] = gathered
            (start, end), gathered = span, list(rows)
        if gathered:
            merged[((start, end), keys)] = gathered
    return merged
