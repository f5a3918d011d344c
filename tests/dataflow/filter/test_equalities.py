"""Conditions that name rows by their values: what is read, and that all others are refused."""

from datetime import date
from decimal import Decimal

import pyarrow as pa
import pytest

from dataflow.filter.equalities import FORM, equalities

SCHEMA = pa.schema(
    [
        pa.field("user_id", pa.string()),
        pa.field("n", pa.int64()),
        pa.field("cost", pa.decimal128(18, 6)),
        pa.field("day", pa.date32()),
        pa.field("flag", pa.bool_()),
    ]
)


@pytest.mark.parametrize(
    ("text", "constants"),
    [
        ("user_id = 'u42'", {"user_id": ("u42",)}),
        ("'u42' = user_id", {"user_id": ("u42",)}),
        ("user_id IN ('a', 'b')", {"user_id": ("a", "b")}),
        ("(user_id = 'a' AND n = 5) AND flag = TRUE", {"user_id": ("a",), "n": (5,), "flag": (True,)}),
        ("cost = 1.50 AND day = DATE '2026-01-02'", {"cost": (Decimal("1.50"),), "day": (date(2026, 1, 2),)}),
        ("user_id = 'it''s -- here'", {"user_id": ("it's -- here",)}),
    ],
)
def test_equalities_are_read_with_their_values(text: str, constants: dict[str, tuple[object, ...]]) -> None:
    assert equalities(text, SCHEMA).constants == constants


@pytest.mark.parametrize(
    "text",
    [
        *("", "  ", "1 = 1", "TRUE", "flag", "user_id = user_id", "n = n + 0", "n + 1 = 2", "user_id", "'u42'"),
        *("user_id <> 'u42'", "NOT user_id = 'u42'", "user_id NOT IN ('a')", "n > 5", "n >= 5", "n BETWEEN 1 AND 2"),
        *("user_id = 'a' OR n = 5", "user_id LIKE 'u%'", "user_id IS NULL", "user_id = NULL", "user_id IN (NULL)"),
        *("user_id = ''", "user_id IN ('a', '')", "user_id = 'a' AND user_id = 'b'", "user_id = 'a' AND n > 1"),
        *('"offset" = 3', "no_such = 1", "user_id = 5", "user_id = 'a'; DROP TABLE events", "(SELECT 1) = n"),
        *("user_id IN (SELECT 'a')", "lower(user_id) = 'a'", "user_id = 'a' --", "user_id = 'a", "user_id == "),
    ],
)
def test_every_other_condition_is_refused_with_how_to_write_it(text: str) -> None:
    if text == "user_id = 'a' --":
        # a comment is nothing
        assert equalities(text, SCHEMA).constants == {"user_id": ("a",)}
        return
    with pytest.raises(ValueError, match=r"\S") as refused:
        equalities(text, SCHEMA)
    assert str(refused.value).endswith(FORM)
    assert "allowed are" not in str(refused.value)


def test_rows_match_where_every_column_has_one_of_its_values_and_null_never_does() -> None:
    condition = equalities("user_id IN ('a', 'b') AND n = 1", SCHEMA)
    users = pa.array(["a", "b", "c", None, "a"], pa.string())
    numbers = pa.array([1, 1, 1, 1, None], pa.int64())
    assert condition.matches({"user_id": users, "n": numbers}).to_pylist() == [True, True, False, False, False]
