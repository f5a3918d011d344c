"""Hypothesis strategies: random pipelines over the small event."""

from dataclasses import replace

from hypothesis import strategies as st

from tests.model import small
from tests.model.spec import AggregateSpec, PipelineSpec, RollupSpec, WindowSpec

WHERES = (
    None,
    "kind = 'a'",
    "kind <> 'a'",
    "kind IN ('a', 'c')",
    "ad IS NULL",
    "ad IS NOT NULL AND kind <> 'b'",
    "NOT (ad = 'x')",
    "ad NOT IN ('x', 'y')",
    "ad LIKE '_'",
    "campaign LIKE 'c%' OR user > 1",
    "user IN (1, 3)",
    "user NOT IN (1, -9)",
    "score / user > 0.5",
    "cost / revenue < 1",
    "user BETWEEN -1 AND 2",
    "NOT user BETWEEN 2 AND 3",
    "cost > 0.5",
    "cost + revenue >= 1",
    "cost * 2 > revenue",
    "revenue IS NULL OR revenue < cost",
    "flag",
    "NOT flag",
    "flag = TRUE OR score < 1",
    "score >= 0.5",
    "time >= 0",
    "tier = 2 AND (flag IS NULL OR NOT flag)",
    "- user < 0",
)

AGGREGATES = (
    ("count", None),
    ("count", "ad"),
    ("count", "revenue"),
    ("sum", "cost"),
    ("sum", "revenue"),
    ("sum", "user"),
    ("min", "cost"),
    ("max", "revenue"),
    ("min", "ad"),
    ("max", "ad"),
    ("min", "user"),
    ("max", "time"),
    ("min", "score"),
    ("max", "day"),
    ("avg", "revenue"),
    ("avg", "user"),
    ("count_distinct", "ad"),
    ("count_distinct", "revenue"),
    ("count_distinct", "user"),
    ("approx_count_distinct", "ad"),
    ("approx_count_distinct", "user"),
    ("approx_count_distinct", "cost"),
    ("approx_count_distinct", "day"),
    ("approx_quantile", "cost"),
    ("approx_quantile", "score"),
    ("approx_quantile", "user"),
)

WINDOWS = (
    WindowSpec("tumble", 5, 5),
    WindowSpec("tumble", 10, 10, 3),
    WindowSpec("tumble", 1, 1),
    WindowSpec("hop", 10, 5),
    WindowSpec("hop", 7, 3),
    WindowSpec("hop", 9, 4, 2),
    WindowSpec("hop", 6, 6),
    WindowSpec("cumulate", 12, 4),
    WindowSpec("cumulate", 10, 5),
    WindowSpec("session", 3, 3),
    WindowSpec("session", 6, 6),
)

KEYS: tuple[tuple[str, ...], ...] = (
    (),
    ("ad",),
    ("kind",),
    ("campaign",),
    ("ad", "kind"),
    ("user",),
    ("flag",),
    ("day",),
)


@st.composite
def aggregates(draw: st.DrawFn) -> dict[str, AggregateSpec]:
    """One to four aggregates, some with a filter of their own."""
    made: dict[str, AggregateSpec] = {}
    for at in range(draw(st.integers(1, 4))):
        kind, column = draw(st.sampled_from(AGGREGATES))
        where = draw(st.sampled_from(WHERES)) if draw(st.integers(0, 2)) == 0 else None
        q = draw(st.sampled_from((0.0, 0.5, 0.9, 1.0))) if kind == "approx_quantile" else None
        made[f"agg_{at}"] = AggregateSpec(kind, column, where, q)
    return made


@st.composite
def pipelines(draw: st.DrawFn) -> PipelineSpec:
    """Two to four rollups with windows of a few milliseconds, so that short streams meet every edge."""
    rollups = tuple(
        RollupSpec(
            name=f"rollup_{at}",
            keys=draw(st.sampled_from(KEYS)),
            window=draw(st.sampled_from(WINDOWS)),
            aggregates=draw(aggregates()),
            where=draw(st.sampled_from(WHERES)),
            lateness=draw(st.sampled_from((0, 0, 1, 2, 5, 20))),
        )
        for at in range(draw(st.integers(2, 4)))
    )
    return PipelineSpec(
        fields=small.FIELDS,
        rollups=rollups,
        bound=draw(st.sampled_from((0, 1, 3, 5))),
        max_future=(guard := draw(st.sampled_from((None, 0, 5)))),
        max_future_clock=draw(st.sampled_from((None, 4))) if guard is not None else None,
        dedup_column=(column := draw(st.sampled_from((None, "id")))),
        dedup_horizon=draw(st.sampled_from((1, 4, 10))) if column else 0,
        dimensions=(small.dimension(unknown_is_dead=draw(st.booleans())),),
    )


@st.composite
def other_rules(draw: st.DrawFn, spec: PipelineSpec) -> PipelineSpec:
    """The same pipeline with other settings of those that may change (semantics rule 13)."""
    rollups = tuple(
        replace(rollup, lateness=draw(st.sampled_from((rollup.lateness, 0, 1, 5, 20, 60)))) for rollup in spec.rollups
    )
    horizon = draw(st.sampled_from((spec.dedup_horizon, 1, 4, 10, 40))) if spec.dedup_column else 0
    bound = draw(st.sampled_from((spec.bound, 0, 1, 3, 5, 15)))
    rows = draw(st.sampled_from(small.OTHER_DIMENSION_ROWS))
    is_dead = draw(st.sampled_from((spec.dimensions[0].unknown_is_dead, True, False)))
    dimensions = (small.dimension(unknown_is_dead=is_dead, rows=rows),)
    return replace(spec, rollups=rollups, bound=bound, dedup_horizon=horizon, dimensions=dimensions)
