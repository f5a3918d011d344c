"""Rows numbered by their keys, and put into the sessions that hold them."""

import random
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from dataflow.alerts.grouped import holders, numbered
from dataflow.own_columns import WINDOW

SCHEMA = pa.schema([pa.field("user", pa.string()), pa.field("ad", pa.int64()), *WINDOW])


def table(rows: list[tuple[str | None, int | None, int, int]]) -> pa.Table:
    zero = datetime(1970, 1, 1)
    made: list[dict[str, Any]] = [
        {
            "user": user,
            "ad": ad,
            "window_start": zero + timedelta(milliseconds=start),
            "window_end": zero + timedelta(milliseconds=end),
        }
        for user, ad, start, end in rows
    ]
    return pa.Table.from_pylist(made, schema=SCHEMA)


def test_equal_keys_have_equal_numbers_and_others_have_others() -> None:
    rng = random.Random(1)
    keys = [(rng.choice((None, "a", "b")), rng.choice((None, 1, 2))) for _ in range(50)]
    found = numbered(table([(*key, 0, 1) for key in keys]), ("user", "ad"))
    for left, left_number in zip(keys, found, strict=True):
        for right, right_number in zip(keys, found, strict=True):
            assert (left == right) == (left_number == right_number)
    assert numbered(table([]), ("user",)).tolist() == []


def test_a_row_is_in_the_session_of_its_key_that_holds_its_window() -> None:
    sessions = table([("b", 1, 0, 10), ("a", 1, 20, 30), ("a", 1, 0, 10), (None, 1, 5, 9), ("a", 2, 0, 99)])
    rows = table(
        [
            ("a", 1, 0, 10),
            ("a", 1, 3, 4),
            ("a", 1, 9, 11),
            ("a", 1, 25, 30),
            ("b", 1, 20, 21),
            (None, 1, 5, 6),
            ("a", 1, -1, 5),
        ]
    )
    assert holders(sessions, rows, ("user", "ad")).tolist() == [2, 2, -1, 1, -1, 3, -1]
    assert holders(sessions.slice(0, 0), rows, ("user", "ad")).tolist() == [-1] * 7
    assert holders(sessions, rows.slice(0, 0), ("user", "ad")).tolist() == []
    alone = table([(None, None, 0, 10)])
    assert holders(alone, table([("x", 1, 2, 3), ("y", 1, 12, 13)]), ()).tolist() == [0, -1]
