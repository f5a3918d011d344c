"""Dimensions: small tables whose columns join each event by a key; unknown keys give nulls."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dataflow.columnar.codes import Codes, encode
from dataflow.columnar.types import Positions
from dataflow.pipeline.plan import DimensionPlan

_INDEX_KEYS = 2_000
"""Up to so many keys Arrow's own lookup, which builds its table at each call, is the faster one."""


class Lookup:
    """One dimension, ready for lookups by the distinct keys of a batch."""

    def __init__(self, dimension: DimensionPlan) -> None:
        """Reads the dimension once."""
        self.name: str = dimension.dimension.name
        self.key: str = dimension.dimension.key
        self.columns: tuple[str, ...] = tuple(dimension.columns.schema.names)
        self.refuses_unknown = dimension.dimension.unknown == "dead_letter"
        self._keys = dimension.keys
        self._rows = len(dimension.keys)
        self._row_of_key = (
            {key: row for row, key in enumerate(dimension.keys.to_pylist())} if self._rows > _INDEX_KEYS else None
        )
        self._codes = {name: self._with_unknown(dimension.columns.column(name)) for name in self.columns}

    def rows_of(self, keys: pa.Array) -> Positions:
        """The dimension's row of each key; one past its last row for unknown and null keys."""
        if self._row_of_key is not None:
            find = self._row_of_key.get
            return np.array([find(key, self._rows) for key in keys.to_pylist()], np.intp)
        rows = pc.index_in(keys, value_set=self._keys, skip_nulls=True).fill_null(self._rows)
        return rows.to_numpy(zero_copy_only=False).astype(np.intp)

    def is_unknown(self, rows: Positions) -> npt.NDArray[np.bool_]:
        """Which of the rows that `rows_of` gave stand for unknown keys."""
        return np.asarray(rows == self._rows)

    def codes(self, column: str, rows: Positions) -> Codes:
        """A column of the dimension at the rows that `rows_of` gave."""
        codes = self._codes[column]
        return Codes(codes.of_row[rows], codes.values)

    def _with_unknown(self, column: pa.Array) -> Codes:
        """Codes per dimension row, with one more row for unknown keys, which is null."""
        return encode(pa.concat_arrays([column, pa.nulls(1, column.type)]))
