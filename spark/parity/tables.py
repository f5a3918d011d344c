"""What a Spark job has written, in the columns that are compared."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dataflow.pipeline.names import DEAD_LETTERS, LATE_EVENTS
from dataflow.pipeline.plan import Plan
from proof.parity.layout import Tables, layouts
from spark.generate.generated import Generated


def written_tables(plan: Plan, generated: Generated, out: Path) -> Tables:
    """Every table that the job writes below `out`, in the columns of its layout."""
    known = layouts(plan)
    found: dict[str, pa.Table] = {}
    for name in generated.tables:
        rows = pq.read_table(out / name)
        if name in (LATE_EVENTS, DEAD_LETTERS):
            # Spark knows a partition by topic and number
            places = zip(rows.column("topic").to_pylist(), rows.column("partition").to_pylist(), strict=True)
            place = pa.array([f"{topic}/{number}" for topic, number in places], pa.string())
            rows = rows.set_column(rows.schema.get_field_index("partition"), "partition", place)
        schema = known[name].schema
        found[name] = rows.select(schema.names).cast(schema)
    return found
