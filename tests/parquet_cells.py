"""Cells of an Arrow table as the model reads them: plain values, read one by one."""

from typing import Any

import pyarrow as pa

from tests.model.parquet import Cell

arrow: Any = pa
"""What its types lack."""

PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def rows_of(table: pa.Table) -> list[dict[str, Cell]]:
    """Each row by the names of its columns."""
    names = table.schema.names
    return [{name: cell_of(table.column(name)[at]) for name in names} for at in range(table.num_rows)]


def many_of(scalar: Any) -> Cell:
    """A list or a map with all that is in it."""
    if pa.types.is_map(scalar.type):
        return Cell("map", {str(pair[0].as_py()): cell_of(pair[1]) for pair in scalar.values})
    return Cell("list", [cell_of(inner) for inner in scalar.values])


def cell_of(scalar: Any) -> Cell:
    """One value with what its type says of it."""
    if isinstance(scalar, arrow.DictionaryScalar):
        scalar = scalar.value
    if scalar is None or not scalar.is_valid:
        return Cell("null")
    type_ = scalar.type
    if isinstance(scalar, arrow.StringScalar | arrow.LargeStringScalar | arrow.BinaryScalar):
        return Cell("bytes", scalar.as_buffer().to_pybytes())
    if pa.types.is_struct(type_):
        return Cell("struct", {type_.field(at).name: cell_of(scalar[at]) for at in range(type_.num_fields)})
    if isinstance(scalar, arrow.ListScalar):
        return many_of(scalar)
    if pa.types.is_decimal(type_):
        return Cell("decimal", scalar.as_py(), type_.scale)
    if pa.types.is_date(type_):
        return Cell("days", scalar.value if type_ == pa.date32() else scalar.value // 86_400_000)
    if pa.types.is_timestamp(type_):
        return Cell("ticks", scalar.value, PER_SECOND[type_.unit])
    if isinstance(scalar, arrow.ExtensionScalar):
        return Cell("uuid", scalar.value.as_py())
    for is_it, sort in ((pa.types.is_boolean, "bool"), (pa.types.is_integer, "int"), (pa.types.is_floating, "double")):
        if is_it(type_):
            return Cell(sort, scalar.as_py())
    return Cell("other")
