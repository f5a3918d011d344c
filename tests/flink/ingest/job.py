"""A stand-in for a job on Flink: what it would write to its topics, made by the product's own fold."""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from dataflow.decode.decoder import decoder_for
from dataflow.fold.fold import Fold
from dataflow.intake.judge import Judge, State
from dataflow.messages import POLL_SCHEMA, Parcel, Poll
from dataflow.pipeline.names import LEDGER
from dataflow.pipeline.plan import Plan
from dataflow.pipeline.tables import tables_of
from flink.generate.changes import CLASSES, ROLLUP_CLASSES
from flink.generate.manifest import JobManifest
from flink.ingest.topics import Taken

Records = Sequence[tuple[int, bytes | None]]
"""(record timestamp in ms, value) in offset order, from offset 0 on."""


class Intake:
    """Judges and folds one source partition, from any offset on."""

    def __init__(self, plan: Plan, topic: str, number: int, records: Records, folder: Path) -> None:
        self.plan, self.topic, self.records = plan, topic, records
        self.partition = f"{topic}/{number}"
        self.at = 0
        self.judge = Judge(plan, self.partition, topic, folder=folder / f"ids-{number}")
        self.decoder, self.fold = decoder_for(plan), Fold(plan, events=True)

    def parcel(self, count: int) -> Parcel:
        """What becomes of the next records."""
        chosen = self.records[self.at : self.at + count]
        offsets = list(range(self.at, self.at + len(chosen)))
        columns: list[list[Any]] = [offsets, [time for time, _ in chosen], [value for _, value in chosen]]
        arrays = [pa.array(each, field.type) for each, field in zip(columns, POLL_SCHEMA, strict=True)]
        batch = pa.RecordBatch.from_arrays(arrays, schema=POLL_SCHEMA)
        poll = Poll(batch, self.at, self.at + len(chosen))
        self.at += len(chosen)
        return self.fold.fold(self.judge.judge(poll, self.decoder.decode(batch.column("value"))))

    def stand(self) -> State:
        return self.judge.snapshot()


class StandIn:
    """Writes changes as Flink does: what is taken back, then what takes its place."""

    def __init__(self, plan: Plan, manifest: JobManifest) -> None:
        self.plan, self.manifest = plan, manifest
        self.specs = {spec.name: spec for spec in tables_of(plan, events=True)}
        self.groups: dict[str, dict[tuple[Any, ...], dict[str, Any]]] = {}
        self.written: dict[str, int] = {}

    def write(self, parcel: Parcel) -> Iterator[Taken]:
        """The records of all topics for what a parcel holds; the ledger's come last."""
        for name, batch in parcel.tables.items():
            spec = self.specs[name]
            for row in map(_json_row, _plain(batch)):
                if not spec.keys:
                    yield self._record(name, {**row, "partition": int(row["partition"].rpartition("/")[2])})
                elif row.get("row_count") == 0:
                    yield self._change(name, "c", row)
                else:
                    yield from self._merged(name, row)
        yield from self._ledger(parcel)

    def _merged(self, name: str, row: dict[str, Any]) -> Iterator[Taken]:
        spec, groups = self.specs[name], self.groups.setdefault(name, {})
        key = tuple(row[each] for each in spec.keys)
        before = groups.get(key)
        after = dict(row)
        for columns, part in () if before is None else spec.merges:
            for column in columns:
                values = [side[column] for side in (before or {}, row) if side.get(column) is not None]
                merge = {"min": min, "max": max}.get(part.name, sum)
                after[column] = merge(values) if values else None
        if before == after:
            return
        if before is not None:
            yield self._change(name, "d", before)
        groups[key] = after
        yield self._change(name, "c", after)

    def _ledger(self, parcel: Parcel) -> Iterator[Taken]:
        line, groups = parcel.range, self.groups.setdefault(LEDGER, {})
        topic, _, number = line.partition.rpartition("/")
        before = groups.get((line.partition,))
        counts = {name: getattr(line, name) for name in ("read", *CLASSES, "checksum")}
        for rollup, count in line.rollups.items():
            counts |= {f"{rollup}_{what}": getattr(count, what) for what in ROLLUP_CLASSES}
        if before is not None:
            counts = {name: value + before[name] for name, value in counts.items()}
            yield self._change(LEDGER, "d", before)
        first = line.start if before is None else before["first_offset"]
        after = {"topic": topic, "partition": int(number), "first_offset": first, "next_offset": line.end, **counts}
        after["max_event_time"] = line.max_event_time
        groups[(line.partition,)] = after
        yield self._change(LEDGER, "c", after)

    def _change(self, name: str, operation: str, row: Mapping[str, Any]) -> Taken:
        sides = {"before": row if operation == "d" else None, "after": row if operation == "c" else None}
        return self._record(name, {**sides, "op": operation})

    def _record(self, name: str, document: Mapping[str, Any]) -> Taken:
        topic = self.manifest.topics[name]
        offset = self.written.get(topic, 0)
        # a transaction's end takes an offset, too
        self.written[topic] = offset + (2 if offset % 5 == 0 else 1)
        return Taken(topic, f"{topic}/0", offset, _json(document).encode())


def _plain(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    columns = [column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names).to_pylist()


def _json_row(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: base64.b64encode(value).decode() if isinstance(value, bytes) else value for name, value in row.items()
    }


def _json(document: Mapping[str, Any]) -> str:
    """Decimals as plain numbers, as Flink writes them."""
    numbers: list[str] = []

    def told(value: Any) -> Any:
        if isinstance(value, Decimal):
            numbers.append(format(value, "f"))
            return f"<{len(numbers) - 1}>"
        if hasattr(value, "isoformat"):
            return value.isoformat()
        raise TypeError(value)

    text = json.dumps(document, default=told)
    for number, digits in enumerate(numbers):
        text = text.replace(f'"<{number}>"', digits)
    return text


def manifest_for(plan: Plan, topic: str, pins: Mapping[str, int], job: str = "small-1") -> JobManifest:
    """As a generated job has it."""
    names = [spec.name for spec in tables_of(plan, events=True)]
    return JobManifest(
        job,
        plan.name,
        plan.fingerprint,
        "upsert",
        "nowhere:1",
        topic,
        pins,
        pins,
        True,
        {each: f"{job}.{each}" for each in names},
    )
