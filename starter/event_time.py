"""Which field says when the event happened: told by its values, its name, and how near the record's own timestamp."""

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from dataflow.errors import ConfigError, SourceError
from dataflow.event.fields import TimeUnit, text_to_ms
from dataflow.event.unit_size import unit_by_size
from dataflow.spelling import suggest
from dataflow.spoken import listed, span
from starter.sample import Number, Parsed
from starter.seen import Seen, observe
from starter.words import ELSEWHERE, HANDLED, TIME_ENDS, TIME_ITSELF, words_of

DECLARED = {
    TimeUnit.SECONDS: "EventTimeSeconds",
    TimeUnit.MILLIS: "EventTime",
    TimeUnit.MICROS: "EventTimeMicros",
    TimeUnit.NANOS: "EventTimeNanos",
    TimeUnit.TEXT: "EventTimeText",
}
_IN_WORDS = {
    TimeUnit.SECONDS: "whole seconds since 1970",
    TimeUnit.MILLIS: "milliseconds since 1970",
    TimeUnit.MICROS: "microseconds since 1970",
    TimeUnit.NANOS: "nanoseconds since 1970",
    TimeUnit.TEXT: "times as text",
}
_NO_DECIMALS = (
    "holds seconds with decimals, and no event time takes decimals. Have the producer send an int (ms since 1970) or "
    "RFC 3339 text"
)
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
_LEAST_SHARE = 0.5
_NEARLY_ALL = 0.9
"""Fewer than that is said: the others are dead letters, or, in another unit, late."""
_MANY = 20


@dataclass(frozen=True, slots=True)
class EventTimeField:
    """The chosen field: its JSON path and unit, `why` it was chosen, and the other paths that hold times."""

    path: tuple[str, ...]
    unit: TimeUnit
    why: str
    others: tuple[str, ...] = ()

    def read(self, record: dict[str, object]) -> int | None:
        """The record's event time (ms since 1970); None where it has none of this unit."""
        value: object = record
        for key in self.path:
            value = value.get(key) if isinstance(value, dict) else None
        return at_ms(value, self.unit)


@dataclass(frozen=True, slots=True)
class _Candidate:
    path: tuple[str, ...]
    unit: TimeUnit
    share: float
    gap_ms: float | None
    """Median distance to the records' timestamps; None where there are none."""
    constant: bool

    @property
    def name(self) -> str:
        return ".".join(self.path)

    @property
    def said(self) -> int:
        """What its name says."""
        words = words_of(self.path[-1])
        if "".join(words) in TIME_ITSELF:
            return 4
        if not ELSEWHERE.isdisjoint(words):
            return -3
        if not HANDLED.isdisjoint(words):
            return 1
        return 2 if words and (words[-1] in TIME_ENDS or words[0] in TIME_ENDS) else 0

    @property
    def near(self) -> int:
        """What its distance says."""
        if self.gap_ms is None:
            return 0
        return 3 if self.gap_ms <= HOUR_MS else 1 if self.gap_ms <= DAY_MS else 0

    @property
    def score(self) -> float:
        depth = 0.5 * (len(self.path) - 1)
        return self.said + self.near - depth - (4 if self.constant else 0) - (3 if self.share < 0.8 else 0)


def at_ms(value: object, unit: TimeUnit) -> int | None:
    """The event time that a JSON value tells in this unit (ms since 1970); None if it tells none that is likely."""
    if unit is TimeUnit.TEXT:
        return _text_ms(value) if isinstance(value, str) else None
    if type(value) is int and unit_by_size(value) is unit:
        return unit.to_ms(value)
    return None


def find_event_time(parsed: Sequence[Parsed], wanted: str | None = None) -> EventTimeField:
    """The field that fits best, or the one that is `wanted` (its path, with dots).

    Raises SourceError, saying what was looked at, when there is none; ConfigError when the wanted one is none.
    """
    root = observe([each.value for each in parsed])
    candidates = [*_candidates(root, parsed)]
    names = [each.name for each in candidates]
    if wanted is not None:
        if wanted not in names:
            raise ConfigError("--time", wanted, _unfit(root, wanted, names))
        return _chosen(candidates[names.index(wanted)], candidates, "was asked for")
    likely = [each for each in candidates if each.unit is TimeUnit.TEXT or each.said > 0 or each.near > 0]
    if not likely:
        raise SourceError(_none(root, candidates))
    best = max(likely, key=lambda each: (each.score, each.share))
    return _chosen(best, likely, None)


def _candidates(root: Seen, parsed: Sequence[Parsed]) -> Iterator[_Candidate]:
    for seen in root.walk():
        if not seen.path or not seen.values:
            continue
        units = Counter(unit for value in seen.values if (unit := _unit_of(value)) is not None)
        if not units:
            continue
        unit = units.most_common(1)[0][0]
        pairs = [(row, time) for row, value in zip(seen.rows, seen.values, strict=True)
                 if (time := at_ms(value, unit)) is not None]  # fmt: skip
        share = len(pairs) / len(parsed)
        if share < _LEAST_SHARE:
            continue
        stamps = [(time, stamp) for row, time in pairs if (stamp := parsed[row].taken.timestamp_ms) is not None]
        gap_ms = median(abs(time - stamp) for time, stamp in stamps) if stamps else None
        constant = len(pairs) >= _MANY and len({time for _, time in pairs}) == 1
        yield _Candidate(seen.path, unit, share, gap_ms, constant)


def _unit_of(value: object) -> TimeUnit | None:
    if isinstance(value, str):
        return None if _text_ms(value) is None else TimeUnit.TEXT
    return unit_by_size(value) if type(value) is int else None


def _text_ms(text: str) -> int | None:
    """Of digits, only those that are milliseconds of our days."""
    if text.isascii() and text.isdigit() and (len(text) > 18 or unit_by_size(int(text)) is not TimeUnit.MILLIS):
        return None
    try:
        return text_to_ms(text)
    except ValueError:
        return None


def _chosen(best: _Candidate, candidates: Sequence[_Candidate], asked: str | None) -> EventTimeField:
    reasons = [asked] if asked else []
    reasons += [f"holds {_IN_WORDS[best.unit]}"]
    if best.share < _NEARLY_ALL:
        reasons[-1] += f" in {best.share * 100:.0f} % of the records only, and nothing of that kind in the others"
    if not asked and best.said >= 2:
        reasons.append("is called like an event time")
    if best.gap_ms is not None and best.near:
        reasons.append(f"is {span(round(best.gap_ms))} from the records' own timestamps, at the median")
    others = [each.name for each in candidates if each is not best]
    return EventTimeField(best.path, best.unit, ", ".join(reasons), tuple(others))


def _none(root: Seen, candidates: Sequence[_Candidate]) -> str:
    decimals = [seen.key for seen in root.walk() if _looks_like_seconds(seen.values)]
    if decimals:
        return f"no field can be the event time: {listed(decimals)} {_NO_DECIMALS}"
    zoneless = [seen.key for seen in root.walk() if seen.values and all(map(_lacks_zone, seen.values))]
    if zoneless:
        return (
            f"no field can be the event time: {listed(zoneless)} holds times without a zone, which are no "
            "moments. Have the producer send RFC 3339 text with one, like 2026-01-31T12:00:00Z"
        )
    if candidates:
        best = max(candidates, key=lambda each: (each.score, each.share))
        return (
            f"no field can be the event time, which every pipeline needs: the records have {listed(_leaves(root))}. By "
            f"its values {best.name} may be one ({_IN_WORDS[best.unit]}), but neither its name nor a timestamp of the "
            f"records says so: if it is, say --time {shlex.quote(best.name)}"
        )
    return (
        f"no field can be the event time, which every pipeline needs: the records have {listed(_leaves(root))}. Have "
        "the producer send one as RFC 3339 text with a zone, or as an int since 1970 (s, ms, us or ns), or name the "
        "field with --time"
    )


def _unfit(root: Seen, wanted: str, names: list[str]) -> str:
    leaves = _leaves(root)
    if wanted not in leaves:
        return f"the records have no such field{suggest(wanted, leaves)}"
    if any(_looks_like_seconds(seen.values) for seen in root.walk() if ".".join(seen.path) == wanted):
        return f"it {_NO_DECIMALS}"
    known = f"; {listed(names)} would do" if names else ""
    return (
        f"it does not hold a time in half of the records or more: RFC 3339 text with a zone, or an "
        f"int of s, ms, us or ns since 1970{known}"
    )


def _leaves(root: Seen) -> list[str]:
    return [".".join(seen.path) for seen in root.walk() if seen.path and not seen.members]


def _lacks_zone(value: object) -> bool:
    try:
        return (
            isinstance(value, str) and len(value) > len("2026-01-31") and datetime.fromisoformat(value).tzinfo is None
        )
    except ValueError:
        return False


def _looks_like_seconds(values: Sequence[object]) -> bool:
    numbers = [float(value.text) for value in values if isinstance(value, Number)]
    if not numbers or len(numbers) < len(values):
        return False
    return all(abs(number) < 1e12 and unit_by_size(int(number)) is TimeUnit.SECONDS for number in numbers)
