"""`where` by example: precedence and three-valued logic."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.model.expression import is_true, parse

ROW: dict[str, Any] = {
    "n": None,
    "one": 1,
    "two": 2,
    "text": "a_b%",
    "yes": True,
    "no": False,
    "money": Decimal("0.100000"),
    "score": 0.1,
    "day": date(2024, 2, 29),
    "a.b": 7,
    "zero": 0,
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("one = 1", True),
        ("one <> 1", False),
        ("n = 1", None),
        ("n <> n", None),
        ("n = 1 OR one = 1", True),
        ("n = 1 OR one = 2", None),
        ("n = 1 AND one = 2", False),
        ("n = 1 AND one = 1", None),
        ("NOT n = 1", None),
        ("n IS NULL", True),
        ("one IS NOT NULL", True),
        ("one IN (2, 3)", False),
        ("n IN (1)", None),
        ("one NOT IN (2, 3)", True),
        ("one + one = two", True),
        ("n + 1 = 1", None),
        ("two * 2 + 1 = 5", True),
        ("1 + two * 2 = 5", True),
        ("(1 + two) * 2 = 6", True),
        ("two - 1 - 1 = 0", True),
        ("-one = 0 - 1", True),
        ("one / two = 0.5", True),
        ("one / zero > 1000", True),
        ("zero / zero > one / zero", True),
        ("one BETWEEN 1 AND 2", True),
        ("one NOT BETWEEN 2 AND 3", True),
        ("n BETWEEN 1 AND 2", None),
        ("one BETWEEN 2 AND n", False),
        ("one = 2 OR one = 1 AND two = 2", True),
        ("(one = 2 OR one = 1) AND two = 3", False),
        ("NOT one = 2 AND two = 2", True),
        ("text LIKE 'a%'", True),
        ("text LIKE 'a_'", False),
        ("text LIKE 'A%'", False),
        ("text NOT LIKE '____'", False),
        ("text = 'it''s'", False),
        ("n LIKE '%'", None),
        ("yes", True),
        ("NOT no", True),
        ("yes = TRUE", True),
        ("money = 0.1", True),
        ("money * 3 = 0.3", True),
        ("score = 0.1", True),
        ("score = money", True),
        ("day = DATE '2024-02-29'", True),
        ("day > date '2024-03-01'", False),
        ("a.b = 7", True),
        ('"a"."b" = 7 and one=1', True),
    ],
)
def test_a_condition_is_true_false_or_unknown(text: str, value: bool | None) -> None:
    assert parse(text)(ROW) is value


def test_a_filter_passes_only_what_is_true() -> None:
    assert is_true(None, ROW)
    assert not is_true(parse("n = 1"), ROW)
    assert not is_true(parse("NOT n = 1"), ROW)


@pytest.mark.parametrize("text", ["one =", "one 1", "f(1)", "(one = 1", "one NOT 1", "one = ;"])
def test_what_the_grammar_does_not_hold_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (each has its own words)
        parse(text)
