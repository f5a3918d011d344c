"""What a field's annotation says: its type, whether null is allowed, its constraints in one plain form."""

import operator
import types
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types as at
from pydantic import Strict
from pydantic.fields import FieldInfo

from dataflow.event.fields import INT64_MAX, INT64_MIN, FieldKind, TimeUnit, to_micros

_KINDS = {str: FieldKind.STR, int: FieldKind.INT, bool: FieldKind.BOOL, float: FieldKind.FLOAT, date: FieldKind.DATE}

Choices = tuple[str, ...] | tuple[int, ...]
"""The JSON values of a Literal or Enum."""

Comparison = Literal["ge", "gt", "le", "lt"]

COMPARE: dict[Comparison, Callable[[Any, Any], Any]] = {
    "ge": operator.ge,
    "gt": operator.gt,
    "le": operator.le,
    "lt": operator.lt,
}


@dataclass(frozen=True, slots=True)
class Constraints:
    """What a valid value fulfils, all of it. Lengths are in code points; bounds are in the field's own JSON unit."""

    min_length: int | None = None
    max_length: int | None = None
    bounds: tuple[tuple[Comparison, Any], ...] = ()
    multiples: tuple[Any, ...] = ()
    patterns: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        lengths = self.min_length is not None or self.max_length is not None
        return lengths or bool(self.bounds or self.multiples or self.patterns)


def gather(metadata: Iterable[object]) -> tuple[Constraints, list[object]]:
    """Constraints among an annotation's metadata, and whatever in it is none (markers, validators, unknown things)."""
    shortest: list[int] = []
    longest: list[int] = []
    bounds: list[tuple[Comparison, Any]] = []
    multiples: list[Any] = []
    patterns: list[str] = []
    others: list[object] = []
    for part in _flat(metadata):
        match part:
            case at.MinLen(min_length=length):
                shortest.append(length)
            case at.MaxLen(max_length=length):
                longest.append(length)
            case at.Ge(ge=bound):
                bounds.append(("ge", bound))
            case at.Gt(gt=bound):
                bounds.append(("gt", bound))
            case at.Le(le=bound):
                bounds.append(("le", bound))
            case at.Lt(lt=bound):
                bounds.append(("lt", bound))
            case at.MultipleOf(multiple_of=step):
                multiples.append(step)
            case Strict() | None:
                pass
            case _ if isinstance(pattern := getattr(part, "pattern", None), str) and _only_pattern(part):
                patterns.append(pattern)
            case _:
                others.append(part)
    constraints = Constraints(
        max(shortest, default=None), min(longest, default=None), tuple(bounds), tuple(multiples), tuple(patterns)
    )
    return constraints, others


def _flat(metadata: Iterable[object]) -> Iterable[object]:
    for part in metadata:
        if isinstance(part, FieldInfo):
            yield from _flat(part.metadata)
        elif isinstance(part, at.GroupedMetadata):
            yield from _flat(part)
        elif get_origin(part) is Annotated:
            yield from _flat(part.__metadata__)  # type: ignore[attr-defined]  # Annotated[str, EventTimeText(...)]
        else:
            yield part


def _only_pattern(part: object) -> bool:
    # pydantic keeps settings without an annotated_types class (pattern, strip_whitespace, strict, ...) in one object.
    return {name for name, value in vars(part).items() if value not in (None, False)} <= {"pattern", "strict"}


def unwrap(annotation: Any, metadata: list[object]) -> tuple[Any, list[object], bool]:
    """The type inside Annotated and Optional, all metadata around it (inner first), and whether null is allowed."""
    null_ok = False
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            metadata = [*annotation.__metadata__, *metadata]
            annotation = annotation.__origin__
        elif origin in (Union, types.UnionType):
            members = [member for member in get_args(annotation) if member is not types.NoneType]
            if len(members) != 1 or len(members) == len(get_args(annotation)):
                return annotation, metadata, null_ok
            null_ok, annotation = True, members[0]
        else:
            return annotation, metadata, null_ok


def kind_of(bare: object, units: list[TimeUnit], money: bool) -> tuple[FieldKind | None, Choices | None]:
    """Kind of a type and the JSON values of a Literal or Enum; no kind if the type is not supported."""
    if units:
        return FieldKind.EVENT_TIME, None
    if money:
        return FieldKind.MONEY, None
    choices: tuple[Any, ...] = ()
    if get_origin(bare) is Literal:
        choices = get_args(bare)
    elif isinstance(bare, type) and issubclass(bare, Enum):
        choices = tuple(member.value for member in bare)
    if choices:
        if all(type(choice) is str for choice in choices):
            return FieldKind.STR, choices
        if all(type(choice) is int and INT64_MIN <= choice <= INT64_MAX for choice in choices):
            return FieldKind.INT, choices
        return None, None
    return _KINDS.get(bare) if isinstance(bare, type) else None, None


_BOUND_TYPES: dict[FieldKind, tuple[type, ...]] = {
    FieldKind.FLOAT: (int, float),
    FieldKind.MONEY: (int, Decimal),
    FieldKind.DATE: (date,),
}
"""What a bound may be, beside the whole numbers of ints and event times."""


def misfits(kind: FieldKind, units: list[TimeUnit], choices: Choices | None, constraints: Constraints) -> Iterator[str]:
    """Constraints that make no sense for the kind, or that could not be judged the same in every engine."""
    textual = kind is FieldKind.STR and choices is None
    if (constraints.min_length is not None or constraints.max_length is not None) and not textual:
        yield "a length fits only text; drop it"
    if constraints.patterns and not textual:
        yield "a pattern fits only text; drop it"
    whole = kind is FieldKind.INT or (kind is FieldKind.EVENT_TIME and TimeUnit.TEXT not in units)
    bound_types = (int,) if choices is None and whole else _BOUND_TYPES.get(kind, ())
    for comparison, bound in constraints.bounds:
        if TimeUnit.TEXT in units:
            instead = 'EventTimeText(start="2000-01-01", end="2100-01-01")'
            yield f"{comparison}={bound!r} does not fit text; drop the bound and write {instead}"
        elif type(bound) not in bound_types:
            fit = " or ".join(kind.__name__ for kind in bound_types)
            yield f"{comparison}={bound!r} does not fit; " + (
                f"give a bound of type {fit}" if fit else "drop the bound"
            )
        elif bound != bound or (isinstance(bound, Decimal) and not bound.is_finite()):
            yield f"{comparison}={bound!r} is no number; give one"
    for step in constraints.multiples:
        if choices is not None or not (kind is FieldKind.MONEY or whole):
            yield f"multiple_of={step!r} fits only int and Money; drop it"
        elif type(step) not in bound_types or step <= 0:
            yield f"multiple_of={step!r} does not fit; give a positive {bound_types[0].__name__}"
        elif kind is FieldKind.MONEY and to_micros(Decimal(step)) is None:
            yield f"multiple_of={step!r} has more than 6 decimals; give a coarser step"
