"""Alerts that are judged when windows are over, from the rollups' rows alone: which stand in the end."""

import random
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from tests.model import pipelines, small
from tests.model.engine import Tables
from tests.model.expression import is_true, parse
from tests.model.spec import AggregateSpec, AlertSpec, CompareSpec, PipelineSpec, RollupSpec, WindowSpec

COUNTING = ("count", "sum", "count_distinct", "approx_count_distinct")

Window = tuple[int, int, tuple[Any, ...]]
"""Start, end and key."""


def reached(tables: Tables) -> int | None:
    """How far event time has come in the end: the furthest watermark of all source partitions."""
    return max(tables.watermarks.values(), default=None)


def raised(spec: PipelineSpec, rule: AlertSpec, tables: Tables) -> list[Window]:
    """The windows, over by the end, of which the rule's alert stands."""
    now = reached(tables)
    if now is None:
        return []
    if rule.silence is not None:
        return [
            (newest, newest + rule.silence, (name,))
            for name, newest in tables.newest.items()
            if newest + rule.silence - 1 <= now
        ]
    rollup = next(each for each in spec.rollups if each.name == rule.rollup)
    found = _sessions(rule, rollup, tables) if rule.compare is None else _compared(rule.compare, rollup, tables)
    return [window for window in found if window[1] - 1 + rollup.lateness <= now]


def _sessions(rule: AlertSpec, rollup: RollupSpec, tables: Tables) -> Iterable[Window]:
    having = parse(rule.having)
    for start, end, keys, values in tables.rollups[rollup.name]:
        if is_true(having, dict(zip([*rollup.keys, *rollup.aggregates], [*keys, *values], strict=True))):
            yield start, end, tuple(keys)


def _compared(compare: CompareSpec, rollup: RollupSpec, tables: Tables) -> Iterable[Window]:
    at = list(rollup.aggregates).index(compare.value)
    is_counting = rollup.aggregates[compare.value].kind in COUNTING
    known = {(start, end, tuple(keys)): values[at] for start, end, keys, values in tables.rollups[rollup.name]}
    sizes = tables.sizes[rollup.name]
    asked = {(start + back, end + back, keys) for start, end, keys in known for back in (0, *compare.backs)}
    for start, end, keys in asked:
        before = [(start - back, end - back, keys) for back in compare.backs]
        if sum(sizes.get(each, 0) for each in before) < compare.least * len(before):
            continue
        value = known.get((start, end, keys))
        others = [known[each] for each in before if known.get(each) is not None]
        if is_counting:
            value, over = value or 0, len(before)
        else:
            over = len(others)
        if value is not None and over and _differs(compare, value, others, over):
            yield start, end, keys


def _differs(compare: CompareSpec, value: Any, others: list[Any], over: int) -> bool:
    below, above = compare.factors
    if isinstance(value, float) or any(isinstance(each, float) for each in others):
        # as doubles, in the order of the windows
        total = 0.0
        for each in others:
            total += each
        now = value * float(over)
        return (below is not None and now < total * float(below)) or (above is not None and now > total * float(above))
    mean = sum(map(Fraction, others), Fraction(0)) / over
    return (below is not None and value < Fraction(below) * mean) or (
        above is not None and value > Fraction(above) * mean
    )


NUMBERS = ("count", "sum", "avg", "count_distinct", "approx_count_distinct")
FACTORS = (Decimal("0.1"), Decimal("0.5"), Decimal("0.9"), Decimal(1), Decimal("1.5"), Decimal(3))


@st.composite
def rules(draw: st.DrawFn, spec: PipelineSpec) -> PipelineSpec:
    """The same pipeline with rules of all kinds that are judged when windows are over."""
    made = [
        AlertSpec("quiet_parts", "ledger", "", draw(st.sampled_from((0, 5))), silence=draw(st.sampled_from((1, 4, 9))))
    ]
    names = []
    for at, rollup in enumerate(spec.rollups):
        rule = draw(_rule(f"rule_{at}", rollup))
        if rule is None or not draw(st.booleans()):
            continue
        names.append(rollup.name)
        if draw(st.booleans()):
            rule = replace(rule, name=rollup.name)
        made.append(rule)
    own = [rule.rollup for rule in made if rule.rollup == rule.name]
    declared = [rollup for rollup in spec.rollups if rollup.name not in own]
    rest = [next(rollup for rollup in spec.rollups if rollup.name == name) for name in own]
    return replace(spec, rollups=(*declared, *rest), alerts=tuple(made))


@st.composite
def _rule(draw: st.DrawFn, name: str, rollup: RollupSpec) -> AlertSpec | None:
    from tests.model.alerts import asked_of

    cool_down = draw(st.sampled_from((0, 0, 5, 30)))
    if rollup.window.kind == "session":
        having = asked_of(rollup)
        return None if not having else AlertSpec(name, rollup.name, draw(st.sampled_from(having)), cool_down)
    values = [each for each, aggregate in rollup.aggregates.items() if aggregate.kind in NUMBERS]
    backs = backs_of(rollup.window)
    if not values:
        return None
    which = draw(st.sampled_from(((0,), (1,), (0, 1))))
    low, high = sorted(draw(st.tuples(st.sampled_from(FACTORS), st.sampled_from(FACTORS))))
    factors = (low if 0 in which else None, high if 1 in which else None)
    compare = CompareSpec(
        draw(st.sampled_from(values)), draw(st.sampled_from(backs)), factors, draw(st.sampled_from((1, 1, 2)))
    )
    return AlertSpec(name, rollup.name, "", cool_down, compare)


def backs_of(window: WindowSpec) -> list[tuple[int, ...]]:
    """What windows of this kind can be compared with."""
    step = window.size if window.kind == "cumulate" else window.slide
    found: list[tuple[int, ...]] = [(step,), (3 * step,)]
    if window.size % step == 0:
        found += [tuple(window.size * number for number in range(1, of + 1)) for of in (1, 2, 4)]
    return found


def busy(rng: random.Random) -> PipelineSpec:
    """Sessions and windows that stay open for long, and are many."""
    told = [each for each in pipelines.AGGREGATES if each[0] in ("count", "sum", "count_distinct", "avg")]
    rollups, rules_made = [], [AlertSpec("quiet_parts", "ledger", "", 0, silence=400)]
    for at in range(5):
        aggregates = {f"agg_{number}": AggregateSpec(*rng.choice(told)) for number in range(2)}
        aggregates["n"] = AggregateSpec("count")
        window = (
            WindowSpec("session", rng.choice((20, 60)), 0)
            if at < 3
            else rng.choice(
                (WindowSpec("tumble", 100, 100, 7), WindowSpec("hop", 200, 50), WindowSpec("cumulate", 200, 50))
            )
        )
        if at < 3:
            window = replace(window, slide=window.size)
        rollup = RollupSpec(
            f"rollup_{at}", rng.choice(pipelines.KEYS), window, aggregates, lateness=rng.choice((0, 30))
        )
        rollups.append(rollup)
        if at < 3:
            having = rng.choice(("n > 1", "n IN (1, 3, 5)", "n >= 1", "agg_0 >= 2"))
            rules_made.append(AlertSpec(f"rule_{at}", rollup.name, having, rng.choice((0, 300))))
        else:
            value = rng.choice(list(aggregates))
            factors = rng.choice(((Decimal("0.5"), None), (None, Decimal("1.5")), (Decimal("0.7"), Decimal("2.5"))))
            compare = CompareSpec(value, rng.choice(backs_of(window)), factors, rng.choice((1, 3)))
            rules_made.append(AlertSpec(f"rule_{at}", rollup.name, "", rng.choice((0, 300)), compare))
    return PipelineSpec(
        small.FIELDS,
        tuple(rollups),
        bound=100,
        alerts=tuple(rules_made),
        dimensions=(small.dimension(unknown_is_dead=False),),
    )
