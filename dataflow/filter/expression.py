"""A filter once it is parsed and checked: evaluated column by column."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from dataflow.columnar.types import Bools
from dataflow.filter.nodes import Column, Frame, Kind, Node

Values: TypeAlias = Mapping[str, Sequence[str | int]]
"""By column, all that it can hold beside null, where that is known: the values of a Literal or an Enum."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked filter. `sql`: canonical text (DuckDB); `columns`: the names it reads. Picklable."""

    root: Node
    sql: str
    columns: frozenset[str]

    def evaluate(self, columns: pa.RecordBatch | Mapping[str, pa.Array]) -> pa.Array:
        """True, false or null (unknown) per row, as DuckDB would say.

        `columns` holds at least `self.columns` (and one column of any name, which gives the number of rows), in
        the types it was parsed with; text may be dictionary encoded. Where DuckDB would stop with an overflow, this
        goes on with exact numbers.
        """
        if isinstance(columns, pa.RecordBatch):
            rows = columns.num_rows
            columns = {name: columns.column(name) for name in self.columns}
        else:
            rows = len(next(iter(columns.values()))) if columns else 0
        answer = self.root.ternary(Frame(columns, rows))
        true = np.broadcast_to(answer.true, rows)
        known = true | answer.false
        # Packed here, because pa.array takes ten times as long for a mask.
        validity = None if known.all() else _packed(known)
        return pa.Array.from_buffers(pa.bool_(), rows, [validity, _packed(true)])


class ConditionError(ValueError):
    """What is wrong with a condition, each with its place; nothing, where it only reads columns that are unread."""

    def __init__(self, *mistakes: str) -> None:
        super().__init__("; and ".join(mistakes))
        self.mistakes = mistakes


def kind_of(type_: pa.DataType) -> tuple[Kind, int] | None:
    """Kind and scale of a column of `type_` in a filter; None if filters cannot read it."""
    if pa.types.is_dictionary(type_):
        type_ = type_.value_type
    if pa.types.is_string(type_) or pa.types.is_large_string(type_) or type_ == pa.string_view():
        return "text", 0
    if pa.types.is_integer(type_):
        return "exact", 0
    if pa.types.is_decimal(type_):
        return "exact", type_.scale
    if pa.types.is_floating(type_):
        return "double", 0
    if pa.types.is_boolean(type_):
        return "boolean", 0
    return ("date", 0) if pa.types.is_date32(type_) else None


def _packed(bits: Bools) -> pa.Buffer:
    return pa.py_buffer(np.packbits(bits, bitorder="little"))


def names_in(node: Node) -> Iterator[str]:
    """The columns that it reads, each as often as it does."""
    if isinstance(node, Column):
        yield node.name
    for child in node.children():
        yield from names_in(child)
