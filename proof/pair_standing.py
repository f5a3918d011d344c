"""Which alerts over pairs of events must stand, told by SQL over the evidence: an event beside all near ones."""

from collections.abc import Mapping
from typing import Any

from dataflow.own_columns import EVENT_PLACE
from dataflow.pipeline.pair_plan import IS_SIDE, PairPlan
from dataflow.pipeline.pair_rules import SIDES
from dataflow.sql import quoted
from proof.parity.conditions import condition

_FIRST, _THEN = SIDES
_PLACE = tuple(field.name for field in EVENT_PLACE)
_PARTITION, _OFFSET = map(quoted, _PLACE)
_TIME, _STRETCH = "_time", "_stretch"
_LEAST, _MOST = -(2**63), 2**63 - 1


def pairs_sql(rule: PairPlan, rows: str) -> str:
    """Per alert its key, window_start, window_end (BIGINT ms), and as SIDE_partition and SIDE_offset its events.

    An absence stands where nothing more comes. `rows`: SQL of the evidence, with windows in ms.
    """
    keys = [quoted(key.name) for key in rule.keys]
    side = _FIRST if rule.missing == _THEN else _THEN
    there, other = (_view(side), _view(_THEN)) if side == _FIRST else (_view(side), _view(_FIRST))
    # what is less than `within` apart is of one stretch, or of two that are neighbours
    near = f"unnest([{_STRETCH} - 1, {_STRETCH}])" if side == _FIRST else f"unnest([{_STRETCH}, {_STRETCH} + 1])"
    beside = _THEN if side == _FIRST else _FIRST
    sides = (
        f"WITH {there} AS ({_events(rule, side, rows)}),"
        f" {other} AS (SELECT * REPLACE ({near} AS {_STRETCH}) FROM ({_events(rule, beside, rows)}))"
    )
    own = [f"{there}.{key} AS {key}" for key in keys]
    place = [f"{there}.{quoted(name)} AS {_named(side, name)}" for name in _PLACE]
    if rule.missing is None:
        # the largest one is the latest, by time and then by place
        nearest = f"max({{'time': {other}.{_TIME}, 'partition': {other}.{_PARTITION}, 'offset': {other}.{_OFFSET}}})"
        fields = ", ".join([*own, f"{there}.{_TIME} AS {_TIME}", *place, f"{nearest} AS _nearest"])
        found = f"SELECT {fields} FROM {there} JOIN {other} ON {_meet(rule)} GROUP BY ALL"
        first = [f"_nearest.{quoted(name)} AS {_named(beside, name)}" for name in _PLACE]
        named = [_named(side, name) for name in _PLACE]
        window = _window("_nearest.time", f"{_TIME} + 1")
        return f"{sides} SELECT {', '.join([*keys, *window, *first, *named])} FROM ({found})"
    if side == _FIRST:
        window = _window(f"{there}.{_TIME}", f"{there}.{_TIME} + {rule.within_ms}")
    else:
        window = _window(f"{there}.{_TIME} - {rule.within_ms - 1}", f"{there}.{_TIME} + 1")
    return f"{sides} SELECT {', '.join([*own, *window, *place])} FROM {there} ANTI JOIN {other} ON {_meet(rule)}"


def places_of(rule: PairPlan, values: Mapping[str, Any]) -> dict[str, Any]:
    """Where the events of an alert stand, out of its row or its values, in the order of its id."""
    return {f"{side}_{name}": values[f"{side}_{name}"] for side in rule.told for name in _PLACE}


def _events(rule: PairPlan, side: str, rows: str) -> str:
    """The events of a side, with what a condition over both calls their columns."""
    named = [f"{quoted(field.name)} AS {quoted(f'{side}.{field.name}')}" for field in (*rule.keys, *rule.carried)]
    # beyond 64 bits, as sums of times may be
    time = "window_start::HUGEINT"
    named.append(f"{time} AS {quoted(f'{side}.{rule.time}')}")
    own = [quoted(key.name) for key in rule.keys]
    fields = [*own, *named, _PARTITION, _OFFSET, f"{time} AS {_TIME}", f"{time} // {rule.within_ms} AS {_STRETCH}"]
    return f"SELECT {', '.join(fields)} FROM ({rows}) AS told WHERE {quoted(IS_SIDE[side])} > 0"


def _meet(rule: PairPlan) -> str:
    """Whether a first and a then event make a pair."""
    first, then = _view(_FIRST), _view(_THEN)
    conditions = [f"{first}.{name} = {then}.{name}" for name in [*(quoted(key.name) for key in rule.keys), _STRETCH]]
    conditions += [
        f"{first}.{_TIME} <= {then}.{_TIME}",
        f"{then}.{_TIME} < {first}.{_TIME} + {rule.within_ms}",
        f"({first}.{_PARTITION}, {first}.{_OFFSET}) <> ({then}.{_PARTITION}, {then}.{_OFFSET})",
    ]
    if rule.having is not None:
        conditions.append(f"({condition(rule.having)})")
    return " AND ".join(conditions)


def _window(start: str, end: str) -> list[str]:
    """As far as times go."""
    pairs = (("window_start", start), ("window_end", end))
    return [f"greatest({_LEAST}, least({_MOST}, {time}))::BIGINT AS {name}" for name, time in pairs]


def _named(side: str, name: str) -> str:
    return quoted(f"{side}_{name}")


def _view(side: str) -> str:
    return f"_{side}"
