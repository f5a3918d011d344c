"""Merging delta rows: associative, free of order, exact. (What it yields is checked in test_fold.)"""

from decimal import Decimal
from itertools import pairwise

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow.aggregates.parts import INT_SUM, sums
from dataflow.columnar.groups import Groups, added_up
from dataflow.columnar.sums import decimals, sums_of_runs, widened, words_of
from dataflow.fold.merge import merge_rows
from dataflow.fold.sessions import merged_intervals
from dataflow.own_columns import TIMESTAMP
from dataflow.pipeline.tables import ROW_COUNTS, Merge, TableSpec, tables_of
from tests.dataflow.fold.test_fold import fold_in_pieces, watermarked
from tests.dataflow.hot_path import ROWS, Row, plan

SPECS = [spec for spec in tables_of(plan(), events=False) if spec.keys]
SESSION = TableSpec(
    "s_delta",
    pa.schema(
        [("key", pa.string()), ("window_start", TIMESTAMP), ("window_end", TIMESTAMP), ("n", INT_SUM),
         ("row_count", pa.int64()), ("late_count", pa.int64())]
    ),
    ("key", "window_start", "window_end"),
    (Merge(("n",), sums()), *ROW_COUNTS),
    session=True,
)  # fmt: skip


def test_session_tables_are_marked() -> None:
    assert {spec.name for spec in SPECS if spec.session} == {"sessions_delta", "busy_delta"}


@settings(max_examples=15, deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=30), st.integers(1, 29), st.randoms())
def test_merging_parts_in_any_order_gives_one_table(rows: list[Row], cut: int, random: object) -> None:
    parcels = fold_in_pieces(watermarked(rows), [cut, cut // 2])
    for spec in SPECS:
        tables = [pa.Table.from_batches([each.tables[spec.name]]) for each in parcels if spec.name in each.tables]
        if not tables:
            continue
        whole = merge_rows(spec, pa.concat_tables(tables))
        random.shuffle(tables)  # type: ignore[attr-defined]  # Hypothesis's random
        stepwise = tables[0]
        for table in tables[1:]:
            stepwise = merge_rows(spec, pa.concat_tables([merge_rows(spec, stepwise), table]))
        assert merge_rows(spec, stepwise).equals(whole)
        assert merge_rows(spec, whole).equals(whole)
        assert whole.schema == spec.schema


def test_tables_without_keys_and_empty_ones_come_back_as_they_are() -> None:
    table = pa.table({"offset": [3, 1, 3]})
    assert merge_rows(TableSpec("events", table.schema), table) is table
    for spec in SPECS:
        assert merge_rows(spec, spec.schema.empty_table()).schema == spec.schema


def session_table(rows: list[tuple[str | None, int, int, int, int]]) -> pa.Table:
    keys, starts, ends, counts, late = (list(column) for column in zip(*rows, strict=True))
    arrays = [
        pa.array(keys, pa.string()), pa.array(starts, TIMESTAMP), pa.array(ends, TIMESTAMP),
        pa.array(counts, INT_SUM), pa.array(counts, pa.int64()), pa.array(late, pa.int64()),
    ]  # fmt: skip
    return pa.Table.from_arrays(arrays, schema=SESSION.schema)


def shown(table: pa.Table) -> list[tuple[str | None, int, int, int, int]]:
    columns = [table.column("key").to_pylist()]
    columns += [table.column(name).cast(pa.int64()).to_pylist() for name in ("window_start", "window_end")]
    columns += [table.column(name).to_pylist() for name in ("row_count", "late_count")]
    return list(zip(*columns, strict=True))


def test_sessions_that_overlap_or_touch_become_one_also_when_nested() -> None:
    table = session_table(
        [("a", 0, 100, 5, 0), ("a", 10, 20, 1, 0), ("a", 100, 110, 1, 0), ("a", 111, 120, 1, 0), ("b", 50, 60, 1, 0)]
    )
    assert shown(merge_rows(SESSION, table)) == [("a", 0, 110, 7, 0), ("b", 50, 60, 1, 0), ("a", 111, 120, 1, 0)]


def test_late_rows_never_join_sessions() -> None:
    table = session_table([("a", 0, 10, 1, 0), ("a", 5, 15, 0, 1), ("a", 15, 25, 1, 0), ("a", 5, 15, 0, 2)])
    assert shown(merge_rows(SESSION, table)) == [("a", 0, 10, 1, 0), ("a", 5, 15, 0, 3), ("a", 15, 25, 1, 0)]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(-20, 20), st.integers(1, 15)), max_size=20))
def test_intervals_merge_as_one_by_one(rows: list[tuple[int, int, int]]) -> None:
    rows = sorted(rows, key=lambda row: row[:2])
    columns = [np.array([row[i] for row in rows], np.int64) for i in range(3)]
    begins = merged_intervals(columns[0].astype(np.intp), columns[1], columns[1] + columns[2])
    furthest: dict[int, int] = {}
    for (key, start, length), found in zip(rows, begins.tolist(), strict=True):
        assert found == (key not in furthest or start > furthest[key])
        furthest[key] = max(furthest.get(key, start + length), start + length)


WIDE = st.integers(-(10**37), 10**37) | st.integers(-(2**64), 2**64) | st.integers(-3, 3)


@given(st.lists(st.none() | WIDE, min_size=1, max_size=9), st.integers(0, 3))
def test_128_bit_sums_are_exact(values: list[int | None], skip: int) -> None:
    array = pa.array([None if value is None else Decimal(value) for value in values], INT_SUM)[skip:]
    values = values[skip:]
    if not values:
        return
    low, high = words_of(array)
    start = len(values) // 2
    starts = np.array([0, start] if start else [0], np.intp)
    sums = decimals(sums_of_runs((low, high), starts), None, INT_SUM).to_pylist()
    edges = [0, start, len(values)] if start else [0, len(values)]
    pieces = [values[a:b] for a, b in pairwise(edges)]
    assert sums == [sum(value or 0 for value in piece) for piece in pieces]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(-(2**63), 2**63 - 1) | st.integers(-9, 9)), max_size=20))
def test_sums_by_group_are_exact(rows: list[tuple[int, int]]) -> None:
    groups, values = np.array([g for g, _ in rows], np.intp), np.array([v for _, v in rows], np.int64)
    words = added_up(Groups(groups, np.zeros(3, np.intp), np.bincount(groups, minlength=3)), None, None, values)
    expected = [sum(v for g, v in rows if g == group) for group in range(3)]
    assert decimals(words, np.ones(3, np.bool_), INT_SUM).to_pylist() == expected
    assert decimals(widened(values), None, INT_SUM).to_pylist() == values.tolist()
