"""Columns as codes: a number per row, and the distinct values that the numbers stand for."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dataflow.columnar.types import Positions


@dataclass(frozen=True, slots=True)
class Codes:
    """A column as codes: row i holds `values[of_row[i]]`. `values` are distinct; one of them may be null."""

    of_row: Positions
    values: pa.Array

    def array(self) -> pa.Array:
        """The column itself."""
        return self.values.take(pa.array(self.of_row))


def encode(array: pa.Array) -> Codes:
    """Codes of any column; -0.0 counts as 0.0."""
    if pa.types.is_floating(array.type):
        array = pc.add(array, 0.0)
    encoded = array.dictionary_encode(null_encoding="encode")
    return Codes(encoded.indices.to_numpy(zero_copy_only=False).astype(np.intp), encoded.dictionary)
