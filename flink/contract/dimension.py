r"""A dimension as the texts in which the Java function `dimension_row` finds the row of a key.

The first text is its columns, the key first, each as kind, blank, name; the others are its rows. Columns, and values
of a row, are parted by `|`, rows by `~`; `\N` is null. `\p` stands for `|`, `\q` for `~`, `\s` for `;`, `\n` and `\r`
for ends of lines, two backslashes for one: a text is one line and ends no statement. There are several because a Java
class holds no longer literal.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal

import pyarrow as pa

from dataflow.aggregates.parts import MONEY

FUNCTION_CLASS = "tidemill.contract.DimensionRow"
"""What CREATE FUNCTION names."""

TEXT_BYTES = 20_000
"""About how long a text may be."""

_KINDS = {
    pa.string(): "str",
    pa.int64(): "int",
    pa.bool_(): "bool",
    pa.float64(): "float",
    MONEY: "money",
    pa.date32(): "date",
}

_ESCAPED = str.maketrans({"\\": "\\\\", "|": "\\p", "~": "\\q", ";": "\\s", "\n": "\\n", "\r": "\\r"})


def columns_text(key: pa.Field, columns: pa.Schema) -> str:
    """The first text."""
    return "|".join(f"{_KINDS[each.type]} {each.name.translate(_ESCAPED)}" for each in (key, *columns))


def row_texts(keys: pa.Array, columns: pa.RecordBatch) -> Iterator[str]:
    """The others: none where there is no row."""
    lines: list[str] = []
    size = 0
    for row in zip(keys.to_pylist(), *(column.to_pylist() for column in columns.columns), strict=True):
        line = _line(row)
        if lines and size + len(line.encode()) > TEXT_BYTES:
            yield "~".join(lines)
            lines, size = [], 0
        lines.append(line)
        size += len(line.encode()) + 1
    if lines:
        yield "~".join(lines)


def _line(row: Sequence[object]) -> str:
    return "|".join(map(_value, row))


def _value(value: object) -> str:
    match value:
        case None:
            return "\\N"
        case bool():
            return "true" if value else "false"
        case date():
            return value.isoformat()
        case Decimal():
            return f"{value:f}"
    return str(value).translate(_ESCAPED)
