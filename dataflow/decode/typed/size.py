"""How long a row of typed columns may be as JSON, without writing it."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dataflow.columnar.types import Bools, Int64s
from dataflow.decode.typed.texts import Sort, plain, sort_of
from dataflow.event.schema import EventSchema
from dataflow.messages import TypedRows

_PER_BYTE = 6
"""A byte of text is six in JSON at most: \\u001f."""
_SCALAR_BYTES = 100
"""More than any number or time takes, with what stands around it."""


def may_be_longer(rows: TypedRows, event: EventSchema, limit_bytes: int) -> Bools:
    """Which rows may have more than so many bytes as JSON: never too few, and none where all are short."""
    batch = rows.columns
    names = sum(len(name.encode()) * _PER_BYTE for leaf in event.fields for name in leaf.path)
    outside = sum(len(str(value).encode()) * _PER_BYTE for value in rows.outside.values())
    fixed = names + outside + _SCALAR_BYTES * len(event.fields)
    if fixed + batch.nbytes * _PER_BYTE <= limit_bytes:
        return np.zeros(batch.num_rows, np.bool_)
    sizes = np.full(batch.num_rows, fixed, np.int64)
    for column in batch.columns:
        lengths = _lengths(column)
        if lengths is None:
            # of what is nested only writing it tells
            return np.ones(batch.num_rows, np.bool_)
        sizes += lengths
    return np.asarray(sizes > limit_bytes)


def _lengths(column: pa.Array) -> Int64s | int | None:
    """The bytes of texts in each row, as JSON at most; None where that is not known."""
    if isinstance(column, pa.DictionaryArray):
        column = column.dictionary_decode()
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if isinstance(column, pa.StructArray):
        found: Int64s | int = 0
        for part in column.flatten():
            below = _lengths(part)
            if below is None:
                return None
            found = found + below
        return found
    if pa.types.is_nested(column.type):
        return None
    if sort_of(column.type) not in (Sort.TEXT, Sort.BYTES):
        return 0
    column = plain(column)
    return np.asarray(pc.binary_length(column).fill_null(0).to_numpy().astype(np.int64) * _PER_BYTE)
