"""Texts of a dictionary, row by row: what Arrow's `take` gives."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow.columnar import chosen
from dataflow.columnar.chosen import FEWEST_ROWS, chosen_texts


@given(
    st.lists(st.text(max_size=20), min_size=1, max_size=20),
    st.lists(st.none() | st.integers(0, 10**6), min_size=1, max_size=50),
    st.integers(0, 5),
)
def test_it_is_what_arrow_takes(texts: list[str], rows: list[int | None], skipped: int) -> None:
    repeated = rows * (FEWEST_ROWS // len(rows) + 1)
    dictionary = pa.array(["behind these"] * skipped + texts).slice(skipped)
    at = pa.array([None if row is None else row % len(texts) for row in repeated], pa.int32()).slice(skipped)
    made = chosen_texts(dictionary, at)
    made.validate(full=True)
    assert made.equals(dictionary.take(at))


@pytest.mark.parametrize("type_", [pa.int8(), pa.int32(), pa.int64()])
def test_ints_of_any_width_say_the_rows(type_: pa.DataType) -> None:
    at = pa.array(np.arange(2 * FEWEST_ROWS) % 3, type_)
    assert chosen_texts(pa.array(["a", "", "ccc"]), at).equals(pa.array(["a", "", "ccc"]).take(at))


def test_rows_are_few_or_texts_are_null_or_none_at_all() -> None:
    assert chosen_texts(pa.array(["a", "b"]), pa.array([1, 0])).to_pylist() == ["b", "a"]
    many = pa.array([1, 0, None] * FEWEST_ROWS)
    assert chosen_texts(pa.array(["a", None]), many).to_pylist() == [None, "a", None] * FEWEST_ROWS
    nothing = pa.nulls(FEWEST_ROWS, pa.int32())
    assert chosen_texts(pa.array([], pa.string()), nothing).to_pylist() == [None] * FEWEST_ROWS


def test_without_the_compiler_arrow_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chosen, "_kernel", lambda: None)
    assert chosen_texts(pa.array(["a", "b"]), pa.array([1, 0] * FEWEST_ROWS)).to_pylist() == ["b", "a"] * FEWEST_ROWS
