"""Records judged one by one by the contract itself: no batches, no compiled code, nothing that fills a lake."""

from collections.abc import Iterator
from functools import partial

import pyarrow as pa

from dataflow.decode.decoder import Decoder, decode_records, decoder_for
from dataflow.decode.json.contract import judge_record
from dataflow.decode.keys import KeyReader
from dataflow.decode.record_parts import RecordPartsDecoder, parts_of, without_parts
from dataflow.decode.rows import RowDecoder
from dataflow.event.schema import EventSchema
from dataflow.messages import Refusal
from dataflow.pipeline.plan import Plan

PARTITION, OFFSET, STAMP = "_partition", "_offset", "_timestamp"
"""Where an event stood, and its record's time; no column of an event begins so."""

RECORDS = pa.schema(
    [
        pa.field("partition", pa.string()),
        pa.field("offset", pa.int64()),
        pa.field("timestamp", pa.int64()),
        pa.field("value", pa.binary()),
    ]
)
"""What is judged: columns of records, and behind them those that `dataflow.decode.decoder.beside_of` asks for."""

REFUSED = pa.schema(
    [
        pa.field(PARTITION, pa.string()),
        pa.field(OFFSET, pa.int64()),
        pa.field("reason", pa.string()),
        pa.field("field", pa.string()),
    ]
)

_ROWS = 50_000


def judged(plan: Plan, records: pa.Table) -> tuple[pa.Table, pa.Table]:
    """The events of `records` with their places, and what is refused (REFUSED)."""
    decoder = _contract(plan)
    events_schema = pa.schema([*_place(), *plan.event.arrow])
    events: list[pa.RecordBatch] = []
    refused: list[pa.RecordBatch] = []
    for batch in _batches(records):
        found = decode_records(decoder, batch)
        place = batch.select(["partition", "offset", "timestamp"])
        good = place.take(pa.array(found.events_at))
        events.append(pa.RecordBatch.from_arrays([*good.columns, *found.events.columns], schema=events_schema))
        bad = place.take(pa.array(found.dead_at))
        reasons = pa.array([each.reason for each in found.refusals], pa.string())
        fields = pa.array([each.field for each in found.refusals], pa.string())
        refused.append(
            pa.RecordBatch.from_arrays([bad.column("partition"), bad.column("offset"), reasons, fields], schema=REFUSED)
        )
    return pa.Table.from_batches(events, events_schema), pa.Table.from_batches(refused, REFUSED)


def _place() -> list[pa.Field]:
    return [pa.field(PARTITION, pa.string()), pa.field(OFFSET, pa.int64()), pa.field(STAMP, pa.int64())]


def _batches(records: pa.Table) -> Iterator[pa.RecordBatch]:
    for batch in records.to_batches(max_chunksize=_ROWS):
        if batch.num_rows:
            yield batch


def _contract(plan: Plan) -> Decoder:
    """A decoder that asks the contract for each record by itself."""
    if plan.format.name != "json":
        return decoder_for(plan, compiled=False)
    if not parts_of(plan.event):
        return _json(plan.event, plan.max_record_bytes)
    inner = _json(without_parts(plan.event), plan.max_record_bytes)
    keys = None
    if plan.key_format is not None:
        keys = KeyReader(plan.key_format, plan.schemas, parts_of(plan.event))
    return RecordPartsDecoder(partial(decode_records, inner), plan.event, keys)


def _json(schema: EventSchema, limit: int | None) -> RowDecoder:
    def judge(value: bytes, _header: bytes | None) -> dict[str, object] | Refusal:
        return judge_record(schema, value, limit)  # type: ignore[return-value]  # a row's values are objects

    return RowDecoder(schema, limit, judge)  # type: ignore[arg-type]
