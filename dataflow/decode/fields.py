"""The contract for values that have a type already: an event's columns of them, or the first reason against it."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from pydantic import ValidationError

from dataflow.decode.canonical import canonical_of
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
    text_to_micros,
    to_micros,
)
from dataflow.event.schema import EventField, EventObject, EventSchema
from dataflow.formats.typed import Days, Other, Stamp
from dataflow.messages import Refusal

Row = dict[str, Value]
"""One event: a Python value per column, in the schema's order."""

_EPOCH_DAY = date(1970, 1, 1).toordinal()
_LAST_DAY = date.max.toordinal() - _EPOCH_DAY
_PER_SECOND = {TimeUnit.SECONDS: 1, TimeUnit.MILLIS: 1_000, TimeUnit.MICROS: 1_000_000, TimeUnit.NANOS: 1_000_000_000}
_KINDS = {
    str: "a string",
    bool: "a boolean",
    int: "an int",
    float: "a float",
    Decimal: "a decimal",
    Days: "a date",
    Stamp: "a timestamp",
    dict: "a record",
    list: "a list",
}
_SHOWN_CHARS = 60


class _Refused(Exception):
    def __init__(self, reason: str, path: tuple[str, ...], message: str) -> None:
        self.refusal = Refusal(reason, ".".join(path), message)


def judge_values(schema: EventSchema, found: Mapping[str, object]) -> Row | Refusal:
    """Judge one record's fields, by the names that the model reads; a nested record is a mapping as well.

    What is not in a mapping is absent, None is null. The reasons are those of JSON (semantics rule 2).
    """
    row: Row = {}
    try:
        _judge_object(schema.root, found, row)
    except _Refused as refused:
        return refused.refusal
    return row


def judge_field(leaf: EventField, value: object) -> Value | Refusal:
    """Judge one value that is there."""
    try:
        return _judge_field(leaf, value)
    except _Refused as refused:
        return refused.refusal


def _judge_object(node: EventObject, found: Mapping[str, object], row: Row) -> None:
    for child in node.children:
        key = child.path[-1]
        is_there = key in found
        value = found[key] if is_there else None
        if value is None:
            if is_there and not child.null_ok:
                raise _Refused("missing_field", child.path, "the field is null")
            if not is_there and child.required:
                raise _Refused("missing_field", child.path, "the field is absent")
        if isinstance(child, EventField):
            if value is None:
                row[child.name] = None if is_there else child.default
            else:
                row[child.name] = _judge_field(child, value)
        elif value is None:
            values = {} if is_there else child.default or {}
            for leaf in child.leaves():
                row[leaf.name] = values.get(leaf.name)
        elif isinstance(value, dict):
            _judge_object(child, value, row)
        else:
            raise _Refused("wrong_type", child.path, f"must be a record, not {_kind_of(value)}")


def _judge_field(leaf: EventField, value: object) -> Value:
    if leaf.kind is FieldKind.LIST and isinstance(value, list):
        _require_length(leaf, value)
        assert leaf.element is not None
        return [_judge_element(leaf.element, str(at), each) for at, each in enumerate(value)]
    if leaf.kind is FieldKind.JSON and isinstance(value, dict):
        _require_length(leaf, value)
        judged = {key: _json_value(leaf, key, each) for key, each in value.items()}
        return canonical_of(judged)
    return _judge_scalar(leaf, value)


def _json_value(leaf: EventField, key: str, value: object) -> object:
    """A value of an object that is kept as JSON text."""
    if leaf.element is not None:
        return _judge_element(leaf.element, key, value)
    path = (*leaf.path, key)
    if isinstance(value, dict):
        return {name: _json_value(leaf, name, each) for name, each in value.items()}
    if isinstance(value, list):
        return [_json_value(leaf, key, each) for each in value]
    if isinstance(value, float) and value - value != 0:
        raise _Refused("constraint", path, f"no finite number: {_shown(value)}")
    if value is not None and type(value) not in (str, int, bool, float):
        raise _Refused("wrong_type", path, f"has no form in JSON: {_kind_of(value)}: {_shown(value)}")
    return value


def _judge_element(element: EventField, place: str, value: object) -> Scalar:
    try:
        if value is None:
            raise _Refused("missing_field", element.path, "the value is null")
        return _judge_scalar(element, value)
    except _Refused as refused:
        found = refused.refusal
        raise _Refused(found.reason, (*element.path, place), found.message) from None


def _require_length(leaf: EventField, value: list[object] | dict[str, object]) -> None:
    least, most = leaf.constraints.min_length, leaf.constraints.max_length
    if (least is not None and len(value) < least) or (most is not None and len(value) > most):
        raise _constraint(leaf, value, f"holds {len(value)} values, outside of its length")


def _judge_scalar(leaf: EventField, value: object) -> Scalar:
    match leaf.kind:
        case FieldKind.EVENT_TIME:
            return _event_time(leaf, value)
        case FieldKind.STR if type(value) is str:
            return _constrained(leaf, value, value)
        case FieldKind.INT if type(value) is int:
            if not INT64_MIN <= value <= INT64_MAX:
                raise _constraint(leaf, value, "outside int64")
            return _constrained(leaf, value, value)
        case FieldKind.BOOL if type(value) is bool:
            return value
        case FieldKind.FLOAT if type(value) in (int, float):
            return _float(leaf, value)
        case FieldKind.MONEY if leaf.is_amount_text and type(value) is str:
            return _amount(leaf, value)
        case FieldKind.MONEY if leaf.is_amount_text and type(value) is not Decimal:
            pass
        case FieldKind.MONEY if type(value) in (int, float, Decimal):
            return _money(leaf, value)
        case FieldKind.DATE if type(value) in (str, Days):
            return _date(leaf, value)
    raise _Refused("wrong_type", leaf.path, f"must be {_WANTED[leaf.kind]}, not {_kind_of(value)}: {_shown(value)}")


_WANTED = {
    FieldKind.STR: "a string",
    FieldKind.INT: "an int",
    FieldKind.BOOL: "a boolean",
    FieldKind.FLOAT: "a number",
    FieldKind.MONEY: "a decimal or a number",
    FieldKind.DATE: "a date",
    FieldKind.EVENT_TIME: "a timestamp or an int",
    FieldKind.LIST: "a list",
    FieldKind.JSON: "a map or a record",
}


def _float(leaf: EventField, value: object) -> Scalar:
    assert isinstance(value, int | float)
    number = float(value) + 0.0  # adding turns -0.0 into 0.0
    if number - number != 0:
        raise _constraint(leaf, value, "no finite number")
    return _constrained(leaf, value, number)


def _money(leaf: EventField, value: object) -> Scalar:
    assert isinstance(value, int | float | Decimal)
    # a double is the shortest number that reads as it, as where it is written in JSON
    micros = to_micros(Decimal(repr(value)) if isinstance(value, float) else Decimal(value))
    if micros is None:
        raise _constraint(leaf, value, "money has at most 6 decimals and is below 10^12")
    return _constrained(leaf, value, from_micros(micros))


def _amount(leaf: EventField, text: str) -> Scalar:
    micros = text_to_micros(text)
    if micros is None:
        raise _constraint(leaf, text, "an amount is digits with at most 6 decimals, below 10^12, like 12.50 or -3")
    return _constrained(leaf, text, from_micros(micros))


def _date(leaf: EventField, value: object) -> Scalar:
    if isinstance(value, Days):
        if not 1 - _EPOCH_DAY <= value.days <= _LAST_DAY:
            raise _constraint(leaf, value, "no such day: outside the years 1 to 9999")
        return _constrained(leaf, value, date.fromordinal(value.days + _EPOCH_DAY))
    assert isinstance(value, str)
    if not is_date_text(value):
        raise _constraint(leaf, value, "a date is written YYYY-MM-DD")
    try:
        day = date.fromisoformat(value)
    except ValueError as error:
        raise _constraint(leaf, value, f"no such day: {error}") from None
    return _constrained(leaf, value, day)


def _event_time(leaf: EventField, value: object) -> int:
    if isinstance(value, Stamp):
        at_ms = value.ticks * 1_000 // value.per_second
        if leaf.unit in _PER_SECOND:
            _constrained(leaf, value, value.ticks * _PER_SECOND[leaf.unit] // value.per_second)
        elif leaf.text is not None and not leaf.text.bounds[0] <= at_ms <= leaf.text.bounds[1]:
            raise _constraint(leaf, value, "no event time: outside the bounds of the field")
        return _near(leaf, value, at_ms)
    if leaf.unit is TimeUnit.TEXT:
        if type(value) is not str:
            raise _Refused("wrong_type", leaf.path, f"must be a string, not {_kind_of(value)}: {_shown(value)}")
        try:
            return leaf.text_ms(value)
        except ValueError as error:
            raise _constraint(leaf, value, f"no event time: {error}") from None
    if type(value) is not int:
        wanted = _WANTED[FieldKind.EVENT_TIME]
        raise _Refused("wrong_type", leaf.path, f"must be {wanted}, not {_kind_of(value)}: {_shown(value)}")
    if not INT64_MIN <= value <= INT64_MAX:
        raise _constraint(leaf, value, "outside int64")
    _constrained(leaf, value, value)
    assert leaf.unit is not None
    return _near(leaf, value, leaf.unit.to_ms(value))


def _near(leaf: EventField, value: object, at_ms: int) -> int:
    if abs(at_ms) > EVENT_TIME_LIMIT_MS:
        raise _constraint(leaf, value, f"no event time: more than {EVENT_TIME_LIMIT_MS} ms from 1970")
    return at_ms


def _constrained(leaf: EventField, shown: object, value: Scalar) -> Scalar:
    if leaf.choices is not None and value not in leaf.choices:
        raise _constraint(leaf, shown, f"must be one of {', '.join(map(repr, leaf.choices))}")
    if leaf.adapter is not None:
        try:
            leaf.adapter.validate_python(value)
        except ValidationError as error:
            raise _constraint(leaf, shown, error.errors(include_url=False, include_context=False)[0]["msg"]) from None
    return value


def _constraint(leaf: EventField, value: object, rule: str) -> _Refused:
    return _Refused("constraint", leaf.path, f"{rule}: {_shown(value)}")


def _kind_of(value: object) -> str:
    return value.what if isinstance(value, Other) else _KINDS.get(type(value), type(value).__name__)


def _shown(value: object) -> str:
    match value:
        case Other():
            return value.what
        case Days():
            text = f"{value.days} days from 1970"
        case Stamp():
            text = f"{value.ticks} of {value.per_second} a second"
        case _:
            text = str(value)
    return text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "..."
