"""Raw bytes of dead letters: found by field, by bytes as a word, or not at all."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from sinks.lake.upkeep.raw_match import RawMatch

U42 = {"user_id": ("u42",)}


@pytest.mark.parametrize(
    ("value", "how"),
    [
        (b'{"user_id": "u42"}', "field"),
        (b'{"user_id": "u42", "n": NaN} and more', "field"),
        (b'\xef\xbb\xbf {"user_id": "u42"}', "field"),
        (b'{"user_id": "u42", "n": "\x00\xff"}', "field"),
        (b'{"user_id": "u4', None),
        (b'{"user_id": "u42", "n": ', "bytes"),
        (b'{"user_id": "u7", "friend": "u42"}', "bytes"),
        (b'{"user_id": "u42", "user_id": "u7"}', "bytes"),
        (b"user u42 said so", "bytes"),
        (b"u42", "bytes"),
        (b'{"user_id": "u421"}', None),
        (b"xu42 u42_ u427", None),
        (b'{"user_id": null}', None),
        (b'{"user_id": ["x"]}', None),
        (b"[" * 100_000, None),
        (b"", None),
        (None, None),
    ],
)
def test_a_text_is_found_by_its_field_or_as_a_word(value: bytes | None, how: str | None) -> None:
    assert RawMatch(U42, {}).matched(value) == how


@pytest.mark.parametrize(
    ("wanted", "value", "how"),
    [
        (42, b'{"v": 42}', "field"),
        (42, b'{"v": "42"}', "field"),
        (42, b'{"v": 42.0}', "field"),
        (42, b'{"v": 42.5}', None),
        (42, b'{"v": -42}', None),
        (42, b'{"v": 1, "w": 142}', None),
        (42, b'{"v": 42', "bytes"),
        (42, b'{"v": true}', None),
        (Decimal("1.50"), b'{"v": 1.5}', "field"),
        (True, b'{"v": true}', "field"),
        (True, b'{"v": 1, "w": true}', None),
        (date(2026, 1, 2), b'{"v": "2026-01-02"}', "field"),
        ("caf\u00e9", '{"v": "café"}'.encode(), "field"),
        ("caf\u00e9", b'{"w": "caf\\u00e9"', "bytes"),
        ('a"b', b'{"w": "a\\"b"', "bytes"),
        ("-x-", b"1-x-2", "bytes"),
    ],
)
def test_values_of_other_types_are_found_however_they_are_written(wanted: Any, value: bytes, how: str | None) -> None:
    assert RawMatch({"v": (wanted,)}, {}).matched(value) == how


def test_every_column_has_to_match_and_the_weaker_way_counts() -> None:
    raw = RawMatch({"who": ("u42",), "n": (7,)}, {"who": ["user", "id"], "n": ["n"]})
    assert raw.matched(b'{"user": {"id": "u42"}, "n": 7}') == "field"
    assert raw.matched(b'{"user": "u42", "n": 7}') == "bytes"
    assert raw.matched(b'{"id": "u42", "n": 7}') == "field"
    assert raw.matched(b'{"user": {"id": "u42"}, "n": 8}') is None
