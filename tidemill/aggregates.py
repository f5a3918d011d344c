"""Aggregates of a rollup: `from tidemill import aggregates as agg`."""

from dataflow.aggregates import (
    Aggregate,
    approx_count_distinct,
    approx_quantile,
    avg,
    count,
    count_distinct,
    max,
    min,
    sum,
)

__all__ = [
    "Aggregate",
    "approx_count_distinct",
    "approx_quantile",
    "avg",
    "count",
    "count_distinct",
    "max",
    "min",
    "sum",
]
