"""How the rows of a lake's own tables merge, from what its catalog remembers: no pipeline file needed."""

from collections.abc import Mapping

import pyarrow as pa

from dataflow.own_columns import TIMESTAMP
from dataflow.pipeline.tables import ROW_COUNTS, TableSpec, merges_of
from sinks.lake.catalog.arrow import column_type
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.layout import TableLayout
from sinks.lake.tables.definition import Definition, read_definition


def specs_of_lake(catalog: Catalog) -> list[TableSpec]:
    """The specs of every delta and distinct table; tables that are only appended to are left out."""
    rows = catalog.connection.execute("SELECT definition FROM own_pipeline").fetchall()
    tables = catalog.tables()
    known = [read_definition(text) for (text,) in rows]
    return [spec for definition in known if definition is not None for spec in specs_of(definition, tables)]


def specs_of(definition: Definition, tables: Mapping[str, TableLayout]) -> list[TableSpec]:
    """The same from a definition and the tables' layouts, whose column order counts."""
    specs = []
    for rollup in definition.rollups:
        merges = list(ROW_COUNTS)
        for aggregate in rollup.aggregates:
            # Only names and merges are taken from here; the types are the table's.
            merges += merges_of(aggregate.name, aggregate.known)
            side = tables.get(f"{rollup.name}_{aggregate.name}_distinct") if aggregate.known.keeps_values else None
            if side is not None:
                schema = _schema(side)
                specs.append(TableSpec(side.name, schema, tuple(schema.names)))
        delta = tables.get(f"{rollup.name}_delta")
        if delta is not None:
            schema = _schema(delta)
            merged = {column for merge in merges for column in merge.columns}
            keys = tuple(column for column in schema.names if column not in merged)
            ordered = tuple(sorted(merges, key=lambda merge: schema.get_field_index(merge.columns[0])))
            specs.append(TableSpec(delta.name, schema, keys, ordered, rollup.merges_windows))
    return specs


def _schema(table: TableLayout) -> pa.Schema:
    types = {column.name: column_type(column) for column in table.columns}
    return pa.schema(
        [pa.field(name, TIMESTAMP if pa.types.is_timestamp(kind) else kind) for name, kind in types.items()]
    )
