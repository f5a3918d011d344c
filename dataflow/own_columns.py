"""The columns that the lake's tables add to those of the event and the aggregates, and the names that this takes."""

from collections.abc import Iterable

import pyarrow as pa

TIMESTAMP = pa.timestamp("ms")
"""UTC without a zone: DuckDB's TIMESTAMP. Parquet holds it in ms; the bytes are those of int64 milliseconds."""

PLACE = (
    pa.field("topic", pa.string()),
    pa.field("partition", pa.string()),
    pa.field("offset", pa.int64()),
    pa.field("record_timestamp", pa.int64()),
)
"""Of table events, before the event's own columns: where a row came from."""

EVENT_PLACE = tuple(field for field in PLACE if field.name in ("partition", "offset"))
"""Of a rollup that has a row per event, behind its other keys: which event it is."""

WINDOW = (pa.field("window_start", TIMESTAMP), pa.field("window_end", TIMESTAMP))
"""Of a rollup's tables and view, behind its keys."""

COUNTS = (pa.field("row_count", pa.int64()), pa.field("late_count", pa.int64()))
"""Of a rollup's delta table, behind its aggregates'."""

IS_FINAL = "is_final"
"""Of a rollup's view."""

VALUE = "value"
"""Of the side table of an exact distinct count, behind keys and window."""

WATERMARK = "_watermark"
"""Of judged rows alone, on their way to the fold; no column of an event or a dimension begins with `_`."""


def _names(fields: Iterable[pa.Field]) -> frozenset[str]:
    return frozenset(field.name for field in fields)


OF_EVENTS = _names(PLACE)
"""What no field of an event and no column of a dimension can be called. Engines do not tell Offset from offset."""

OF_ROLLUPS = _names((*WINDOW, *COUNTS)) | {IS_FINAL}
"""What no key and no aggregate can be called."""
