"""Filters in three-valued logic"""

from pydantic import BaseModel

from dataflow import EventTime, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.windows import tumble


class Event(BaseModel):
    """One line of the input."""

    t: EventTime
    x: int | None = None
    s: str | None = None


pipeline = Pipeline(
    name="where_nulls",
    event=Event,
    rollups=[
        Rollup("equal", keys=[], window=tumble("100ms"), where="x = 1", aggregates={"n": agg.count()}),
        Rollup("unequal", keys=[], window=tumble("100ms"), where="x <> 1", aggregates={"n": agg.count()}),
        Rollup("negated", keys=[], window=tumble("100ms"), where="NOT (x = 1)", aggregates={"n": agg.count()}),
        Rollup("either", keys=[], window=tumble("100ms"), where="x = 1 OR s = 'a'", aggregates={"n": agg.count()}),
        Rollup("not_in", keys=[], window=tumble("100ms"), where="x NOT IN (1, 2)", aggregates={"n": agg.count()}),
        Rollup(
            "between_or_null",
            keys=[],
            window=tumble("100ms"),
            where="x BETWEEN 1 AND 2 OR x IS NULL",
            aggregates={"n": agg.count()},
        ),
        Rollup(
            "liked",
            keys=[],
            window=tumble("100ms"),
            where="s LIKE 'a_%' AND NOT s LIKE '%z'",
            aggregates={"n": agg.count()},
        ),
        Rollup(
            "inner",
            keys=[],
            window=tumble("100ms"),
            aggregates={"ones": agg.count(where="x = 1"), "others": agg.sum("x", where="x + 1 > 2")},
        ),
    ],
)
