"""Columns as codes: a number per row, and the distinct values that the numbers stand for."""

import threading
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dataflow.columnar.buffers import words_in
from dataflow.columnar.loops import loops
from dataflow.columnar.types import Positions

if TYPE_CHECKING:
    from dataflow.columnar.memory import Compiled

_compiling = threading.Lock()


@cache
def _kernel() -> "Compiled":
    (code,) = loops("columnar/code_kernel")
    return code


def load() -> "Compiled":
    """The loop that numbers texts, ready to run: at the first use, or ahead of it."""
    with _compiling:
        return _kernel()


@dataclass(frozen=True, slots=True)
class Codes:
    """A column as codes: row i holds `values[of_row[i]]`. `values` are distinct; one of them may be null."""

    of_row: Positions
    values: pa.Array

    def array(self) -> pa.Array:
        """The column itself."""
        return self.values.take(pa.array(self.of_row))


def encode(array: pa.Array) -> Codes:
    """Codes of any column, numbered as they come; -0.0 counts as 0.0."""
    if array.type == pa.string() and len(array):
        return _texts(array)
    if pa.types.is_floating(array.type):
        array = pc.add(array, 0.0)
    encoded = array.dictionary_encode(null_encoding="encode")
    return Codes(encoded.indices.to_numpy(zero_copy_only=False).astype(np.intp), encoded.dictionary)


def _texts(array: pa.Array) -> Codes:
    """As Arrow's own, which takes twice as long for short texts."""
    rows = len(array)
    validity, ends, data = array.buffers()
    of_row, first = np.empty(rows, np.intp), np.empty(rows, np.int64)
    count = load()(
        0 if data is None else data.address,
        words_in(ends, np.int32)[array.offset : array.offset + rows + 1],
        validity.address if validity is not None and array.null_count else 0,
        array.offset,
        np.zeros(2 << rows.bit_length(), np.uint32),
        np.empty(2 * rows, np.int64),
        of_row,
        first,
    )
    return Codes(of_row, array.take(pa.array(first[:count])))
