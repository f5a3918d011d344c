"""An old lake against a young one, in turns in one process: does anything slow down with age?"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from bench.day_lake import COMPACT_EVERY, Day
from bench.questions import REPORTS, TOTALS, Question, ask_all, last_hour_by_campaign
from query.reader import LakeReader
from query.reports import revenue_per_hour

ROUNDS = 9
PROBES = 5
"""Questions of each kind asked per turn."""

SAME_SPAN: Mapping[str, Question] = {
    "clicks_per_ad, 5 minutes": REPORTS["clicks_per_ad"],
    "revenue_per_hour, 2 hours": partial(revenue_per_hour, hours=2),
    "campaigns by SQL, last hour": last_hour_by_campaign,
}
"""What covers as much time in both lakes."""

WHOLE_DAY: Mapping[str, Question] = {
    "top_campaigns, the whole day": REPORTS["top_campaigns"],
    "revenue_per_hour, 24 hours": REPORTS["revenue_per_hour"],
    "is_final of every hour": TOTALS["final"],
    "sum over the ledger": TOTALS["ledger"],
}
"""What covers all that there is, which is more in the older lake."""

COMMIT = "commit"
COMPACTION = "compaction"


@dataclass(frozen=True, slots=True)
class Aging:
    """One thing timed in both lakes: the median over the rounds, with the least and the most of them.

    `ratio`, old over young, is taken round by round, so that it does not move with the machine's speed.
    """

    name: str
    young_ms: tuple[float, float, float]
    old_ms: tuple[float, float, float]
    ratio: tuple[float, float, float]


def compare(young: Day, old: Day, rounds: int = ROUNDS, commits: int = COMPACT_EVERY) -> list[Aging]:
    """Time both in turns, the first turn taken by each in turn; one round more than told, which is not counted.

    A turn is `commits` commits, each question PROBES times at a new snapshot right before the compaction, when files
    are at their most, and the compaction. The median of each counts as that turn's.
    """
    turns: dict[str, list[dict[str, float]]] = {"young": [], "old": []}
    with LakeReader(young.folder, threads=2) as of_young, LakeReader(old.folder, threads=2) as of_old:
        lakes: list[tuple[str, Day, LakeReader]] = [("young", young, of_young), ("old", old, of_old)]
        for number in range(rounds + 1):
            for name, day, reader in lakes if number % 2 else reversed(lakes):
                turn = _turn(day, reader, commits)
                if number:
                    turns[name].append(turn)
    return [_aging(name, turns["young"], turns["old"]) for name in turns["young"][0]]


def as_markdown(found: Sequence[Aging]) -> str:
    """One line per thing timed."""
    lines = ["| median (least to most), ms | young | old | old / young |", "| --- | ---: | ---: | ---: |"]
    for each in found:
        lines.append(f"| {each.name} | {_text(each.young_ms)} | {_text(each.old_ms)} | {_text(each.ratio, 2)} |")
    return "\n".join([*lines, ""])


def _turn(day: Day, reader: LakeReader, commits: int) -> dict[str, float]:
    seconds: dict[str, list[float]] = {COMMIT: [day.commit() for _ in range(commits)]}
    for _ in range(PROBES):
        day.commit()
        day.finish()
        for name, took in ask_all(reader, day.clock.now, {**SAME_SPAN, **WHOLE_DAY}).items():
            seconds.setdefault(name, []).append(took)
    seconds[COMPACTION] = [day.compact().seconds]
    return {name: statistics.median(each) * 1000 for name, each in seconds.items()}


def _aging(name: str, young: Sequence[Mapping[str, float]], old: Sequence[Mapping[str, float]]) -> Aging:
    of_young, of_old = [turn[name] for turn in young], [turn[name] for turn in old]
    return Aging(
        name,
        _spread(of_young),
        _spread(of_old),
        _spread([late / early for early, late in zip(of_young, of_old, strict=True)]),
    )


def _spread(values: Sequence[float]) -> tuple[float, float, float]:
    return round(statistics.median(values), 3), round(min(values), 3), round(max(values), 3)


def _text(spread: tuple[float, float, float], digits: int = 1) -> str:
    middle, least, most = (f"{value:.{digits}f}" for value in spread)
    return f"{middle} ({least} to {most})"
