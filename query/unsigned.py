"""DuckDB's largest unsigned integers as Arrow: its export reads them as signed, so that those above 2^127 turn."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa

_TYPE = pa.decimal256(39, 0)
_WRAP = 2**128


def exact_table(relation: duckdb.DuckDBPyRelation) -> pa.Table:
    """The relation's rows; UHUGEINT as decimal256(39, 0), also inside of lists, maps and structs."""
    types = relation.types
    return exact(relation.to_arrow_table(), types)


def exact(table: pa.Table, types: Sequence[Any]) -> pa.Table:
    """Rows that DuckDB has exported, `types` being its own of their columns, as `exact_table` gives them."""
    for at, kind in enumerate(types):
        if "UHUGEINT" in str(kind):
            name, column = table.column_names[at], table.column(at)
            exact = _exact_type(kind, column.type)
            table = table.set_column(at, name, pa.array(map(_of(kind), column.to_pylist()), exact))
    return table


def _exact_type(kind: Any, arrow: pa.DataType) -> pa.DataType:
    match kind.id:
        case "uhugeint":
            return _TYPE
        case "list":
            assert pa.types.is_list(arrow)
            return pa.list_(_exact_type(kind.children[0][1], arrow.value_type))
        case "array":
            assert pa.types.is_fixed_size_list(arrow)
            return pa.list_(_exact_type(kind.children[0][1], arrow.value_type), arrow.list_size)
        case "struct":
            assert pa.types.is_struct(arrow)
            fields = zip(kind.children, arrow, strict=True)
            return pa.struct([field.with_type(_exact_type(child, field.type)) for (_, child), field in fields])
        case "map":
            assert pa.types.is_map(arrow)
            (_, key), (_, value) = kind.children
            return pa.map_(_exact_type(key, arrow.key_type), _exact_type(value, arrow.item_type))
    return arrow


def _of(kind: Any) -> Any:
    """What makes a value of type `kind`, as Arrow shows it, the one that DuckDB has."""
    match kind.id:
        case "uhugeint":
            # by way of int, since decimals add up to 28 digits only
            return lambda value: value if value is None or value >= 0 else Decimal(int(value) + _WRAP)
        case "list" | "array":
            of_item = _of(kind.children[0][1])
            return lambda value: None if value is None else [of_item(item) for item in value]
        case "struct":
            of_field = {name: _of(child) for name, child in kind.children}
            return lambda value: None if value is None else {name: of_field[name](item) for name, item in value.items()}
        case "map":
            (_, key), (_, item) = kind.children
            of_key, of_item = _of(key), _of(item)
            return lambda value: None if value is None else [(of_key(left), of_item(right)) for left, right in value]
    return lambda value: value
