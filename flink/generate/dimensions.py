"""Dimensions as text in the statement: a function finds a key's row in it, so that nothing is kept and no row waits."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pyarrow as pa

from dataflow.pipeline.plan import DimensionPlan
from flink.contract.dimension import columns_text, row_texts
from flink.generate.words import named, text

FUNCTION = "dimension_row"

MAX_BYTES = 2**20
"""How much text of a dimension a statement may hold: it travels with the plan, to every part of the job."""


@dataclass(frozen=True, slots=True)
class Inline:
    """One dimension whose rows are part of the statement."""

    plan: DimensionPlan
    key_type: pa.DataType

    @property
    def key(self) -> str:
        """The event's column by which it is joined."""
        return self.plan.dimension.key

    @property
    def name(self) -> str:
        """What the column of its rows, or of unknown keys, is called."""
        return named(f"_of_{self.plan.dimension.name}")

    def wanted(self, names: Collection[str]) -> list[str]:
        """Which of these columns it adds, in its order."""
        return [name for name in self.plan.columns.schema.names if name in names]

    def unknown(self, key: str) -> str:
        """Whether the dimension has no row of this key."""
        return f"{self.row(key, [])} IS NULL"

    def row(self, key: str, names: Sequence[str]) -> str:
        """Its row of this key, with these columns; null where there is none."""
        columns = self.plan.columns.select(names)
        head = columns_text(pa.field(self.key, self.key_type), columns.schema)
        rows = [text(each) for each in row_texts(self.plan.keys, columns)]
        return f"{FUNCTION}({', '.join([text(head), key, *rows])})"


def unfit(plan: DimensionPlan) -> str | None:
    """Why the dimension cannot stand in a statement; None = it can."""
    size = sum(len(each.encode()) for each in row_texts(plan.keys, plan.columns))
    if size <= MAX_BYTES:
        return None
    return (
        f"its {len(plan.keys)} rows stand in the statement, which may hold {MAX_BYTES} bytes of them, not {size}; keep"
        " fewer rows, name fewer columns, or leave out the rollups that need it with --rollup"
    )
