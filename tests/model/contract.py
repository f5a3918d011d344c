"""Record bytes -> event or the first reason why not (semantics rule 2), one record at a time."""

import math
import re
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

from tests.model import many
from tests.model.clocks import clock
from tests.model.spec import FieldSpec, PipelineSpec, Record, TextForm, column_names
from tests.model.strict_json import NotJson, Number, parse

MAX_DEPTH = 64
"""Arrays and objects inside each other that a record may have; the next one is `malformed`."""

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
FURTHEST_MS = 9 * 10**15
"""An event time may be so far from 1970, before or after it."""
_EPOCH = datetime(1970, 1, 1)
_RFC3339 = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)
_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")


@dataclass(frozen=True)
class Dead:
    """Why a record is no event, and the field that says so."""

    reason: str
    field: str | None = None


class _Refused(ValueError):
    """A value is not acceptable."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read(value: bytes | None, spec: PipelineSpec, max_depth: int = MAX_DEPTH) -> dict[str, Any] | Dead:
    """The event's columns (nested ones as a.b), or the first reason that applies."""
    if value is None:
        return Dead("tombstone")
    if value == b"":
        return Dead("empty")
    if spec.max_record_bytes is not None and len(value) > spec.max_record_bytes:
        return Dead("too_large")
    frame = {0: 5, 1: 17}.get(value[0], 0)
    if frame and len(value) >= frame:
        value = value[frame:]
        if value == b"":
            return Dead("empty")
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return Dead("invalid_utf8")
    try:
        json = parse(text, max_depth)
    except NotJson:
        return Dead("malformed")
    if not isinstance(json, dict):
        return Dead("not_object")
    columns: dict[str, Any] = {}
    dead = _read_fields(json, spec.fields, "", columns)
    return columns if dead is None else dead


def read_record(record: Record, spec: PipelineSpec, max_depth: int = MAX_DEPTH) -> dict[str, Any] | Dead:
    """As `read`, for an event with fields that are parts of the record: they come after those of the value."""
    value_fields = tuple(each for each in spec.fields if each.part is None)
    found = read(record.value, replace(spec, fields=value_fields), max_depth)
    if isinstance(found, Dead) or len(value_fields) == len(spec.fields):
        return found
    for each in spec.fields:
        if each.part is not None:
            judged = _read_part(record, each)
            if isinstance(judged, Dead):
                return judged
            found[each.name] = judged
    return {name: found[name] for name in column_names(spec.fields)}


def _read_part(record: Record, each: FieldSpec) -> Any:
    value: Any = {"timestamp": record.timestamp, "key": record.key, "topic": record.topic}.get(each.part or "")
    for name, held in record.headers:
        if each.part == f"header:{name}":
            value = held
    if value is None:
        return None if each.optional else each.default if each.has_default else Dead("missing_field", each.name)
    try:
        text = value.decode() if isinstance(value, bytes) else value
    except UnicodeDecodeError:
        return Dead("wrong_type", each.name)
    try:
        check_limits(text, each.limits)
    except _Refused as refused:
        return Dead(refused.reason, each.name)
    if each.kind.startswith("event_time") and abs(value) > FURTHEST_MS:
        return Dead("constraint", each.name)
    return text


def _read_fields(
    json: dict[str, Any], fields: tuple[FieldSpec, ...], prefix: str, columns: dict[str, Any]
) -> Dead | None:
    for each in fields:
        name = prefix + each.name
        key = each.key or each.name
        if key not in json:
            if not each.has_default:
                return Dead("missing_field", name)
            _put(each, name, each.default, columns)
            continue
        value = json[key]
        if value is None:
            if not each.optional:
                return Dead("missing_field", name)
            _put(each, name, None, columns)
            continue
        if each.kind == "object":
            if not isinstance(value, dict):
                return Dead("wrong_type", name)
            dead = _read_fields(value, each.children, name + ".", columns)
            if dead is not None:
                return dead
            continue
        if each.kind in ("list", "json"):
            columns[name] = many.of_json(value, each, _element)
            if isinstance(columns[name], many.No):
                return at_place(columns[name], name)
            continue
        try:
            columns[name] = _read_value(value, each)
        except _Refused as refused:
            return Dead(refused.reason, name)
    return None


def _element(json: Any, each: FieldSpec) -> Any:
    try:
        return _read_value(json, each)
    except _Refused as refused:
        return Dead(refused.reason)


def at_place(no: many.No, name: str) -> Dead:
    """Why a record is dead whose field `name` holds many values."""
    return Dead(no.reason, name if no.place is None else f"{name}.{no.place}")


def _put(each: FieldSpec, name: str, value: Any, columns: dict[str, Any]) -> None:
    if each.kind == "object":
        for child in each.children:
            inner = None if value is None else value[child.name]
            _put(child, f"{name}.{child.name}", inner, columns)
    else:
        columns[name] = value


def _read_value(json: Any, each: FieldSpec) -> Any:
    value: Any = _READERS[each.kind](json) if each.form is None else read_form(_read_str(json), each.form)
    check_limits(value, each.limits)
    if each.kind == "event_time_s":
        value = value * 1000
    elif each.kind == "event_time_us":
        value = value // 1000
    elif each.kind == "event_time_ns":
        value = value // 1_000_000
    if each.kind.startswith("event_time") and abs(value) > FURTHEST_MS:
        raise _Refused("constraint")
    return value


def _read_str(json: Any) -> str:
    if not isinstance(json, str):
        raise _Refused("wrong_type")
    return json


def _read_bool(json: Any) -> bool:
    if not isinstance(json, bool):
        raise _Refused("wrong_type")
    return json


def _read_int(json: Any) -> int:
    if not isinstance(json, Number) or not json.is_integer:
        raise _Refused("wrong_type")
    return _in_int64(_exact_int(json.text))


def _exact_int(text: str) -> int:
    """The integer of `text`; anything with more than 30 digits is outside int64 whatever they are."""
    digits = text.lstrip("-")
    if len(digits) > 30:
        raise _Refused("constraint")
    return int(text)


def _in_int64(value: int) -> int:
    if not INT64_MIN <= value <= INT64_MAX:
        raise _Refused("constraint")
    return value


def _read_float(json: Any) -> float:
    if not isinstance(json, Number):
        raise _Refused("wrong_type")
    value = float(json.text)
    if value in (float("inf"), float("-inf")):
        raise _Refused("constraint")
    return 0.0 if value == 0 else value  # one zero: -0.0 is the same number


def _read_money(json: Any) -> Decimal:
    """Judged by value: at most 6 decimals and below 10^12 in size."""
    if not isinstance(json, Number):
        raise _Refused("wrong_type")
    sign, digits, exponent = _parts(json.text)
    if digits == "":
        return Decimal(0)
    if exponent < -6 or len(digits) + exponent > 12:
        raise _Refused("constraint")
    micros = int(digits) * 10 ** (exponent + 6)
    return Decimal(sign * micros).scaleb(-6)


def _read_money_text(json: Any) -> Decimal:
    """Digits with a sign and decimals or without, judged by value as money is."""
    text = _read_str(json)
    if re.fullmatch(r"[-+]?[0-9]+(\.[0-9]+)?", text) is None:
        raise _Refused("constraint")
    return _read_money(Number(text.removeprefix("+")))


def _parts(text: str) -> tuple[int, str, int]:
    """Sign, digits without zeros at either end ("" for zero) and exponent: sign * int(digits) * 10^exponent."""
    sign = -1 if text.startswith("-") else 1
    mantissa, _, power = text.lstrip("-").lower().partition("e")
    whole, _, fraction = mantissa.partition(".")
    exponent = int(power or "0") - len(fraction)
    digits = (whole + fraction).lstrip("0")
    stripped = digits.rstrip("0")
    return sign, stripped, exponent + len(digits) - len(stripped)


def read_day(json: Any) -> date:
    """A day as text; raises ValueError."""
    match = _DAY.fullmatch(_read_str(json))
    if match is None:
        raise _Refused("constraint")
    try:
        return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        raise _Refused("constraint") from None


def time_text_ms(json: Any) -> int:
    """RFC 3339 with a zone, floored to ms, or digits (ms)."""
    text = _read_str(json)
    if re.fullmatch(r"[0-9]+", text):
        return _in_int64(_exact_int(text))
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise _Refused("constraint")
    year, month, day, hour, minute, second = (int(match[at]) for at in range(1, 7))
    zone_hours, zone_minutes = int(match[9] or 0), int(match[10] or 0)
    if zone_hours > 23 or zone_minutes > 59:
        raise _Refused("constraint")
    try:
        local = datetime(year, month, day, hour, minute, second)
    except ValueError:
        raise _Refused("constraint") from None
    ms = (local - _EPOCH) // timedelta(milliseconds=1) + int((match[7] or "").ljust(3, "0")[:3])
    zone_ms = (zone_hours * 60 + zone_minutes) * 60_000
    return ms + zone_ms if match[8] == "-" else ms - zone_ms


_FORM_CLOCK = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]+)?([Zz]|[+-][0-9]{2}:?[0-9]{2}|)"
)


def read_form(text: str, form: TextForm) -> int:
    """The wider forms: digits of a unit with decimals, +0100, a blank for the T, no zone where the form has one."""
    number = re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text)
    ms = math.floor(_number(text) * _UNIT_MS[form.unit]) if number else _read_clock(text, form.zone)
    if (form.start is not None and ms < form.start) or (form.end is not None and ms >= form.end):
        raise _Refused("constraint")
    return ms


def _number(text: str) -> Fraction:
    if len(text) > 4_000:
        raise _Refused("constraint")
    return Fraction(text)


def _read_clock(text: str, zone: str | None) -> int:
    match = _FORM_CLOCK.fullmatch(text)
    if match is None:
        raise _Refused("constraint")
    try:
        reading = datetime.strptime(f"{match[1]} {match[2]}", "%Y-%m-%d %H:%M:%S")
    except ValueError:
        raise _Refused("constraint") from None
    if int(match[2][6:]) > 59:
        raise _Refused("constraint")
    ms = (reading - _EPOCH) // timedelta(milliseconds=1) + int(((match[3] or ".0")[1:] + "000")[:3])
    offset = match[4].upper()
    if offset == "":
        if zone is None:
            raise _Refused("constraint")
        # of a reading that comes twice the first; one that is skipped by the offset before the gap (fold 0)
        ahead = reading.replace(tzinfo=clock(zone)).utcoffset()
        assert ahead is not None
        return ms - ahead // timedelta(milliseconds=1)
    if offset == "Z":
        return ms
    hours, minutes = int(offset[1:3]), int(offset[-2:])
    if hours > 23 or minutes > 59:
        raise _Refused("constraint")
    return ms - (1 if offset[0] == "+" else -1) * (hours * 60 + minutes) * 60_000


_UNIT_MS = {"s": Fraction(1_000), "ms": Fraction(1), "us": Fraction(1, 1_000), "ns": Fraction(1, 1_000_000)}

_READERS = {
    "str": _read_str,
    "int": _read_int,
    "bool": _read_bool,
    "float": _read_float,
    "money": _read_money,
    "money_text": _read_money_text,
    "date": read_day,
    "event_time_ms": _read_int,
    "event_time_s": _read_int,
    "event_time_us": _read_int,
    "event_time_ns": _read_int,
    "event_time_text": time_text_ms,
}


def check_limits(value: Any, limits: dict[str, Any]) -> None:
    """Raises ValueError for a value that breaks one of the field's limits."""
    good = True
    for name, limit in limits.items():
        if name == "ge":
            good = good and value >= limit
        elif name == "gt":
            good = good and value > limit
        elif name == "le":
            good = good and value <= limit
        elif name == "lt":
            good = good and value < limit
        elif name == "multiple_of":
            with localcontext() as context:
                context.prec = 100
                good = good and value % limit == 0
        elif name == "min_length":
            good = good and len(value) >= limit
        elif name == "max_length":
            good = good and len(value) <= limit
        elif name == "pattern":
            good = good and re.search(limit, value) is not None
        elif name == "choices":
            good = good and any(type(value) is type(choice) and value == choice for choice in limit)
        else:
            raise ValueError(f"the model knows no constraint {name!r}")
    if not good:
        raise _Refused("constraint")
