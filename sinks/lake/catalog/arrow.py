"""Arrow's types of a lake's columns and back; apart from the names, so that a lake is read without Arrow."""

import pyarrow as pa

from dataflow.errors import LakeError
from sinks.lake.catalog.layout import Column
from sinks.lake.catalog.types import decimal_of

_FIXED: dict[str, pa.DataType] = {
    "varchar": pa.string(),
    "int64": pa.int64(),
    "int32": pa.int32(),
    "float64": pa.float64(),
    "timestamp": pa.timestamp("us"),
    "date": pa.date32(),
    "boolean": pa.bool_(),
    "blob": pa.binary(),
}


def lake_type(arrow: pa.DataType) -> str:
    """DuckLake's name of an Arrow type; a list is "list" (its element is a column of its own).

    Raises LakeError for a type that no lake table uses.
    """
    if pa.types.is_timestamp(arrow) and arrow.tz is None:
        return "timestamp"
    if pa.types.is_decimal128(arrow):
        return f"decimal({arrow.precision},{arrow.scale})"
    if pa.types.is_list(arrow) and not pa.types.is_nested(arrow.value_type):
        return "list"
    for name, fixed in _FIXED.items():
        if arrow.equals(fixed):
            return name
    raise LakeError(
        f"a lake column cannot have the Arrow type {arrow}; use one of {', '.join(_FIXED)}, decimal or list"
    )


def arrow_type(name: str) -> pa.DataType:
    """Arrow type of DuckLake's scalar type `name` (timestamps in us). Raises LakeError for others."""
    decimal = decimal_of(name)
    if decimal is not None:
        return pa.decimal128(*decimal)
    if name not in _FIXED:
        raise LakeError(f"the lake has a column of type {name}, which Tidemill does not write; drop it with DuckLake")
    return _FIXED[name]


def column_type(column: Column) -> pa.DataType:
    """A column's Arrow type (timestamps in us). Raises LakeError for one that Tidemill does not write."""
    return arrow_type(column.type) if column.element is None else pa.list_(arrow_type(column.element))
