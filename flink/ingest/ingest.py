"""A job's topics into the lake: commits that move rows, ledger and the topics' own offsets together."""

import base64
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pyarrow as pa

from dataflow.errors import LakeError
from dataflow.messages import Parcel, Range, RollupCount
from dataflow.pipeline.names import DEAD_LETTERS, EVENTS, LATE_EVENTS, LEDGER
from dataflow.pipeline.plan import Plan
from dataflow.pipeline.tables import TableSpec, tables_of
from dataflow.windows.kinds import has_one_window
from flink.generate.changes import (
    CLASSES,
    FIRST_OFFSET,
    NEXT_OFFSET,
    ROLLUP_CLASSES,
    VALUE_COUNT,
    ledger_schema,
    sketched,
    values_schema,
    values_table,
)
from flink.generate.manifest import JobManifest
from flink.ingest.changes import Change, ChangeTable, ValueTable, column, not_ours, parsed, whole
from flink.ingest.dead import DeadLetters
from flink.ingest.state import JobState
from flink.ingest.topics import Taken
from sinks.lake.alerting import alerting
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.handover import end_handover, lineage_of, note_state
from sinks.lake.fault import Fault, no_fault
from sinks.lake.writer import LakeWriter, commit

_WRAP = 2**64


@dataclass(slots=True)
class Standing:
    """Where a source partition stands in the lake: `floor_ms` is the watermark that the hand-over found."""

    next: int
    max_event_time: int | None
    floor_ms: int | None


class Ingest:
    """Takes in what a job has written, from where the lake says. One at a time: a later one fences out an earlier one.

    Each commit holds rows of all topics that have come, the lines of the ledger that these rows prove, and the offsets
    of the topics, in one transaction; killed anywhere, the next one goes on from the last commit.
    """

    def __init__(
        self,
        catalog: Catalog,
        plan: Plan,
        manifest: JobManifest,
        state: JobState,
        standing: Mapping[str, Standing],
        *,
        clock: Callable[[], datetime],
        fault: Fault = no_fault,
    ) -> None:
        """Takes the lake over. `standing`: of its source partitions of the job's topic."""
        self._catalog = catalog
        self._plan = plan
        self._manifest = manifest
        self._standing = dict(standing)
        specs = tables_of(plan, events=manifest.events)
        self._specs: dict[str, TableSpec] = {spec.name: spec for spec in specs}
        self._tables = _change_tables(plan, self._specs)
        self._table_of = {topic: table for table, topic in manifest.topics.items()}
        self._dead = DeadLetters(plan)
        self._state = state
        self._next = state
        self._changes: dict[str, list[Change]] = {}
        self._appended: dict[str, list[Taken]] = {}
        lineage = lineage_of(manifest.job)
        (newest,) = catalog.one(
            "SELECT max(epoch) FROM own_publish WHERE pipeline = ? AND lineage = ?", plan.name, lineage
        )
        self._epoch = 0 if newest is None else newest + 1
        self._writer = LakeWriter(
            catalog,
            specs,
            pipeline=plan.name,
            lineage=lineage,
            clock=clock,
            fault=fault,
        )
        self._writer.alerts = alerting(catalog, plan)
        self._writer.beside = self._note
        self._writer.resume(None)

    def _note(self, connection: sqlite3.Connection) -> None:
        note_state(connection, self._manifest.job, self._state.text, self._next.text)

    @property
    def places(self) -> Mapping[str, int]:
        """Per topic partition the offset from which the lake goes on."""
        return self._state.places

    def take(self, records: Iterable[Taken]) -> None:
        """Hold records of the topics, which come in their order, for the next commit. Raises LakeError."""
        for record in records:
            table = self._table(record.place)
            if table in self._tables:
                change = self._tables[table].read(record.place, record.offset, record.value)
                self._changes.setdefault(record.place, []).append(change)
            else:
                self._appended.setdefault(record.place, []).append(record)

    def commit(self) -> int:
        """Publish what can be published of it; gives the number of records that are in the lake with it."""
        following = self._state.copy()
        tables: dict[str, list[pa.RecordBatch]] = {}
        ledgers = [place for place in self._changes if self._table(place) == LEDGER]
        for place, changes in self._changes.items():
            ready = changes[: whole(changes)]
            if ready and place not in ledgers:
                table = self._table(place)
                target, batch = self._tables[table].spec.name, self._tables[table].rows(ready)
                tables.setdefault(target, []).append(batch)
                _count(following.rows, target, _weight(batch))
                following.places[place] = ready[-1].offset + 1
        for place, records in self._appended.items():
            table = self._table(place)
            tables.setdefault(table, []).append(self._rows(table, records, following))
            following.places[place] = records[-1].offset + 1
        lines = [line for place in ledgers for line in self._lines(place, following)]
        if following.places == self._state.places:
            return 0
        self._publish(tables, lines, following)
        return self._forget(following)

    def _table(self, place: str) -> str:
        return self._table_of[place.rpartition("/")[0]]

    def _publish(
        self, tables: Mapping[str, Sequence[pa.RecordBatch]], lines: Sequence[Range], following: JobState
    ) -> None:
        whole_tables = {name: _joined(batches) for name, batches in tables.items()}
        parcels = [Parcel(self._resting(), whole_tables), *(Parcel(line, {}) for line in lines)]
        self._next = following
        commit(self._writer, parcels, self._epoch)
        self._epoch += 1
        self._state = following
        for line in lines:
            stands = self._standing.get(line.partition) or Standing(line.end, None, None)
            self._standing[line.partition] = replace(stands, next=line.end, max_event_time=line.max_event_time)

    def _forget(self, state: JobState) -> int:
        """Let go of what is in the lake; gives how many records that were."""
        count = sum(map(len, self._appended.values()))
        self._appended = {}
        for place, changes in self._changes.items():
            rest = [each for each in changes if each.offset >= state.places.get(place, 0)]
            count += len(changes) - len(rest)
            self._changes[place] = rest
        return count

    def _resting(self) -> Range:
        """A range without records, in which rows travel."""
        name = min(self._standing, default=f"{self._manifest.topic}/0")
        stands = self._standing.get(name, Standing(0, None, None))
        return self._range(name, stands.next, stands.next, stands)

    def _range(self, partition: str, start: int, end: int, stands: Standing) -> Range:
        reached = [] if stands.floor_ms is None else [stands.floor_ms]
        if stands.max_event_time is not None:
            reached.append(stands.max_event_time - self._plan.out_of_orderness_ms)
        return Range(
            partition,
            self._manifest.topic,
            start,
            end,
            max_event_time=stands.max_event_time,
            watermark=max(reached, default=None),
            rules=self._plan.rules,
        )

    def _lines(self, place: str, following: JobState) -> list[Range]:
        """The ledger's lines that the rows in the lake prove, out of a partition of the job's own ledger."""
        changes = self._changes[place]
        proven, newest = 0, dict(following.ledger)
        asked = dict(newest)
        pending: set[str] = set()
        for at, change in enumerate(changes[: whole(changes)], 1):
            partition = f"{change.row['topic']}/{change.row['partition']}"
            if change.taken_back:
                pending.add(partition)
                continue
            if partition in asked and partition not in pending:
                raise LakeError(
                    f"{place}: the job {self._manifest.job} was begun anew at its first offsets, so its rows would "
                    "count twice. A job goes on with `tidemill flink resume`; to begin anew, restore the lake from "
                    "before the hand-over and generate the job again"
                )
            pending.discard(partition)
            if partition not in asked or asked[partition][NEXT_OFFSET] <= change.row[NEXT_OFFSET]:
                # else it is an older one, from before another part of the job has gone on with it
                asked[partition] = change.row
            if not pending and self._proves(asked, following):
                proven, newest = at, dict(asked)
        if proven:
            following.places[place] = changes[proven - 1].offset + 1
        lines = [
            self._line(partition, newest[partition], following.ledger.get(partition))
            for partition in sorted(newest)
            if newest[partition] != following.ledger.get(partition)
        ]
        following.ledger = newest
        return lines

    def _proves(self, ledger: Mapping[str, Mapping[str, Any]], following: JobState) -> bool:
        """Whether all that the job has counted so far is in the lake, as far as the tables can tell."""
        return not any(missing > 0 for missing in self._missing(ledger, following, ended=False).values())

    def _missing(self, ledger: Mapping[str, Mapping[str, Any]], state: JobState, *, ended: bool) -> dict[str, int]:
        """Per table how many rows the job has counted that are not in the lake."""

        def counted(name: str) -> int:
            return sum(row[name] for row in ledger.values())

        wanted = {DEAD_LETTERS: counted("dead")}
        wanted[LATE_EVENTS] = sum(counted(f"{rollup.name}_late") for rollup in self._plan.rollups)
        if self._manifest.events:
            wanted[EVENTS] = counted("accepted")
        for rollup in self._plan.rollups:
            # a window of the form final comes when it is closed, long after its rows were counted
            if has_one_window(rollup.window) and (ended or self._manifest.form == "upsert"):
                wanted[rollup.delta_table] = counted(f"{rollup.name}_counted")
        return {table: count - state.rows.get(table, 0) for table, count in wanted.items()}

    def _line(self, partition: str, row: Mapping[str, Any], before: Mapping[str, Any] | None) -> Range:
        def more(name: str) -> int:
            return int(row[name]) - (0 if before is None else int(before[name]))

        stands = self._standing.get(partition) or Standing(row[FIRST_OFFSET], None, None)
        times = [time for time in (stands.max_event_time, row["max_event_time"]) if time is not None]
        stands = replace(stands, max_event_time=max(times, default=None))
        self._standing.setdefault(partition, stands)
        line = self._range(partition, stands.next, row[NEXT_OFFSET], stands)
        line.read = more("read")
        line.accepted, line.duplicate, line.late, line.dead = (more(name) for name in CLASSES)
        checksum = more("checksum") % _WRAP
        line.checksum = checksum - _WRAP if checksum >= _WRAP // 2 else checksum
        for rollup in self._plan.rollups:
            line.rollups[rollup.name] = RollupCount(*(more(f"{rollup.name}_{what}") for what in ROLLUP_CLASSES))
        return line

    def _rows(self, table: str, records: Sequence[Taken], following: JobState) -> pa.RecordBatch:
        """Rows of a table that only grows."""
        found = []
        for record in records:
            row = parsed(record.place, record.offset, record.value)
            if not {"topic", "partition", "offset"} <= row.keys():
                raise not_ours(record.place, record.offset)
            row["partition"] = f"{row['topic']}/{row['partition']}"
            for name in ("value", "header") if table == DEAD_LETTERS else ():
                if row.get(name) is not None:
                    row[name] = base64.b64decode(row[name])
            found.append(row)
        _count(following.rows, table, len(found))
        if table == DEAD_LETTERS:
            return self._dead.rows(found)
        schema = self._specs[table].schema
        arrays = [column([row[field.name] for row in found], field.type) for field in schema]
        return pa.RecordBatch.from_arrays(arrays, schema=schema)

    def hand_back(self) -> None:
        """End the hand-over: Tidemill goes on where the job has ended.

        Raises LakeError unless all that the job has counted is in the lake.
        """
        held = sum(map(len, self._changes.values()))
        found = self._missing(self._state.ledger, self._state, ended=True)
        missing = {table: count for table, count in found.items() if count}
        if held or missing:
            what = ", ".join(f"{table}: {count:+}" for table, count in missing.items()) or f"{held} changes are half"
            raise LakeError(
                f"the lake {self._catalog.folder} does not hold what the job {self._manifest.job} has counted ({what}):"
                " it still runs, or was ended without a savepoint. `tidemill flink stop` it, then try again"
            )
        with self._catalog.transaction() as connection:
            end_handover(connection, self._manifest.job)

    def close(self) -> None:
        """Let go of the lake; what was not committed is taken again by the next one."""
        self._writer.close()


def _change_tables(plan: Plan, specs: Mapping[str, TableSpec]) -> dict[str, ChangeTable]:
    """The topics of changes by their names."""
    found: dict[str, ChangeTable] = {}
    for rollup in plan.rollups:
        spec, sketches = specs[rollup.delta_table], sketched(rollup)
        untold = {column.name for aggregate in sketches for column in aggregate.columns}
        found[spec.name] = ChangeTable(spec, set(spec.schema.names) - untold, spec.keys)
        for aggregate in sketches:
            names = values_schema(rollup, aggregate).names
            key = [name for name in names if name != VALUE_COUNT]
            found[values_table(rollup, aggregate)] = ValueTable(spec, names, key, aggregate)
        for aggregate in rollup.aggregates:
            if aggregate.keeps_values:
                side = specs[rollup.distinct_table(aggregate.name)]
                found[side.name] = ChangeTable(side, side.schema.names, side.keys)
    counted = TableSpec(LEDGER, ledger_schema(plan), ("topic", "partition"))
    return {**found, LEDGER: ChangeTable(counted, counted.schema.names, counted.keys)}


def _joined(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    return batches[0] if len(batches) == 1 else pa.concat_batches(batches)


def _count(rows: dict[str, int], table: str, more: int) -> None:
    rows[table] = rows.get(table, 0) + more


def _weight(batch: pa.RecordBatch) -> int:
    """How many rows a batch of deltas counts; of values, how many there are."""
    if "row_count" not in batch.schema.names:
        return batch.num_rows
    return sum(batch.column("row_count").to_pylist())
