"""Python text for any text from outside."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from starter.python_text import class_name, comment, field_name, literal, plain, slug


@given(st.text())
def test_a_literal_is_the_text_in_one_line(text: str) -> None:
    written = literal(text)
    assert ast.literal_eval(written) == text
    assert len(written.splitlines()) == 1


def test_a_literal_has_double_quotes_where_that_needs_no_escape() -> None:
    assert [literal(each) for each in ("a", "it's", 'say "a"')] == ['"a"', '"it\'s"', "'say \"a\"'"]


@given(st.text())
def test_plain_text_ends_neither_line_nor_docstring(text: str) -> None:
    assert ast.get_docstring(ast.parse(f'"""x {plain(text)}"""')) is not None
    assert all(line.startswith("    # ") and len(line) <= 120 for line in comment(plain(text) * 3, 4) if " " in text)


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("user_id", "user_id"),
        ("id", "id"),
        ("type", "type"),
        ("userId", "userId"),
        ("class", "event_class"),
        ("offset", "event_offset"),
        ("Topic", "event_Topic"),
        ("str", "event_str"),
        ("date", "event_date"),
        ("copy", "event_copy"),
        ("_id", "id"),
        ("@timestamp", "timestamp"),
        ("user-id", "user_id"),
        ("1st", "field_1st"),
        ("", "field"),
        ("ﬁ", "fi"),
        ("taken", "event_taken"),
        ("TAKEN", "event_TAKEN"),
    ],
)
def test_a_field_is_called_like_its_key_where_that_is_free(key: str, name: str) -> None:
    assert field_name(key, {"taken"}, top=True) == name


def test_columns_of_the_table_of_events_matter_on_top_alone_and_numbers_tell_the_rest_apart() -> None:
    assert field_name("offset", set(), top=False) == "offset"
    assert field_name("a-b", {"a_b", "event_a_b", "a_b_"}, top=True) == "a_b_2"
    assert field_name("Shop", set(), {"Shop"}, top=True) == "event_Shop"


def test_a_class_is_called_like_its_object() -> None:
    assert class_name("shop", ()) == "Shop"
    assert class_name("billing_address", ()) == "BillingAddress"
    assert class_name("event", {"Event"}) == "Event2"
    assert class_name("money", ()) == "Money2"
    assert class_name("日付", ()) == "Object"
    assert class_name("2nd", ()) == "Object2Nd"


@given(st.text())
def test_a_slug_is_a_name_for_every_engine(text: str) -> None:
    found = slug(text, "pipeline")
    assert found[0].isalpha()
    assert found.isascii()
    assert found == found.lower()
    assert found.isidentifier()


def test_a_slug_keeps_the_words() -> None:
    assert [slug(each, "p") for each in ("orders", "shop.Orders-v2", "userId", "2024", "日付")] == [
        *("orders", "shop_orders_v2", "user_id", "p_2024", "p"),
    ]
