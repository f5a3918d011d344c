"""SQL's three-valued logic on whole columns."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from dataflow.filter.ternary import Ternary, all_of, any_of, compare_text, from_arrow, like_regex, on_text

VALUES = [True, False, None]


def told(value: Ternary) -> list[bool | None]:
    assert not (np.asarray(value.true) & np.asarray(value.false)).any()
    return [True if true else False if false else None for true, false in zip(value.true, value.false, strict=True)]


def test_and_and_or_know_what_an_unknown_cannot_change() -> None:
    left = from_arrow(pa.array([a for a in VALUES for _ in VALUES]))
    right = from_arrow(pa.array(VALUES * 3))
    assert told(all_of([left, right])) == [True, False, None, False, False, False, None, False, None]
    assert told(any_of([left, right])) == [True, True, True, True, False, None, True, None, None]


def test_a_column_without_nulls_has_nothing_unknown() -> None:
    assert told(from_arrow(pa.array([True, False]))) == [True, False]
    assert told(from_arrow(pa.array([None, True]))) == [None, True]


@pytest.mark.parametrize(
    ("op", "answers"),
    [
        ("=", [False, True, False, None]),
        ("<>", [True, False, True, None]),
        ("<", [True, False, False, None]),
        ("<=", [True, True, False, None]),
        (">", [False, False, True, None]),
        (">=", [False, True, True, None]),
    ],
)
@pytest.mark.parametrize(
    "form", [lambda column: column, lambda column: column.dictionary_encode()], ids=["plain", "dict"]
)
def test_text_compares_the_same_from_either_side(op: str, answers: list[Any], form: Any) -> None:
    column = form(pa.array(["a", "b", "é", None]))
    mirrored = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(op, op)
    assert told(compare_text(op, column, "b")) == answers
    assert told(compare_text(mirrored, "b", column)) == answers
    assert told(compare_text(op, column, pa.array(["b"] * 4))) == answers


def test_two_constants_compare_to_one_answer() -> None:
    answer = compare_text("<", "a", "b")
    assert (bool(answer.true), bool(answer.false)) == (True, False)


def test_a_dictionary_is_tested_once_per_distinct_value() -> None:
    asked: list[int] = []

    def test(values: pa.Array) -> pa.Array:
        asked.append(len(values))
        return pc.equal(values, "x")

    column = pa.array(["x", "y", None, "x"] * 10).dictionary_encode()
    assert told(on_text(test, column)) == [True, False, None, True] * 10
    assert asked == [2]


def test_a_dictionary_of_nothing_is_unknown_everywhere() -> None:
    assert (
        told(on_text(lambda values: pc.equal(values, "x"), pa.nulls(2, pa.string()).dictionary_encode())) == [None] * 2
    )


@pytest.mark.parametrize(
    ("pattern", "fits", "fails"),
    [
        ("a%", ["a", "ab", "a\nb"], ["ba", "A"]),
        ("_", ["a", "é", "."], ["", "ab"]),
        ("50.%", ["50.", "50.5"], ["505"]),
        ("[a]\\d", ["[a]\\d"], ["a1"]),
        ("", [""], [" "]),
    ],
)
def test_all_but_percent_and_underscore_stand_for_themselves(pattern: str, fits: list[str], fails: list[str]) -> None:
    regex = like_regex(pattern)
    assert pc.match_substring_regex(pa.array(fits), regex).to_pylist() == [True] * len(fits)
    assert pc.match_substring_regex(pa.array(fails), regex).to_pylist() == [False] * len(fails)
