"""What travels through the graph: polls, decoded columns, judged rows, parcels for the lake."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from dataflow.rules import Rules

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

NEVER_MS = -(2**63)
"""Watermark before the first valid row of a source partition (minus infinity)."""

POLL_SCHEMA = pa.schema(
    [
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("timestamp", pa.int64()),
        pa.field("value", pa.binary()),
    ]
)

IN_PLACE_SCHEMA = POLL_SCHEMA.set(2, pa.field("value", pa.binary_view()))
"""That of a poll whose values were not copied out of what they came in."""

DEAD_SCHEMA = pa.schema(
    [
        pa.field("topic", pa.string()),
        pa.field("partition", pa.string()),
        pa.field("offset", pa.int64()),
        pa.field("record_timestamp", pa.int64()),
        pa.field("value", pa.binary()),
        pa.field("reason", pa.string()),
        pa.field("field", pa.string()),
        pa.field("message", pa.string()),
    ]
)


def held_bytes(values: pa.Array) -> int:
    """What a column of values takes in memory, about; of views their own texts, not all that lies beside these."""
    if values.type != pa.binary_view():
        return int(values.nbytes)
    import numpy as np

    views = values.buffers()[1]
    assert views is not None, "a column has its values"
    lengths = np.frombuffer(memoryview(views), np.int32)[4 * values.offset : 4 * (values.offset + len(values)) : 4]
    return int(lengths.sum(dtype=np.int64)) + 16 * len(values)


@dataclass(frozen=True, slots=True)
class TypedRows:
    """Records that have no bytes of their own, but values of types in columns.

    `columns` has a row per record and those columns of its source, of whatever types, that may hold fields of the
    event. `outside` has the JSON values of fields that stand beside them for every record alike; a column counts before
    one. `told` writes rows of `columns` as readable bytes, a JSON object each: what a dead letter shows.
    """

    columns: pa.RecordBatch
    outside: Mapping[str, object]
    told: Callable[[pa.RecordBatch], pa.Array]

    def slice(self, start: int, count: int | None = None) -> "TypedRows":
        """Some of the rows."""
        return TypedRows(self.columns.slice(start, count), self.outside, self.told)

    def taken(self, at: "npt.NDArray[np.int64]") -> pa.RecordBatch:
        """The rows at these positions, of which there is at least one."""
        try:
            return self.columns.take(pa.array(at))
        except NotImplementedError:
            # Arrow cannot pick views of text
            return pa.concat_batches([self.columns.slice(each, 1) for each in at.tolist()])

    def texts(self, at: "npt.NDArray[np.int64]") -> pa.Array:
        """The rows at these positions, of which there is at least one, as readable bytes."""
        return self.told(self.taken(at))


@dataclass(frozen=True, slots=True)
class Poll:
    """One read of a source partition: the records of offsets [start, end), holes allowed.

    `records` has POLL_SCHEMA or IN_PLACE_SCHEMA, and columns after it where more of each record was asked for; offsets
    ascend. `end` is the position to read on from. Where a source says its values in other words, `json` has the JSON
    text per record that the decoder reads in their place; null where `refused`, by offset, says why there is none.
    `cut`: no newline ends the last record, and the file does. `lost`: the first so many offsets were gone before they
    were read, which the run accepts (semantics rule 14): none of `records` is there. `typed`: the records as columns,
    where they come so; their values are null then.
    """

    records: pa.RecordBatch
    start: int
    end: int
    json: pa.Array | None = None
    refused: Mapping[int, "Refusal"] = field(default_factory=dict)
    cut: bool = False
    lost: int = 0
    typed: TypedRows | None = None

    @property
    def size_bytes(self) -> int:
        """What the records take in memory, about."""
        return held_bytes(self.records.column("value")) if self.typed is None else int(self.typed.columns.nbytes)

    def values(self, at: "npt.NDArray[np.int64]") -> pa.Array:
        """The bytes of the records at these positions, as a dead letter keeps them (binary)."""
        if self.typed is not None:
            return self.typed.texts(at)
        # Arrow cannot pick views
        return self.records.column("value").cast(pa.binary()).take(pa.array(at))

    def split(self, end: int) -> "tuple[Poll, Poll | None]":
        """The part below offset `end`, which is above `start`, and the rest."""
        if self.end <= end:
            return self, None
        offsets: pa.Array = self.records.column("offset")
        below = int(offsets.to_numpy().searchsorted(end))
        first, rest = (None, None) if self.json is None else (self.json.slice(0, below), self.json.slice(below))
        lost = min(self.lost, end - self.start)
        rows = (None, None) if self.typed is None else (self.typed.slice(0, below), self.typed.slice(below))
        return (
            Poll(self.records.slice(0, below), self.start, end, first, self.refused, lost=lost, typed=rows[0]),
            Poll(self.records.slice(below), end, self.end, rest, self.refused, self.cut, self.lost - lost, rows[1]),
        )


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one record is no event: reason class of semantics rule 2, field path, message."""

    reason: str
    field: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a decoder makes of a poll's value column.

    `events` holds the valid records in poll order, in the event schema's Arrow types;
    `events_at` their positions in the poll (int64, ascending); `dead_at` and `refusals`
    the positions and reasons of all other records. Every position is in exactly one.
    """

    events: pa.RecordBatch
    events_at: "npt.NDArray[np.int64]"
    dead_at: "npt.NDArray[np.int64]"
    refusals: list[Refusal]


@dataclass(slots=True)
class Judged:
    """What the intake hands on: the rows of one offset range, judged where order is known.

    `rows` are the valid rows that are no duplicates: the event's columns, then
    `offset` (int64), `record_timestamp` (int64 ms or null) and `_watermark`
    (int64 ms: the watermark before the row, NEVER_MS before the first).
    `dead` has DEAD_SCHEMA. A heartbeat is a Judged with start == end and no rows.
    `watermark` is the one after the last row, None before the first; `rules` those by which it was judged, None where
    those of the pipeline hold. `finished`: the source partition is bounded and ends here; `final`: and the run was told
    that nothing ever comes after that. `content`: what the source partition is known by, as its reader tells.
    `lost`: all of its offsets, where they were gone before they were read; else 0.
    """

    partition: str
    topic: str | None
    start: int
    end: int
    read: int = 0
    duplicate: int = 0
    rows: pa.RecordBatch | None = None
    dead: pa.RecordBatch | None = None
    max_event_time: int | None = None
    watermark: int | None = None
    rules: Rules | None = None
    finished: bool = False
    final: bool = False
    content: str | None = None
    lost: int = 0


@dataclass(slots=True)
class RollupCount:
    """What one rollup did with the valid, not duplicate rows of a range (semantics rule 8)."""

    filtered: int = 0
    counted: int = 0
    late: int = 0


@dataclass(slots=True)
class Range:
    """Offset range [start, end) of one source partition and what became of it: what a line of the ledger is made of.

    It grows while an epoch's ranges are joined; read back from the lake it stands in a `proof.ledger.LedgerLine`.
    `watermark`, after its last record, and `rules`, by which it was judged, are None where an earlier version wrote it.
    `lost`: all of its offsets, where they were gone before they were read and the run accepted that; else 0.
    """

    partition: str
    topic: str | None
    start: int
    end: int
    read: int = 0
    accepted: int = 0
    duplicate: int = 0
    late: int = 0
    dead: int = 0
    checksum: int = 0
    max_event_time: int | None = None
    finished: bool = False
    rollups: dict[str, RollupCount] = field(default_factory=dict)
    watermark: int | None = None
    rules: Rules | None = None
    content: str | None = None
    lost: int = 0


@dataclass(slots=True)
class Parcel:
    """What the fold hands to the sink: the range's ledger line and rows per lake table.

    `tables` maps a table name of `dataflow.pipeline.tables.tables_of` to rows in that table's schema.
    `final` is the range's, as Judged has it. `epoch` is stamped right before the sink. `unfolded`: rows that wait to be
    folded by the sink; then there are no tables, and the line tells no more than offsets and how many were read.
    """

    range: Range
    tables: dict[str, pa.RecordBatch]
    epoch: int = -1
    final: bool = False
    unfolded: Judged | None = None
