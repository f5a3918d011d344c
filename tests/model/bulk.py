"""Long seeded streams and busier pipelines, for the paths that only many rows take."""

import json
import random
from typing import Any

from tests.model import pipelines, small
from tests.model.spec import AggregateSpec, PipelineSpec, Record, RollupSpec, WindowSpec
from tests.model.streams import Cuts

ALL_DAY = RollupSpec(
    "all_day",
    (),
    WindowSpec("tumble", 10**7, 10**7),
    {
        "users": AggregateSpec("approx_count_distinct", "user"),
        "costs": AggregateSpec("approx_count_distinct", "cost"),
        "exact": AggregateSpec("count_distinct", "user"),
        "median": AggregateSpec("approx_quantile", "cost", q=0.5),
    },
    lateness=10**9,
)
"""One wide window, so that sketches hold more values than they keep."""


def pipeline(rng: random.Random) -> PipelineSpec:
    """Four random rollups, their windows stretched, and one wide one."""
    stretch = rng.choice((1, 100, 1000))
    deduplicates = rng.random() < 0.5
    return PipelineSpec(
        fields=small.FIELDS,
        rollups=(*(_rollup(rng, f"rollup_{at}", stretch) for at in range(4)), ALL_DAY),
        bound=rng.choice((0, 5 * stretch)),
        dedup_column="id" if deduplicates else None,
        dedup_horizon=100 * stretch if deduplicates else 0,
        dimensions=(small.dimension(unknown_is_dead=False),),
    )


def partitions(rng: random.Random, rows: int) -> dict[str, list[Record]]:
    """Three source partitions with `rows`, a half and a third of them."""
    return {f"topic/{number}": _records(rng, rows // (number + 1), rows) for number in range(3)}


def cuts(rng: random.Random) -> Cuts:
    """Small and large polls, epochs and restarts."""
    steps: list[tuple[str, int, int]] = []
    for _ in range(rng.choice((1, 10, 30))):
        steps.append(("poll", rng.randrange(3), rng.choice((1, 50, 300, 5000))))
        if rng.random() < 0.4:
            steps.append(("epoch", 0, 0))
        if rng.random() < 0.1:
            steps.append(("restart", rng.choice((1, 2, 3)), 0))
    return Cuts(tuple(steps))


def _rollup(rng: random.Random, name: str, stretch: int) -> RollupSpec:
    aggregates: dict[str, AggregateSpec] = {}
    for at in range(3):
        kind, column = rng.choice(pipelines.AGGREGATES)
        where = rng.choice(pipelines.WHERES) if rng.random() < 0.3 else None
        q = rng.choice((0.0, 0.25, 0.5, 0.99, 1.0)) if kind == "approx_quantile" else None
        aggregates[f"agg_{at}"] = AggregateSpec(kind, column, where, q)
    window = rng.choice(pipelines.WINDOWS)
    return RollupSpec(
        name=name,
        keys=rng.choice(pipelines.KEYS),
        window=WindowSpec(window.kind, window.size * stretch, window.slide * stretch, window.offset * stretch),
        aggregates=aggregates,
        where=rng.choice(pipelines.WHERES),
        lateness=rng.choice((0, 5 * stretch, 30 * stretch)),
    )


def _records(rng: random.Random, count: int, ids: int) -> list[Record]:
    clock = rng.randrange(-1000, 1000)
    made: list[Record] = []
    for offset in range(count):
        if rng.random() < 0.02:
            made.append(Record(offset, rng.choice((None, b"", b"{", b"[]"))))
            continue
        clock += rng.choice((0, 0, 0, 1, 1, 2, -1, 30))
        time = clock - rng.choice((0, 0, 0, 0, rng.randrange(2000)))
        made.append(Record(offset, json.dumps(_event(rng, time, ids)).encode()))
    return made


def _event(rng: random.Random, time: int, ids: int) -> dict[str, Any]:
    event: dict[str, Any] = {"id": f"i{rng.randrange(ids)}", "time": time, "kind": rng.choice(small.KINDS)}
    optional = {
        "ad": rng.choice(small.ADS) if rng.random() < 0.5 else f"ad{rng.randrange(200)}",
        "user": rng.choice((1, 2, 3, rng.randrange(5000), rng.randrange(-(2**63), 2**63))),
        "cost": rng.randrange(-(10**9), 10**12) / 1000,
        "revenue": rng.randrange(10**6) / 100,
        "flag": rng.random() < 0.5,
        "score": rng.choice((rng.random() * 100, -rng.random(), 0, 1e-9, 1e300)),
        "day": rng.choice(small.DAYS).isoformat(),
    }
    return event | {name: value for name, value in optional.items() if rng.random() < 0.8}
