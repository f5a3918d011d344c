"""A pipeline as the reference model sees it: plain values, no types of the product."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any


@dataclass(frozen=True)
class FieldSpec:
    """One field of the event.

    `kind`: str, int, bool, float, money, money_text, date, event_time_ms, event_time_s, event_time_us, event_time_ns,
    event_time_text, object (then `children` are its fields), list, or json for an object that is kept as text (then
    `element` is what it holds; without one anything). `limits` holds any of ge, gt, le, lt, multiple_of,
    min_length, max_length, pattern, choices (a tuple of the allowed values). `key`: what it is called in the JSON
    object, where that is not its name. `form`: of an event_time_text. `part`: timestamp,
    key, topic or header:NAME, where the field is that of the record and none of its value.
    """

    name: str
    kind: str
    optional: bool = False
    has_default: bool = False
    default: Any = None
    limits: dict[str, Any] = field(default_factory=dict)
    children: tuple["FieldSpec", ...] = ()
    key: str | None = None
    form: "TextForm | None" = None
    part: str | None = None
    element: "FieldSpec | None" = None


@dataclass(frozen=True)
class TextForm:
    """How an event_time_text is written where not strictly: unit of digits, zone of texts without one, bounds in ms."""

    unit: str
    zone: str | None
    start: int | None
    end: int | None


@dataclass(frozen=True)
class WindowSpec:
    """Kind tumble, hop, cumulate or session; times in ms. `slide` is the hop's distance or cumulate's step.

    `zone`: by whose wall clock the borders of a tumble are counted.
    """

    kind: str
    size: int
    slide: int
    offset: int = 0
    zone: str | None = None


@dataclass(frozen=True)
class AggregateSpec:
    """One aggregate by the names of docs/pipeline.md: count, sum, min, max, avg, count_distinct, approx_*."""

    kind: str
    column: str | None = None
    where: str | None = None
    q: float | None = None


@dataclass(frozen=True)
class RollupSpec:
    """One rollup; `lateness` in ms."""

    name: str
    keys: tuple[str, ...]
    window: WindowSpec
    aggregates: dict[str, AggregateSpec]
    where: str | None = None
    lateness: int = 0


@dataclass(frozen=True)
class DimensionSpec:
    """A dimension: `rows` maps a key to its columns' values."""

    key: str
    columns: tuple[str, ...]
    rows: dict[Any, dict[str, Any]]
    unknown_is_dead: bool = False


@dataclass(frozen=True)
class CompareSpec:
    """What a rule compares: `value` of a window against that of those which began `backs` ms earlier.

    `factors`: below the first, or above the second. `least`: how many events there, a window.
    """

    value: str
    backs: tuple[int, ...]
    factors: tuple[Decimal | None, Decimal | None]
    least: int = 1


@dataclass(frozen=True)
class AlertSpec:
    """One alert rule over a rollup, which is its own if it has its name; `cool_down` in ms, 0 = none.

    In place of `having`: what it compares, or for how long a source partition is silent.
    """

    name: str
    rollup: str
    having: str
    cool_down: int = 0
    compare: CompareSpec | None = None
    silence: int | None = None


@dataclass(frozen=True)
class PairSpec:
    """One alert rule over two events of a key, less than `within` ms apart; its evidence is a rollup of its name.

    `missing`: first, then, or None for a sequence. `carried`: what `having` and the message ask for beside the key.
    """

    name: str
    key: tuple[str, ...]
    first: str
    then: str
    within: int
    having: str | None = None
    missing: str | None = None
    lateness: int = 0
    carried: tuple[str, ...] = ()


@dataclass(frozen=True)
class PipelineSpec:
    """The whole pipeline; times in ms, None = off."""

    fields: tuple[FieldSpec, ...]
    rollups: tuple[RollupSpec, ...]
    bound: int = 0
    max_future: int | None = None
    max_future_clock: int | None = None
    dedup_column: str | None = None
    dedup_horizon: int = 0
    max_record_bytes: int | None = None
    dimensions: tuple[DimensionSpec, ...] = ()
    alerts: tuple[AlertSpec, ...] = ()
    pairs: tuple[PairSpec, ...] = ()


@dataclass(frozen=True)
class Record:
    """One record of a source partition; `timestamp` is None where the source has none, `value` None is a tombstone."""

    offset: int
    value: bytes | None
    timestamp: int | None = None
    key: bytes | None = None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    topic: str | None = None


def column_names(fields: tuple[FieldSpec, ...], prefix: str = "") -> list[str]:
    """Names of the leaf columns, nested ones as a.b."""
    names: list[str] = []
    for each in fields:
        if each.kind == "object":
            names += column_names(each.children, f"{prefix}{each.name}.")
        else:
            names.append(prefix + each.name)
    return names


def event_time_column(fields: tuple[FieldSpec, ...], prefix: str = "") -> str:
    """Name of the leaf column that is the event time."""
    for each in fields:
        if each.kind.startswith("event_time"):
            return prefix + each.name
        if each.kind == "object":
            found = event_time_column(each.children, f"{prefix}{each.name}.")
            if found:
                return found
    return ""
