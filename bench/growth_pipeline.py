"""`one` of bench/engines_pipeline.py with more and more rollups: `rollups_1`, `rollups_5`, ..."""

from dataclasses import replace

from bench.engines_pipeline import one
from tidemill import Pipeline, Rollup
from tidemill import aggregates as agg
from tidemill.windows import tumble

KEYS: tuple[list[str], ...] = (["ad_id"], ["event_type"], [], ["ad_id", "event_type"])


def with_rollups(count: int) -> Pipeline:
    """So many: four kinds of keys in turns, each four over longer windows than those before."""
    rollups = [
        Rollup(
            f"counted_{number}",
            keys=KEYS[number % len(KEYS)],
            window=tumble(f"{number // len(KEYS) + 1}m"),
            aggregates={"events": agg.count(), "spend": agg.sum("cost")},
        )
        for number in range(count)
    ]
    return replace(one, name=f"rollups_{count}", rollups=rollups)


rollups_1 = with_rollups(1)
rollups_2 = with_rollups(2)
rollups_5 = with_rollups(5)
rollups_10 = with_rollups(10)
rollups_20 = with_rollups(20)
