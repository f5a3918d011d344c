"""A seeded stream that stands on the edges of a pipeline's rules, for any event model that random values can fill."""

import json
import random
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from dataflow.decode.json.contract import judge_record
from dataflow.errors import ConfigError
from dataflow.event.fields import FieldKind, TimeUnit, ms_to_text
from dataflow.event.schema import EventField
from dataflow.messages import Refusal
from dataflow.pipeline.plan import Plan, RollupPlan

SHARES = (0.4, 0.3, 0.2, 0.1)
"""Of the records, by partition."""

START_MS = 1_767_225_600_000
"""2026-01-01, where the model takes it."""

_VERY_LATE, _EDGE, _BROKEN, _REPEAT, _FUTURE = 0.01, 0.05, 0.01, 0.02, 0.002
_STALL = (0.3, 0.7)
"""The last partition's clock stands still while the others go through this part of their own."""
_FINER = ("", "9", "9999", "999999", "000001")
_TRIES = 200


@dataclass(frozen=True, slots=True)
class Written:
    """One record to be written. `timestamp_ms`: the record's own, as are its `headers`."""

    partition: int
    value: bytes | None
    timestamp_ms: int
    headers: tuple[tuple[str, bytes], ...] = ()


def adversary(plan: Plan, seed: int, records: int) -> list[list[Written]]:
    """By partition the records in offset order, `records` in all. Raises ConfigError for a model it cannot fill."""
    made = _Adversary(plan, random.Random(seed))
    made.require_fit()
    return [list(made.partition(number, int(records * share))) for number, share in enumerate(SHARES)]


class _Adversary:
    def __init__(self, plan: Plan, rng: random.Random) -> None:
        self.plan, self.rng = plan, rng
        self.start_ms = START_MS
        self.known = {each.dimension.key: each.keys.to_pylist() for each in plan.dimensions}
        self.fields = [leaf for leaf in plan.event.fields if leaf.record is None]
        if plan.format.name != "json" or len(self.fields) < len(plan.event.fields):
            fix = "its events are no plain JSON values, and those alone are made up; name a --topic that holds some"
            raise ConfigError("pipeline", plan.name, fix)

    def require_fit(self) -> None:
        """Find times that the model takes, and see that most events are valid."""
        for start_ms in (START_MS, 1_000_000_000_000, 10_000_000, 0):
            self.start_ms = start_ms
            judged = [judge_record(self.plan.event, self.event(start_ms + at), None) for at in range(_TRIES)]
            refused = [each for each in judged if isinstance(each, Refusal)]
            if len(refused) < _TRIES / 4:
                return
        why = f"{len(refused)} of {_TRIES} made-up events are refused, like: {refused[0].message}"
        raise ConfigError("pipeline", self.plan.name, f"{why}; name a --topic with records of its own")

    def partition(self, number: int, records: int) -> Iterator[Written]:
        """One partition's records; its clock is its own."""
        rng, clock = self.rng, self.start_ms + number * 777
        is_last = number == len(SHARES) - 1
        pace = self.span_ms() / max(1, records)
        earlier: list[Written] = []
        queue: list[int] = []
        for at in range(records):
            if not (is_last and _STALL[0] <= at / records < _STALL[1]):
                clock += int(rng.expovariate(1 / pace))
            time = clock - int(rng.expovariate(1 / max(1, self.plan.out_of_orderness_ms / 3)))
            chance = rng.random()
            if queue:
                time = queue.pop(0)
                # a row ahead of the clock takes it along, or all that follow would be late
                clock = max(clock, time)
            elif chance < _VERY_LATE:
                time = clock - rng.randrange(self.reach_ms(), 4 * self.reach_ms() + 1)
            elif chance < _VERY_LATE + _EDGE:
                queue = self.edge(clock, int(10 * pace))
            written = Written(number, self.event(time), time)
            if rng.random() < _BROKEN:
                written = Written(number, self.broken(time), time)
            elif rng.random() < _REPEAT and earlier:
                written = rng.choice(earlier[-300:])
            elif self.plan.max_future_ms is not None and rng.random() < _FUTURE:
                more = rng.choice((0, 1, 1, 10**6))
                written = Written(number, self.event(time), time - self.plan.max_future_ms - more)
            earlier.append(written)
            yield written

    def span_ms(self) -> int:
        """How much event time the stream takes: a dozen windows of middling size."""
        sizes = sorted(rollup.window.size_ms for rollup in self.plan.rollups) or [60_000]
        return 12 * sizes[len(sizes) // 2]

    def reach_ms(self) -> int:
        """How far behind a row is late for most rollups."""
        sizes = [rollup.window.size_ms + rollup.allowed_lateness_ms for rollup in self.plan.rollups] or [1000]
        return self.plan.out_of_orderness_ms + sorted(sizes)[len(sizes) // 2] + 1

    def edge(self, clock: int, near_ms: int) -> list[int]:
        """Times around the next window that closes: what closes it, if that is near, then rows at its edges."""
        if not self.plan.rollups:
            return []
        rollup = self.rng.choice(self.plan.rollups)
        behind = rollup.allowed_lateness_ms + self.plan.out_of_orderness_ms
        end = _end(rollup, clock - behind)
        closing = end - 1 + behind
        reached = [closing + self.rng.choice((-1, 0, 1))] if closing <= clock + near_ms else []
        start = end - rollup.window.slide_ms
        edges = [each for each in (end - 1, end, end + 1, start, start - 1) if each <= clock + near_ms]
        return [*reached, *self.rng.sample(edges, min(3, len(edges)))]

    def event(self, time_ms: int) -> bytes:
        """One event at a time."""
        document: dict[str, Any] = {}
        for leaf in self.fields:
            if not leaf.required and self.rng.random() < 0.15:
                continue
            at = document
            for name in leaf.path[:-1]:
                at = at.setdefault(name, {})
            at[leaf.path[-1]] = self.value(leaf, time_ms)
        return _json(document)

    def value(self, leaf: EventField, time_ms: int) -> Any:
        """A value that the field most likely takes."""
        rng = self.rng
        if leaf.null_ok and rng.random() < 0.1:
            return None
        if leaf.kind is FieldKind.EVENT_TIME:
            return _time(leaf, time_ms)
        if leaf.choices is not None:
            return rng.choice(leaf.choices)
        if leaf.name in self.known and rng.random() < 0.9 and self.known[leaf.name]:
            return rng.choice(self.known[leaf.name])
        return self.of_kind(leaf)

    def of_kind(self, leaf: EventField) -> Any:
        """By kind, within the bounds."""
        rng, limits = self.rng, leaf.constraints
        low = max((int(bound) for op, bound in limits.bounds if op in ("ge", "gt")), default=-5)
        high = min((int(bound) for op, bound in limits.bounds if op in ("le", "lt")), default=max(low, 0) + 1000)
        match leaf.kind:
            case FieldKind.INT:
                wild = 2**62 if not limits.bounds and rng.random() < 0.01 else 0
                return rng.randrange(low, high + 1) + wild if low <= high else low
            case FieldKind.MONEY:
                amount = Decimal(rng.randrange(max(low, -5) * 10**6, (min(high, 500) + 1) * 10**6)).scaleb(-6)
                return str(amount) if leaf.is_amount_text else amount
            case FieldKind.FLOAT:
                return rng.choice((0.5, 1.25, 0.1, 3.0, float(rng.randrange(low, high + 1))))
            case FieldKind.BOOL:
                return rng.random() < 0.5
            case FieldKind.DATE:
                return (date(2026, 1, 1) + timedelta(days=rng.randrange(60))).isoformat()
            case FieldKind.LIST:
                return [] if leaf.element is None else [self.of_kind(leaf.element) for _ in range(rng.randrange(4))]
            case FieldKind.JSON:
                return {}
        return self.text(leaf)

    def text(self, leaf: EventField) -> str:
        """Short texts, few of them for each field, some beyond ASCII."""
        limits, rng = leaf.constraints, self.rng
        identity = self.plan.dedup_column == leaf.name
        found = f"{leaf.path[-1][:3]}{rng.randrange(10**9 if identity else 30)}"
        if not identity and rng.random() < 0.05:
            found = rng.choice(("ü\u00df", "a,b", 'q"q', "\U0001f30a", "", " "))
        found = found[: limits.max_length]
        return found + "".join(rng.choices(string.ascii_lowercase, k=max(0, (limits.min_length or 0) - len(found))))

    def broken(self, time_ms: int) -> bytes | None:
        """A record that is no event, for every reason in turn of chance."""
        good = self.event(time_ms)
        document = json.loads(good, parse_float=Decimal)
        leaf = self.rng.choice(self.fields)
        wrong: Sequence[object] = ("5", 5, 1.5, True, None, [], {}, 2**63, "", -1, "x" * 70)
        made: Sequence[bytes | None] = (
            *(
                None,
                b"",
                b"{",
                b"[1]",
                b"null",
                b'"text"',
                b"\xff" + good,
                b"\xef\xbb\xbf" + good,
                good + b" {}",
                good + b"x",
            ),
            *(
                b'{"x":NaN,' + good[1:],
                b'{"x":"\\ud800",' + good[1:],
                good[:-1],
                b"[" * 70,
                good.decode().encode("utf-16"),
            ),
            _json(_without(document, leaf)),
            *(_json(_with(document, leaf, value)) for value in wrong),
        )
        return self.rng.choice(made)


def _end(rollup: RollupPlan, time_ms: int) -> int:
    """The end of a window around a time; a session's row has one of its own."""
    window = rollup.window
    if rollup.merges_windows:
        return time_ms + window.size_ms
    return (time_ms - window.offset_ms) // window.slide_ms * window.slide_ms + window.offset_ms + window.slide_ms


def _time(leaf: EventField, time_ms: int) -> object:
    match leaf.unit:
        case TimeUnit.SECONDS:
            return time_ms // 1000
        case TimeUnit.MICROS:
            return time_ms * 1000
        case TimeUnit.NANOS:
            return time_ms * 1_000_000
        case TimeUnit.TEXT if leaf.text is None:
            # up to nine decimals, of which all but the first three must go, and never round up
            return ms_to_text(time_ms).replace("Z", _FINER[time_ms % len(_FINER)] + "Z")
        case TimeUnit.TEXT:
            return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat()
    return time_ms


def _with(document: dict[str, Any], leaf: EventField, value: object) -> dict[str, Any]:
    head, *rest = leaf.path
    if not rest:
        return document | {head: value}
    inner = document.get(head)
    return document | {head: (inner if isinstance(inner, dict) else {}) | {rest[-1]: value}}


def _without(document: dict[str, Any], leaf: EventField) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != leaf.path[0]}


def _json(document: object) -> bytes:
    """Compact; decimals as numbers, with the digits that they have."""
    if isinstance(document, dict):
        return b"{" + b",".join(_json(str(key)) + b":" + _json(value) for key, value in document.items()) + b"}"
    if isinstance(document, list):
        return b"[" + b",".join(map(_json, document)) + b"]"
    if isinstance(document, Decimal):
        return f"{document:f}".encode()
    return json.dumps(document, ensure_ascii=False).encode()
