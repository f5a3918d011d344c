"""A file read to its end through its reader, with what every poll must fulfil."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dataflow.decode.decoder import Decoder, decoder_for
from dataflow.decode.poll import decode_poll
from dataflow.event.schema import EventSchema, schema_of
from dataflow.formats.declared import Format, json
from dataflow.formats.schemas import Schemas
from dataflow.messages import POLL_SCHEMA, Poll
from dataflow.sources.source import Reader
from tests.dataflow.sources.files.written import Order

EVENT = schema_of(Order)


@dataclass(frozen=True)
class _Readable:
    event: EventSchema
    max_record_bytes: int | None
    format: Format = field(default_factory=json)
    schemas: Schemas | None = None
    key_format: Format | None = None


def file_decoder(event: EventSchema, max_record_bytes: int | None = None, *, compiled: bool = False) -> Decoder:
    """What decodes the records of files."""
    return decoder_for(_Readable(event, max_record_bytes), compiled=compiled, of_kafka=False)


def drain(reader: Reader, max_records: int = 1_000, max_bytes: int = 1 << 30) -> list[bytes]:
    values: list[bytes] = []
    while not reader.finished:
        poll = reader.poll(max_records, max_bytes)
        if poll is None:
            continue
        assert poll.records.schema == POLL_SCHEMA
        poll.records.validate(full=True)
        assert poll.records.num_rows <= max_records
        assert poll.records.column("offset").to_pylist() == list(range(poll.start, poll.end))
        values += poll.values(np.arange(poll.records.num_rows)).to_pylist()
    reader.close()
    return values


def polls(reader: Reader, max_records: int = 1000) -> list[Poll]:
    found = []
    while not reader.finished:
        poll = reader.poll(max_records, 1 << 30)
        if poll is not None:
            assert poll.records.column("offset").to_pylist() == list(range(poll.start, poll.end))
            found.append(poll)
    reader.close()
    return found


def judged(
    reader: Reader, event: EventSchema = EVENT, max_records: int = 1000
) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
    """The events, and of the other records reason and message."""
    decoder = file_decoder(event)
    events: list[dict[str, Any]] = []
    dead = []
    for poll in polls(reader, max_records):
        decoded = decode_poll(decoder, poll)
        events += decoded.events.to_pylist()
        dead += [(each.reason, each.message) for each in decoded.refusals]
    return events, dead
