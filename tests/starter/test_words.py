"""The words of a field's name."""

import pytest

from starter.words import CLOSED, MONEY, has, is_id, words_of


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("user_id", ["user", "id"]),
        ("userId", ["user", "id"]),
        ("USER-ID", ["user", "id"]),
        ("HTTPStatus", ["http", "status"]),
        ("amount2", ["amount", "2"]),
        ("@timestamp", ["timestamp"]),
        ("", []),
        ("日付", ["日付"]),
    ],
)
def test_a_name_has_its_words_however_they_are_joined(name: str, words: list[str]) -> None:
    assert words_of(name) == words


def test_a_name_says_what_it_stands_for_by_whole_words() -> None:
    assert is_id("merchantId")
    assert is_id("uuid")
    assert not is_id("idle")
    assert not is_id("")
    assert has("total_price", MONEY)
    assert not has("pricey", MONEY)
    assert has("event_type", CLOSED)
