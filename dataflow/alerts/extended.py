"""Rows of a table with columns of our own beside its own, as rules hold them in memory."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa

from dataflow.aggregates.parts import counts
from dataflow.pipeline.tables import Merge, TableSpec


def with_counts(spec: TableSpec, names: Iterable[str]) -> TableSpec:
    """The same with columns that count."""
    names = list(names)
    fields = [*spec.schema, *(pa.field(name, pa.int64()) for name in names)]
    merges = (*spec.merges, *(Merge((name,), counts()) for name in names))
    return replace(spec, schema=pa.schema(fields), merges=merges)


def filled(spec: TableSpec, columns: Mapping[str, Any], rows: int) -> pa.Table:
    """Rows of `spec` with these columns; in the others, what rows have that count nothing."""
    found = dict(columns)
    for merge in spec.merges:
        for name in merge.columns:
            if name not in found:
                found[name] = merge.part.empty(spec.schema.field(name).type, rows)
    return pa.Table.from_arrays([_column(found[field.name], field.type) for field in spec.schema], schema=spec.schema)


def _column(values: Any, type_: pa.DataType) -> pa.Array | pa.ChunkedArray:
    return values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values, type_)
