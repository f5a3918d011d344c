"""An Avro schema as its JSON text says it: types, with every name resolved."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PRIMITIVES = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
MOST_DEPTH = 64
"""Types may stand in types this deep."""

_LOGICAL = {
    "date": ("int",),
    "decimal": ("bytes", "fixed"),
    **{
        f"{kind}-{unit}": ("long",)
        for kind in ("timestamp", "local-timestamp")
        for unit in ("millis", "micros", "nanos")
    },
}
"""Logical types that change what a value is, with the types that they may stand on; all others are as if not there."""


class SchemaError(ValueError):
    """A text is no Avro schema: what is wrong, and where."""


@dataclass(slots=True, eq=False)
class AvroType:
    """One type. `fields` are a record's, `symbols` an enum's, `size` a fixed's, `branches` a union's.

    `items` are an array's or a map's values'. A record that contains itself does so here as well.
    """

    kind: str
    logical: str | None = None
    name: str = ""
    fields: "list[AvroField]" = field(default_factory=list)
    symbols: tuple[str, ...] = ()
    size: int = 0
    scale: int = 0
    items: "AvroType | None" = None
    branches: "list[AvroType]" = field(default_factory=list)

    @property
    def shown(self) -> str:
        """What a message calls it."""
        return self.logical or (f"{self.kind} {self.name}" if self.name else self.kind)


@dataclass(frozen=True, slots=True)
class AvroField:
    """A record's field: its name, other names that it had, its type."""

    name: str
    aliases: tuple[str, ...]
    type: AvroType


def read_schema(text: str, references: Mapping[str, str] | None = None) -> AvroType:
    """The type that `text` says. `references`: texts of schemas whose names it uses, each before those that use it.

    Raises SchemaError.
    """
    reader = _Reader()
    for each in (references or {}).values():
        reader.read(_loaded(each), "", 0)
    return reader.read(_loaded(text), "", 0)


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        if text.strip() in PRIMITIVES:
            return text.strip()
        raise SchemaError(f"not JSON: {error}") from None


class _Reader:
    def __init__(self) -> None:
        self.named: dict[str, AvroType] = {}

    def read(self, said: Any, space: str, depth: int) -> AvroType:
        if depth > MOST_DEPTH:
            raise SchemaError(f"types stand in each other deeper than {MOST_DEPTH} levels")
        if isinstance(said, str):
            return self._by_name(said, space)
        if isinstance(said, list):
            return self._union(said, space, depth)
        if not isinstance(said, dict) or "type" not in said:
            raise SchemaError(f"{_short(said)} is no type")
        kind = said["type"]
        if isinstance(kind, dict | list):
            return self.read(kind, space, depth + 1)
        if not isinstance(kind, str):
            raise SchemaError(f"{_short(kind)} is no type")
        return self._of_kind(kind, said, space, depth)

    def _of_kind(self, kind: str, said: Mapping[str, Any], space: str, depth: int) -> AvroType:
        match kind:
            case "record" | "error":
                return self._record(said, space, depth)
            case "enum":
                return self._enum(said, space)
            case "fixed":
                return self._fixed(said, space)
            case "array":
                return AvroType("array", items=self.read(_part(said, "items"), space, depth + 1))
            case "map":
                return AvroType("map", items=self.read(_part(said, "values"), space, depth + 1))
        return _logical(AvroType(kind), said) if kind in PRIMITIVES else self._by_name(kind, space)

    def _by_name(self, name: str, space: str) -> AvroType:
        if name in PRIMITIVES:
            return AvroType(name)
        found = self.named.get(_full(name, space)) or self.named.get(name)
        if found is None:
            raise SchemaError(f"type {name!r} is not known here")
        return found

    def _union(self, said: list[Any], space: str, depth: int) -> AvroType:
        branches = [self.read(each, space, depth + 1) for each in said]
        if any(branch.kind == "union" for branch in branches):
            raise SchemaError("a union stands in a union")
        return AvroType("union", branches=branches)

    def _record(self, said: Mapping[str, Any], space: str, depth: int) -> AvroType:
        name = self._name(said, space)
        made = AvroType("record", name=name)
        self._keep(name, made)
        fields = said.get("fields")
        if not isinstance(fields, list):
            raise SchemaError(f"record {name} has no list of fields")
        seen = set()
        for each in fields:
            called = _part(each, "name")
            if not isinstance(called, str) or called in seen:
                raise SchemaError(f"record {name}: field {called!r} has no name, or another one's")
            seen.add(called)
            aliases = tuple(alias for alias in each.get("aliases", ()) if isinstance(alias, str))
            type_ = self.read(_part(each, "type"), name.rpartition(".")[0], depth + 1)
            made.fields.append(AvroField(called, aliases, type_))
        return made

    def _enum(self, said: Mapping[str, Any], space: str) -> AvroType:
        symbols = said.get("symbols")
        if not isinstance(symbols, list) or not all(isinstance(symbol, str) for symbol in symbols):
            raise SchemaError(f"enum {said.get('name')!r} has no list of symbols")
        made = AvroType("enum", name=self._name(said, space), symbols=tuple(symbols))
        self._keep(made.name, made)
        return made

    def _fixed(self, said: Mapping[str, Any], space: str) -> AvroType:
        size = said.get("size")
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise SchemaError(f"fixed {said.get('name')!r} has no size")
        made = _logical(AvroType("fixed", name=self._name(said, space), size=size), said)
        self._keep(made.name, made)
        return made

    def _name(self, said: Mapping[str, Any], space: str) -> str:
        name, own = said.get("name"), said.get("namespace", space)
        if not isinstance(name, str) or not name or not isinstance(own, str):
            raise SchemaError(f"a {said['type']} has no name")
        return _full(name, own)

    def _keep(self, name: str, made: AvroType) -> None:
        if name in self.named:
            raise SchemaError(f"{name} is defined twice")
        self.named[name] = made


def _logical(made: AvroType, said: Mapping[str, Any]) -> AvroType:
    """`made` with its logical type, where that is one of ours and stands rightly; else, as Avro has it, without."""
    logical = said.get("logicalType")
    if not isinstance(logical, str) or made.kind not in _LOGICAL.get(logical, ()):
        return made
    if logical == "decimal":
        precision, scale = said.get("precision"), said.get("scale", 0)
        if not isinstance(precision, int) or not isinstance(scale, int) or not 0 <= scale <= precision:
            return made
        made.scale = scale
    made.logical = logical
    return made


def _part(said: Any, key: str) -> Any:
    if not isinstance(said, dict) or key not in said:
        raise SchemaError(f"{_short(said)} has no {key!r}")
    return said[key]


def _full(name: str, space: str) -> str:
    return name if "." in name or not space else f"{space}.{name}"


def _short(said: Any) -> str:
    text = json.dumps(said)
    return text if len(text) <= 60 else text[:60] + "..."
