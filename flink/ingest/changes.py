"""Records of a job's topics as rows of the lake's tables: what is taken back counts against what took its place."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from dataflow.columnar.groups import Groups
from dataflow.enrich.columns import Columns
from dataflow.errors import LakeError
from dataflow.fold.partials import Selection
from dataflow.own_columns import VALUE
from dataflow.pipeline.plan import AggregatePlan
from dataflow.pipeline.tables import TableSpec
from flink.generate.changes import VALUE_COUNT, counts_values

_decode = msgspec.json.Decoder(float_hook=Decimal).decode
_ROW = dict[str, Any]


class Change(NamedTuple):
    """One record of a topic of changes. `key`: what of a row stays when it changes; `taken_back`: it counts no more."""

    offset: int
    key: tuple[object, ...]
    row: _ROW
    taken_back: bool


@dataclass(frozen=True)
class ChangeTable:
    """A topic of changes of a lake's table. `names`: the columns that its records have, `key` what of a row stays."""

    spec: TableSpec
    names: Collection[str]
    key: Sequence[str]

    def read(self, where: str, offset: int, value: bytes | None) -> Change:
        """A record of the topic `where`. Raises LakeError for what no generated job writes."""
        document = parsed(where, offset, value)
        operation = document.get("op")
        row = document.get("after" if operation == "c" else "before")
        if operation not in ("c", "d") or not isinstance(row, dict) or not row.keys() >= set(self.names):
            raise not_ours(where, offset)
        # a row that only counts late ones is never taken back, and is not what takes the place of another
        counts = row.get("row_count", 1) != 0
        return Change(offset, (*(row[name] for name in self.key), counts), row, operation == "d")

    def rows(self, changes: Iterable[Change]) -> pa.RecordBatch:
        """Delta rows that add up to what has changed, in the table's schema. Parts that no column tells are empty.

        A value that was taken back is subtracted. Of the smallest and the largest it need not be: in a group that only
        grows they only move on, and what they were does no harm to what they are.
        """
        chosen = [(each.row, -1 if each.taken_back else 1) for each in changes]
        found = {}
        for columns, part in self.spec.merges:
            for name in columns:
                type_ = self.spec.schema.field(name).type
                if name not in self.names:
                    found[name] = part.empty(type_, len(chosen))
                else:
                    found[name] = (_signed if part.subtracts else _kept)(name, type_, chosen)
        for name in self.spec.keys:
            found[name] = _plain(name, self.spec.schema.field(name).type, chosen)
        return pa.RecordBatch.from_arrays([found[name] for name in self.spec.schema.names], schema=self.spec.schema)


@dataclass(frozen=True)
class ValueTable(ChangeTable):
    """A topic of the values that a sketch in a lake's table is made of. `aggregate`: the sketch."""

    aggregate: AggregatePlan

    def rows(self, changes: Iterable[Change]) -> pa.RecordBatch:
        """Delta rows that count no row: each adds one value to its group's sketch, as often as it stands there."""
        counts = counts_values(self.aggregate)
        chosen = [(each.row, -1 if each.taken_back else 1) for each in changes if counts or not each.taken_back]
        count, schema = len(chosen), self.spec.schema
        found = {name: _plain(name, schema.field(name).type, chosen) for name in self.spec.keys}
        for columns, part in self.spec.merges:
            found |= {name: part.empty(schema.field(name).type, count) for name in columns}
        found |= self._sketches(chosen, counts=counts)
        return pa.RecordBatch.from_arrays([found[name] for name in schema.names], schema=schema)

    def _sketches(self, chosen: Sequence[tuple[_ROW, int]], *, counts: bool) -> dict[str, pa.Array]:
        """A sketch of one value per row."""
        name, type_ = self.aggregate.aggregate.column, self.aggregate.column_type
        assert name is not None, "a sketch is one of a column"
        assert type_ is not None, "whose type is known"
        batch = pa.RecordBatch.from_arrays([_plain(VALUE, type_, chosen)], [name])
        each = np.arange(len(chosen), dtype=np.intp)
        selection = Selection(Columns(batch, []), None, Groups(each, each, np.ones(len(each), np.int64)))
        made = selection.partials(replace(self.aggregate, where=None))
        if counts:
            weights = _signed(VALUE_COUNT, pa.int64(), chosen)
            offsets = pa.array(np.arange(len(chosen) + 1, dtype=np.int32))
            made = [made[0], pa.ListArray.from_arrays(offsets, weights)]
        return {column.name: values for column, values in zip(self.aggregate.columns, made, strict=True)}


def _signed(name: str, type_: pa.DataType, rows: Sequence[tuple[_ROW, int]]) -> pa.Array:
    return column([row[name] if sign > 0 else _negated(row[name]) for row, sign in rows], type_)


def _negated(value: Any) -> Any:
    # a sign in front of a Decimal would round it to 28 digits
    return value.copy_negate() if isinstance(value, Decimal) else None if value is None else -value


def _kept(name: str, type_: pa.DataType, rows: Sequence[tuple[_ROW, int]]) -> pa.Array:
    return column([row[name] if sign > 0 else None for row, sign in rows], type_)


def _plain(name: str, type_: pa.DataType, rows: Sequence[tuple[_ROW, int]]) -> pa.Array:
    return column([row[name] for row, _ in rows], type_)


def whole(changes: Sequence[Change]) -> int:
    """How many of the changes, in order, can be taken: what is taken back goes with what takes its place."""
    open_: dict[tuple[object, ...], int] = {}
    found = 0
    for at, change in enumerate(changes, 1):
        if change.taken_back:
            open_[change.key] = open_.get(change.key, 0) + 1
        elif open_.get(change.key):
            open_[change.key] -= 1
            if not open_[change.key]:
                del open_[change.key]
        if not open_:
            found = at
    return found


def parsed(where: str, offset: int, value: bytes | None) -> _ROW:
    """A record's JSON object. Raises LakeError."""
    try:
        document = None if value is None else _decode(value)
    except msgspec.DecodeError:
        document = None
    if not isinstance(document, dict):
        raise not_ours(where, offset)
    return document


def not_ours(where: str, offset: int) -> LakeError:
    """The error for a record that no generated job writes."""
    return LakeError(
        f"{where}: the record at offset {offset} is none of a job that `tidemill flink generate --from-lake` has made; "
        "does something else write to this topic? Nothing of it was taken in"
    )


def column(values: Sequence[Any], type_: pa.DataType) -> pa.Array:
    """JSON values as a column of the lake: times come as ms, dates as text, decimals as numbers."""
    if pa.types.is_timestamp(type_):
        return pa.array(values, pa.int64()).cast(type_)
    convert = _CONVERT.get(type_)
    if convert is None and pa.types.is_decimal(type_):
        convert = Decimal
    if convert is not None:
        values = [None if value is None else convert(value) for value in values]
    return pa.array(values, type_)


_CONVERT: Mapping[pa.DataType, Callable[[Any], object]] = {pa.float64(): float, pa.date32(): date.fromisoformat}
