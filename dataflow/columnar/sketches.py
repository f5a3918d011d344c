"""Sketches as plain columns: k-minimum-values lists for distinct counts, log histograms for quantiles."""

from math import log
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dataflow.aggregates.accuracy import BUCKET_SHIFT, KMV_K, MAX_BUCKET, QUANTILE_GAMMA
from dataflow.columnar.groups import order_by_group
from dataflow.columnar.types import Int32s, Int64s, Positions

_LARGE_GROUP = 24


def kmv_lists(groups: Positions, hashes: Int64s, count: int, *, in_runs: bool = False) -> pa.Array:
    """list<int64> per group 0..count-1: its KMV_K smallest distinct hashes, ascending. Never null, maybe empty.

    Built from the rows' hashes, or merged from the hashes of several lists: the same thing. `in_runs`: the hashes come
    in ascending runs (lists), which sort faster; says nothing about the result.
    """
    of, value = _sorted_by_group(groups, hashes, count, "stable" if in_runs else "quicksort")
    if len(of):
        new = np.empty(len(of), np.bool_)
        new[0] = True
        np.not_equal(value[1:], value[:-1], out=new[1:])
        new[1:] |= of[1:] != of[:-1]
        if not new.all():
            of, value = of[new], value[new]
    lengths = np.bincount(of, minlength=count)
    if lengths.max(initial=0) > KMV_K:
        rank = np.arange(len(of)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        kept = rank < KMV_K
        value, lengths = value[kept], np.minimum(lengths, KMV_K)
    return _lists(lengths, pa.array(value))


def bucket_codes(values: npt.NDArray[np.float64]) -> Int32s:
    """Histogram bucket code of each number, as `dataflow.aggregates.accuracy.BUCKET_SHIFT` says."""
    magnitude = np.abs(values)
    with np.errstate(divide="ignore"):
        index = np.ceil(np.log(magnitude) / log(QUANTILE_GAMMA))
    index = np.nan_to_num(np.clip(index, -MAX_BUCKET, MAX_BUCKET), nan=MAX_BUCKET)
    codes = index.astype(np.int32) + BUCKET_SHIFT
    return np.asarray(np.where(values == 0, 0, np.where(values < 0, -codes, codes)), np.int32)


def histogram_lists(groups: Positions, buckets: Int32s, counts: Int64s | None, count: int) -> tuple[pa.Array, pa.Array]:
    """list<int32> of bucket codes, ascending, and list<int64> of their counts, per group. Never null, maybe empty.

    `counts` weighs the entries (None = 1 each), so that merging histograms is building one from their entries.
    """
    order = _by_group_and(buckets.astype(np.int64), groups, count)
    of, bucket = groups[order], buckets[order]
    weights = np.ones(len(order), np.int64) if counts is None else counts[order]
    if len(order):
        starts = np.flatnonzero(np.concatenate(([True], (of[1:] != of[:-1]) | (bucket[1:] != bucket[:-1]))))
        of, bucket, weights = of[starts], bucket[starts], np.add.reduceat(weights, starts)
    lengths = np.bincount(of, minlength=count)
    return _lists(lengths, pa.array(bucket, pa.int32())), _lists(lengths, pa.array(weights))


def entries(lists: pa.Array) -> tuple[Positions, pa.Array]:
    """The values of a list column in a row, and the row each one is from; a null list has none."""
    assert isinstance(lists, pa.ListArray)
    lengths = np.asarray(lists.value_lengths().fill_null(0)).astype(np.intp)
    return np.repeat(np.arange(len(lists), dtype=np.intp), lengths), lists.flatten()


def _sorted_by_group(
    groups: Positions, values: Int64s, count: int, kind: Literal["quicksort", "stable"]
) -> tuple[Positions, Int64s]:
    """Groups and values, by group, then value."""
    if len(values) < _LARGE_GROUP * count:
        order = _by_group_and(values, groups, count)
        return groups[order], values[order]
    if count == 1:
        return groups, np.sort(values, kind=kind)
    order = order_by_group(groups, count)
    of, value = groups[order], values[order]
    start = 0
    # Few and large groups: sorting each apart is cheaper than ordering all rows.
    for end in np.cumsum(np.bincount(of, minlength=count)).tolist():
        value[start:end].sort(kind=kind)
        start = end
    return of, value


def _by_group_and(values: Int64s, groups: Positions, count: int) -> Positions:
    """Row order by group, then value."""
    order = np.argsort(values)
    if count <= 1:
        return order
    return order[order_by_group(groups[order], count)]


def _lists(lengths: npt.NDArray[np.intp], values: pa.Array) -> pa.Array:
    offsets = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    return pa.ListArray.from_arrays(pa.array(offsets), values)
