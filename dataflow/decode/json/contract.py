"""The reference contract: one record's bytes to an event's values, or the first reason against it (semantics rule 2).

Every decoder accepts exactly what `judge_record` accepts, with equal values; it alone words refusals.
"""

import re
from datetime import date

import msgspec
from pydantic import ValidationError

from dataflow.decode.canonical import canonical
from dataflow.event.fields import (
    EVENT_TIME_LIMIT_MS,
    INT64_MAX,
    INT64_MIN,
    FieldKind,
    Scalar,
    TimeUnit,
    Value,
    from_micros,
    is_date_text,
    money_micros,
    text_to_micros,
)
from dataflow.event.schema import EventField, EventObject, EventSchema
from dataflow.event.unit_size import DECLARED, NOUNS, unit_by_size
from dataflow.formats.frame import json_body
from dataflow.messages import Refusal

MAX_DEPTH = 64
"""Objects and arrays may be nested this deep, the record's own object included, also inside ignored fields."""

Row = dict[str, Value]
"""One event: a Python value per column (str, int, bool, float, Decimal, date or None), in the schema's order."""

_RAW = msgspec.json.Decoder(msgspec.Raw)
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_TEXT = msgspec.json.Decoder(str)

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")
_INT = re.compile(rb"-?\d+")
_INT64_CHARS = 20
_KINDS_BY_START = {b'"': "a string", b"{": "an object", b"[": "an array", b"t": "a boolean", b"f": "a boolean"}
_SHOWN_CHARS = 60


class _Refused(Exception):
    """Carries a refusal out of the walk over the fields."""

    def __init__(self, reason: str, path: tuple[str, ...], message: str) -> None:
        self.refusal = Refusal(reason, ".".join(path) or None, message)


def judge_record(schema: EventSchema, value: bytes | None, max_bytes: int | None) -> Row | Refusal:
    """Judge one record's value: the event's columns, or a Refusal with the first reason that applies.

    Never raises for any content of `value`; None is a tombstone. `max_bytes` None = no limit.
    """
    if value is None:
        return Refusal("tombstone", None, "the record has no value")
    if not value:
        return Refusal("empty", None, "the record's value has no bytes")
    if max_bytes is not None and len(value) > max_bytes:
        return Refusal("too_large", None, f"{len(value)} bytes; the limit is {max_bytes}")
    value = json_body(value)
    if not value:
        return Refusal("empty", None, "the record's value has no bytes behind its frame")
    try:
        value.decode("utf-8")
    except UnicodeDecodeError as error:
        return Refusal("invalid_utf8", None, f"{error.reason} at byte {error.start}")
    if _depth(value) > MAX_DEPTH:
        return Refusal("malformed", None, f"nested deeper than {MAX_DEPTH} levels")
    try:
        raw = bytes(_RAW.decode(value))
        members = _OBJECT.decode(raw) if raw.startswith(b"{") else None
    except (msgspec.MsgspecError, RecursionError) as error:
        return Refusal("malformed", None, f"not one JSON value: {error}")
    if members is None:
        return Refusal("not_object", None, f"the record must be a JSON object, not {_kind_of(raw)}")
    row: Row = {}
    try:
        _judge_object(schema.root, members, row)
    except _Refused as refused:
        return refused.refusal
    return row


def _depth(value: bytes) -> int:
    """Deepest nesting of brackets outside strings; only a bound where `value` is not well formed."""
    if value.count(b"[") + value.count(b"{") <= MAX_DEPTH:
        return 0
    depth = deepest = 0
    for bracket in _BRACKETS.findall(_STRING.sub(b"", value)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _judge_object(node: EventObject, members: dict[str, msgspec.Raw], row: Row) -> None:
    for child in node.children:
        member = members.get(child.path[-1])
        raw = None if member is None else bytes(member)
        if isinstance(child, EventField):
            row[child.name] = _judge_field(child, raw)
        else:
            _judge_nested(child, raw, row)


def _judge_nested(node: EventObject, raw: bytes | None, row: Row) -> None:
    if _present(node, raw):
        assert raw is not None
        if not raw.startswith(b"{"):
            raise _Refused("wrong_type", node.path, f"must be an object, not {_kind_of(raw)}")
        _judge_object(node, _OBJECT.decode(raw), row)
        return
    values = (node.default or {}) if raw is None else {}
    for leaf in node.leaves():
        row[leaf.name] = values.get(leaf.name)


def _judge_field(leaf: EventField, raw: bytes | None) -> Value:
    if not _present(leaf, raw):
        return leaf.default if raw is None else None
    assert raw is not None
    if leaf.kind in (FieldKind.LIST, FieldKind.JSON):
        return judge_many(leaf, raw)
    return _judge_scalar(leaf, raw)


def judge_many(leaf: EventField, raw: bytes) -> Value:
    """A list's values, or an object's canonical text; the path of what is refused has the index or key of the value."""
    if leaf.kind is FieldKind.LIST:
        if not raw.startswith(b"["):
            raise _wrong_type(leaf, raw, "an array")
        values = _LIST.decode(raw)
        _require_length(leaf, raw, len(values))
        assert leaf.element is not None
        return [_judge_element(leaf.element, str(at), bytes(value)) for at, value in enumerate(values)]
    if not raw.startswith(b"{"):
        raise _wrong_type(leaf, raw, "an object")
    members = _OBJECT.decode(raw)
    _require_length(leaf, raw, len(members))
    if leaf.element is not None:
        for key, value in members.items():
            _judge_element(leaf.element, key, bytes(value))
    return canonical(raw)


def judged_many(leaf: EventField, raw: bytes) -> Value:
    """The same; None for what is refused."""
    try:
        return judge_many(leaf, raw)
    except _Refused:
        return None


def _judge_element(element: EventField, place: str, raw: bytes) -> Scalar:
    try:
        if raw == b"null":
            raise _Refused("missing_field", element.path, "the value is null")
        return _judge_scalar(element, raw)
    except _Refused as refused:
        found = refused.refusal
        raise _Refused(found.reason, (*element.path, place), found.message) from None


def _require_length(leaf: EventField, raw: bytes, length: int) -> None:
    least, most = leaf.constraints.min_length, leaf.constraints.max_length
    if (least is not None and length < least) or (most is not None and length > most):
        raise _constraint(leaf, raw, f"holds {length} values, outside of its length")


def _judge_scalar(leaf: EventField, raw: bytes) -> Scalar:
    if leaf.kind is FieldKind.BOOL:
        if raw not in (b"true", b"false"):
            raise _wrong_type(leaf, raw, "true or false")
        return raw == b"true"
    if leaf.kind in (FieldKind.STR, FieldKind.DATE) or leaf.unit is TimeUnit.TEXT or leaf.is_amount_text:
        return _judge_text(leaf, raw)
    if leaf.kind in (FieldKind.INT, FieldKind.EVENT_TIME):
        return _judge_int(leaf, raw)
    return _judge_number(leaf, raw)


def _present(child: EventField | EventObject, raw: bytes | None) -> bool:
    """Whether there is a value to judge; absent or null without leave is refused."""
    if raw is None:
        if child.required:
            raise _Refused("missing_field", child.path, "the field is absent")
        return False
    if raw == b"null":
        if not child.null_ok:
            raise _Refused("missing_field", child.path, "the field is null")
        return False
    return True


def _judge_text(leaf: EventField, raw: bytes) -> Scalar:
    if not raw.startswith(b'"'):
        raise _wrong_type(leaf, raw, "a string")
    text: str = _TEXT.decode(raw)
    if leaf.unit is TimeUnit.TEXT:
        try:
            at_ms = leaf.text_ms(text)
        except ValueError as error:
            raise _constraint(leaf, raw, f"no event time: {error}") from None
        return at_ms
    if leaf.is_amount_text:
        micros = text_to_micros(text)
        if micros is None:
            raise _constraint(leaf, raw, "an amount is digits with at most 6 decimals, below 10^12, like 12.50 or -3")
        return _constrained(leaf, raw, from_micros(micros))
    if leaf.kind is FieldKind.DATE:
        if not is_date_text(text):
            raise _constraint(leaf, raw, "a date is written YYYY-MM-DD")
        try:
            day = date.fromisoformat(text)
        except ValueError as error:
            raise _constraint(leaf, raw, f"no such day: {error}") from None
        return _constrained(leaf, raw, day)
    return _constrained(leaf, raw, text)


def _judge_int(leaf: EventField, raw: bytes) -> int:
    if not _INT.fullmatch(raw):
        raise _wrong_type(leaf, raw, "an int")
    number = int(raw) if len(raw) <= _INT64_CHARS else INT64_MAX + 1
    if not INT64_MIN <= number <= INT64_MAX:
        raise _constraint(leaf, raw, "outside int64")
    if leaf.unit is None:
        _constrained(leaf, raw, number)
        return number
    try:
        _constrained(leaf, raw, number)
    except _Refused as refused:
        raise _Refused("constraint", leaf.path, refused.refusal.message + _unit_hint(leaf, number)) from None
    at_ms = leaf.unit.to_ms(number)
    if abs(at_ms) > EVENT_TIME_LIMIT_MS:
        raise _constraint(leaf, raw, f"no event time: more than {EVENT_TIME_LIMIT_MS} ms from 1970")
    return at_ms


def _unit_hint(leaf: EventField, ticks: int) -> str:
    """Which unit an event time outside its bounds is written in, by its size."""
    unit = unit_by_size(ticks)
    return (
        "" if unit is None or unit is leaf.unit else f"; by its size it is in {NOUNS[unit]}: declare {DECLARED[unit]}"
    )


def _judge_number(leaf: EventField, raw: bytes) -> Scalar:
    if raw[:1] not in b"-0123456789":
        raise _wrong_type(leaf, raw, "a number")
    if leaf.kind is FieldKind.MONEY:
        micros = money_micros(raw.decode("ascii"))
        if micros is None:
            raise _constraint(leaf, raw, "money has at most 6 decimals and is below 10^12")
        return _constrained(leaf, raw, from_micros(micros))
    number = float(raw) + 0.0  # adding turns -0.0 into 0.0: one zero for keys, minima and maxima
    if number - number != 0:
        raise _constraint(leaf, raw, "too large for a double")
    return _constrained(leaf, raw, number)


def _constrained(leaf: EventField, raw: bytes, value: Scalar) -> Scalar:
    if leaf.choices is not None and value not in leaf.choices:
        raise _constraint(leaf, raw, f"must be one of {', '.join(map(repr, leaf.choices))}")
    if leaf.adapter is not None:
        try:
            leaf.adapter.validate_python(value)
        except ValidationError as error:
            raise _constraint(leaf, raw, error.errors(include_url=False, include_context=False)[0]["msg"]) from None
    return value


def _wrong_type(leaf: EventField, raw: bytes, wanted: str) -> _Refused:
    return _Refused("wrong_type", leaf.path, f"must be {wanted}, not {_kind_of(raw)}: {_shown(raw)}")


def _constraint(leaf: EventField, raw: bytes, rule: str) -> _Refused:
    return _Refused("constraint", leaf.path, f"{rule}: {_shown(raw)}")


def _kind_of(raw: bytes) -> str:
    if raw == b"null":
        return "null"
    return _KINDS_BY_START.get(raw[:1], "a number")


def _shown(raw: bytes) -> str:
    text = raw.decode("utf-8")
    return text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "..."
