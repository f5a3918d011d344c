"""Records judged one by one to event columns: what the decoders of binary formats share."""

from collections.abc import Callable, Iterable

import numpy as np
import pyarrow as pa

from dataflow.decode.fields import Row
from dataflow.event.schema import EventSchema
from dataflow.messages import Decoded, Refusal

Judge = Callable[[bytes, bytes | None], Row | Refusal]
"""A value that has bytes, and the header of the newer frame, to an event's columns or the reason against it."""


class RowDecoder:
    """Judges each record by itself: one that is no event costs no other anything."""

    def __init__(self, schema: EventSchema, max_record_bytes: int | None, judge: Judge) -> None:
        self._schema = schema
        self._max_record_bytes = max_record_bytes
        self._judge = judge

    def decode(self, values: pa.Array, headers: pa.Array | None = None) -> Decoded:
        """Decode a binary array; null is a tombstone. `headers`: of each record that of the newer frame, or null.

        Raises RegistryUnreachable where a record's schema is not known yet; the same call can be made again.
        """
        rows: list[Row] = []
        at: list[int] = []
        dead_at: list[int] = []
        refusals: list[Refusal] = []
        beside: Iterable[bytes | None] = [None] * len(values) if headers is None else headers.to_pylist()
        for position, (value, header) in enumerate(zip(values.to_pylist(), beside, strict=True)):
            verdict = self.verdict(value, header)
            if isinstance(verdict, Refusal):
                dead_at.append(position)
                refusals.append(verdict)
            else:
                at.append(position)
                rows.append(verdict)
        names = self._schema.arrow.names
        columns = [pa.array([row[name] for row in rows], self._schema.arrow.field(name).type) for name in names]
        events = pa.RecordBatch.from_arrays(columns, schema=self._schema.arrow)
        return Decoded(events, np.array(at, np.int64), np.array(dead_at, np.int64), refusals)

    def verdict(self, value: bytes | None, header: bytes | None = None) -> Row | Refusal:
        """One record's."""
        if value is None:
            return Refusal("tombstone", None, "the record has no value")
        if not value:
            return Refusal("empty", None, "the record's value has no bytes")
        if self._max_record_bytes is not None and len(value) > self._max_record_bytes:
            return Refusal("too_large", None, f"{len(value)} bytes; the limit is {self._max_record_bytes}")
        return self._judge(value, header)
