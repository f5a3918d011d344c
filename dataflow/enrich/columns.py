"""The columns of one batch as the fold needs them: codes, numbers, hashes, filters; each made once, when asked for."""

import weakref
from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dataflow.columnar.codes import Codes, encode
from dataflow.columnar.hashing import hash64
from dataflow.columnar.numbers import Numbers, from_arrow
from dataflow.columnar.sketches import bucket_codes
from dataflow.columnar.types import Bools, Doubles, Int64s, Positions
from dataflow.enrich.lookup import Lookup
from dataflow.filter.expression import Expression
from dataflow.filter.nodes import Frame


class Columns(Mapping[str, pa.Array]):
    """A mapping of name to Arrow array over the batch's own columns and those of its dimensions."""

    def __init__(self, rows: pa.RecordBatch, lookups: Sequence[Lookup], few: Collection[str] = ()) -> None:
        """`lookups` in the pipeline's order; their keys are columns of the batch. `few`: columns of texts that
        hold few different ones, which filters look at instead of every row.
        """
        self.rows: int = rows.num_rows
        self._batch = rows
        self._lookups = {name: lookup for lookup in lookups for name in lookup.columns}
        # A batch must go when its last user does: in a cycle it would stay until the collector comes.
        self._frame = Frame(_Filtered(weakref.proxy(self), few), self.rows)
        self._arrays: dict[str, pa.Array] = {name: rows.column(name) for name in rows.schema.names}
        self._codes: dict[str, Codes] = {}
        self._dimension_rows: dict[Lookup, Positions] = {}
        self._numbers: dict[str, Numbers] = {}
        self._doubles: dict[str, Doubles] = {}
        self._valid: dict[str, Bools | None] = {}
        self._hashes: dict[str, Int64s] = {}
        self._buckets: dict[str, npt.NDArray[np.int32]] = {}
        self._masks: dict[str, Bools] = {}

    def __getitem__(self, name: str) -> pa.Array:
        """The column as an Arrow array."""
        if name not in self._arrays:
            self._arrays[name] = self.codes(name).array()
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        """Own columns, then the dimensions'."""
        yield from self._batch.schema.names
        yield from self._lookups

    def __len__(self) -> int:
        """Number of columns."""
        return len(self._batch.schema.names) + len(self._lookups)

    def codes(self, name: str) -> Codes:
        """The column dictionary encoded; a dimension's column by way of its key, without touching its text."""
        if name not in self._codes:
            lookup = self._lookups.get(name)
            if lookup is None:
                self._codes[name] = encode(self._batch.column(name))
            else:
                key = self._codes_of_key(lookup)
                per_key = lookup.codes(name, self._rows_of_keys(lookup, key))
                self._codes[name] = Codes(per_key.of_row[key.of_row], per_key.values)
        return self._codes[name]

    def unknown(self, lookup: Lookup) -> Bools:
        """Which rows' key is null or not in the dimension."""
        key = self._codes_of_key(lookup)
        return lookup.is_unknown(self._rows_of_keys(lookup, key))[key.of_row]

    def numbers(self, name: str) -> Numbers:
        """A column of numbers, dates (days) or booleans (0, 1); decimals as unscaled int64; 0 at nulls."""
        if name not in self._numbers:
            array = self[name]
            if pa.types.is_boolean(array.type):
                array = array.cast(pa.int8()).cast(pa.int64())
            numbers = from_arrow(array)
            values = np.ascontiguousarray(numbers.values)
            if values.dtype == np.float64:
                # -0.0 and 0.0 are one value; without this, which of them is the minimum would depend on order.
                values = values + 0.0
            self._numbers[name] = Numbers(values, numbers.scale, numbers.valid)
        return self._numbers[name]

    def doubles(self, name: str) -> Doubles:
        """The numbers of `numbers` as float64, decimals still unscaled."""
        if name not in self._doubles:
            self._doubles[name] = self.numbers(name).values.astype(np.float64, copy=False)
        return self._doubles[name]

    def valid(self, name: str) -> Bools | None:
        """Where the column is not null; None = everywhere."""
        if name not in self._valid:
            array = self[name]
            self._valid[name] = None if array.null_count == 0 else np.asarray(array.is_valid())
        return self._valid[name]

    def hashes(self, name: str) -> Int64s:
        """63-bit hash of each value, for distinct counts; of text known by its codes, of the distinct values only."""
        if name not in self._hashes:
            if name in self._lookups or name in self._codes:
                codes = self.codes(name)
                self._hashes[name] = _half(hash64(codes.values))[codes.of_row]
            else:
                self._hashes[name] = _half(hash64(self[name]))
        return self._hashes[name]

    def buckets(self, name: str) -> npt.NDArray[np.int32]:
        """Histogram bucket code of each number."""
        if name not in self._buckets:
            scale = self.numbers(name).scale
            self._buckets[name] = bucket_codes(self.doubles(name) / 10.0 ** (scale or 0))
        return self._buckets[name]

    def mask(self, where: Expression) -> Bools:
        """Where a filter is true."""
        if where.sql not in self._masks:
            self._masks[where.sql] = np.ascontiguousarray(
                np.broadcast_to(where.root.ternary(self._frame).true, self.rows)
            )
        return self._masks[where.sql]

    def _codes_of_key(self, lookup: Lookup) -> Codes:
        if lookup.key not in self._codes:
            self._codes[lookup.key] = encode(self._batch.column(lookup.key))
        return self._codes[lookup.key]

    def _rows_of_keys(self, lookup: Lookup, key: Codes) -> Positions:
        if lookup not in self._dimension_rows:
            self._dimension_rows[lookup] = lookup.rows_of(key.values)
        return self._dimension_rows[lookup]


class _Filtered(Mapping[str, pa.Array]):
    """The columns as filters get them: texts of few values as dictionaries."""

    def __init__(self, columns: Columns, few: Collection[str]) -> None:
        self._columns = columns
        self._few = few
        self._encoded: dict[str, pa.Array] = {}

    def __getitem__(self, name: str) -> pa.Array:
        # what asks for nulls looks at the rows
        if name not in self._few or self._columns[name].null_count:
            return self._columns[name]
        if name not in self._encoded:
            codes = self._columns.codes(name)
            self._encoded[name] = pa.DictionaryArray.from_arrays(pa.array(codes.of_row), codes.values)
        return self._encoded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)


def _half(hashes: npt.NDArray[np.uint64]) -> Int64s:
    return (hashes >> np.uint64(1)).view(np.int64)
