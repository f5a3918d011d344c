"""A checked pipeline, resolved against its event schema: what every later part works from."""

from dataclasses import dataclass

import pyarrow as pa
from dataflow.expression import Expression

from dataflow.aggregates import Aggregate, PartialColumn
from dataflow.event import EventSchema
from dataflow.pipeline import Dimension, Pipeline
from dataflow.windows import Window


@dataclass(frozen=True, slots=True)
class AggregatePlan:
    """One aggregate, checked: its input type, its delta columns, its own filter."""

    name: str
    aggregate: Aggregate
    column_type: pa.DataType | None
    where: Expression | None
    columns: tuple[PartialColumn, ...]


@dataclass(frozen=True, slots=True)
class RollupPlan:
    """One rollup, checked. `keys` with their Arrow types; `where` parsed; lateness in ms."""

    name: str
    keys: tuple[pa.Field, ...]
    window: Window
    where: Expression | None
    aggregates: tuple[AggregatePlan, ...]
    allowed_lateness_ms: int

    @property
    def delta_table(self) -> str:
        """Name of the table that holds the delta rows."""
        return f"{self.name}_delta"

    def distinct_table(self, aggregate: str) -> str:
        """Name of the side table of an exact distinct count: keys, window_start, window_end, value."""
        return f"{self.name}_{aggregate}_distinct"


@dataclass(frozen=True, slots=True)
class DimensionPlan:
    """One dimension, read: `keys` unique strings (or ints), `columns` in the same order."""

    dimension: Dimension
    keys: pa.Array
    columns: pa.RecordBatch


@dataclass(frozen=True, slots=True)
class Plan:
    """A checked pipeline. `row_schema`: event columns, then dimension columns, as rollups see them."""

    pipeline: Pipeline
    name: str
    event: EventSchema
    dimensions: tuple[DimensionPlan, ...]
    row_schema: pa.Schema
    rollups: tuple[RollupPlan, ...]
    out_of_orderness_ms: int
    idle_timeout_ms: int
    max_future_ms: int | None
    dedup_column: str | None
    dedup_within_ms: int
    max_record_bytes: int | None
    fingerprint: str
