"""Texts of a dictionary, one for each row: several times as quick as Arrow's `take` where they are short."""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from dataflow.columnar.buffers import values_in

if TYPE_CHECKING:
    from dataflow.columnar.memory import Compiled

FEWEST_ROWS = 1_000
"""Fewer are not worth it."""


def chosen_texts(dictionary: pa.Array, at: pa.Array) -> pa.Array:
    """`dictionary.take(at)` for a dictionary of texts (string); `at` are ints, null for null."""
    texts = _kernel() if len(at) >= FEWEST_ROWS and dictionary.type == pa.string() else None
    if texts is None or dictionary.null_count:
        return dictionary.take(at)
    data, ends, _ = values_in(dictionary)
    first = ends.astype(np.int64)
    lengths = np.diff(first)
    if not len(lengths) or int(lengths.max()) * len(at) > np.iinfo(np.int32).max:
        return dictionary.take(at)
    places = (first[:-1] << 32) | lengths
    rows, valid = at, None
    if at.null_count:
        # no place at all is a text of no bytes
        places = np.append(places, 0)
        rows, valid = at.fill_null(len(dictionary)), at.is_valid().buffers()[1]
    made_ends, made = texts(data.ctypes.data, 0, places.take(rows.to_numpy()), len(at))
    buffers = [valid, pa.py_buffer(made_ends), pa.py_buffer(made)]
    return pa.Array.from_buffers(pa.string(), len(at), buffers, at.null_count)


@cache
def _kernel() -> "Compiled | None":
    try:
        from dataflow.columnar import text_kernel
    except ImportError:
        return None
    return text_kernel.compiled()
