"""Alerts over pairs of events in words: rows of table alert_changes."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from dataflow.alerts.candidates import TIME
from dataflow.alerts.texts import alert_id, json_text, said
from dataflow.alerts.windows import END, START
from dataflow.own_columns import EVENT_PLACE
from dataflow.pipeline.pair_plan import PairPlan
from dataflow.pipeline.tables import ALERT_SCHEMA
from dataflow.spoken import moment

RAISED, RETRACTED = 1, 2
"""The changes of such an alert: what a pair is does not change, so there are no others."""

_LONGEST_MS = 2**63 - 1
_PLACE = tuple(field.name for field in EVENT_PLACE)


@dataclass(frozen=True, slots=True)
class Told:
    """Alerts that have all changed in one way: row i of each side's table is of alert i. A side may be missing.

    Tables have the rule's keys and carried columns, TIME, and the event's place.
    """

    change: int
    sides: dict[str, pa.Table]


def changes_of(rule: PairPlan, told: Iterable[Told]) -> pa.Table:
    """Rows of ALERT_SCHEMA."""
    lines = [line for each in told for line in _lines(rule, each)]
    made: pa.Table = pa.Table.from_pylist(lines, schema=ALERT_SCHEMA)
    return made


def _lines(rule: PairPlan, told: Told) -> Iterable[dict[str, Any]]:
    keys = [key.name for key in rule.keys]
    sides = {side: rows.to_pylist() for side, rows in told.sides.items()}
    for events in zip(*sides.values(), strict=True):
        by_side = dict(zip(sides, events, strict=True))
        start, end = _span(rule, {side: event[TIME] for side, event in by_side.items()})
        any_side = events[0]
        key = json_text({name: any_side[name] for name in keys})
        values: dict[str, Any] = {}
        for side, event in by_side.items():
            values |= {f"{side}_{name}": event[name] for name in (*_PLACE, *(each.name for each in rule.carried))}
        named = {**{name: any_side[name] for name in keys}, **values, START: start, END: end}
        for side, event in by_side.items():
            named |= {f"{side}_{name}": event[name] for name in keys}
            named[f"{side}_{rule.time}"] = moment(event[TIME])
        places = json_text({name: values[name] for side in by_side for name in (f"{side}_{each}" for each in _PLACE)})
        yield {
            "alert_id": alert_id(rule.name, key, start, end, places),
            "change": told.change,
            "state": "raised" if told.change == RAISED else "retracted",
            "rule": rule.name,
            "severity": rule.severity,
            "key": key,
            START: start,
            END: end,
            "values": json_text(values),
            "message": said(rule.message, named),
        }


def _span(rule: PairPlan, times: dict[str, int]) -> tuple[int, int]:
    """The window of an alert: from the first event to the then event, or the time in which one was missing."""
    if rule.missing == "then":
        return times["first"], min(times["first"] + rule.within_ms, _LONGEST_MS)
    start = times["first"] if rule.missing is None else times["then"] - rule.within_ms + 1
    return max(start, -_LONGEST_MS - 1), min(times["then"] + 1, _LONGEST_MS)
