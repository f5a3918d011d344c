"""The line to write in an event model for a field whose name the lake takes."""

from enum import Enum
from inspect import get_annotations

from pydantic import BaseModel

from dataflow.event import fields

_ALIASES = ("Money", "MoneyText", "EventTimeSeconds", "EventTimeMicros", "EventTimeNanos", "EventTime")


def renamed_line(model: type[BaseModel], name: str, key: str) -> str:
    """Field `name` of `model` under another name that is free, reading the same JSON key.

    For `offset: int` it is `event_offset: int = Field(alias="offset")`.
    """
    info = model.model_fields[name]
    taken = {each.lower() for each in model.model_fields}
    free = f"event_{name.lower()}"
    while free in taken:
        free = f"event_{free}"
    default = "" if info.is_required() else f"{_text(info.default)}, "
    return f'{free}: {_annotation(model, name)} = Field({default}alias="{key}")'


def _annotation(model: type[BaseModel], name: str) -> str:
    """As it is written, or as near to it as can be told."""
    owner = next(each for each in model.__mro__ if name in get_annotations(each))
    written = get_annotations(owner)[name]
    if isinstance(written, str):
        return written
    for alias in _ALIASES:
        if written == getattr(fields, alias):
            return alias
    if isinstance(written, type) and not hasattr(written, "__args__"):
        return written.__name__
    text = repr(written)
    for alias in _ALIASES:
        text = text.replace(repr(getattr(fields, alias)), alias)
    return text.replace("typing.", "")


def _text(value: object) -> str:
    return f"{type(value).__name__}.{value.name}" if isinstance(value, Enum) else repr(value)
