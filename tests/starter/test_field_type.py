"""The type of a field from its values: strict where they leave no doubt, open where they do."""

from typing import Any

import pytest

from starter.field_type import FieldType, LeftOut, is_quantity, leaf_type, winner
from starter.sample import loaded
from starter.seen import observe
from starter.words import SUMMED
from tests.starter.streams import T0_MS, record


def found(name: str, *values: Any) -> FieldType:
    """Of values; bytes are JSON as it is written."""
    made = [
        b'{"%s": %s}' % (name.encode(), each) if isinstance(each, bytes) else record({name: each}) for each in values
    ]
    seen = observe([loaded(each) for each in made]).members[name]
    decided = winner(seen)
    assert not isinstance(decided, LeftOut), decided.why
    return leaf_type(seen, *decided)


def left_out(*values: Any) -> str:
    decided = winner(observe([{"a": each} for each in values]).members["a"])
    assert isinstance(decided, LeftOut)
    return decided.why


def test_plain_values_have_plain_types() -> None:
    assert found("ok", True, False).text == "bool"
    assert found("n", 1, -5).text == "int"
    assert found("x", b"1.25", b"1e3", 7).text == "float"
    assert found("day", "2026-03-01", "2024-02-29").text == "date"
    assert found("day", "2026-03-01", "2026-02-30").text == "Annotated[str, MaxLen(64)]"


def test_what_counts_is_not_negative_where_enough_were_seen() -> None:
    assert found("item_count", *range(20)).text == "Annotated[int, Ge(0)]"
    assert found("item_count", *range(19)).text == "int"
    assert found("item_count", -1, *range(20)).text == "int"
    assert found("delta", *range(20)).text == "int"


def test_an_amount_is_money_and_says_so() -> None:
    priced = found("total_price", b"1.5", b"3")
    assert (priced.text, priced.notes) == ("Money", ("an exact amount, for it is called like one",))
    whole = found("price", 5, 7)
    assert whole.text == "Money"
    assert "only whole numbers" in whole.notes[0]
    assert found("amount_cents", 5, 7).text == "int"
    assert (
        found("cost", *[b"0.1"] * 199, b"0.00000001")
        .notes[-1]
        .endswith("1 of 200 with more than 6 decimals, or too large: dead letters")
    )
    assert found("cost", b"0.1", b"0.00000001").text == "float"
    assert found("price", b"1000000000000").text == "int"


def test_two_decimals_are_exact_unless_they_measure() -> None:
    values = [b"%d.%02d" % (n, n) for n in range(10, 40)]
    assert found("load_factor_x", *values[:19]).text == "float"
    assert found("share", *values).text == "Money"
    assert "at most 2 decimals" in found("share", *values).notes[0]
    assert found("temperature", *values).text == "float"
    assert found("share", *values, b"1.234").text == "float"


def test_numbers_beyond_their_types_are_told() -> None:
    big = found("n", b"9223372036854775808", 1)
    assert (big.text, big.notes) == ("float", ("some are beyond int64: a double loses their last digits",))
    assert found("x", *[b"1.5"] * 20, b"1e999").notes == ("1 value too large for a double: dead letters",)


def test_numbers_of_which_many_are_too_large_for_a_double_have_no_field() -> None:
    seen = observe([loaded(b'{"a": 1e999}'), loaded(b'{"a": 1.5}'), loaded(b'{"a": ' + b"9" * 400 + b"}")])
    assert winner(seen.members["a"]) == LeftOut("is too large for a double in 2 of 3")


def test_text_has_room_for_four_times_the_longest_and_prose_for_any() -> None:
    assert found("name", *["ab"] * 20).text == "Annotated[str, Len(1, 64)]"
    assert found("name", *["ab"] * 19).text == "Annotated[str, MaxLen(64)]"
    assert found("name", *["ab"] * 20, "").text == "Annotated[str, MaxLen(64)]"
    assert found("user_id", "ab").text == "Annotated[str, Len(1, 64)]"
    assert found("name", "x" * 17).text == "Annotated[str, MaxLen(128)]"
    assert found("name", "x" * 257).text == "str"


def test_numbers_inside_strings_are_told() -> None:
    assert found("price", "12.50", "3").notes == (
        "numbers inside strings, which do not add up: have the producer send JSON numbers",
    )
    assert found("zip", "12", "3").notes == ()


def test_a_few_words_that_come_again_and_again_are_a_closed_set() -> None:
    kinds = found("status", *["paid", "placed"] * 20)
    assert (kinds.text, kinds.choices) == ('Literal["paid", "placed"]', ("paid", "placed"))
    assert "closed, as far as 40 values tell" in kinds.notes[0]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("status", ["paid", "placed"] * 19),
        ("status", ["paid"] * 40),
        ("status", ["paid"] * 40 + ["placed"] * 4),
        ("colour", ["red", "blue"] * 500),
        ("method", ["GET", "POST"] * 500),
        ("country", ["NL", "PT"] * 400),
        ("status_id", ["a", "b"] * 400),
        ("host", ["web-1", "web-2"] * 400),
        ("colour", ["red-1", "red-2"] * 400),
        ("status", [f"s{n}" for n in range(13)] * 40),
        ("status", ["ein Satz mit ä", "x"] * 40),
    ],
)
def test_what_may_be_open_is_text(name: str, values: list[str]) -> None:
    assert found(name, *values).choices == ()


def test_a_set_that_may_be_closed_refuses_nothing_and_is_shown() -> None:
    kind = found("status", *["paid", "placed"] * 200, "piad")
    assert kind.choices == ()
    note = 'as good as always one of a few: Literal["{}", "{}"] would make dead letters of others'
    assert kind.notes == (note.format("paid", "placed"),)
    assert found("colour", *["red", "blue"] * 250).notes == (note.format("blue", "red"),)
    assert found("colour", *["red", "blue"] * 249).notes == ()
    assert found("colour", *["red", "blue"] * 250, *map(str, range(6))).notes == ()
    assert found("colour", *["red", "blue"] * 250, *["green"] * 5).notes == ()


def test_a_few_values_of_another_type_are_told_and_many_leave_the_field_out() -> None:
    kind = found("n", *[1] * 9, "x")
    assert (kind.text, kind.notes) == ("int", ("text in 1 record: a dead letter each",))
    assert left_out(1, 1, "x") == "is of several types: a number in 2, text in 1"
    assert left_out(None, None) == "is always null"


def test_quantities_add_up_and_marks_do_not() -> None:
    assert is_quantity("item_count", [1], SUMMED)
    assert not is_quantity("count_id", [1], SUMMED)
    assert not is_quantity("duration_level", [1], SUMMED)
    assert is_quantity("time_ms", [900], SUMMED)
    assert not is_quantity("ts_ms", [T0_MS], SUMMED)
    assert found("ts_ms", *[T0_MS] * 20).text == "int"
