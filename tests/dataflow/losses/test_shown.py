"""A record's bytes on a terminal: readable, and harmless whatever they are."""

from hypothesis import given
from hypothesis import strategies as st

from dataflow.losses.shown import SHOWN_BYTES, shown


def test_text_is_shown_as_it_is() -> None:
    assert shown('{"naam": "café", "n": 1}'.encode()) == '{"naam": "café", "n": 1}'


def test_control_characters_and_bytes_that_are_no_text_are_escaped() -> None:
    assert shown(b"\x00\x1b[31m\r\n\xff") == "\\x00\\x1b[31m\\r\\n\\xff"
    assert shown("a\u202eb\u0085".encode()) == "a\\u202eb\\x85"


def test_a_long_record_is_cut_between_two_characters() -> None:
    assert shown(b"a" * SHOWN_BYTES) == "a" * SHOWN_BYTES
    assert shown(b"a" * (SHOWN_BYTES - 1) + "é".encode()) == "a" * (SHOWN_BYTES - 1) + "..."


@given(st.binary(max_size=300))
def test_whatever_the_bytes_are_nothing_that_is_shown_controls_a_terminal(value: bytes) -> None:
    assert shown(value).isprintable()
