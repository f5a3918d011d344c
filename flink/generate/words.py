"""Names, texts and types in Flink's SQL."""

from collections.abc import Mapping

import pyarrow as pa

from dataflow.filter.engine_sql import digits_of
from dataflow.sql import backquoted as named
from dataflow.sql import text

__all__ = ["digits_of", "named", "options", "text", "type_of"]


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


def options(given: Mapping[str, str]) -> str:
    """The options of a table, one a line."""
    lines = ",\n".join(f"  {text(key)} = {text(value)}" for key, value in given.items())
    return f"WITH (\n{lines}\n)"
