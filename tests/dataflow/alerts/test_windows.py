"""Windows of rows, and rows of windows."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from dataflow.alerts.windows import in_windows, times_ms, windows_of
from dataflow.own_columns import WINDOW

SPAN = st.tuples(st.integers(-3, 3), st.integers(4, 7))


def rows_of(spans: list[tuple[int, int]]) -> pa.Table:
    columns = [[start for start, _ in spans], [end for _, end in spans]]
    arrays = [pa.array(each, pa.int64()).cast(field.type) for each, field in zip(columns, WINDOW, strict=True)]
    return pa.Table.from_arrays(arrays, schema=pa.schema(list(WINDOW)))


@given(st.lists(SPAN), st.sets(SPAN))
def test_rows_of_windows_are_those_whose_both_borders_are_theirs(
    spans: list[tuple[int, int]], wanted: set[tuple[int, int]]
) -> None:
    rows = rows_of(spans)
    assert windows_of(rows) == set(spans)
    assert in_windows(rows, wanted).tolist() == [span in wanted for span in spans]
    assert times_ms(rows, "window_start").tolist() == [start for start, _ in spans]
