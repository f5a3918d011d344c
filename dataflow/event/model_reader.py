"""A walk through a pydantic model: its fields, and every mistake in it."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, get_args, get_origin

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, PydanticUserError, RootModel, TypeAdapter
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined, SchemaError

from dataflow.event.annotations import gather, kind_of, misfits, unwrap
from dataflow.event.defaults import fits
from dataflow.event.event_field import EventField, EventObject
from dataflow.event.fields import (
    TIME_TEXT,
    FieldKind,
    MoneyMarker,
    TimeUnit,
    Value,
    from_micros,
    to_micros,
)
from dataflow.event.record_part import RecordPart
from dataflow.event.text_time import EventTimeText, TextTime, TextTimeCheck

_FORBIDDEN_CONFIG = (
    "str_strip_whitespace",
    "str_to_lower",
    "str_to_upper",
    "str_min_length",
    "str_max_length",
    "coerce_numbers_to_str",
)

_TYPES = (
    "str, int, bool, float, date, Money, MoneyText, EventTime (or another unit of it), Literal, Enum, a list of str, "
    "int, bool or float, dict[str, ...] of these, dict, or a nested model"
)


ARROW = {
    FieldKind.STR: pa.string(),
    FieldKind.INT: pa.int64(),
    FieldKind.BOOL: pa.bool_(),
    FieldKind.FLOAT: pa.float64(),
    FieldKind.MONEY: pa.decimal128(18, 6),
    FieldKind.DATE: pa.date32(),
    FieldKind.EVENT_TIME: pa.int64(),
    FieldKind.JSON: pa.string(),
}
"""The Arrow type of a field of each kind."""

_ELEMENTS = (FieldKind.STR, FieldKind.INT, FieldKind.BOOL, FieldKind.FLOAT)
"""What a list, or an object as JSON, can hold."""


def is_readable_key(key: str) -> bool:
    """Whether a field can read this JSON key: the decoders compare keys as they are written, without escapes."""
    return not any(char in '"\\' or char < " " for char in key)


@dataclass(frozen=True, slots=True)
class _Declared:
    """A field that is no model, as its model declares it: column, JSON path, bare type, what stands around it."""

    column: str
    path: tuple[str, ...]
    bare: object
    metadata: list[object]
    null_ok: bool
    nullable: bool
    """Whether it stands in an object that may be absent or null."""
    required: bool
    default: object


@dataclass(slots=True)
class ModelReader:
    """Walks a model and its nested models; gathers mistakes instead of stopping at the first."""

    mistakes: list[str] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)
    unread_event_time: bool = False

    def children(
        self,
        model: type[BaseModel],
        names: tuple[str, ...],
        path: tuple[str, ...],
        nullable: bool,
        above: tuple[type[BaseModel], ...],
    ) -> tuple[EventField | EventObject, ...]:
        """What `model` holds, as far as it can be read. It stands at `names`, its JSON at `path`, in `above`.

        `nullable`: whether one of those may be absent or null.
        """
        self._check_model(model, names)
        found: list[EventField | EventObject] = []
        keys: dict[str, str] = {}
        for name, info in model.model_fields.items():
            column = ".".join((*names, name))
            key = self._json_key(column, name, info)
            if key in keys:
                self.mistakes.append(f'{column}: reads the JSON key "{key}" like {keys[key]}; change one alias')
            keys.setdefault(key, column)
            child = self._child(info, (*names, name), (*path, key), nullable, above)
            if child is not None:
                found.append(child)
            else:
                self.unread.add(column)
        if not found and not self.mistakes:
            self.mistakes.append(f"{model.__name__} has no fields; declare at least one")
        return tuple(found)

    def _check_model(self, model: type[BaseModel], names: tuple[str, ...]) -> None:
        where = ".".join(names) or model.__name__
        if issubclass(model, RootModel):
            self.mistakes.append(f"{where}: a RootModel is no JSON object; use BaseModel")
        decorators = model.__pydantic_decorators__
        for group in ("validators", "field_validators", "root_validators", "model_validators"):
            for function in getattr(decorators, group):
                self.mistakes.append(
                    f"{where}: validator {function}() is Python code that no other engine can run;"
                    " say it with constraints (Len, Ge, pattern, Literal) or filter in a rollup's where"
                )
        for setting in _FORBIDDEN_CONFIG:
            if model.model_config.get(setting):
                self.mistakes.append(f"{where}: model_config {setting} is not supported; constrain each field instead")
        if model.model_config.get("extra") in ("allow", "forbid"):
            self.mistakes.append(f'{where}: model_config extra must be "ignore"; unknown fields are always ignored')

    def _json_key(self, column: str, name: str, info: FieldInfo) -> str:
        alias = info.validation_alias if info.validation_alias is not None else info.alias
        if alias is None:
            return name
        if not isinstance(alias, str):
            self.mistakes.append(f"{column}: validation_alias {alias!r} is not supported; give one string")
            return name
        if not is_readable_key(alias):
            self.mistakes.append(
                f"{column}: alias {alias!r} has a quote, a backslash or a control character; rename it"
            )
        return alias

    def _child(
        self,
        info: FieldInfo,
        names: tuple[str, ...],
        path: tuple[str, ...],
        nullable: bool,
        above: tuple[type[BaseModel], ...],
    ) -> EventField | EventObject | None:
        column = ".".join(names)
        bare, metadata, null_ok = unwrap(info.annotation, list(info.metadata))
        if info.default_factory is not None:
            self.mistakes.append(f"{column}: default_factory is Python code that runs per event; give a plain default")
            return None
        required = info.is_required()
        if isinstance(bare, type) and issubclass(bare, BaseModel):
            if bare in above:
                self.mistakes.append(f"{column}: {bare.__name__} contains itself; a table needs a fixed set of columns")
                return None
            below = nullable or null_ok or (not required and info.default is None)
            children = self.children(bare, names, path, below, (*above, bare))
            node = EventObject(path, children, null_ok, required)
            return node if required else self._with_default(node, info.default, column, bare)
        declared = _Declared(column, path, bare, metadata, null_ok, nullable, required, info.default)
        return self._many(declared) if (get_origin(bare) or bare) in (list, dict) else self._leaf(declared)

    def _with_default(
        self, node: EventObject, default: object, column: str, bare: type[BaseModel]
    ) -> EventObject | None:
        if default is None:
            if not node.null_ok:
                self.mistakes.append(
                    f"{column}: default None, but the field is not Optional; write {bare.__name__} | None"
                )
            return node
        if not isinstance(default, bare):
            self.mistakes.append(f"{column}: default {default!r} is no {bare.__name__}; give an instance or None")
            return None
        values: dict[str, Value] = {}
        for leaf in node.leaves():
            values[leaf.name] = self._default_leaf(leaf, default, leaf.name[len(column) + 1 :].split("."))
        return EventObject(node.path, node.children, node.null_ok, node.required, values)

    def _default_leaf(self, leaf: EventField, instance: object, names: list[str]) -> Value:
        value = instance
        for name in names:
            value = getattr(value, name)
            if value is None:
                return None
        return self._column_default(leaf, value)

    def _leaf(self, declared: _Declared) -> EventField | None:
        column, bare = declared.column, declared.bare
        constraints, others = gather(declared.metadata)
        forms = [part for part in others if isinstance(part, TextTime)]
        if bare is EventTimeText or forms:
            bare, others = str, [*others, TimeUnit.TEXT]
        units = [part for part in others if isinstance(part, TimeUnit)]
        marks = [part for part in others if isinstance(part, MoneyMarker)]
        kind, choices = kind_of(bare, units, bool(marks))
        if kind is None:
            self.mistakes.append(f"{column}: type {_type_name(bare)} is not supported; use {_types_hint(bare)}")
            return None
        for part in others:
            if (
                not isinstance(part, TimeUnit | MoneyMarker | TextTime | RecordPart)
                and part != TIME_TEXT
                and not _is_check(part)
            ):
                self.mistakes.append(f"{column}: {part!r} is not supported; use Len, Ge, Gt, Le, Lt, MultipleOf")
        before = len(self.mistakes)
        self.mistakes.extend(f"{column}: {mistake}" for form in forms for mistake in form.mistakes())
        self.mistakes.extend(f"{column}: {mistake}" for mistake in misfits(kind, units, choices, constraints))
        may_lack = declared.null_ok or declared.nullable or not declared.required
        if kind is FieldKind.EVENT_TIME and may_lack:
            self.unread_event_time = True
            self.mistakes.append(f"{column}: the event time must be in every record; drop Optional and the default")
            return None
        record = next((part for part in others if isinstance(part, RecordPart)), None)
        if record is not None and len(declared.path) > 1:
            self.mistakes.append(f"{column}: what comes from the record stands in the event itself, in no nested model")
        fits = bool(constraints) and len(self.mistakes) == before
        leaf = EventField(
            name=column,
            path=declared.path,
            kind=kind,
            type=ARROW[kind],
            nullable=declared.nullable or declared.null_ok,
            required=declared.required,
            default=None,
            null_ok=declared.null_ok,
            constraints=constraints,
            choices=choices,
            unit=units[0] if units else None,
            adapter=self._adapter(column, bare, declared.metadata) if fits else None,
            record=record,
            text=forms[-1] if forms else None,
            is_amount_text=bool(marks) and marks[-1].text,
        )
        return self._with_leaf_default(leaf, declared)

    def _many(self, declared: _Declared) -> EventField | None:
        """A field of many values: a list, or an object that is kept as JSON text."""
        column, bare = declared.column, declared.bare
        kind = FieldKind.LIST if (get_origin(bare) or bare) is list else FieldKind.JSON
        inner = get_args(bare)
        if (kind is FieldKind.LIST and len(inner) != 1) or (kind is FieldKind.JSON and inner and inner[0] is not str):
            fix = (
                "say of what, like list[str]" if kind is FieldKind.LIST else "its keys are texts: write dict[str, ...]"
            )
            self.mistakes.append(f"{column}: type {_type_name(bare)} is not supported; {fix}")
            return None
        element = self._element(declared, inner[-1]) if inner and inner[-1] not in (object, Any) else None
        if kind is FieldKind.LIST and element is None:
            return None
        constraints, others = gather(declared.metadata)
        if others or constraints.bounds or constraints.multiples or constraints.patterns:
            self.mistakes.append(
                f"{column}: only a length (Len) fits a list or a dict; put the rest inside its brackets"
            )
        leaf = EventField(
            name=column,
            path=declared.path,
            kind=kind,
            type=pa.list_(ARROW[element.kind]) if kind is FieldKind.LIST and element is not None else pa.string(),
            nullable=declared.nullable or declared.null_ok,
            required=declared.required,
            default=None,
            null_ok=declared.null_ok,
            constraints=constraints,
            element=element,
        )
        return self._with_leaf_default(leaf, declared)

    def _element(self, declared: _Declared, annotation: object) -> EventField | None:
        """What stands in the list or dict, as a field of its own."""
        bare, metadata, null_ok = unwrap(annotation, [])
        before = len(self.mistakes)
        where = _Declared(f"{declared.column}[]", declared.path, bare, metadata, False, False, True, PydanticUndefined)
        is_model = isinstance(bare, type) and issubclass(bare, BaseModel)
        many = get_origin(bare) in (list, dict) or bare in (list, dict)
        element = None if is_model or many else self._leaf(where)
        if null_ok:
            self.mistakes.append(f"{declared.column}: what it holds cannot be null; drop Optional inside the brackets")
        if len(self.mistakes) == before and (element is None or element.kind not in _ELEMENTS or element.unit):
            self.mistakes.append(
                f"{declared.column}: type {_type_name(declared.bare)} is not supported; a list holds str, int, bool or "
                "float, and dict without brackets keeps any object as JSON text"
            )
        return element if len(self.mistakes) == before else None

    def _with_leaf_default(self, leaf: EventField, declared: _Declared) -> EventField:
        if declared.required or declared.default is PydanticUndefined:
            return leaf
        if declared.default is None:
            if not declared.null_ok:
                optional = f"{_type_name(declared.bare)} | None"
                self.mistakes.append(f"{leaf.name}: default None, but the field is not Optional; write {optional}")
            return leaf
        return _replace_default(leaf, self._column_default(leaf, declared.default))

    def _adapter(self, column: str, bare: object, metadata: list[object]) -> TypeAdapter[object] | None:
        try:
            # A tuple in the subscript: Annotated[bare, *metadata] for any number of parts.
            annotation = Annotated.__class_getitem__((bare, *[part for part in metadata if part is not None]))  # type: ignore[attr-defined]  # typing does not show it
            return TypeAdapter(annotation, config=ConfigDict(strict=True))
        except (PydanticUserError, SchemaError, TypeError, ValueError) as error:
            self.mistakes.append(f"{column}: its constraints cannot be used: {str(error).splitlines()[0]}")
            return None

    def _column_default(self, leaf: EventField, default: object) -> Value:
        if leaf.kind in (FieldKind.LIST, FieldKind.JSON):
            if default not in ([], {}):
                self.mistakes.append(f"{leaf.name}: default {default!r} is not supported; use None, [] or {{}}")
            return [] if leaf.kind is FieldKind.LIST else "{}"
        value: object = default.value if isinstance(default, Enum) else default
        if leaf.kind is FieldKind.MONEY and isinstance(value, int | Decimal) and not isinstance(value, bool):
            micros = to_micros(Decimal(value))
            value = None if micros is None else from_micros(micros)
        elif leaf.kind is FieldKind.FLOAT and isinstance(value, int | float) and not isinstance(value, bool):
            value = float(value) + 0.0
        if not fits(value, leaf):
            self.mistakes.append(f"{leaf.name}: default {default!r} is no valid value of the field; change one of them")
            return None
        return value


def _is_check(part: object) -> bool:
    return isinstance(getattr(part, "func", None), TextTimeCheck)


def _replace_default(leaf: EventField, default: Value) -> EventField:
    values = {name: getattr(leaf, name) for name in EventField.__slots__}
    return EventField(**{**values, "default": default})


def _type_name(bare: object) -> str:
    return bare.__name__ if isinstance(bare, type) else str(bare).replace("typing.", "")


def _types_hint(bare: object) -> str:
    if bare is Decimal:
        return "Money (dataflow.Money)"
    if bare is datetime:
        return "EventTimeText (dataflow.EventTimeText) if it is the event time, else str"
    return f"one of {_TYPES}, each also Optional"
