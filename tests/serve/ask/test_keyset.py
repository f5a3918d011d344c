"""Paging by the last row: page after page is the whole, with nulls, ties and both directions."""

import json
from collections.abc import Sequence

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from serve.ask.keyset import Ordered, after_sql, key_sql, order_sql

ORDER = (
    Ordered("n", "BIGINT", True),
    Ordered("name", "VARCHAR"),
    Ordered("x", "DOUBLE", True),
    Ordered("id", "INTEGER"),
)
ROWS = st.lists(
    st.tuples(
        st.none() | st.integers(-2, 2),
        st.none() | st.sampled_from(["", "a", "b'", 'c"', "é\n"]),
        st.none() | st.sampled_from([0.1, -1e300, 2.5]),
    ),
    max_size=12,
)


@settings(max_examples=40)
@given(rows=ROWS, size=st.integers(1, 4))
def test_pages_together_are_all_rows_in_their_order(rows: Sequence[tuple], size: int) -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t (n BIGINT, name VARCHAR, x DOUBLE, id INTEGER)")
        for number, row in enumerate(rows):
            connection.execute("INSERT INTO t VALUES (?, ?, ?, ?)", [*row, number])
        whole = connection.execute(f"SELECT * FROM t ORDER BY {order_sql(ORDER)}").fetchall()
        found: list[tuple] = []
        where = "true"
        while True:
            page = connection.execute(
                f"SELECT *, {key_sql(ORDER)} FROM t WHERE {where} ORDER BY {order_sql(ORDER)} LIMIT {size}"
            ).fetchall()
            found += [row[:-1] for row in page]
            if len(page) < size:
                break
            where = after_sql(ORDER, json.loads(page[-1][-1]))
    assert found == whole
