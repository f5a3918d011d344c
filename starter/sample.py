"""A sample of a source: some of its records, in their order, and the JSON objects among them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa
from pydantic import BaseModel

from dataflow.decode.decoder import Readable, decoder_for
from dataflow.event.fields import INT64_MAX, INT64_MIN, EventTime
from dataflow.event.schema import EventSchema, schema_of
from dataflow.formats.declared import Format
from dataflow.formats.declared import json as json_format
from dataflow.formats.frame import json_body
from dataflow.formats.schemas import Schemas
from dataflow.messages import Decoded, Refusal

_OF_FIELDS = frozenset({"missing_field", "wrong_type", "constraint"})
"""Reasons of semantics rule 2 that only a record has which is a JSON object."""

_INT64_CHARS = 20


@dataclass(frozen=True, slots=True)
class Taken:
    """One record: its timestamp (ms) where it has one, its value (None: a tombstone)."""

    timestamp_ms: int | None
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Stretch:
    """Neighbouring records of one source partition, in their order."""

    partition: str
    records: tuple[Taken, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """What was taken: stretches of each source partition, in the order of the partitions and of their records."""

    stretches: tuple[Stretch, ...]

    @property
    def records(self) -> list[Taken]:
        """All records."""
        return [record for stretch in self.stretches for record in stretch.records]

    @property
    def partitions(self) -> int:
        """How many source partitions they come from."""
        return len({stretch.partition for stretch in self.stretches})


@dataclass(frozen=True, slots=True)
class Number:
    """A JSON number that is no int64, as it was written."""

    text: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """A record that is a JSON object. `stretch`: the number of its stretch; a key that stands twice has its last value.

    Values are as `json` has them, but for numbers: an int of int64, or a Number.
    """

    stretch: int
    taken: Taken
    value: dict[str, object]


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that is none, and why."""

    taken: Taken
    refusal: Refusal


def parse(sample: Sample) -> Iterator[Parsed | Refused]:
    """Each record of the sample, in its order: the object that it is, or why it is none (semantics rule 2)."""
    stretches = [number for number, stretch in enumerate(sample.stretches) for _ in stretch.records]
    found = decode(_Readable(_ANY), sample)
    refusals = dict(zip(found.dead_at.tolist(), found.refusals, strict=True))
    for at, (number, taken) in enumerate(zip(stretches, sample.records, strict=True)):
        refusal = refusals.get(at)
        if refusal is not None and refusal.reason not in _OF_FIELDS:
            yield Refused(taken, refusal)
        else:
            assert taken.value is not None, "a record without a value is refused"
            yield Parsed(number, taken, loaded(taken.value))


def decode(readable: Readable, sample: Sample) -> Decoded:
    """All records of the sample by the decoder of a run."""
    values = pa.array([record.value for record in sample.records], pa.binary())
    return decoder_for(readable, compiled=False).decode(values)


def loaded(value: bytes) -> dict[str, object]:
    """The object that a well-formed record holds."""
    found: dict[str, object] = json.loads(json_body(value), parse_int=_int, parse_float=Number)
    return found


def _int(text: str) -> "int | Number":
    if len(text) > _INT64_CHARS or not INT64_MIN <= (number := int(text)) <= INT64_MAX:
        return Number(text)
    return number


class _Any(BaseModel):
    at: EventTime


_ANY = schema_of(_Any)


@dataclass(frozen=True, slots=True)
class _Readable:
    event: EventSchema
    max_record_bytes: int | None = None
    format: Format = field(default_factory=json_format)
    key_format: Format | None = None
    schemas: Schemas | None = None
