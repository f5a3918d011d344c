"""Lists, and objects that are kept as JSON text: what a record's value is worth as one (docs/pipeline.md)."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.model.spec import FieldSpec
from tests.model.strict_json import Number

Judge = Callable[[Any, FieldSpec], Any]
"""A value as its field takes it, or why not: what has a `reason` is a refusal."""


@dataclass(frozen=True)
class No:
    """Why a value is none of the field, and the place inside it that says so."""

    reason: str
    place: str | None = None


def of_json(value: Any, each: FieldSpec, judge: Judge) -> Any:
    """A strict JSON value as a list of values, as a text, or as No."""
    wanted = list if each.kind == "list" else dict
    if not isinstance(value, wanted):
        return No("wrong_type")
    if not has_length(len(value), each):
        return No("constraint")
    if isinstance(value, list):
        return judged([(str(at), inner) for at, inner in enumerate(value)], each, judge, lambda inner: inner is None)
    if each.element is not None:
        found = judged([*value.items()], each, judge, lambda inner: inner is None)
        if isinstance(found, No):
            return found
    return text_of(value)


def of_typed(found: Any, each: FieldSpec, judge: Judge) -> Any:
    """The same of a value that has a type: its `kind` array or map, or record with (value, aliases) by name."""
    found = found.set or found
    kinds = ("array",) if each.kind == "list" else ("map", "record")
    if found.kind not in kinds:
        return No("wrong_type")
    parts = parts_of(found)
    if not has_length(len(parts), each):
        return No("constraint")
    if each.element is not None:
        values = judged(parts, each, judge, lambda inner: inner.kind == "null")
        if isinstance(values, No) or each.kind == "list":
            return values
        return text_of(dict(zip((name for name, _ in parts), values, strict=True)))
    plain: dict[str, Any] = {}
    for name, inner in parts:
        plain[name] = of_any(inner, name)
        if isinstance(plain[name], No):
            return plain[name]
    return text_of(plain)


def parts_of(found: Any) -> list[tuple[str, Any]]:
    """What stands in an array, a map or a record, in its order, by place or name."""
    if found.kind == "array":
        return [(str(at), inner) for at, inner in enumerate(found.value)]
    if found.kind == "record":
        return [(name, inner) for name, (inner, _) in found.value.items()]
    return [*found.value.items()]


def judged(parts: list[tuple[str, Any]], each: FieldSpec, judge: Judge, is_null: Callable[[Any], bool]) -> Any:
    """Every part by the rules of what the field holds; the first that breaks one is told with its place."""
    assert each.element is not None
    values = []
    for place, inner in parts:
        if is_null(inner):
            return No("missing_field", place)
        value = judge(inner, each.element)
        if hasattr(value, "reason"):
            return No(value.reason, place)
        values.append(value)
    return values


def of_any(found: Any, place: str) -> Any:
    """What JSON says of a typed value; `place` is the name that it stands below."""
    if found.kind in ("null", "text", "bool", "int"):
        return found.value
    if found.kind == "double":
        is_finite = found.value == found.value and abs(found.value) != float("inf")
        return found.value if is_finite else No("constraint", place)
    if found.kind not in ("array", "map", "record"):
        return No("wrong_type", place)
    values = {}
    for name, inner in parts_of(found):
        values[name] = of_any(inner, place if found.kind == "array" else name)
        if isinstance(values[name], No):
            return values[name]
    return [*values.values()] if found.kind == "array" else values


def has_length(length: int, each: FieldSpec) -> bool:
    """Whether a list or an object has as many members as the field allows."""
    return each.limits.get("min_length", 0) <= length <= each.limits.get("max_length", length)


def text_of(value: Any) -> str:
    """JSON in the one form that equal objects share: sorted keys, no blanks, only the escapes that must be."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{text_of(name)}:{text_of(value[name])}" for name in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(text_of, value)) + "]"
    if isinstance(value, Number):
        return value.text
    if isinstance(value, float):
        return number_of(value)
    return json.dumps(value, ensure_ascii=False)


def number_of(value: float) -> str:
    """The shortest digits that read as it, with an exponent from 10^16 on and below 10^-5."""
    digits, _, exponent = repr(value).partition("e")
    if not exponent:
        return digits
    if int(exponent) == -5:
        return f"{'-' if value < 0 else ''}0.0000{digits.lstrip('-').replace('.', '')}"
    return f"{digits}e{int(exponent)}"
