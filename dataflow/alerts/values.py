"""The values of aggregates, told of merged rows without a query: what a rollup's view shows of the same rows."""

import numpy as np
import pyarrow as pa

from dataflow.aggregates.accuracy import KMV_K
from dataflow.columnar.numbers import from_arrow, to_double
from dataflow.columnar.sketches import entries
from dataflow.pipeline.alert_plan import AlertPlan
from dataflow.pipeline.plan import AggregatePlan

_HASHES = float(2**63)


def values_of(rule: AlertPlan, rows: pa.Table) -> dict[str, pa.Array]:
    """Keys and told aggregates by name, of rows with the delta columns of the rule's rollup.

    An exact distinct count stands in a column of its name.
    """
    found = {key.name: _whole(rows, key.name) for key in rule.rollup.keys}
    for each in rule.judged:
        found[each.name] = value_of(each, rows)
    return found


def value_of(aggregate: AggregatePlan, rows: pa.Table) -> pa.Array:
    """One aggregate's value per row, of the type that its kind gives."""
    if aggregate.keeps_values:
        return _whole(rows, aggregate.name)
    columns = [_whole(rows, column.name) for column in aggregate.columns]
    if len(columns) == 2:
        return _mean(*columns)
    if pa.types.is_list(columns[0].type):
        return _estimate(columns[0])
    return columns[0]


def _mean(total: pa.Array, count: pa.Array) -> pa.Array:
    """The nearest double of the exact sum, over the count; null where nothing was counted."""
    counts = count.to_numpy()
    if pa.types.is_decimal(total.type):
        # by way of text, as the view does it: the nearest double, whatever the number of digits
        exact = from_arrow(total)
        if exact.values.dtype == object or abs(exact.values).max(initial=0) > 2**53:
            doubles = total.cast(pa.string()).cast(pa.float64()).fill_null(0.0).to_numpy(zero_copy_only=False)
        else:
            doubles = to_double(exact).values
    else:
        doubles = total.fill_null(0.0).to_numpy(zero_copy_only=False)
    there = counts > 0
    return pa.array(np.divide(doubles, counts, where=there, out=np.zeros(len(counts))), mask=~there)


def _estimate(sketches: pa.Array) -> pa.Array:
    """The number of distinct values of each sketch: exact below k."""
    of, hashes = entries(sketches)
    found = np.bincount(of, minlength=len(sketches)).astype(np.int64)
    full = np.flatnonzero(found >= KMV_K)
    largest = hashes.to_numpy()[np.cumsum(found)[full] - found[full] + KMV_K - 1]
    found[full] = np.rint((KMV_K - 1) / (largest / _HASHES)).astype(np.int64)
    return pa.array(found)


def _whole(rows: pa.Table, name: str) -> pa.Array:
    return rows.column(name).combine_chunks()
