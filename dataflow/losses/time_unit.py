"""The unit that an event time is really written in, told by its size, and how the model declares it."""

from typing import NamedTuple

import numpy as np

from dataflow.columnar.types import Int64s
from dataflow.event.fields import EVENT_TIME_LIMIT_MS, TimeUnit, text_to_ms
from dataflow.event.schema import EventField
from dataflow.event.unit_size import DECLARED, NOUNS, OUR_DAYS_FROM_S, OUR_DAYS_TO_S, PER_SECOND, unit_by_size
from dataflow.losses.cause import Cause
from dataflow.spoken import moment


class _Unit(NamedTuple):
    noun: str
    declared: str
    per_second: int


_UNITS = {unit: _Unit(NOUNS[unit], DECLARED[unit], PER_SECOND[unit]) for unit in PER_SECOND}
_TEXT = "EventTimeText"


def other_unit(field: EventField, event_time_ms: int) -> TimeUnit | None:
    """The unit that was meant by an event time, as decoded in the field's own; None where that one will do."""
    found = [unit for unit, low, high in _misread(field.unit) if low <= event_time_ms < high]
    return found[0] if found else None


def misread_spans(field: EventField) -> list[tuple[int, int]]:
    """Where the times of the other units come to lie when they are read in the field's own: [low, high) in ms."""
    return [(low, high) for _, low, high in _misread(field.unit)]


def misread(field: EventField, event_time: Int64s) -> tuple[int, int] | None:
    """How many event times lie where another unit's would, and the first one of them; None if none does."""
    if not len(event_time) or (
        event_time.min() >= OUR_DAYS_FROM_S * 1_000 and event_time.max() < OUR_DAYS_TO_S * 1_000
    ):
        return None
    found = np.zeros(len(event_time), np.bool_)
    for low, high in misread_spans(field):
        found |= (event_time >= low) & (event_time < high)
    count = int(np.count_nonzero(found))
    return (count, int(event_time[int(np.argmax(found))])) if count else None


def unit_cause(field: EventField, event_time_ms: int) -> Cause | None:
    """What is wrong with an event time that was decoded in the field's own unit."""
    unit = other_unit(field, event_time_ms)
    if unit is None or field.unit is None:
        return None
    own = _UNITS[field.unit]
    ticks = event_time_ms * own.per_second // 1_000
    found = _declare(field, str(ticks), unit, unit.to_ms(ticks))
    return Cause(found.what, f"{found.fix}; then fill a new lake: in this one such events stand at the wrong time")


def written_cause(field: EventField, written: object) -> Cause | None:
    """What is wrong with an event time as it stands in a record's JSON."""
    if isinstance(written, str):
        return _of_text(field, written)
    if isinstance(written, bool) or not isinstance(written, int | float) or written - written != 0:
        return None
    unit = unit_by_size(int(written))
    if unit is None:
        return None
    if isinstance(written, float):
        return Cause(
            f"the event time {field.name} is a number with decimals ({written!r}, in {_UNITS[unit].noun})",
            f"no event time takes decimals: have the producer send an int and declare its unit, or RFC 3339 text and "
            f"declare {field.name}: {_TEXT}",
        )
    return None if unit is field.unit else _declare(field, str(written), unit, unit.to_ms(written))


def _of_text(field: EventField, written: str) -> Cause | None:
    if field.text is not None:
        return _of_form(field, written)
    try:
        at_ms = text_to_ms(written)
    except ValueError:
        return Cause(
            f"the event time {field.name} is text that is no time with a zone ({written[:60]!r})",
            f"have the producer send RFC 3339 with a zone, like 2026-01-31T12:00:00Z; declare {field.name}: {_TEXT}",
        )
    if field.unit is TimeUnit.TEXT:
        return None
    if written.isdigit() and unit_by_size(int(written)) not in (None, TimeUnit.MILLIS):
        return Cause(
            f"the event time {field.name} is a number inside a string ({written!r})",
            "have the producer send it as a JSON int and declare its unit in the model",
        )
    return Cause(
        f"the event time {field.name} is text ({written[:60]!r} is {moment(at_ms)}) where the model declares "
        f"{_declared(field)}",
        f"declare it in the model: {field.name}: {_TEXT}, from dataflow",
    )


def _of_form(field: EventField, written: str) -> Cause | None:
    try:
        field.text_ms(written)
    except ValueError as error:
        return Cause(
            f"the event time {field.name} is text that its form does not take ({written[:60]!r}: {error})",
            f"say unit, zone, start and end of {_TEXT}(...) in the model as the producer means them",
        )
    return None


def _declare(field: EventField, ticks: str, unit: TimeUnit, at_ms: int) -> Cause:
    facts = _UNITS[unit]
    return Cause(
        f"the event time {field.name} holds {facts.noun} ({ticks} is {moment(at_ms)} then) where the model declares "
        f"{_declared(field)}",
        f"declare it in the model: {field.name}: {facts.declared}, from dataflow",
    )


def _declared(field: EventField) -> str:
    own = None if field.unit is None else _UNITS.get(field.unit)
    return "text" if own is None else own.noun


def _misread(declared: TimeUnit | None) -> list[tuple[TimeUnit, int, int]]:
    """Each other unit, with where its times come to lie, [low, high) in ms, when they are read as `declared`."""
    if declared is None or declared not in _UNITS:
        return []
    own = _UNITS[declared].per_second
    found = []
    for unit, facts in _UNITS.items():
        low, high = (edge * facts.per_second * 1_000 // own for edge in (OUR_DAYS_FROM_S, OUR_DAYS_TO_S))
        if unit is not declared and low <= EVENT_TIME_LIMIT_MS:
            found.append((unit, low, min(high, EVENT_TIME_LIMIT_MS + 1)))
    return found
