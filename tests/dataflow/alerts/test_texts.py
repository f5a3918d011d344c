"""Ids, keys, values and messages: the same text for the same alert, for ever."""

from datetime import date
from decimal import Decimal

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from dataflow.alerts.texts import alert_id, json_text, key_values, said
from dataflow.pipeline.alert_plan import Piece

KEYS = [
    pa.field("text", pa.string()),
    pa.field("number", pa.int64()),
    pa.field("money", pa.decimal128(18, 6)),
    pa.field("flag", pa.bool_()),
    pa.field("day", pa.date32()),
]


def test_an_id_never_changes() -> None:
    key = json_text({"user_id": "ü\n", "ad_id": 3})
    assert key == '{"user_id": "ü\\n", "ad_id": 3}'
    assert alert_id("click_farm", key, 0, 10_000) == "bc516576906a3b07b08077c110b16426"
    assert (
        len({alert_id(*each) for each in (("a", key, 0, 1), ("b", key, 0, 1), ("a", key, 1, 1), ("a", key, 0, 2))}) == 4
    )


def test_values_are_json_and_money_is_exact() -> None:
    values = {"n": 3, "spend": Decimal("12.500000"), "zero": Decimal("-0.000000"), "mean": 0.1, "none": None}
    assert json_text(values) == '{"n": 3, "spend": 12.5, "zero": 0, "mean": 0.1, "none": null}'
    odd = {"day": date(2026, 1, 2), "yes": True, "nan": float("nan"), "all": float("inf")}
    assert json_text(odd) == '{"day": "2026-01-02", "yes": true, "nan": null, "all": null}'
    assert json_text({}) == "{}"


@given(
    st.tuples(
        st.none() | st.text(),
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.decimals(-(10**11), 10**11, places=6),
        st.none() | st.booleans(),
        st.none() | st.dates(),
    )
)
def test_a_key_is_read_back_as_it_was(values: tuple[object, ...]) -> None:
    names = [key.name for key in KEYS]
    assert key_values(json_text(dict(zip(names, values, strict=True))), KEYS) == list(values)


def test_a_message_names_values_and_times() -> None:
    message = (
        Piece("user ", "user"),
        Piece(" spent ", "spend"),
        Piece(" from ", "window_start"),
        Piece(" on {}", None),
    )
    values = {"user": "u1", "spend": Decimal("2.500000"), "window_start": 1_764_000_000_000}
    assert said(message, values) == "user u1 spent 2.5 from 2025-11-24 16:00:00 on {}"
    odd = (Piece("", "a"), Piece("|", "b"), Piece("|", "c"), Piece("|", "d"))
    assert said(odd, {"a": None, "b": True, "c": 0.5, "d": date(2026, 1, 2)}) == "null|true|0.5|2026-01-02"
