"""Aggregates over the rows of one key and window, straight from the list of rows (semantics rule 9)."""

import math
from datetime import date
from decimal import Decimal, localcontext
from typing import Any

from tests.model.expression import as_double, is_true, parse
from tests.model.hashing import kmv_hash
from tests.model.spec import AggregateSpec

KMV_K = 1024
GAMMA = (1 + 0.01) / (1 - 0.01)
"""Bucket b of the log histogram holds (GAMMA^(b-1), GAMMA^b]: 1 % relative error."""


def aggregate(spec: AggregateSpec, rows: list[dict[str, Any]]) -> Any:
    """The aggregate's value; None where SQL gives NULL."""
    where = parse(spec.where) if spec.where is not None else None
    taken = [row for row in rows if is_true(where, row)]
    if spec.kind == "count" and spec.column is None:
        return len(taken)
    assert spec.column is not None
    values = [row[spec.column] for row in taken if row[spec.column] is not None]
    if spec.kind == "count":
        return len(values)
    if spec.kind == "count_distinct":
        return len(set(values))
    if spec.kind == "approx_count_distinct":
        return _kmv(values)
    if not values:
        return None
    if spec.kind == "sum":
        return exact_sum(values)
    if spec.kind == "min":
        return min(values)
    if spec.kind == "max":
        return max(values)
    if spec.kind == "avg":
        return float(exact_sum(values)) / len(values)
    assert spec.kind == "approx_quantile"
    assert spec.q is not None
    return _quantile([as_double(value) for value in values], spec.q)


def exact_sum(values: list[Any]) -> Any:
    """Sum without rounding; of doubles the correctly rounded one."""
    if isinstance(values[0], float):
        return math.fsum(values)
    with localcontext() as context:
        context.prec = 100
        return sum(values[1:], start=values[0])


def _kmv(values: list[Any]) -> int:
    hashes = sorted({kmv_hash(value) for value in values})
    if len(hashes) < KMV_K:
        return len(hashes)
    return round((KMV_K - 1) / (hashes[KMV_K - 1] / 2**63))


def _quantile(values: list[float], q: float) -> float:
    """Middle of the first bucket, from the smallest value on, that makes at least q of the rows (at least one row)."""
    counts: dict[float, int] = {}
    for value in values:
        middle = bucket_middle(value)
        counts[middle] = counts.get(middle, 0) + 1
    needed = max(1, math.ceil(q * len(values)))
    seen = 0
    for middle in sorted(counts):
        seen += counts[middle]
        if seen >= needed:
            return middle
    raise AssertionError("all rows are in some bucket")


def bucket_middle(value: float) -> float:
    """What the histogram remembers of a value."""
    if value == 0:
        return 0.0
    bucket = math.ceil(math.log(abs(value)) / math.log(GAMMA))
    bucket = max(-20_000, min(20_000, bucket))
    return math.copysign(2 * GAMMA**bucket / (GAMMA + 1), value)


def sort_key(value: Any) -> tuple[int, Any]:
    """Order of a column's values: NULL first, text by its UTF-8 bytes."""
    if value is None:
        return (0, 0)
    if isinstance(value, str):
        return (1, value.encode("utf-8"))
    if isinstance(value, date):
        return (1, value.toordinal())
    if isinstance(value, bool | int | float | Decimal):
        return (1, value)
    raise TypeError(f"no order for {type(value).__name__}")
