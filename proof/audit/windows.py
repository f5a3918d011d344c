"""The audit of windows: delta and distinct tables, merged, against what the source gives again."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from dataflow.fold.fold import Fold
from dataflow.fold.merge import merge_rows
from dataflow.messages import Judged
from dataflow.own_columns import TIMESTAMP
from dataflow.pipeline.tables import TableSpec
from dataflow.sql import quoted
from proof.audit.files import name_of
from proof.audit.ledger import Segment
from proof.audit.report import Finding, OffsetRange
from proof.ledger import LedgerLine
from query.reader import LakeSnapshot
from sinks.lake.catalog.layout import DataFile
from sinks.lake.names import is_merged_file

_ROWS_BEFORE_MERGE = 200_000
_BATCH_ROWS = 100_000
NAMED = 1_000
"""So many differing windows per table are named."""

NARROWED = 5
"""So many windows per table are narrowed down to files and offsets; further ones are named only."""

MANY = 200
"""With more differing windows than this the source is most likely another one, and none is narrowed down."""

_WINDOW = ("window_start", "window_end")

Row = dict[str, Any]
Key = tuple[Any, ...]


class Totals:
    """Rows of one table, merged as they come: memory holds the result and a bounded rest."""

    def __init__(self, spec: TableSpec) -> None:
        self.spec = spec
        self._parts: list[pa.Table] = []
        self._waiting_rows = 0
        self._merged_rows = 0

    def add(self, batch: pa.RecordBatch | pa.Table) -> None:
        """Take rows of the table's schema (a RecordBatch or Table)."""
        part = batch if isinstance(batch, pa.Table) else pa.Table.from_batches([batch])
        self._parts.append(part)
        self._waiting_rows += part.num_rows
        if self._waiting_rows > max(_ROWS_BEFORE_MERGE, 2 * self._merged_rows):
            self.table()

    @property
    def rows(self) -> int:
        """About so many rows it takes now."""
        return self._merged_rows + self._waiting_rows

    def table(self) -> pa.Table:
        """All of it, in the fewest rows."""
        whole = pa.concat_tables(self._parts) if self._parts else self.spec.schema.empty_table()
        merged = merge_rows(self.spec, whole.combine_chunks())
        self._parts = [merged]
        self._waiting_rows, self._merged_rows = 0, merged.num_rows
        return merged


def lake_totals(snapshot: LakeSnapshot, spec: TableSpec) -> Totals:
    """The lake's rows of one table."""
    totals = Totals(spec)
    columns = ", ".join(map(quoted, spec.schema.names))
    connection = snapshot.connection()
    try:
        reader = connection.sql(f"SELECT {columns} FROM {quoted(spec.name)}").to_arrow_reader(_BATCH_ROWS)
        for batch in reader:
            totals.add(pa.Table.from_batches([batch]).cast(spec.schema))
    finally:
        connection.close()
    return totals


@dataclass(slots=True)
class WindowDifference:
    """One (key, window) whose merged rows differ; `key` is in the order of the spec's keys without the window."""

    spec: TableSpec
    key: Row
    start_ms: int
    end_ms: int
    detail: str
    ranges: list[OffsetRange] = field(default_factory=list)
    files: list[str] = field(default_factory=list)

    def finding(self) -> Finding:
        """As the report keeps it."""
        return Finding(
            "window",
            self.spec.name,
            self.detail,
            tuple(self.ranges),
            tuple(self.files),
            self.key,
            (self.start_ms, self.end_ms),
        )


def ended_after(table: pa.Table, before_ms: int) -> pa.Table:
    """The merged rows of windows that have not left."""
    border = pa.scalar(before_ms, pa.int64()).cast(TIMESTAMP)
    return table.filter(pc.greater(table.column("window_end").cast(TIMESTAMP), border))


def differences(spec: TableSpec, wanted: pa.Table, found: pa.Table) -> list[WindowDifference]:
    """The windows in which two merged tables differ, in order of their start."""
    if found.equals(wanted):
        return []
    there = _by_key(spec, found)
    different: list[WindowDifference] = []
    for key, row in _by_key(spec, wanted).items():
        other = there.pop(key, None)
        if other is None:
            different.append(_difference(spec, row, f"the source gives {_values(spec, row)}, the lake has no row"))
            continue
        changed = [name for name in row if not _equal(row[name], other[name])]
        if changed:
            texts = [f"{name} is {_short(other[name])}, the source gives {_short(row[name])}" for name in changed]
            different.append(_difference(spec, row, "; ".join(texts)))
    for row in there.values():
        text = f"the lake has {_values(spec, row)}, the source gives no row"
        different.append(_difference(spec, row, text))
    return sorted(different, key=lambda each: (each.start_ms, each.end_ms, str(each.key)))


class Narrowing:
    """Finds the commits, files and offsets behind differing windows, in two more passes over the source.

    First feed every piece of every segment to `add`, then ask `find_commits`; then feed them to `find_offsets`, and
    end with `finish`.
    """

    def __init__(self, snapshot: LakeSnapshot, found: Sequence[WindowDifference]) -> None:
        self._snapshot = snapshot
        self._found = list(found)
        self._summed: dict[str, list[tuple[int, DataFile]]] = {}
        self._wanted: dict[tuple[int, int], Totals] = {}
        self._wrong: set[tuple[int, int]] = set()
        self._touched: set[tuple[int, int]] = set()
        self._offsets: dict[tuple[int, int, str], tuple[int, int]] = {}

    def add(self, segment: Segment, tables: Mapping[str, pa.RecordBatch]) -> None:
        """What the fold made of one piece."""
        for at, each in enumerate(self._found):
            rows = _of_batch(each, tables)
            if rows is not None:
                self._wanted.setdefault((at, self._commit(each, segment)), Totals(each.spec)).add(rows)

    def find_commits(self) -> None:
        """Compare the lake's rows of each commit, and name the files of those that differ."""
        for at, each in enumerate(self._found):
            held = self._held(each)
            buckets = {bucket for number, bucket in self._wanted if number == at} | held.keys()
            self._touched |= {(at, bucket) for bucket in buckets}
            for bucket in sorted(buckets):
                wanted = self._wanted.get((at, bucket), Totals(each.spec)).table()
                found, files = held.get(bucket, (Totals(each.spec), []))
                if differences(each.spec, wanted, found.table()):
                    self._wrong.add((at, bucket))
                    each.files += [file for file in files if file not in each.files]

    def find_offsets(self, segment: Segment, judged: Judged, fold: Fold, tables: Mapping[str, pa.RecordBatch]) -> None:
        """Take one piece again; only those of commits that differ are looked into."""
        for at, each in enumerate(self._found):
            bucket = self._commit(each, segment)
            if (at, bucket) not in self._wrong or judged.rows is None or _of_batch(each, tables) is None:
                continue
            offsets = judged.rows.column("offset").to_numpy()
            last = int(offsets[_end_row(each, judged, judged.rows, fold, last=True)])
            place = (at, bucket, judged.partition)
            if place in self._offsets:
                first = self._offsets[place][0]
            else:
                first = int(offsets[_end_row(each, judged, judged.rows, fold, last=False)])
            self._offsets[place] = (first, last + 1)

    def finish(self, lines: Mapping[str, Sequence[LedgerLine]]) -> None:
        """Write the ranges into the differences."""
        for at, bucket in sorted(self._wrong):
            each = self._found[at]
            ranges = [
                OffsetRange(partition, *offsets)
                for (number, other, partition), offsets in sorted(self._offsets.items())
                if (number, other) == (at, bucket)
            ]
            each.ranges += ranges or self._whole(each.spec.name, lines, bucket)
        # a part of a session that was torn apart is right in every commit: what is wrong is that it stands alone
        told = {at for at, _ in self._wrong}
        for at, bucket in sorted(self._touched):
            if at not in told:
                self._found[at].ranges += self._whole(self._found[at].spec.name, lines, bucket)

    def _commit(self, each: WindowDifference, segment: Segment) -> int:
        return self._bucket(each.spec.name, -1 if segment.line is None else segment.line.snapshot)

    def _held(self, each: WindowDifference) -> dict[int, tuple[Totals, list[str]]]:
        """The lake's rows of the window per commit, with the files that hold them."""
        held: dict[int, tuple[Totals, list[str]]] = {}
        for file in self._snapshot.files(each.spec.name):
            rows = _of_window(each, _read(self._snapshot, each.spec, file))
            marks = rows.column("_snapshot").to_pylist()
            for mark in sorted(set(marks)):
                bucket = self._bucket(each.spec.name, mark)
                totals, files = held.setdefault(bucket, (Totals(each.spec), []))
                mine = rows.filter(pc.equal(rows.column("_snapshot"), mark)).select(each.spec.schema.names)
                totals.add(mine.cast(each.spec.schema))
                if name_of(file) not in files:
                    files.append(name_of(file))
        return held

    def _bucket(self, table: str, snapshot: int) -> int:
        """The commit, or the first one of those whose rows a compaction has added up."""
        if table not in self._summed:
            files = sorted(self._snapshot.files(table), key=lambda file: file.row_id_start)
            # a table that nothing was ever written to has no file
            ends = [*(following.begin_snapshot for following in files[1:]), 2**62][: len(files)]
            self._summed[table] = [
                (end, file)
                for end, file in zip(ends, files, strict=True)
                if file.partial_max is None and is_merged_file(file.path.name)
            ]
        for end, file in self._summed[table]:
            if file.begin_snapshot <= snapshot < end:
                return file.begin_snapshot
        return snapshot

    def _whole(self, table: str, lines: Mapping[str, Sequence[LedgerLine]], bucket: int) -> list[OffsetRange]:
        """The ranges of a commit, where the source has no row of the window."""
        ranges = []
        for partition, each in sorted(lines.items()):
            mine = [line.entry for line in each if self._bucket(table, line.snapshot) == bucket and line.entry.read]
            if mine:
                ranges.append(OffsetRange(partition, mine[0].start, mine[-1].end))
        return ranges


def _end_row(each: WindowDifference, judged: Judged, rows: pa.RecordBatch, fold: Fold, *, last: bool) -> int:
    """The first or last row of a piece that counts in the window, by halving."""
    low, high = 0, rows.num_rows
    while high - low > 1:
        middle = (low + high) // 2
        near = (middle, high) if last else (low, middle)
        part = Judged(
            judged.partition,
            judged.topic,
            judged.start,
            judged.end,
            rows=rows.slice(near[0], near[1] - near[0]),
            rules=judged.rules,
        )
        batch = fold.fold(part).tables.get(each.spec.name)
        if batch is not None and _of_window(each, pa.Table.from_batches([batch])).num_rows:
            low, high = near
        else:
            low, high = (low, middle) if last else (middle, high)
    return low


def _of_batch(each: WindowDifference, tables: Mapping[str, pa.RecordBatch]) -> pa.Table | None:
    batch = tables.get(each.spec.name)
    rows = None if batch is None else _of_window(each, pa.Table.from_batches([batch]))
    return None if rows is None or rows.num_rows == 0 else rows


def _of_window(each: WindowDifference, table: pa.Table) -> pa.Table:
    """The rows of the key within the window (of a session: of what it is made of)."""
    start = pa.scalar(each.start_ms, pa.int64()).cast(TIMESTAMP)
    end = pa.scalar(each.end_ms, pa.int64()).cast(TIMESTAMP)
    mask = pc.and_(
        pc.greater_equal(table.column("window_start").cast(TIMESTAMP), start),
        pc.less_equal(table.column("window_end").cast(TIMESTAMP), end),
    )
    for name, value in each.key.items():
        column = table.column(name)
        same = pc.is_null(column) if value is None else pc.equal(column, pa.scalar(value, column.type))
        mask = pc.and_(mask, same)
    return table.filter(pc.fill_null(mask, False))


def _read(snapshot: LakeSnapshot, spec: TableSpec, file: DataFile) -> pa.Table:
    """One file's rows with the commit of each in `_snapshot`."""
    alone = snapshot.with_files({**snapshot.resolved.files, spec.name: [file]})
    rows = alone.query(f"SELECT * FROM {quoted(spec.name + '_history')}", histories=[spec.name])
    return rows.select([*spec.schema.names, "_snapshot"])


def _by_key(spec: TableSpec, table: pa.Table) -> dict[Key, Row]:
    for name in _WINDOW:
        # in ms: Python's own times end with the year 9999
        at = table.schema.get_field_index(name)
        table = table.set_column(at, name, table.column(name).cast(TIMESTAMP).cast(pa.int64()))
    # late rows of a session rollup stay apart from sessions, which may have the very window of one
    return {(*(row[name] for name in spec.keys), row.get("row_count") == 0): row for row in table.to_pylist()}


def _difference(spec: TableSpec, row: Row, detail: str) -> WindowDifference:
    key = {name: row[name] for name in spec.keys if name not in _WINDOW}
    return WindowDifference(spec, key, row["window_start"], row["window_end"], detail)


def _equal(left: object, right: object) -> bool:
    # sums of doubles depend on their order in the last digits; a pipeline has to ask for them
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-12)
    return bool(left == right)


def _values(spec: TableSpec, row: Row) -> str:
    merged = [name for merge in spec.merges for name in merge.columns]
    return ", ".join(f"{name} {_short(row[name])}" for name in merged) or "a row"


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
