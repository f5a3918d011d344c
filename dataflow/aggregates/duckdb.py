"""How an aggregate's value comes out of a rollup's delta rows, in DuckDB's SQL."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from dataflow.aggregates.accuracy import BUCKET_SHIFT, KMV_K, QUANTILE_GAMMA

_GAMMA = repr(QUANTILE_GAMMA)


@dataclass(frozen=True, slots=True)
class Source:
    """Where an aggregate's delta rows stand in a view. Names are quoted.

    `group`: the columns that make a (key, window); `delta`: a relation of delta rows with these columns; `values`:
    one of the side table's distinct values, column `value`, with these columns; `columns`: the aggregate's delta
    columns; `is_double`: the first of them is a DOUBLE; `q`: a quantile's.
    """

    group: Sequence[str]
    delta: str
    values: str
    columns: Sequence[str]
    is_double: bool = False
    q: float | None = None


@dataclass(frozen=True, slots=True)
class ViewSql:
    """The pieces of SQL that give an aggregate's value per (key, window).

    Either `merged` is an expression over a group of delta rows, from which `shown` makes the value (given the name
    of the merged column), or `side` is a SELECT of the group's columns and `_result`; `absent` is the value of a
    group that it leaves out.
    """

    merged: Callable[[Source], str] | None = None
    shown: Callable[[str], str] = field(default=lambda name: name)
    side: Callable[[Source], str] | None = None
    absent: str | None = None


def merged(sql: Callable[[str], str]) -> ViewSql:
    """A value that one expression over the first delta column gives."""
    return ViewSql(merged=lambda source: sql(source.columns[0]))


def _avg(source: Source) -> str:
    total = f"sum({source.columns[0]})"
    if not source.is_double:
        # by way of text the double is the nearest one to the exact sum
        total = f"CAST(CAST({total} AS VARCHAR) AS DOUBLE)"
    return f"{total} / nullif(sum({source.columns[1]}), 0)"


def _united(source: Source) -> str:
    """All hashes of a group's sketches; more than k of them do no harm."""
    name = source.columns[0]
    return f"list_sort(list_distinct(flatten(list({name}) FILTER ({name} IS NOT NULL))))"


def _estimated(name: str) -> str:
    """The number of distinct values: exact below k, else (k - 1) / (the k-th smallest hash as a share of all)."""
    size = f"coalesce(len({name}), 0)"
    estimate = f"round_even({KMV_K - 1} / ({name}[{KMV_K}] / 9223372036854775808.0::DOUBLE), 0)"
    return f"CASE WHEN {size} < {KMV_K} THEN {size} ELSE CAST({estimate} AS BIGINT) END"


def _distinct(source: Source) -> str:
    columns = ", ".join(source.group)
    return f"SELECT {columns}, count(DISTINCT value) AS _result FROM {source.values} GROUP BY {columns}"


def _quantile(source: Source) -> str:
    """The middle of the bucket that holds rank ceil(q n)."""
    buckets, counts = source.columns
    columns = ", ".join(source.group)
    over = f"PARTITION BY {columns}" if source.group else ""
    # codes have the order and the sign of the values they stand for (accuracy.BUCKET_SHIFT)
    value = f"sign(_code) * 2 * pow({_GAMMA}::DOUBLE, abs(_code) - {BUCKET_SHIFT}) / ({_GAMMA}::DOUBLE + 1)"
    return (
        f"SELECT {columns}, {value} AS _result FROM (SELECT {columns}, min(_code) FILTER"
        f" (_upto >= greatest(1, ceil({source.q!r}::DOUBLE * _total))) AS _code FROM (SELECT {columns}, _code,"
        f" sum(_n) OVER ({over} ORDER BY _code) AS _upto, sum(_n) OVER ({over}) AS _total FROM"
        f" (SELECT {columns}, _code, sum(_n) AS _n FROM (SELECT {columns}, unnest({buckets}) AS _code,"
        f" unnest({counts}) AS _n FROM {source.delta}) AS pairs"
        f" GROUP BY {columns}, _code) AS buckets) AS ranked GROUP BY {columns}) AS chosen"
    )


AVG = ViewSql(merged=_avg)
APPROX_COUNT_DISTINCT = ViewSql(merged=_united, shown=_estimated)
COUNT_DISTINCT = ViewSql(side=_distinct, absent="0")
APPROX_QUANTILE = ViewSql(side=_quantile)
