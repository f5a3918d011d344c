"""How the rows of a lake's own tables merge, from what its catalog remembers: no pipeline file needed."""

import json
from collections.abc import Mapping
from typing import Any, cast

import pyarrow as pa

from dataflow.aggregates import Aggregate, Kind, Merge, partial_columns
from dataflow.own_columns import TIMESTAMP
from dataflow.pipeline.tables import TableSpec
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.layout import TableLayout


def specs_of_lake(catalog: Catalog) -> list[TableSpec]:
    """The specs of every delta and distinct table; tables that are only appended to are left out."""
    rows = catalog.connection.execute("SELECT definition FROM own_pipeline").fetchall()
    tables = catalog.tables()
    return [spec for (text,) in rows for spec in specs_of(json.loads(text), tables)]


def specs_of(definition: Mapping[str, Any], tables: Mapping[str, TableLayout]) -> list[TableSpec]:
    """The same from a definition (see `sinks.definition`) and the tables' layouts, whose column order counts."""
    specs = []
    for name, rollup in definition.get("rollups", {}).items():
        merges: dict[str, Merge] = {"row_count": "sum", "late_count": "sum"}
        for aggregate, form in rollup["aggregates"].items():
            kind = cast(Kind, form.partition("(")[0])
            # Only names and merges are taken from here; the types are the table's.
            merges |= {column.name: column.merge for column in partial_columns(aggregate, Aggregate(kind), pa.int64())}
            side = tables.get(f"{name}_{aggregate}_distinct")
            if kind == "count_distinct" and side is not None:
                schema = _schema(side)
                specs.append(TableSpec(side.name, schema, tuple(schema.names)))
        delta = tables.get(f"{name}_delta")
        if delta is not None:
            schema = _schema(delta)
            keys = tuple(column for column in schema.names if column not in merges)
            ordered = tuple((column, merges[column]) for column in schema.names if column in merges)
            specs.append(TableSpec(delta.name, schema, keys, ordered, rollup["window"].startswith("session")))
    return specs


def _schema(table: TableLayout) -> pa.Schema:
    return pa.schema(
        [
            pa.field(column.name, TIMESTAMP if pa.types.is_timestamp(column.arrow) else column.arrow)
            for column in table.columns
        ]
    )
