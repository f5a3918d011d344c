"""Each aggregate's SQL, run by DuckDB over delta rows made by hand."""

import math
from collections.abc import Iterator

import duckdb
import numpy as np
import pytest

from dataflow.aggregates.accuracy import BUCKET_SHIFT, KMV_K, QUANTILE_ERROR
from dataflow.aggregates.duckdb import (
    APPROX_COUNT_DISTINCT,
    APPROX_QUANTILE,
    AVG,
    COUNT_DISTINCT,
    Source,
    ViewSql,
    merged,
)
from dataflow.columnar.sketches import bucket_codes


@pytest.fixture
def duck() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def source(*columns: str, **more: object) -> Source:
    return Source(["k"], "delta", "vals", columns, **more)  # type: ignore[arg-type]


def grouped(duck: duckdb.DuckDBPyConnection, sql: ViewSql, given: Source) -> dict[str, object]:
    assert sql.merged is not None
    inner = f"SELECT k, {sql.merged(given)} AS _m FROM delta GROUP BY k"
    return dict(duck.execute(f"SELECT k, {sql.shown('_m')} FROM ({inner})").fetchall())


def beside(duck: duckdb.DuckDBPyConnection, sql: ViewSql, given: Source) -> dict[str, object]:
    assert sql.side is not None
    return dict(duck.execute(f"SELECT k, _result FROM ({sql.side(given)})").fetchall())


def test_a_plain_value_is_one_expression_over_the_first_column(duck: duckdb.DuckDBPyConnection) -> None:
    duck.execute("CREATE TABLE delta AS FROM (VALUES ('a', 1), ('a', 2), ('b', 5)) t(k, n)")
    assert grouped(duck, merged(lambda name: f"sum({name})"), source("n")) == {"a": 3, "b": 5}


def test_an_average_is_the_double_nearest_to_the_exact_sum(duck: duckdb.DuckDBPyConnection) -> None:
    duck.execute(
        "CREATE TABLE delta AS SELECT * FROM (VALUES ('a', 9007199254740993::DECIMAL(38, 0), 1::BIGINT),"
        " ('a', 2::DECIMAL(38, 0), 0::BIGINT), ('b', NULL, 0::BIGINT)) t(k, s, n)"
    )
    assert grouped(duck, AVG, source("s", "n")) == {"a": float(9007199254740995), "b": None}


def test_an_average_of_doubles_is_their_sum_through_their_count(duck: duckdb.DuckDBPyConnection) -> None:
    duck.execute("CREATE TABLE delta AS FROM (VALUES ('a', 1.5::DOUBLE, 2), ('a', 1.5::DOUBLE, 1)) t(k, s, n)")
    assert grouped(duck, AVG, source("s", "n", is_double=True)) == {"a": 1.0}


def test_sketches_count_each_hash_once_and_are_exact_below_k(duck: duckdb.DuckDBPyConnection) -> None:
    duck.execute("CREATE TABLE delta (k VARCHAR, h BIGINT[])")
    duck.executemany("INSERT INTO delta VALUES (?, ?)", [("a", [1, 2]), ("a", [2, 3]), ("b", []), ("c", None)])
    assert grouped(duck, APPROX_COUNT_DISTINCT, source("h")) == {"a": 3, "b": 0, "c": 0}


def test_a_full_sketch_is_an_estimate_by_its_kth_hash(duck: duckdb.DuckDBPyConnection) -> None:
    duck.execute("CREATE TABLE delta (k VARCHAR, h BIGINT[])")
    step = 2**63 // 10_000
    duck.execute("INSERT INTO delta VALUES ('a', ?)", [[step * at for at in range(1, KMV_K + 1)]])
    found = grouped(duck, APPROX_COUNT_DISTINCT, source("h"))["a"]
    assert found == round((KMV_K - 1) / (step * KMV_K / 2**63))


def test_distinct_values_of_the_side_table_are_counted_per_group(duck: duckdb.DuckDBPyConnection) -> None:
    duck.execute("CREATE TABLE vals AS FROM (VALUES ('a', 'x'), ('a', 'x'), ('a', 'y'), ('b', 'x')) t(k, value)")
    assert beside(duck, COUNT_DISTINCT, source()) == {"a": 2, "b": 1}
    assert COUNT_DISTINCT.absent == "0"


@pytest.mark.parametrize(("q", "rank"), [(0.0, 1), (0.25, 1), (0.26, 2), (0.5, 2), (0.75, 3), (1.0, 4)])
def test_a_quantile_is_the_middle_of_the_bucket_with_its_rank(
    duck: duckdb.DuckDBPyConnection, q: float, rank: int
) -> None:
    values = [-250.0, 0.0, 1.0, 90.0]
    codes = bucket_codes(np.array(values)).tolist()
    duck.execute("CREATE TABLE delta (k VARCHAR, b INTEGER[], c BIGINT[])")
    duck.executemany(
        "INSERT INTO delta VALUES (?, ?, ?)", [("a", codes[:2], [1, 1]), ("a", codes[2:], [1, 1]), ("b", [], [])]
    )
    found = beside(duck, APPROX_QUANTILE, source("b", "c", q=q))
    assert found.keys() == {"a"}
    assert isinstance(found["a"], float)
    assert math.isclose(found["a"], values[rank - 1], rel_tol=QUANTILE_ERROR * 1.0001)


def test_a_bucket_counts_as_often_as_it_says(duck: duckdb.DuckDBPyConnection) -> None:
    duck.execute("CREATE TABLE delta (k VARCHAR, b INTEGER[], c BIGINT[])")
    one, far = BUCKET_SHIFT, BUCKET_SHIFT + 500
    duck.executemany("INSERT INTO delta VALUES ('a', ?, ?)", [([one], [98]), ([one, far], [1, 1])])
    low, high = (beside(duck, APPROX_QUANTILE, source("b", "c", q=q))["a"] for q in (0.99, 0.991))
    assert isinstance(low, float)
    assert isinstance(high, float)
    assert low < 1.01 < 10_000 < high
