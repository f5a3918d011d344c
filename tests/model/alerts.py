"""Which alerts stand, from the rollups' rows alone: one row and one alert at a time."""

import random
from dataclasses import replace
from decimal import Decimal
from typing import Any, NamedTuple

from hypothesis import strategies as st

from tests.model import closed, pipelines, small
from tests.model.engine import Tables
from tests.model.expression import is_true, parse
from tests.model.spec import AggregateSpec, AlertSpec, PipelineSpec, RollupSpec, WindowSpec
from tests.model.streams import Cuts

NUMBERS = (
    "{} > 0",
    "{} > 1",
    "{} < 2",
    "{} BETWEEN 2 AND 3",
    "{} >= 0.5",
    "{} * 2 <> 2",
    "{} IS NULL",
    "NOT ({} = 1)",
    "- {} < 3",
)
TEXTS = ("{} >= 'x'", "{} IN ('x', 'ü')", "{} IS NOT NULL", "{} LIKE '_'")
DATES = ("{} < DATE '2024-01-01'", "{} IS NULL")


class Standing(NamedTuple):
    """An alert that is raised. `key`: the key's values."""

    rule: str
    key: tuple[Any, ...]
    start: int
    end: int


def standing(spec: PipelineSpec, tables: Tables) -> dict[Standing, bool]:
    """Every alert that is raised, and whether it is quiet."""
    found: dict[Standing, bool] = {}
    for rule in spec.alerts:
        raised = _raised(spec, rule, tables)
        for each in raised:
            found[each] = any(
                other.key == each.key
                and (other.start, other.end) < (each.start, each.end)
                and each.start - other.end < rule.cool_down
                for other in raised
                if rule.cool_down
            )
    return found


def _raised(spec: PipelineSpec, rule: AlertSpec, tables: Tables) -> list[Standing]:
    rollup = next((each for each in spec.rollups if each.name == rule.rollup), None)
    if rollup is None or rule.compare is not None or rollup.window.kind == "session":
        over = closed.raised(spec, rule, tables)
        return [Standing(rule.name, keys, start, end) for start, end, keys in over]
    having = parse(rule.having)
    raised = []
    for start, end, keys, values in tables.rollups[rollup.name]:
        row = dict(zip([*rollup.keys, *rollup.aggregates], [*keys, *values], strict=True))
        if is_true(having, row):
            raised.append(Standing(rule.name, tuple(keys), start, end))
    return raised


@st.composite
def rules(draw: st.DrawFn, spec: PipelineSpec) -> PipelineSpec:
    """The same pipeline with one to three rules over some of its rollups, which are the rules' own or declared."""
    told = [rollup for rollup in spec.rollups if rollup.window.kind != "session" and _judged(rollup)]
    made: list[AlertSpec] = []
    own: set[str] = set()
    for at in range(draw(st.integers(1, 3)) if told else 0):
        rollup = draw(st.sampled_from(told))
        conditions = [draw(_asked(name, each)) for name, each in _judged(rollup).items()]
        having = conditions[0]
        if len(conditions) > 1:
            having = f"({conditions[0]}) {draw(st.sampled_from(('AND', 'OR')))} ({conditions[1]})"
        cool_down = draw(st.sampled_from((0, 0, 1, 5, 12, 40)))
        # a rollup that is a rule's own is not declared, so no other rule may ask for it
        is_own = draw(st.booleans()) and not any(each.rollup == rollup.name for each in made)
        if rollup.name in own:
            continue
        own |= {rollup.name} if is_own else set()
        made.append(AlertSpec(rollup.name if is_own else f"rule_{at}", rollup.name, having, cool_down))
    declared = [rollup for rollup in spec.rollups if rollup.name not in own]
    # as the product has them: those that are declared, then the rules' own in their order
    ordered = [rule.rollup for rule in made if rule.rollup in own]
    rest = [next(rollup for rollup in spec.rollups if rollup.name == name) for name in ordered]
    return replace(spec, rollups=(*declared, *rest), alerts=tuple(made))


def _judged(rollup: RollupSpec) -> dict[str, AggregateSpec]:
    return {name: each for name, each in rollup.aggregates.items() if each.kind != "approx_quantile"}


def _asked(name: str, aggregate: AggregateSpec) -> st.SearchStrategy[str]:
    return st.sampled_from([form.format(name) for form in _forms(aggregate)])


def asked_of(rollup: RollupSpec) -> list[str]:
    """Conditions over one of a rollup's aggregates."""
    return [form.format(name) for name, each in _judged(rollup).items() for form in _forms(each)]


def _forms(aggregate: AggregateSpec) -> tuple[str, ...]:
    """Conditions over one aggregate's value."""
    if aggregate.kind in ("min", "max"):
        return {"ad": TEXTS, "day": DATES}.get(aggregate.column or "", NUMBERS)
    return NUMBERS


def busy(rng: random.Random) -> PipelineSpec:
    """Rules whose alerts come and go, over windows that stay open for long."""
    told = [each for each in pipelines.AGGREGATES if each[0] != "approx_quantile"]
    rollups = []
    for at in range(4):
        picked = [rng.choice(told) for _ in range(2)]
        aggregates = {f"agg_{number}": AggregateSpec(*each) for number, each in enumerate(picked)}
        aggregates["n"] = AggregateSpec("count")
        window = rng.choice([each for each in pipelines.WINDOWS if each.kind != "session" and each.size > 1])
        stretched = WindowSpec(window.kind, window.size * 100, window.slide * 100, window.offset * 100)
        rollups.append(RollupSpec(f"rollup_{at}", rng.choice(pipelines.KEYS), stretched, aggregates, lateness=2000))
    rules = []
    for rollup in rollups:
        asked = [rng.choice(_forms(each)).format(name) for name, each in rollup.aggregates.items()]
        having = f"({asked[0]}) {rng.choice(('AND', 'OR'))} ({asked[1]})"
        name = rollup.name if rollup is rollups[-1] else f"rule_of_{rollup.name}"
        rules.append(AlertSpec(name, rollup.name, having, cool_down=rng.choice((0, 50, 3000))))
    # comes and goes with every row
    rules.append(AlertSpec("odd", "rollup_0", "n IN (1, 3, 5, 7, 9, 11)"))
    return PipelineSpec(
        small.FIELDS,
        tuple(rollups),
        bound=500,
        alerts=tuple(rules),
        dimensions=(small.dimension(unknown_is_dead=False),),
    )


def busy_cuts(rng: random.Random, steps: int) -> Cuts:
    """Small polls, an epoch behind most of them, a restart behind some."""
    made: list[tuple[str, int, int]] = []
    for _ in range(steps):
        made.append(("poll", rng.randrange(3), rng.choice((3, 20, 60))))
        if rng.random() < 0.6:
            made.append(("epoch", 0, 0))
        if rng.random() < 0.15:
            made.append(("restart", rng.choice((1, 2, 3)), 0))
    return Cuts(tuple(made))


def plain(value: Any) -> Any:
    """A key's value as JSON tells it."""
    return value if value is None or isinstance(value, bool | int | str | Decimal) else value.isoformat()
