"""The audit of row tables: events, dead letters and late events, row by row against what the source gives again."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from dataflow.columnar.hashing import checksum
from dataflow.messages import Range
from dataflow.pipeline.names import DEAD_LETTERS, EVENTS, LATE_EVENTS
from dataflow.pipeline.plan import Plan
from dataflow.pipeline.tables import TableSpec
from proof.audit.ledger import Segment
from proof.audit.report import Finding, OffsetRange, Report, Unproven
from proof.erased import ErasedRows
from proof.left import time_column, what_left
from query.reader import Bound, LakeSnapshot
from query.times_ms import columns_in_ms
from sinks.lake.catalog.left import Left

CHUNK_RECORDS = 50_000
"""Neighbouring ranges are compared together up to about so many records."""

ROW_TABLES = (EVENTS, DEAD_LETTERS, LATE_EVENTS)


@dataclass(frozen=True, slots=True)
class Excused:
    """Rows that the source gives and that need not be there: those erased on purpose, and what has left by table."""

    erased: ErasedRows
    gone: Mapping[str, Left]


class RowTables:
    """The row tables of one snapshot. `pruned`: files may be left out by the catalog's statistics.

    A row that is not there counts as left only if it is old enough, came in a commit of
    which something has left, and no more rows are missing than have left.
    """

    def __init__(
        self,
        snapshot: LakeSnapshot,
        plan: Plan,
        specs: Mapping[str, TableSpec],
        report: Report,
        excused: Excused,
        *,
        pruned: bool,
    ) -> None:
        self._snapshot = snapshot
        self._time = plan.event.event_time.name
        self._rollups = [rollup.name for rollup in plan.rollups]
        self._specs = {name: specs[name] for name in ROW_TABLES if name in specs and name in snapshot.tables}
        self._report = report
        self._erased = excused.erased
        self._pruned = pruned
        self._gone = {name: each for name, each in excused.gone.items() if name in self._specs}
        self._times = {name: time_column(plan, name) for name in self._gone}
        self._absent: Counter[str] = Counter()

    def compare(self, segments: Sequence[Segment], expected: Mapping[str, list[pa.RecordBatch]]) -> None:
        """Compare the rows of neighbouring segments of one source partition with `expected`, by table."""
        place = OffsetRange(segments[0].partition, segments[0].start, segments[-1].end)
        for name, spec in self._specs.items():
            wanted = pa.Table.from_batches(expected.get(name, []), schema=spec.schema).cast(_in_ms(spec.schema))
            found = self._rows(name, place)
            self._report.tables[name] = self._report.tables.get(name, 0) + found.num_rows
            wanted = self._without_erased(name, place.partition, wanted, found)
            if name == LATE_EVENTS:
                wanted = wanted.sort_by([("offset", "ascending"), ("rollup", "ascending")])
            wanted = self._there(name, wanted, found, segments)
            if not found.equals(wanted):
                keys = ("offset", "rollup") if name == LATE_EVENTS else ("offset",)
                for finding in _differences(name, place.partition, keys, wanted, found, segments):
                    self._report.add(finding)

    def _without_erased(self, name: str, partition: str, wanted: pa.Table, found: pa.Table) -> pa.Table:
        """`wanted` without what was taken out; a row of it that is there all the same has come back."""
        gone = self._erased.offsets(name, partition)
        if not gone.size:
            return wanted
        held = found.column("offset").to_numpy()
        for offset in held[np.isin(held, gone)].tolist():
            where = OffsetRange(partition, offset, offset + 1)
            self._report.add(Finding("returned", name, "the row was erased, and is there again", (where,)))
        erased = np.isin(wanted.column("offset").to_numpy(), np.setdiff1d(gone, held))
        if erased.any():
            self._report.erased[name] += int(erased.sum())
        return wanted.filter(~erased)

    def _there(self, name: str, wanted: pa.Table, found: pa.Table, segments: Sequence[Segment]) -> pa.Table:
        """`wanted` without the rows that have left."""
        gone = self._gone.get(name)
        if gone is None:
            return wanted
        offsets = wanted.column("offset").to_numpy()
        absent = ~np.isin(offsets, found.column("offset").to_numpy())
        for segment in segments:
            if segment.line is None or segment.line.snapshot > gone.through:
                first, last = offsets.searchsorted([segment.start, segment.end])
                absent[first:last] = False
        column = self._times[name]
        if column is not None:
            absent &= wanted.column(column).to_numpy() < gone.before_ms
        self._absent[name] += int(absent.sum())
        return wanted.filter(pa.array(~absent))

    def tell_left(self) -> None:
        """Say what has left and so could not be compared, and where more is missing than that."""
        for name, gone in self._gone.items():
            if self._absent[name] > gone.rows:
                detail = f"{self._absent[name]} rows of the source are not there, and only {gone.rows} have left"
                self._report.add(Finding("count", name, detail))
            self._report.unproven.append(Unproven(*what_left(name, gone)))

    def count(self, segments: Sequence[Segment]) -> None:
        """Compare rows per segment with the ledger alone: all that is left where the source cannot be read again."""
        chunk: list[Segment] = []
        records = 0
        for segment in segments:
            if chunk and (records >= CHUNK_RECORDS or chunk[-1].end != segment.start):
                self._count_chunk(chunk)
                chunk, records = [], 0
            chunk.append(segment)
            records += 0 if segment.line is None else segment.line.entry.read
        if chunk:
            self._count_chunk(chunk)

    def _count_chunk(self, segments: Sequence[Segment]) -> None:
        place = OffsetRange(segments[0].partition, segments[0].start, segments[-1].end)
        for name in self._specs:
            rows = self._rows(name, place)
            self._report.tables[name] = self._report.tables.get(name, 0) + rows.num_rows
            offsets = rows.column("offset").to_numpy()
            for segment in segments:
                if segment.line is not None:
                    first, last = offsets.searchsorted([segment.start, segment.end])
                    self._count_segment(name, segment, segment.line.entry, rows.slice(first, last - first))

    def _count_segment(self, name: str, segment: Segment, entry: Range, rows: pa.Table) -> None:
        wanted = {
            EVENTS: entry.accepted,
            DEAD_LETTERS: entry.dead,
            LATE_EVENTS: sum(entry.rollups[each].late for each in self._rollups if each in entry.rollups),
        }[name]
        gone = self._erased.offsets(name, segment.partition)
        first, last = gone.searchsorted([segment.start, segment.end])
        erased = int(last - first)
        if erased:
            self._report.erased[name] += erased
        left = self._gone.get(name)
        may_have_left = left is not None and segment.line is not None and segment.line.snapshot <= left.through
        if may_have_left and rows.num_rows + erased < wanted:
            self._absent[name] += wanted - erased - rows.num_rows
            return
        if rows.num_rows + erased != wanted:
            also = f" and {erased} were erased" if erased else ""
            detail = f"holds {rows.num_rows} rows{also}, the ledger says {wanted}"
            self._report.add(Finding("count", name, detail, (segment.range,)))
        elif erased and name == EVENTS:
            why = f"{erased} of its rows were erased, and the ledger's checksum is that of all"
            self._report.unproven.append(Unproven(f"checksum of events in {segment.range}", why))
        elif name == EVENTS:
            offset, time = (rows.column(each).to_numpy() for each in ("offset", self._time))
            if checksum(segment.partition, offset, time) != entry.checksum:
                detail = "the checksum of its rows' identities is not the ledger's"
                self._report.add(Finding("altered", name, detail, (segment.range,)))

    def check_outside(self, ranges: Sequence[OffsetRange]) -> None:
        """Find rows whose offset is in none of `ranges`, those of the whole ledger."""
        inside = " OR ".join(
            f'("partition" = \'{each.partition.replace(chr(39), chr(39) * 2)}\' AND "offset" >= {each.start}'
            f' AND "offset" < {each.end})'
            for each in joined(ranges)
        )
        for name in self._specs:
            rows = self._snapshot.query(
                f'SELECT "partition", "offset" FROM {name} WHERE ({inside or "false"}) IS NOT TRUE'
                " ORDER BY ALL LIMIT 1000"
            ).to_pylist()
            for row in rows:
                at = row["offset"] if row["offset"] is not None else -1
                where = OffsetRange(row["partition"] or "", at, at + 1)
                self._report.add(Finding("extra", name, "outside of every range of the ledger", (where,)))

    def _rows(self, name: str, place: OffsetRange) -> pa.Table:
        spec = self._specs[name]
        columns = columns_in_ms(self._snapshot.tables[name], spec.schema.names)
        more = ""
        if name == LATE_EVENTS:
            named = ", ".join(f"'{each}'" for each in self._rollups)
            more = f" AND (rollup IN ({named}) OR rollup IS NULL)"
        order = '"offset", rollup' if name == LATE_EVENTS else '"offset"'
        bounds = [Bound(name, "offset", place.start, place.end)] if self._pruned else []
        rows = self._snapshot.query(
            f'SELECT {columns} FROM {name} WHERE "partition" = ? AND "offset" >= ? AND "offset" < ?{more}'
            f" ORDER BY {order}",
            parameters=[place.partition, place.start, place.end],
            bounds=bounds,
        )
        return rows.cast(_in_ms(spec.schema))


def _in_ms(schema: pa.Schema) -> pa.Schema:
    """The same with times as int64 milliseconds: those of Python's end with the year 9999."""
    return pa.schema([field.with_type(pa.int64()) if pa.types.is_timestamp(field.type) else field for field in schema])


def first_offsets(snapshot: LakeSnapshot) -> dict[str, int]:
    """The smallest offset of each source partition in the row tables."""
    found: dict[str, int] = {}
    for name in ROW_TABLES:
        if name in snapshot.tables:
            for row in snapshot.query(f'SELECT "partition", min("offset") AS at FROM {name} GROUP BY ALL').to_pylist():
                if row["partition"] is not None and row["at"] is not None:
                    found[row["partition"]] = min(row["at"], found.get(row["partition"], row["at"]))
    return found


def joined(ranges: Sequence[OffsetRange]) -> list[OffsetRange]:
    """The same offsets in the fewest ranges."""
    whole: list[OffsetRange] = []
    for each in sorted(ranges, key=lambda each: (each.partition, each.start, each.end)):
        last = whole[-1] if whole else None
        if last is not None and last.partition == each.partition and each.start <= last.end:
            whole[-1] = OffsetRange(each.partition, last.start, max(last.end, each.end))
        elif each.end > each.start:
            whole.append(each)
    return whole


def _differences(
    table: str,
    partition: str,
    keys: tuple[str, ...],
    wanted: pa.Table,
    found: pa.Table,
    segments: Sequence[Segment],
) -> list[Finding]:
    there: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in found.to_pylist():
        there.setdefault(tuple(row[key] for key in keys), []).append(row)
    differences: list[tuple[int, str, str]] = []
    for row in wanted.to_pylist():
        rows = there.pop(tuple(row[key] for key in keys), [])
        offset = row["offset"]
        about = f" for rollup {row['rollup']}" if table == LATE_EVENTS else ""
        if not rows:
            differences.append((offset, "missing", f"the source gives a row{about} that is not there"))
            continue
        if len(rows) > 1:
            differences.append((offset, "repeated", f"{len(rows)} rows{about}, the source gives one"))
        for each in rows:
            changed = [name for name in row if each[name] != row[name]]
            if changed:
                texts = [f"{name} is {_short(each[name])}, the source gives {_short(row[name])}" for name in changed]
                differences.append((offset, "altered", "; ".join(texts) + about))
    for rows in there.values():
        for row in rows:
            about = f" for rollup {row['rollup']}" if table == LATE_EVENTS else ""
            differences.append((row["offset"], "extra", f"a row{about} that the source does not give"))
    found_in = []
    for offset, kind, detail in sorted(differences):
        segment = next((each.range for each in segments if each.start <= offset < each.end), None)
        within = "" if segment is None else f" (ledger range [{segment.start}, {segment.end}))"
        found_in.append(Finding(kind, table, detail + within, (OffsetRange(partition, offset, offset + 1),)))
    return found_in


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
