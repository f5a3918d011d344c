"""A product's Pipeline object read into the model's spec. The only file of the model that looks at one.

It looks at attributes alone and imports nothing of the product, so it reads the pydantic model by itself.
"""

import csv
import importlib.util
import re
import types
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from tests.model.pairs import evidence
from tests.model.spec import (
    AggregateSpec,
    AlertSpec,
    CompareSpec,
    DimensionSpec,
    FieldSpec,
    PairSpec,
    PipelineSpec,
    RollupSpec,
    TextForm,
    WindowSpec,
    column_names,
)

_UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_KINDS = {str: "str", int: "int", bool: "bool", float: "float", Decimal: "money", date: "date"}
_KINDS |= {list: "list", dict: "json"}
_MANY = {list: list, dict: dict}
_LIMITS = ("ge", "gt", "le", "lt", "multiple_of", "min_length", "max_length", "pattern")


def load(path: Path, name: str = "pipeline") -> PipelineSpec:
    """The spec of the pipeline called `name` in a pipeline file."""
    module_spec = importlib.util.spec_from_file_location(f"pipeline_{abs(hash(path))}", path)
    assert module_spec is not None
    assert module_spec.loader is not None
    module = importlib.util.module_from_spec(module_spec)
    module_spec.loader.exec_module(module)
    return to_spec(getattr(module, name), path.parent)


def to_spec(pipeline: Any, folder: Path) -> PipelineSpec:
    """The spec of a Pipeline object; dimension files are relative to `folder`."""
    fields = _fields(pipeline.event)
    kinds = dict(zip(column_names(fields), _leaf_kinds(fields), strict=True))
    lateness = _ms(pipeline.allowed_lateness)
    pairs = {rule.name: _pair(rule, kinds, lateness) for rule in pipeline.alerts if hasattr(rule, "within")}
    return PipelineSpec(
        fields=fields,
        rollups=tuple(
            evidence(pairs[each.name]) if each.name in pairs else _rollup(each, lateness)
            for each in (*pipeline.rollups, *(rule for rule in pipeline.alerts if rule.on is None))
        ),
        bound=_ms(pipeline.out_of_orderness),
        max_future=None if pipeline.max_future is None else _ms(pipeline.max_future),
        max_future_clock=_edge(pipeline.max_future_clock),
        dedup_column=pipeline.deduplicate_by,
        dedup_horizon=0 if pipeline.deduplicate_within is None else _ms(pipeline.deduplicate_within),
        max_record_bytes=pipeline.max_record_bytes,
        dimensions=tuple(_dimension(each, folder, kinds[each.key]) for each in pipeline.dimensions),
        alerts=tuple(_alert(each, pipeline) for each in pipeline.alerts if each.name not in pairs),
        pairs=tuple(pairs.values()),
    )


def _alert(rule: Any, pipeline: Any) -> AlertSpec:
    cool_down = 0 if rule.cool_down is None else _ms(rule.cool_down)
    found = AlertSpec(rule.name, rule.on or rule.name, rule.having, cool_down)
    if type(rule).__name__ == "Silence" and rule.on is not None:
        return replace(found, silence=_ms(rule.after))
    if type(rule).__name__ != "Compare":
        return found
    asked = next((each for each in pipeline.rollups if each.name == rule.on), rule)
    size, against = asked.window.size_ms, rule.against
    is_mean = type(against).__name__ == "Mean"
    backs = tuple(size * number for number in range(1, against.of + 1)) if is_mean else (_ms(against.by),)
    below, above = (None if each is None else Decimal(str(each)) for each in (rule.drops_below, rule.rises_above))
    return replace(found, compare=CompareSpec(rule.value, backs, (below, above), rule.at_least))


def _fields(model: Any) -> tuple[FieldSpec, ...]:
    made = []
    for name, info in model.model_fields.items():
        base, metadata, optional = _unwrap(info.annotation, list(info.metadata))
        many = _MANY.get(get_origin(base) or base)
        kind, limits, children = _kind(base if many is None else many, metadata)
        has_default = not info.is_required()
        default = _plain(info.get_default(call_default_factory=True)) if has_default else None
        default = "{}" if default == {} and kind == "json" else default
        form = next((_form(item) for item in _flat(metadata) if type(item).__name__ == "TextTime"), None)
        spec = FieldSpec(
            name, kind, optional, has_default, default, limits, children, info.alias, form, _part(metadata)
        )
        made.append(spec if many is None else replace(spec, element=_element(base)))
    if not any(each.kind.startswith("event_time") or each.kind == "object" for each in made):
        # no field has the type of one: the record's timestamp is the event time
        made = [replace(each, kind="event_time_ms") if each.part == "timestamp" else each for each in made]
    return tuple(made)


def _element(base: Any) -> FieldSpec | None:
    """What a list or a dict says that it holds; None for anything."""
    if not get_args(base) or get_args(base)[-1] in (object, Any):
        return None
    inner, metadata, _ = _unwrap(get_args(base)[-1], [])
    kind, limits, _ = _kind(inner, metadata)
    return FieldSpec("element", kind, limits=limits)


def _part(metadata: list[Any]) -> str | None:
    found = next((item for item in metadata if type(item).__name__ == "RecordPart"), None)
    return None if found is None else found.part if found.header is None else f"header:{found.header}"


def _unwrap(annotation: Any, metadata: list[Any]) -> tuple[Any, list[Any], bool]:
    """What is left without Annotated and Optional, all metadata on the way, and whether null is allowed."""
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        return _unwrap(inner, more + metadata)
    if get_origin(annotation) in (Union, types.UnionType):
        parts = [part for part in get_args(annotation) if part is not type(None)]
        assert len(parts) == 1
        base, found, _ = _unwrap(parts[0], metadata)
        return base, found, True
    return annotation, metadata, False


def _kind(base: Any, metadata: list[Any]) -> tuple[str, dict[str, Any], tuple[FieldSpec, ...]]:
    limits: dict[str, Any] = {}
    unit = None
    for item in _flat(metadata):
        if type(item).__name__ == "TextTime":
            unit = "text"
        if type(item).__name__ == "TimeUnit":
            unit = item.value
        for limit in _LIMITS:
            value = getattr(item, limit, None)
            if value is not None and not callable(value):
                limits[limit] = value
    if any(type(item).__name__ == "MoneyMarker" and item.text for item in _flat(metadata)):
        return "money_text", limits, ()
    if getattr(base, "__name__", "") == "EventTimeText":
        unit = "text"
    if unit is not None:
        return f"event_time_{unit}", limits, ()
    if get_origin(base) is Literal:
        choices = get_args(base)
        return _KINDS[type(choices[0])], limits | {"choices": choices}, ()
    if isinstance(base, type) and issubclass(base, Enum):
        choices = tuple(member.value for member in base)
        return _KINDS[type(choices[0])], limits | {"choices": choices}, ()
    if hasattr(base, "model_fields"):
        return "object", limits, _fields(base)
    return _KINDS[base], limits, ()


def _flat(metadata: list[Any]) -> list[Any]:
    """The parts of an annotation's metadata, those of an Annotated or a Field in it as well."""
    parts = [part for each in metadata for part in getattr(each, "metadata", [each])]
    return [inner for part in parts for inner in getattr(part, "__metadata__", [part])]


def _form(item: Any) -> TextForm:
    return TextForm(item.unit, item.zone, _edge(item.start), _edge(item.end))


def _edge(text: str | None) -> int | None:
    """A bound of a text time: a day, or RFC 3339 with a zone."""
    if text is None:
        return None
    at = datetime.fromisoformat(text)
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if hasattr(value, "model_fields"):
        return {name: _plain(getattr(value, name)) for name in type(value).model_fields}
    return value


def _leaf_kinds(fields: tuple[FieldSpec, ...]) -> list[str]:
    kinds: list[str] = []
    for each in fields:
        kinds += _leaf_kinds(each.children) if each.kind == "object" else [each.kind]
    return kinds


def _rollup(rollup: Any, lateness: int) -> RollupSpec:
    window = rollup.window
    return RollupSpec(
        name=rollup.name,
        keys=tuple(rollup.keys),
        window=WindowSpec(window.kind, window.size_ms, window.slide_ms, window.offset_ms, window.zone),
        aggregates={
            name: AggregateSpec(each.kind, each.column, each.where, each.q) for name, each in rollup.aggregates.items()
        },
        where=rollup.where,
        lateness=lateness if rollup.allowed_lateness is None else _ms(rollup.allowed_lateness),
    )


def _pair(rule: Any, kinds: dict[str, str], lateness: int) -> PairSpec:
    key = (rule.key,) if isinstance(rule.key, str) else tuple(rule.key)
    asked = f"{rule.having} {rule.message}"
    named = {name for name in kinds if re.search(rf"\b(first|then)(\.|_){re.escape(name)}\b", asked)}
    return PairSpec(
        rule.name,
        key,
        rule.first,
        rule.then,
        _ms(rule.within),
        rule.having,
        rule.missing,
        lateness if rule.allowed_lateness is None else _ms(rule.allowed_lateness),
        tuple(name for name, kind in kinds.items() if name in named - set(key) and not kind.startswith("event_time")),
    )


def _dimension(dimension: Any, folder: Path, key_kind: str) -> DimensionSpec:
    columns = {name: _KINDS[_unwrap(kind, [])[0]] for name, kind in dimension.columns.items()}
    rows = {}
    with (folder / dimension.path).open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            rows[_cell(line[dimension.key], key_kind)] = {
                name: _cell(line[name], kind) for name, kind in columns.items()
            }
    return DimensionSpec(dimension.key, tuple(columns), rows, dimension.unknown == "dead_letter")


def _cell(text: str, kind: str) -> Any:
    """A CSV cell; empty is null."""
    if text == "":
        return None
    if kind == "bool":
        return {"true": True, "false": False}[text]
    readers: dict[str, Any] = {"int": int, "float": float, "money": Decimal, "date": date.fromisoformat, "str": str}
    return readers[kind](text)


def _ms(duration: Any) -> int:
    if isinstance(duration, timedelta):
        return duration // timedelta(milliseconds=1)
    match = re.fullmatch(r"(\d+)(ms|s|m|h|d|w)", duration)
    assert match is not None
    return int(match[1]) * _UNITS_MS[match[2]]
