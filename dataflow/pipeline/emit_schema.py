"""The columns of what leaves the lake, with their Arrow types: what a schema in a registry tells of them."""

from typing import TYPE_CHECKING

import pyarrow as pa

from dataflow.own_columns import COUNTS, WINDOW
from dataflow.pipeline.tables import ALERT_SCHEMA
from dataflow.pipeline.targets import EVERY_COMMIT

if TYPE_CHECKING:
    from dataflow.pipeline.plan import RollupPlan

CORRECTION = "correction"
"""The field of a final row that says whether the row corrects one that went out before."""

_LATE = COUNTS[-1]


def _always(name: str) -> pa.Field:
    return ALERT_SCHEMA.field(name).with_nullable(nullable=False)


ALERT_VALUES = pa.schema(
    [
        *(_always(name) for name in ("alert_id", "change", "state", "rule")),
        *(ALERT_SCHEMA.field(name) for name in ("severity", "message")),
        *(_always(name) for name in ("window_start", "window_end")),
        pa.field("quiet", pa.bool_(), nullable=False),
        *(_always(name) for name in ("key", "values")),
    ]
)
"""Of a change of an alert; `key` and `values` are JSON objects as text, since each rule has others."""


def row_values(rollup: "RollupPlan", when: str) -> pa.Schema:
    """Of a row of a rollup: keys, window, aggregates, then `correction` or, with every commit, `late_count`.

    Keys and aggregates may be null, whatever they are now: a column that comes to them later fits what was there.
    """
    told = _LATE if when == EVERY_COMMIT else pa.field(CORRECTION, pa.bool_())
    return pa.schema(
        [
            *(pa.field(key.name, key.type) for key in rollup.keys),
            *(column.with_nullable(nullable=False) for column in WINDOW),
            *(pa.field(each.name, each.kind.result(each.column_type)) for each in rollup.aggregates),
            told.with_nullable(nullable=False),
        ]
    )
