"""Names, texts and types in Flink's SQL."""

from collections.abc import Iterable, Mapping

import pyarrow as pa

from dataflow.filter.flink import INT_DIGITS, Decimals
from dataflow.sql import text

__all__ = ["digits_of", "named", "options", "text", "type_of"]


def named(name: str) -> str:
    """A name."""
    return "`" + name.replace("`", "``") + "`"


def type_of(type_: pa.DataType) -> str:
    """The type of a column: event times, as all times, are BIGINT ms."""
    if pa.types.is_decimal(type_):
        return f"DECIMAL({type_.precision}, {type_.scale})"
    return {
        pa.string(): "STRING",
        pa.int32(): "INT",
        pa.int64(): "BIGINT",
        pa.float64(): "DOUBLE",
        pa.bool_(): "BOOLEAN",
        pa.date32(): "DATE",
        pa.binary(): "BYTES",
    }[type_]


def digits_of(columns: Iterable[pa.Field]) -> dict[str, Decimals]:
    """Of the exact ones among the columns, how many digits they have."""
    found = {}
    for column in columns:
        if pa.types.is_decimal(column.type):
            found[column.name] = Decimals(column.type.precision, column.type.scale)
        elif pa.types.is_integer(column.type):
            found[column.name] = Decimals(INT_DIGITS, 0)
    return found


def options(given: Mapping[str, str]) -> str:
    """The options of a table, one a line."""
    lines = ",\n".join(f"  {text(key)} = {text(value)}" for key, value in given.items())
    return f"WITH (\n{lines}\n)"
