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
    """One thing timed in both lakes: the median over the rounds, with the least and the most of them, in ms."""

    name: str
    young_ms: tuple[float, float, float]
    old_ms: tuple[float, float, float]

    @property
    def ratio(self) -> float:
        """Old over young."""
        return self.old_ms[0] / self.young_ms[0]


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
    names = list(turns["young"][0])
    return [Aging(name, _spread(turns["young"], name), _spread(turns["old"], name)) for name in names]


def as_markdown(found: Sequence[Aging]) -> str:
    """One line per thing timed."""
    lines = ["| ms, median (least to most) | young | old | old / young |", "| --- | ---: | ---: | ---: |"]
    for each in found:
        lines.append(f"| {each.name} | {_text(each.young_ms)} | {_text(each.old_ms)} | {each.ratio:.2f} |")
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


def _spread(turns: Sequence[Mapping[str, float]], name: str) -> tuple[float, float, float]:
    values = [turn[name] for turn in turns]
    return round(statistics.median(values), 2), round(min(values), 2), round(max(values), 2)


def _text(spread: tuple[float, float, float]) -> str:
    return f"{spread[0]:.1f} ({spread[1]:.1f} to {spread[2]:.1f})"
