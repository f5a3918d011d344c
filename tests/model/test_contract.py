"""The contract by example: each reason, each field kind, each edge of semantics rule 2."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.model.contract import Dead, read
from tests.model.spec import FieldSpec, PipelineSpec


def _one(kind: str, json: str, **options: Any) -> Any:
    spec = PipelineSpec((FieldSpec("v", kind, **options),), ())
    found = read(b'{"v":' + json.encode() + b"}", spec)
    return found.reason if isinstance(found, Dead) else found["v"]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "tombstone"),
        (b"", "empty"),
        (b"x" * 101, "too_large"),
        (b"\xff" * 101, "too_large"),
        (b'{"v":"\xed\xa0\x80"}', "invalid_utf8"),
        (b'{"v":"\xff"', "invalid_utf8"),
        (b" ", "malformed"),
        (b"\xef\xbb\xbf{}", "malformed"),
        (b"{} {}", "malformed"),
        (b"{}x", "malformed"),
        (b'{"v":1,}', "malformed"),
        (b'{"v":[1,]}', "malformed"),
        (b'{"v":01}', "malformed"),
        (b'{"v":+1}', "malformed"),
        (b'{"v":1.}', "malformed"),
        (b'{"v":.5}', "malformed"),
        (b'{"v":1e}', "malformed"),
        (b'{"v":-}', "malformed"),
        (b'{"v":NaN}', "malformed"),
        (b'{"v":Infinity}', "malformed"),
        (b'{"v":nul}', "malformed"),
        (b"{'v':1}", "malformed"),
        (b"{v:1}", "malformed"),
        (b'{"v":"\n"}', "malformed"),
        (b'{"v":"\\x"}', "malformed"),
        (b'{"v":"\\u12g4"}', "malformed"),
        (b'{"v":"\\ud800"}', "malformed"),
        (b'{"v":"\\udc00\\ud800"}', "malformed"),
        (b'{"v":"\\ud800\\u0041"}', "malformed"),
        (b'{"other":"\\ud800","v":1}', "malformed"),
        (b'{"v":1', "malformed"),
        (b'{"v":1}\x00', "malformed"),
        (b"\x0c{}", "malformed"),
        (b"1", "not_object"),
        (b"[]", "not_object"),
        (b"null", "not_object"),
        (b'"{}"', "not_object"),
        (b"{}", "missing_field"),
        (b'{"V":1}', "missing_field"),
        (b'{"v":null}', "missing_field"),
        (b'{"v":"1"}', "wrong_type"),
    ],
)
def test_the_first_reason_that_applies_counts(value: bytes | None, reason: str) -> None:
    spec = PipelineSpec((FieldSpec("v", "int"),), (), max_record_bytes=100)
    found = read(value, spec)
    assert isinstance(found, Dead)
    assert found.reason == reason


def test_good_json_in_unusual_dress_is_an_event() -> None:
    spec = PipelineSpec((FieldSpec("v", "int"), FieldSpec("s", "str")), ())
    text = ' \r\n{"s":"x", "x":1e999 , "s" : "\\u00fc\\ud83d\\ude00\\/\\n\\u0000", "\\u0076":\t-0}\n '
    assert read(text.encode(), spec) == {"v": 0, "s": "ü😀/\n\0"}


def test_of_a_repeated_key_the_last_counts() -> None:
    assert read(b'{"v":"no","v":2}', PipelineSpec((FieldSpec("v", "int"),), ())) == {"v": 2}


def test_the_depth_limit_is_the_last_depth_that_passes() -> None:
    spec = PipelineSpec((FieldSpec("v", "int"),), ())
    assert read(b'{"v":1,"d":[[]]}', spec, max_depth=3) == {"v": 1}
    assert read(b'{"v":1,"d":[[[]]]}', spec, max_depth=3) == Dead("malformed")


def test_fields_are_judged_in_the_models_order_not_the_records() -> None:
    spec = PipelineSpec((FieldSpec("a", "int"), FieldSpec("b", "int"), FieldSpec("c", "int")), ())
    assert read(b'{"c":"x","b":"x","a":1}', spec) == Dead("wrong_type", "b")
    assert read(b'{"c":"x"}', spec) == Dead("missing_field", "a")


def test_absent_takes_the_default_and_null_only_where_optional() -> None:
    field = FieldSpec("v", "money", has_default=True, default=Decimal(0))
    spec = PipelineSpec((field,), ())
    assert read(b"{}", spec) == {"v": Decimal(0)}
    assert read(b'{"v":null}', spec) == Dead("missing_field", "v")
    assert read(b'{"v":null}', PipelineSpec((FieldSpec("v", "int", optional=True),), ())) == {"v": None}
    assert read(b"{}", PipelineSpec((FieldSpec("v", "int", optional=True),), ())) == Dead("missing_field", "v")


@pytest.mark.parametrize("json", ['"5"', "5.0", "1e3", "true", "[]", "{}"])
def test_what_is_no_int(json: str) -> None:
    assert _one("int", json) == "wrong_type"


def test_an_int_outside_int64_breaks_a_constraint() -> None:
    assert _one("int", "9223372036854775807") == 2**63 - 1
    assert _one("int", "-9223372036854775808") == -(2**63)
    assert _one("int", "9223372036854775808") == "constraint"
    assert _one("int", "-9223372036854775809") == "constraint"
    assert _one("int", "1" * 5000) == "constraint"


@pytest.mark.parametrize(
    ("json", "value"),
    [
        ("1e3", Decimal(1000)),
        ("0.1000000", Decimal("0.1")),
        ("0.0000001", "constraint"),
        ("0.0000000", Decimal(0)),
        ("0e-99", Decimal(0)),
        ("0e99999999999", Decimal(0)),
        ("1e99999999999", "constraint"),
        ("1e-99999999999", "constraint"),
        ("10e-7", Decimal("0.000001")),
        ("999999999999.999999", Decimal("999999999999.999999")),
        ("-999999999999.999999", Decimal("-999999999999.999999")),
        ("1000000000000", "constraint"),
        ("1e12", "constraint"),
        ("123456789012.123456", Decimal("123456789012.123456")),
        ("1.0000000000000000001", "constraint"),
        ('"1"', "wrong_type"),
        ("true", "wrong_type"),
    ],
)
def test_money_is_judged_by_value(json: str, value: object) -> None:
    assert _one("money", json) == value


def test_other_types_are_strict() -> None:
    assert _one("str", "1") == "wrong_type"
    assert _one("bool", "0") == "wrong_type"
    assert _one("bool", "false") is False
    assert _one("float", "1") == 1.0
    assert _one("float", "1e999") == "constraint"
    assert _one("float", '"1"') == "wrong_type"
    assert _one("date", '"2024-02-29"') == date(2024, 2, 29)
    assert _one("date", '"2023-02-29"') == "constraint"
    assert _one("date", "0") == "wrong_type"


def test_limits_break_as_constraints() -> None:
    assert _one("str", '"abc"', limits={"min_length": 1, "max_length": 3}) == "abc"
    assert _one("str", '"abcd"', limits={"max_length": 3}) == "constraint"
    assert _one("str", '"üüü"', limits={"max_length": 3}) == "üüü"
    assert _one("str", '"d"', limits={"choices": ("a", "b")}) == "constraint"
    assert _one("str", "1", limits={"choices": ("a", "b")}) == "wrong_type"
    assert _one("int", "3", limits={"ge": 3, "lt": 4}) == 3
    assert _one("int", "4", limits={"ge": 3, "lt": 4}) == "constraint"


@pytest.mark.parametrize(
    ("kind", "json", "ms"),
    [
        ("event_time_ms", "-1", -1),
        ("event_time_s", "-2", -2000),
        ("event_time_s", "9000000000000", 9 * 10**15),
        ("event_time_s", "9000000000001", "constraint"),
        ("event_time_s", "-9000000000001", "constraint"),
        ("event_time_ms", "9000000000000000", 9 * 10**15),
        ("event_time_ms", "9000000000000001", "constraint"),
        ("event_time_ms", "-9000000000000000", -9 * 10**15),
        ("event_time_ms", "-9000000000000001", "constraint"),
        ("event_time_us", "9000000000000000999", 9 * 10**15),
        ("event_time_us", "9000000000000001000", "constraint"),
        ("event_time_us", "-9000000000000000001", "constraint"),
        ("event_time_ns", "9223372036854775807", 9223372036854),
        ("event_time_text", '"9000000000000000"', 9 * 10**15),
        ("event_time_text", '"9000000000000001"', "constraint"),
        ("event_time_us", "1999", 1),
        ("event_time_us", "-1", -1),
        ("event_time_ns", "1999999", 1),
        ("event_time_ns", "-1", -1),
        ("event_time_text", '"1970-01-01T00:00:01Z"', 1000),
        ("event_time_text", '"1970-01-01T01:00:00.0019+01:00"', 1),
        ("event_time_text", '"1969-12-31T23:59:59.9999-00:00"', -1),
        ("event_time_text", '"1969-12-31T20:00:00-04:00"', 0),
        ("event_time_text", '"1234"', 1234),
        ("event_time_text", "1234", "wrong_type"),
        ("event_time_text", '"1970-01-01T00:00:01"', "constraint"),
        ("event_time_text", '"1970-02-30T00:00:01Z"', "constraint"),
    ],
)
def test_event_times_are_floored_to_milliseconds(kind: str, json: str, ms: object) -> None:
    assert _one(kind, json) == ms


def test_nested_fields_are_judged_where_they_stand() -> None:
    inner = FieldSpec("a", "object", optional=True, has_default=True, children=(FieldSpec("b", "int"),))
    spec = PipelineSpec((inner,), ())
    assert read(b'{"a":{"b":1}}', spec) == {"a.b": 1}
    assert read(b'{"a":null}', spec) == {"a.b": None}
    assert read(b"{}", spec) == {"a.b": None}
    assert read(b'{"a":{}}', spec) == Dead("missing_field", "a.b")
    assert read(b'{"a":1}', spec) == Dead("wrong_type", "a")
