"""A pipeline that changes while its lake lives: other rules, rollups that come and go, tables that leave."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from dataflow import Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.windows import hop, session, tumble
from tests.chaos.busy import AdEvent

ROLLUPS = ("minutes", "slides", "visits")

RULES = {"out_of_orderness": "2s", "allowed_lateness": "20s", "idle_timeout": "30s", "deduplicate_within": "2m"}
"""The settings that may change from run to run, as they are unless told."""

_TEXT = '"""The pipeline as it is now."""\n\nfrom tests.chaos.living import living\n\npipeline = living({})\n'


def living(
    *, rollups: Collection[str] = ROLLUPS, lateness: str | None = None, keep: str | None = None, **settings: Any
) -> Pipeline:
    """Some of the three rollups. `lateness` is that of `slides` alone; with `keep`, all but `minutes` leave."""
    every = {
        "minutes": Rollup(
            "minutes",
            keys=["event_type"],
            window=tumble("10s"),
            allowed_lateness=settings.pop("minutes_lateness", None),
            aggregates={"rows": agg.count(), "spend": agg.sum("cost")},
        ),
        "slides": Rollup(
            "slides",
            keys=[],
            window=hop("30s", every="10s"),
            where="event_type <> 'conversion'",
            allowed_lateness=lateness,
            keep=keep,
            aggregates={"users": agg.count_distinct("user_id"), "dearest": agg.max("cost")},
        ),
        "visits": Rollup(
            "visits",
            keys=["ad_id"],
            window=session("20s"),
            keep=keep,
            aggregates={"rows": agg.count(), "mean": agg.avg("cost"), "users": agg.count_distinct("user_id")},
        ),
    }
    stay = {"events_keep": keep, "late_events_keep": keep, "dead_letters_keep": keep}
    return Pipeline(
        name="living",
        event=AdEvent,
        rollups=[rollup for name, rollup in every.items() if name in rollups],
        max_future="5m",
        deduplicate_by="event_id",
        **{**RULES, **stay, **settings},
    )


def write(path: Path, **changes: Any) -> Path:
    """A pipeline file with `living(**changes)`; gives its path."""
    path.write_text(_TEXT.format(", ".join(f"{name}={value!r}" for name, value in changes.items())))
    return path
