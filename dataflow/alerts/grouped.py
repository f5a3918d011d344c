"""Rows by their keys, exactly: numbered, and put into the sessions that hold them."""

import numpy as np
import pyarrow as pa

from dataflow.alerts.windows import END, START, times_ms
from dataflow.columnar.codes import encode
from dataflow.columnar.types import Int64s


def numbered(rows: pa.Table, names: tuple[str, ...]) -> Int64s:
    """A number from 0 per row; equal where the values of these columns are, null among them."""
    number = np.zeros(rows.num_rows, np.int64)
    for name in names:
        codes = encode(rows.column(name).combine_chunks())
        _, number = np.unique(number * max(len(codes.values), 1) + codes.of_row, return_inverse=True)
    return number


def holders(sessions: pa.Table, rows: pa.Table, keys: tuple[str, ...]) -> Int64s:
    """Per row the place of the session of its key whose window holds the row's, -1 where there is none.

    Sessions of one key do not overlap.
    """
    count = sessions.num_rows
    key = numbered(pa.concat_tables([sessions.select(keys), rows.select(keys)]), keys) if keys else None
    start, end = (np.concatenate([times_ms(sessions, name), times_ms(rows, name)]) for name in (START, END))
    if key is None:
        key = np.zeros(len(start), np.int64)
    order = np.lexsort((np.arange(len(start)) >= count, start, key))
    of_session = order < count
    last = np.maximum.accumulate(np.where(of_session, np.arange(len(order)), -1))
    session = np.where(last >= 0, order[last], -1)[~of_session]
    row = order[~of_session]
    held = session >= 0
    held[held] = (key[session[held]] == key[row[held]]) & (end[row[held]] <= end[session[held]])
    found = np.full(rows.num_rows, -1, np.int64)
    found[row[held] - count] = session[held]
    return found
