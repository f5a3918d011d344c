"""Whether a default is a value that its field could have been given in JSON."""

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, TypeGuard

from pydantic import ValidationError

from dataflow.event.fields import INT64_MAX, INT64_MIN, FieldKind, Value

if TYPE_CHECKING:
    from dataflow.event.schema import EventField


def fits(value: object, leaf: "EventField") -> TypeGuard[Value]:
    """Whether `value` is of the field's type and fulfils its constraints."""
    python_type: type = {
        FieldKind.STR: str,
        FieldKind.INT: int,
        FieldKind.BOOL: bool,
        FieldKind.FLOAT: float,
        FieldKind.MONEY: Decimal,
        FieldKind.DATE: date,
        FieldKind.EVENT_TIME: int,
    }[leaf.kind]
    if type(value) is not python_type or (leaf.choices is not None and value not in leaf.choices):
        return False
    if isinstance(value, int) and not INT64_MIN <= value <= INT64_MAX:
        return False
    if isinstance(value, float) and value - value != 0:
        return False
    if isinstance(value, str) and any("\ud800" <= char <= "\udfff" for char in value):
        return False
    if leaf.adapter is None:
        return True
    try:
        leaf.adapter.validate_python(value)
    except ValidationError:
        return False
    return True
