"""Cursors: back as they were, and nothing else taken for one."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve.ask.cursor import Cursor, digest, read_cursor
from serve.problem import Problem

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
CURSORS = st.builds(
    Cursor,
    TEXTS,
    st.integers(0, 2**62 - 1),
    TEXTS,
    st.integers(-(2**47) + 1, 2**47 - 1),
    st.integers(0, 2**40 - 1),
    st.lists(st.none() | TEXTS, max_size=4),
)


@given(cursor=CURSORS)
def test_a_cursor_comes_back_as_it_was(cursor: Cursor) -> None:
    assert read_cursor(cursor.written()) == cursor


def test_no_cursor_is_none() -> None:
    assert read_cursor(None) is None


@given(written=st.text(max_size=80) | st.binary(max_size=60).map(lambda each: each.hex()))
def test_no_text_is_taken_for_a_cursor_that_is_none(written: str) -> None:
    with suppress(Problem):
        found = read_cursor(written)
        assert found is None or read_cursor(found.written()) == found


@pytest.mark.parametrize("change", [{"snapshot": -1}, {"snapshot": 2**62}, {"rows": 2**40}, {"at_ms": 2**47}])
def test_numbers_that_no_lake_has_are_refused(change: dict[str, int]) -> None:
    facts: dict[str, Any] = {"question": "q", "snapshot": 1, "token": "t", "at_ms": 0, "rows": 1, "last": [], **change}
    with pytest.raises(Problem, match="no cursor"):
        read_cursor(Cursor(**facts).written())


def test_a_long_text_is_no_cursor() -> None:
    with pytest.raises(Problem):
        read_cursor("a" * 5_000)


def test_it_goes_with_its_own_question_and_snapshot_alone() -> None:
    cursor = Cursor(digest("a", 1), 7, "here", 0, 10, [])
    cursor.require_same(digest("a", 1))
    cursor.require_here("here")
    with pytest.raises(Problem, match="other parameters"):
        cursor.require_same(digest("a", 2))
    with pytest.raises(Problem) as gone:
        cursor.require_here("there")
    assert gone.value.status == 410
