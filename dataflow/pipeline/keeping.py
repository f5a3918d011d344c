"""How long rollups, row tables and alerts stay, checked against what is still needed of them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dataflow.durations import Duration, to_text
from dataflow.pipeline import checks as check
from dataflow.pipeline.checks import Mistakes
from dataflow.pipeline.declaration import Pipeline
from dataflow.pipeline.names import ALERTS, DEAD_LETTERS, EVENTS, LATE_EVENTS
from dataflow.windows import Window

if TYPE_CHECKING:
    from dataflow.pipeline.pair_plan import Plans
    from dataflow.pipeline.plan import RollupPlan

Declared = tuple["RollupPlan", str, Duration | None]
"""A rollup, the field that says how long it stays, and that field's value."""

_BACK_MS = 86_400_000
"""No clock was ever put back by more than a day, so no window by a clock is longer than its size and that."""


def check_keeps(
    mistakes: Mistakes, pipeline: Pipeline, rollups: Sequence[Declared], bound_ms: int, dedup_within_ms: int
) -> dict[str, int]:
    """What leaves some day: rollup or row table -> for how long it stays."""
    remembered = {f"deduplicate_within {to_text(dedup_within_ms)}": dedup_within_ms} if dedup_within_ms else {}
    disorder = {f"out_of_orderness {to_text(bound_ms)}": bound_ms}
    asked: list[tuple[str, str, object, Mapping[str, int]]] = [
        (EVENTS, "events_keep", pipeline.events_keep, {**remembered, **disorder} if remembered else {}),
        (LATE_EVENTS, "late_events_keep", pipeline.late_events_keep, {}),
        (DEAD_LETTERS, "dead_letters_keep", pipeline.dead_letters_keep, {}),
        *((rollup.name, where, value, _needed(rollup, disorder)) for rollup, where, value in rollups),
    ]
    found = {name: check.check_keep(mistakes, where, value, needed) for name, where, value, needed in asked}
    return {name: keep_ms for name, keep_ms in found.items() if keep_ms is not None}


def check_keep_of_alerts(mistakes: Mistakes, rules: Sequence[Declared], bound_ms: int) -> dict[str, int]:
    """How long the alerts stay: as long as those of the rule that keeps longest."""
    disorder = {f"out_of_orderness {to_text(bound_ms)}": bound_ms}
    keeps_ms = [check.check_keep(mistakes, where, value, _needed(rollup, disorder)) for rollup, where, value in rules]
    known = [keep_ms for keep_ms in keeps_ms if keep_ms is not None]
    return {ALERTS: max(known)} if known and len(known) == len(keeps_ms) else {}


def check_reach(mistakes: Mistakes, rules: "Plans", rollups: Sequence[Declared], bound_ms: int) -> None:
    """Whether what rules compare windows with is still there when these are judged."""
    disorder = {f"out_of_orderness {to_text(bound_ms)}": bound_ms}
    for rule in rules:
        if rule.comparison is None:
            continue
        reach_ms = rule.comparison.reach_ms
        for rollup, where, value in rollups:
            if rollup.name == rule.rollup.name:
                needed = {f"alert rule {rule.name}, which looks back {to_text(reach_ms)}": reach_ms}
                check.check_keep(mistakes, where, value, {**needed, **_needed(rollup, disorder)})


def _needed(rollup: "RollupPlan", disorder: Mapping[str, int]) -> dict[str, int]:
    """What a rollup must be kept for."""
    size_ms = rollup.window.size_ms if isinstance(rollup.window, Window) else 0
    return {
        f"its window {to_text(size_ms)}": size_ms if rollup.within_ms is None else 0,
        f"within {to_text(rollup.within_ms or 0)}": rollup.within_ms or 0,
        "a day for a clock that is put back": _BACK_MS if getattr(rollup.window, "zone", None) else 0,
        f"allowed_lateness {to_text(rollup.allowed_lateness_ms)}": rollup.allowed_lateness_ms,
        **disorder,
    }
