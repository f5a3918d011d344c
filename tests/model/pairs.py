"""Which alerts over pairs of events stand, from the events alone: one event beside one other."""

from dataclasses import replace
from typing import Any, NamedTuple

from hypothesis import strategies as st

from tests.model.engine import Tables
from tests.model.expression import is_true, parse
from tests.model.spec import AggregateSpec, PairSpec, PipelineSpec, RollupSpec, WindowSpec

KEYS: tuple[tuple[str, ...], ...] = (("ad",), ("user",), ("ad", "flag"), (), ("campaign",), ("day", "kind"))
SIDES = ("kind = 'a'", "kind = 'b'", "kind <> 'a'", "kind IN ('b', 'c')", "cost > 0.5", "flag", "tier = 2", "time >= 0")
HAVINGS = (
    None,
    None,
    None,
    "then.cost >= first.cost",
    "first.score < then.score OR then.flag",
    "first.time < then.time",
    "first.kind <> then.kind",
    "then.campaign = first.campaign AND then.revenue IS NOT NULL",
    "NOT first.flag",
)

Place = tuple[str, int]
"""A source partition and an offset."""


class Standing(NamedTuple):
    """An alert that is raised: its key's values, its window, the places of its events."""

    rule: str
    key: tuple[Any, ...]
    start: int
    end: int
    first: Place | None
    then: Place | None


class Event(NamedTuple):
    """A row of the evidence."""

    key: tuple[Any, ...]
    time: int
    place: Place
    row: dict[str, Any]
    is_first: bool
    is_then: bool


def evidence(pair: PairSpec) -> RollupSpec:
    """A row per accepted event with a whole key that is one of the two."""
    sides = {f"is_{side}": AggregateSpec("count", where=getattr(pair, side)) for side in ("first", "then")}
    where = " AND ".join([f"(({pair.first}) OR ({pair.then}))", *(f"{key} IS NOT NULL" for key in pair.key)])
    keys = (*pair.key, *pair.carried, "partition", "offset")
    return RollupSpec(pair.name, keys, WindowSpec("tumble", 1, 1), sides, where, pair.lateness)


def events_of(pair: PairSpec, time: str, tables: Tables) -> list[Event]:
    """The evidence as the rows that `having` sees."""
    found = []
    for start, _, keys, (first, then) in tables.rollups[pair.name]:
        *own, partition, offset = keys
        row = {**dict(zip([*pair.key, *pair.carried], own, strict=True)), time: start}
        found.append(Event(tuple(own[: len(pair.key)]), start, (partition, offset), row, first > 0, then > 0))
    return found


def standing(spec: PipelineSpec, tables: Tables, time: str = "time") -> set[Standing]:
    """Every alert that is raised once all is final."""
    return {each for pair in spec.pairs for each in _of_rule(pair, events_of(pair, time, tables))}


def _of_rule(pair: PairSpec, events: list[Event]) -> set[Standing]:
    having = None if pair.having is None else parse(pair.having)

    def meet(first: Event, then: Event) -> bool:
        row = {f"first.{name}": value for name, value in first.row.items()}
        row |= {f"then.{name}": value for name, value in then.row.items()}
        return (
            first.is_first
            and then.is_then
            and first.place != then.place
            and first.key == then.key
            and first.time <= then.time < first.time + pair.within
            and is_true(having, row)
        )

    found = set()
    for event in events:
        if pair.missing == "then":
            if event.is_first and not any(meet(event, other) for other in events):
                end = event.time + pair.within
                found.add(Standing(pair.name, event.key, event.time, end, event.place, None))
        elif event.is_then:
            firsts = [other for other in events if meet(other, event)]
            if pair.missing == "first" and not firsts:
                start = event.time - pair.within + 1
                found.add(Standing(pair.name, event.key, start, event.time + 1, None, event.place))
            elif pair.missing is None and firsts:
                first = max(firsts, key=lambda other: (other.time, other.place))
                found.add(Standing(pair.name, event.key, first.time, event.time + 1, first.place, event.place))
    return found


@st.composite
def rules(draw: st.DrawFn, spec: PipelineSpec) -> PipelineSpec:
    """The same pipeline with one to three such rules, and one of its rollups."""
    made = []
    for at in range(draw(st.integers(1, 3))):
        having = draw(st.sampled_from(HAVINGS))
        key = draw(st.sampled_from(KEYS))
        made.append(
            PairSpec(
                f"pair_{at}",
                key,
                draw(st.sampled_from(SIDES)),
                draw(st.sampled_from(SIDES)),
                draw(st.sampled_from((1, 2, 3, 5, 10, 40))),
                having,
                draw(st.sampled_from((None, None, "first", "then"))),
                draw(st.sampled_from((0, 0, 1, 5, 20))),
                carried(having, key),
            )
        )
    return with_pairs(replace(spec, rollups=spec.rollups[:1]), *made)


def with_pairs(spec: PipelineSpec, *pairs: PairSpec) -> PipelineSpec:
    """The pipeline with these rules, and their evidence among its rollups."""
    return replace(spec, pairs=pairs, rollups=(*spec.rollups, *map(evidence, pairs)))


def carried(having: str | None, key: tuple[str, ...]) -> tuple[str, ...]:
    """The columns that a condition of HAVINGS names, in the event's order, but for the key and the time."""
    order = ("kind", "ad", "user", "cost", "revenue", "flag", "score", "day", "campaign", "tier")
    return tuple(name for name in order if having and f".{name}" in having and name not in key)
