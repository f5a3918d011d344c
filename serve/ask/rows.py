"""Rows of an answer in the form in which they will be sent: values for JSON, lines of CSV, or an Arrow table."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from query.cells import Column, Style, cells, csv_lines
from query.reader import Bound, LakeSnapshot
from query.texts import Row

if TYPE_CHECKING:
    import pyarrow as pa

VALUES, LINES, ARROW = "values", "lines", "arrow"
"""The three ways in which an answer is read; several forms share one."""

_EXACT = 2**53
_SMALL = frozenset(("tinyint", "smallint", "integer", "utinyint", "usmallint"))
_WHOLE = frozenset(("bigint", "uinteger", "ubigint"))
_FLOATS = frozenset(("float", "double"))
_NESTED = frozenset(("list", "array", "struct", "map", "tuple", "union", "variant"))


class Named(NamedTuple):
    """A column of an answer: its name and DuckDB's name of its type."""

    name: str
    type: str


class Rows:
    """What a question came to. Of `values` (column by column), `lines` and `table` one is there.

    `more`: there are rows after the last one. `last`: the hidden text of the last row, if one was asked for.
    """

    def __init__(
        self,
        columns: Sequence[Named],
        count: int,
        *,
        values: Sequence[Sequence[Any]] | None = None,
        lines: Sequence[str] | None = None,
        table: "pa.Table | None" = None,
        more: bool = False,
        last: str | None = None,
    ) -> None:
        self.columns, self.count, self.more, self.last = columns, count, more, last
        self.values, self.lines, self.table = values, lines, table

    def __bool__(self) -> bool:
        """Whether there is a row."""
        return self.count > 0


class Reading(NamedTuple):
    """How rows are read: at most `limit` of them after the first `skip`; times shown in `zone`; stopped after
    `timeout_s`. `hidden`: the last column is a text that goes with the row and is not sent.
    """

    way: str
    limit: int
    timeout_s: float
    zone: str | None = None
    skip: int = 0
    hidden: bool = False

    def read(
        self,
        snapshot: LakeSnapshot,
        sql: str,
        *,
        parameters: Sequence[object] | Mapping[str, object] | None = None,
        bounds: Sequence[Bound] = (),
        histories: Sequence[str] = (),
    ) -> Rows:
        """Ask a snapshot; raises as `LakeSnapshot.query` does."""
        how: Any = {"parameters": parameters, "bounds": bounds, "histories": histories, "timeout_s": self.timeout_s}
        most = self.skip + self.limit + 1
        if self.way == ARROW:
            return self._of_table(snapshot.query(sql, limit=most, **how))
        texts = snapshot.texts(sql, self._shape, limit=most, **how)
        found = texts.rows()[self.skip :]
        more = len(found) > self.limit
        found = found[: self.limit]
        columns = texts.columns[:-1] if self.hidden else texts.columns
        last = found[-1][-1] if self.hidden and found else None
        named = [Named(column.name, str(column.kind)) for column in columns]
        if self.way == LINES:
            lines = [row[0] or "" for row in found]
            return Rows(named, len(found), lines=lines, more=more, last=last)
        return Rows(named, len(found), values=values_of(columns, found), more=more, last=last)

    def _shape(self, columns: Sequence[Column]) -> list[str]:
        shown = columns[:-1] if self.hidden else columns
        make = csv_lines if self.way == LINES else cells
        return [*make(shown, Style(zone=self.zone)), *([f"#{len(columns)}"] if self.hidden else [])]

    def _of_table(self, table: "pa.Table") -> Rows:
        table = table.slice(self.skip)
        more = table.num_rows > self.limit
        table = table.slice(0, self.limit)
        last = None
        if self.hidden:
            at = table.num_columns - 1
            last = table.column(at)[table.num_rows - 1].as_py() if table.num_rows else None
            table = table.select(range(at))
        named = [Named(field.name, str(field.type)) for field in table.schema]
        return Rows(named, table.num_rows, table=table, more=more, last=last)


def values_of(columns: Sequence[Column], rows: Sequence[Row]) -> list[list[Any]]:
    """Texts of cells as values for JSON, column by column.

    Decimals stay texts with every digit, as do integers beyond 2^53; NaN and infinities are None.
    """
    if not rows:
        return [[] for _ in columns]
    by_column = list(zip(*rows, strict=True))
    return [
        list(by_column[at]) if (read := _reader(column)) is None else [None if t is None else read(t) for t in texts]
        for at, (column, texts) in enumerate(zip(columns, by_column, strict=False))
    ]


def _reader(column: Column) -> Callable[[str], Any] | None:
    """What makes a column's value of its text; None where that stays as it is."""
    kind = column.kind.id
    if kind in _SMALL:
        return int
    if kind in _WHOLE:
        return _whole
    if kind in _FLOATS:
        return _number
    if kind == "boolean":
        return _boolean
    if kind in _NESTED or str(column.kind) == "JSON":
        return _raw
    return None


def _whole(written: str) -> int | str:
    value = int(written)
    return value if -_EXACT <= value <= _EXACT else written


def _number(written: str) -> float | None:
    value = float(written)
    return value if math.isfinite(value) else None


def _boolean(written: str) -> bool:
    return written == "true"


def _raw(written: str) -> msgspec.Raw:
    return msgspec.Raw(written.encode())
