"""The contract, record by record: what it takes, and the first reason why not."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel

from dataflow.decode.json.contract import MAX_DEPTH, judge_record
from dataflow.event.schema import schema_of
from dataflow.messages import Refusal
from tests.dataflow.decode.models import AdEvent, MicroEvent, NanoEvent, NestedTime, TextEvent, Trip

AD = schema_of(AdEvent)
GOOD = b'{"event_id":"e1","event_time":5,"event_type":"click","ad_id":"a1"}'
ROW = {
    "event_id": "e1", "event_time": 5, "event_type": "click", "ad_id": "a1", "user_id": None, "cost": Decimal(0),
    "revenue": None,
}  # fmt: skip


def extra(value: bytes) -> bytes:
    """GOOD with an ignored member of that value."""
    return GOOD[:-1] + b',"x":' + value + b"}"


def put(key: str, value: bytes) -> bytes:
    """GOOD with one member set or added."""
    members = {name: json.dumps(text).encode() for name, text in json.loads(GOOD).items()} | {key: value}
    return b"{" + b",".join(json.dumps(name).encode() + b":" + text for name, text in members.items()) + b"}"


def without(key: str) -> bytes:
    return json.dumps({name: value for name, value in json.loads(GOOD).items() if name != key}).encode()


REFUSED: list[tuple[str, bytes | None, str, str | None]] = [
    ("no value", None, "tombstone", None),
    ("no bytes", b"", "empty", None),
    ("a lone byte FF", b"\xff", "invalid_utf8", None),
    ("broken UTF-8 in a key", GOOD.replace(b"ad_id", b"ad\xff"), "invalid_utf8", None),
    ("broken UTF-8 in an ignored value", extra(b'"\xc3"'), "invalid_utf8", None),
    ("overlong UTF-8", extra(b'"\xc0\x80"'), "invalid_utf8", None),
    ("a surrogate in UTF-8", extra(b'"\xed\xa0\x80"'), "invalid_utf8", None),
    ("above U+10FFFF", extra(b'"\xf4\x90\x80\x80"'), "invalid_utf8", None),
    ("UTF-16 with its mark", GOOD.decode().encode("utf-16"), "invalid_utf8", None),
    ("invalid UTF-8 before malformed", b"{\xff", "invalid_utf8", None),
    ("UTF-16 without a mark", GOOD.decode().encode("utf-16-le"), "malformed", None),
    ("UTF-32 without a mark", GOOD.decode().encode("utf-32-be"), "malformed", None),
    ("a byte order mark", b"\xef\xbb\xbf" + GOOD, "malformed", None),
    ("white space only", b" \n", "malformed", None),
    ("an unfinished object", GOOD[:-1], "malformed", None),
    ("half a record", GOOD[:20], "malformed", None),
    ("the other half", GOOD[20:], "malformed", None),
    ("two values", GOOD + GOOD, "malformed", None),
    ("two values on two lines", GOOD + b"\n" + GOOD, "malformed", None),
    ("a trailing comma", GOOD + b",", "malformed", None),
    ("trailing letters", GOOD + b"x", "malformed", None),
    ("a trailing zero byte", GOOD + b"\x00", "malformed", None),
    ("a comma before the brace", GOOD[:-1] + b",}", "malformed", None),
    ("a comment", GOOD + b"//", "malformed", None),
    ("single quotes", GOOD.replace(b'"', b"'"), "malformed", None),
    ("a key without quotes", b"{event_id:1}", "malformed", None),
    ("a form feed before it", b"\x0c" + GOOD, "malformed", None),
    ("a no-break space before it", b"\xc2\xa0" + GOOD, "malformed", None),
    ("NaN in a field", put("cost", b"NaN"), "malformed", None),
    ("NaN in an ignored field", extra(b"NaN"), "malformed", None),
    ("Infinity in an ignored field", extra(b"[-Infinity]"), "malformed", None),
    ("a lone high surrogate", put("user_id", b'"\\ud800"'), "malformed", None),
    ("a lone low surrogate", put("user_id", b'"\\udc00"'), "malformed", None),
    ("two high surrogates", put("user_id", b'"\\ud83d\\ud83d"'), "malformed", None),
    ("a lone surrogate in an ignored field", extra(b'"\\ud800"'), "malformed", None),
    ("a lone surrogate in an ignored key", extra(b'{"\\udfff":1}'), "malformed", None),
    ("an unknown escape in an ignored field", extra(b'"\\q"'), "malformed", None),
    ("a short escape", extra(b'"\\u12"'), "malformed", None),
    ("a raw newline in a string", put("user_id", b'"a\nb"'), "malformed", None),
    ("a raw tab in an ignored string", extra(b'"a\tb"'), "malformed", None),
    ("a zero byte in an ignored string", extra(b'"\x00"'), "malformed", None),
    ("a leading zero", put("cost", b"01"), "malformed", None),
    ("a leading zero in an ignored field", extra(b"-01"), "malformed", None),
    ("a plus sign", put("cost", b"+1"), "malformed", None),
    ("a number that ends with its dot", put("cost", b"1."), "malformed", None),
    ("a number that starts with its dot", extra(b".5"), "malformed", None),
    ("an exponent without digits", extra(b"1e+"), "malformed", None),
    ("a hexadecimal number", extra(b"0x1F"), "malformed", None),
    ("a word that is no literal", extra(b"truee"), "malformed", None),
    ("Python's None", extra(b"None"), "malformed", None),
    ("one level too deep", extra(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH), "malformed", None),
    ("far too deep", b"[" * 200_000, "malformed", None),
    ("far too deep, objects", b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "malformed", None),
    ("an array", b"[" + GOOD + b"]", "not_object", None),
    ("null", b"null", "not_object", None),
    ("a number", b" 5 ", "not_object", None),
    ("a string", b'"{}"', "not_object", None),
    ("a number of 5,000 digits", b"7" * 5_000, "not_object", None),
    ("an empty object", b"{}", "missing_field", "event_id"),
    ("an absent event time", without("event_time"), "missing_field", "event_time"),
    ("an absent last field", without("ad_id"), "missing_field", "ad_id"),
    ("null where not optional", put("ad_id", b"null"), "missing_field", "ad_id"),
    ("null where only a default is", put("cost", b"null"), "missing_field", "cost"),
    ("another case", GOOD.replace(b"ad_id", b"AD_ID"), "missing_field", "ad_id"),
    ("null comes last of a repeated key", GOOD[:-1] + b',"event_id":null}', "missing_field", "event_id"),
    ("an int as text", put("event_time", b'"5"'), "wrong_type", "event_time"),
    ("an int with a point", put("event_time", b"5.0"), "wrong_type", "event_time"),
    ("an int with an exponent", put("event_time", b"1e3"), "wrong_type", "event_time"),
    ("a boolean for an int", put("event_time", b"true"), "wrong_type", "event_time"),
    ("a number for a string", put("user_id", b"1"), "wrong_type", "user_id"),
    ("an object for a string", put("user_id", b"{}"), "wrong_type", "user_id"),
    ("a number for a Literal", put("event_type", b"1"), "wrong_type", "event_type"),
    ("money as text", put("cost", b'"5"'), "wrong_type", "cost"),
    ("money as a boolean", put("cost", b"false"), "wrong_type", "cost"),
    ("money in an array", put("revenue", b"[1]"), "wrong_type", "revenue"),
    ("the last of a repeated key is wrong", GOOD[:-1] + b',"event_id":1}', "wrong_type", "event_id"),
    ("an int above int64", put("event_time", b"9223372036854775808"), "constraint", "event_time"),
    ("an int below int64", put("event_time", b"-9223372036854775809"), "constraint", "event_time"),
    ("an event time after the last", put("event_time", b"9000000000000001"), "constraint", "event_time"),
    ("an event time before the first", put("event_time", b"-9000000000000001"), "constraint", "event_time"),
    ("an int of 5,000 digits", put("event_time", b"1" * 5_000), "constraint", "event_time"),
    ("a text too short", put("event_id", b'""'), "constraint", "event_id"),
    ("a text too long", put("event_id", b'"' + b"x" * 65 + b'"'), "constraint", "event_id"),
    ("no choice of the Literal", put("event_type", b'"Click"'), "constraint", "event_type"),
    ("seven decimals", put("cost", b"0.0000001"), "constraint", "cost"),
    ("seven decimals by exponent", put("cost", b"1e-7"), "constraint", "cost"),
    ("decimals beyond a double's reach", put("cost", b"1.0000000000000000000001"), "constraint", "cost"),
    ("10^12", put("cost", b"1000000000000"), "constraint", "cost"),
    ("-10^12", put("revenue", b"-1e12"), "constraint", "revenue"),
    ("a huge exponent", put("cost", b"1e400"), "constraint", "cost"),
    ("a tiny exponent", put("cost", b"1e-99999999999999999999"), "constraint", "cost"),
    ("the first field in the model's order", b'{"ad_id":1,"event_id":""}', "constraint", "event_id"),
    ("a late field before an even later one", put("user_id", b"5")[:-1] + b',"cost":"x"}', "wrong_type", "user_id"),
]


@pytest.mark.parametrize(("value", "reason", "field"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_broken_record_is_refused_for_the_first_reason(value: bytes | None, reason: str, field: str | None) -> None:
    found = judge_record(AD, value, None)
    assert isinstance(found, Refusal)
    assert (found.reason, found.field) == (reason, field)
    assert 0 < len(found.message) < 300


ACCEPTED: list[tuple[str, bytes, dict[str, Any]]] = [
    ("plain", GOOD, {}),
    ("spaced", b"\r\n\t " + GOOD.replace(b":", b" :\n") + b" \n", {}),
    ("unknown fields", extra(b'{"deep":[1,{"y":null}],"text":"\\ud83d\\ude00"}'), {}),
    ("an ignored number that no double holds", extra(b"1e999"), {}),
    ("an ignored number of 5,000 digits", extra(b"7" * 5_000), {}),
    ("as deep as allowed", extra(b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1)), {}),
    ("many brackets side by side", extra(b"[" + b"{}," * 500 + b"[]]"), {}),
    ("many brackets in a string", extra(b'"' + b'[{\\"' * 200 + b'"'), {}),
    ("an escaped key", GOOD.replace(b"ad_id", b"\\u0061d_id"), {}),
    ("an escaped value", put("event_type", b'"\\u0063lick"'), {}),
    ("of a repeated key the last counts", b'{"event_id":1,' + GOOD[1:], {}),
    (
        "a repeated key wrong at first, even twice",
        b'{"cost":"x","cost":{},' + put("cost", b"2")[1:],
        {"cost": Decimal(2)},
    ),
    ("null where optional", put("user_id", b"null"), {}),
    ("any text", put("user_id", b'"\\u0000\xc3\xa4\\ud83d\\ude00"'), {"user_id": "\0\u00e4\U0001f600"}),
    ("length in code points", put("event_id", b'"' + b"\xc3\xa4" * 64 + b'"'), {"event_id": "\u00e4" * 64}),
    ("the last event time", put("event_time", b"9000000000000000"), {"event_time": 9_000_000_000_000_000}),
    ("the first event time", put("event_time", b"-9000000000000000"), {"event_time": -9_000_000_000_000_000}),
    ("minus zero", put("event_time", b"-0"), {"event_time": 0}),
    ("money to the last digit", put("cost", b"123456789012.123456"), {"cost": Decimal("123456789012.123456")}),
    ("the greatest money", put("cost", b"999999999999.999999"), {"cost": Decimal("999999999999.999999")}),
    ("zeros after six decimals", put("cost", b"0.1000000000"), {"cost": Decimal("0.1")}),
    ("money with an exponent", put("cost", b"1e3"), {"cost": Decimal(1000)}),
    ("a small exponent", put("revenue", b"12.5E-5"), {"revenue": Decimal("0.000125")}),
    ("zero with a huge exponent", put("cost", b"0e99999999999999999999"), {"cost": Decimal(0)}),
    ("many digits, small value", put("cost", b"1" + b"0" * 50 + b"e-50"), {"cost": Decimal(1)}),
    ("negative money", put("cost", b"-0.000001"), {"cost": Decimal("-0.000001")}),
]


@pytest.mark.parametrize(("value", "changed"), [row[1:] for row in ACCEPTED], ids=[row[0] for row in ACCEPTED])
def test_a_valid_record_becomes_its_columns(value: bytes, changed: dict[str, Any]) -> None:
    assert judge_record(AD, value, None) == ROW | changed


def test_the_size_limit_counts_bytes_and_comes_before_everything_but_emptiness() -> None:
    assert isinstance(judge_record(AD, GOOD, len(GOOD)), dict)
    for value in (GOOD + b" ", b"\xff" * 100, b"[" * 100):
        found = judge_record(AD, value, len(GOOD))
        assert isinstance(found, Refusal)
        assert found.reason == "too_large"


@pytest.mark.parametrize(
    ("model", "text", "expected"),
    [
        (MicroEvent, b"-1", -1), (MicroEvent, b"1999", 1), (NanoEvent, b"-1", -1), (NanoEvent, b"1999999", 1),
        (TextEvent, b'"1234"', 1234), (TextEvent, b'"007"', 7), (TextEvent, b'"1969-12-31T23:59:59.9999Z"', -1),
        (TextEvent, b'"1970-01-01T00:00:00.001999+00:00"', 1), (TextEvent, b'"1970-01-01t01:00:00z"', 3_600_000),
        (TextEvent, b'"1970-01-01T01:00:00-01:30"', 9_000_000),
        (TextEvent, b'"0001-01-01T00:00:00+23:59"', -62135683140000), (TextEvent, b'"-5"', "constraint"),
        (TextEvent, b'"1970-01-01"', "constraint"), (TextEvent, b"5", "wrong_type"),
        (TextEvent, b'"1970-01-01T00:00:00"', "constraint"), (TextEvent, b'"1970-01-01T00:00:60Z"', "constraint"),
        (TextEvent, b'"1970-01-01T00:00:00+24:00"', "constraint"),
        (TextEvent, b'"9223372036854775808"', "constraint"), (TextEvent, b'"0000-01-01T00:00:00Z"', "constraint"),
        (TextEvent, b'"\\u0661"', "constraint"), (MicroEvent, b"1.0", "wrong_type"),
        (NanoEvent, b"4611686018427387905", "constraint"),
        (MicroEvent, b"9000000000000000999", 9 * 10**15), (MicroEvent, b"9000000000000001000", "constraint"),
        (MicroEvent, b"-9000000000000000000", -9 * 10**15), (MicroEvent, b"-9000000000000000001", "constraint"),
        (NanoEvent, b"-9223372036854775808", -9223372036855), (TextEvent, b'"9000000000000000"', 9 * 10**15),
        (TextEvent, b'"9000000000000001"', "constraint"), (TextEvent, b'"0009000000000000001"', "constraint"),
    ],
)  # fmt: skip
def test_event_times_of_every_unit_are_floored_to_milliseconds(model: Any, text: bytes, expected: int | str) -> None:
    found = judge_record(schema_of(model), b'{"at":' + text + b"}", None)
    assert (found["at"] if isinstance(found, dict) else found.reason) == expected


def test_seconds_beyond_the_last_event_time_are_refused() -> None:
    schema = schema_of(Trip)
    for seconds, reason in [
        (9_000_000_000_000, "missing_field"),
        (9_000_000_000_001, "constraint"),
        (-101, "constraint"),
    ]:
        found = judge_record(schema, b'{"at":%d}' % seconds, None)
        assert isinstance(found, Refusal)
        assert found.reason == reason


TRIP = {"at": 1, "day": "2024-02-29", "place": "home", "needed": None, "device": {"os": "x"}}


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"day": "2023-02-29"}, "constraint", "day"), ({"day": "2024-2-3"}, "constraint", "day"),
        ({"day": 5}, "wrong_type", "day"), ({"until": "2020-01-01"}, "constraint", "until"),
        ({"until": "2030-01-01"}, "constraint", "until"), ({"speed": "1"}, "wrong_type", "speed"),
        ({"speed": 10**400}, "constraint", "speed"), ({"ratio": 0}, "constraint", "ratio"),
        ({"ok": 1}, "wrong_type", "ok"), ({"ok": None}, "missing_field", "ok"),
        ({"color": "blue"}, "constraint", "color"), ({"level": 2}, "constraint", "level"),
        ({"level": "1"}, "wrong_type", "level"), ({"number": 7}, "constraint", "number"),
        ({"number": 100}, "constraint", "number"), ({"number": -10}, "constraint", "number"),
        ({"code": "a"}, "constraint", "code"), ({"price": 0.07}, "constraint", "price"),
        ({"price": -0.55}, "constraint", "price"), ({"device": None}, "missing_field", "device"),
        ({"device": []}, "wrong_type", "device"), ({"device": {}}, "missing_field", "device.os"),
        ({"device": {"os": "x", "spot": {"lat": 91}}}, "constraint", "device.spot.lat"),
        ({"backup": {"os": 1}}, "wrong_type", "backup.os"), ({"re.named key": 1.5}, "wrong_type", "re.named key"),
        ({"fixed": None}, "missing_field", "fixed"),
        ({"fixed": {"lat": 1, "label": "long"}}, "constraint", "fixed.label"),
    ],
)  # fmt: skip
def test_every_kind_of_field_is_judged(changes: dict[str, Any], reason: str, field: str) -> None:
    found = judge_record(schema_of(Trip), json.dumps(TRIP | changes).encode(), None)
    assert isinstance(found, Refusal)
    assert (found.reason, found.field) == (reason, field)


def test_nested_objects_fill_their_columns() -> None:
    record = TRIP | {
        "backup": {"os": "y", "spot": {"lat": -0.0}},
        "fixed": {"lat": 2},
        "re.named key": 9,
        "speed": 10**30,
    }
    row = judge_record(schema_of(Trip), json.dumps(record).encode(), None)
    assert isinstance(row, dict)
    assert list(row) == schema_of(Trip).arrow.names
    assert (row["backup.os"], repr(row["backup.spot.lat"]), row["backup.spot.fee"]) == ("y", "0.0", Decimal("0.5"))
    assert (row["device.os"], row["device.spot.lat"], row["device.tax"]) == ("x", None, None)
    assert (row["fixed.lat"], row["fixed.label"], row["fixed.fee"]) == (2.0, None, Decimal("0.5"))
    assert (row["renamed"], row["day"], row["speed"], row["place"]) == (9, date(2024, 2, 29), 1e30, "home")


def test_a_repeated_nested_object_is_replaced_whole() -> None:
    schema = schema_of(NestedTime)
    found = judge_record(schema, b'{"meta":{"ts":1,"source":"a"},"meta":{"ts":2}}', None)
    assert isinstance(found, Refusal)
    assert found.field == "meta.source"


@pytest.mark.parametrize("model", [AdEvent, Trip, NestedTime])
def test_what_the_contract_accepts_the_pydantic_class_accepts_in_strict_mode(model: type[BaseModel]) -> None:
    good: dict[Any, bytes] = {
        AdEvent: put("cost", b"0.25"),
        Trip: json.dumps(TRIP | {"price": 0.05, "number": -5, "level": 1, "odd": 3}).encode(),
        NestedTime: b'{"meta":{"ts":1,"source":null}}',
    }
    row = judge_record(schema_of(model), good[model], None)
    assert isinstance(row, dict)
    instance = model.model_validate_json(good[model], strict=True)
    for leaf in schema_of(model).fields:
        value: Any = instance
        for name in leaf.name.split("."):
            value = None if value is None else getattr(value, name)
        if leaf.name != "at":
            assert row[leaf.name] == getattr(value, "value", value)
