"""Rows in memory by their keys: what is asked for leaves, and everything else stays."""

import random
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from dataflow.alerts.keyed_rows import KeyedRows
from dataflow.alerts.totals import key_codes
from dataflow.own_columns import WINDOW

SCHEMA = pa.schema([pa.field("user", pa.string()), *WINDOW, pa.field("n", pa.int64())])


def table(rows: list[tuple[str | None, int, int]]) -> pa.Table:
    """User, end in ms, number."""
    start = datetime(1970, 1, 1)
    made = [
        {"user": user, "window_start": start, "window_end": start + timedelta(milliseconds=end), "n": n}
        for user, end, n in rows
    ]
    return pa.Table.from_pylist(made, schema=SCHEMA)


def told(rows: pa.Table) -> Counter[Any]:
    start = datetime(1970, 1, 1)
    return Counter(
        (row["user"], (row["window_end"] - start) // timedelta(milliseconds=1), row["n"]) for row in rows.to_pylist()
    )


def test_rows_leave_by_key_and_by_end_and_nothing_else_does() -> None:
    rng = random.Random(5)
    held = KeyedRows(SCHEMA, ("user",))
    known: Counter[Any] = Counter()
    users = [None, *"abcdefghij"]
    for _ in range(300):
        rows = [(rng.choice(users), rng.randrange(1_000), rng.randrange(3)) for _ in range(rng.choice((0, 1, 5, 40)))]
        held.add(table(rows))
        known.update(rows)
        asked = set(rng.sample(users, 2))
        if rng.random() < 0.5:
            found = held.take(np.unique(key_codes(table([(user, 0, 0) for user in asked]), ("user",))))
            expected = Counter({row: count for row, count in known.items() if row[0] in asked})
        else:
            end = rng.randrange(300)
            found = held.take_ended(end)
            expected = Counter({row: count for row, count in known.items() if row[1] <= end})
        assert told(found) == expected
        known -= expected
        assert held.rows == known.total()
    assert told(held.take_ended(10_000)) == known
    assert held.rows == 0


def test_without_a_key_all_rows_have_the_same() -> None:
    held = KeyedRows(SCHEMA, ())
    held.add(table([("a", 1, 1), ("b", 2, 2)]))
    assert held.take(np.zeros(1, np.uint64)).num_rows == 2
    assert held.take_ended(5).num_rows == 0
