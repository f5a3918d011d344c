"""An old lake against a young one, in turns in one process: does anything slow down with age?

    python -m bench.ages

Fills a lake as `bench.day` does and keeps a copy of it from when it was young. While it fills, the machine may be busy;
while both are timed, at the end, it should be quiet.
"""

import argparse
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from bench import results
from bench.day_lake import COMMITS_PER_HOUR, COMPACT_EVERY, EPOCH, Day
from bench.questions import REPORTS, TOTALS, Question, ask_all, last_hour_by_campaign
from query.reader import LakeReader
from query.reports import revenue_per_hour

YOUNG_HOURS = 2
"""By then as many snapshots and replaced files are there as ever will be within an hour."""
OLD_HOURS = 23
"""Within the same day of the simulated clock, so that a question about that day has to look at the newest files too."""
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


def grown(folder: Path, young_commits: int, old_commits: int) -> tuple[Day, Day]:
    """A lake after `old_commits`, compacted all the while, and its copy from after `young_commits`."""
    old = Day(folder / "old")
    young: Day | None = None
    for number in range(1, old_commits + 1):
        old.commit()
        if number % COMPACT_EVERY == 0:
            old.compact()
        if number % COMMITS_PER_HOUR == 0:
            print(f"hour {number // COMMITS_PER_HOUR}", flush=True)
        if number == young_commits:
            young = old.copied_to(folder / "young")
    assert young is not None
    return young, old


def main(arguments: Sequence[str] | None = None) -> None:
    """Fill both lakes, time them in turns and write bench/results/ages.json and ages.md."""
    parser = argparse.ArgumentParser(prog="python -m bench.ages", description=main.__doc__)
    parser.add_argument("--young", type=int, default=YOUNG_HOURS * COMMITS_PER_HOUR, help="commits of the young lake")
    parser.add_argument("--old", type=int, default=OLD_HOURS * COMMITS_PER_HOUR, help="commits of the old lake")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    memory = Path("/dev/shm")
    parser.add_argument("--folder", type=Path, default=memory if memory.is_dir() else None)
    parser.add_argument("--results", type=Path, default=results.RESULTS)
    chosen = parser.parse_args(arguments)
    work = Path(tempfile.mkdtemp(prefix="tidemill-ages-", dir=chosen.folder))
    # so that lakes in memory go, however the run ends
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    started = time.perf_counter()
    try:
        young, old = grown(work, chosen.young, chosen.old)
        found = compare(young, old, chosen.rounds)
        facts = {
            "young": f"{chosen.young} commits, {chosen.young * EPOCH.total_seconds() / 3600:.2f} h",
            "old": f"{chosen.old} commits, {chosen.old * EPOCH.total_seconds() / 3600:.2f} h",
            "turns": f"{chosen.rounds} each, of {COMPACT_EVERY} commits, {PROBES} questions of each kind, a compaction",
            "disk": "memory" if chosen.folder == memory else "disk",
            "took": f"{time.perf_counter() - started:.0f} s, most of it for filling",
            "totals of both found as fed": [young.require_exact()["records"], old.require_exact()["records"]],
        }
        figures = [asdict(each) for each in found]
        results.write("ages", "An old lake beside a young one", facts, as_markdown(found), figures, chosen.results)
        young.close()
        old.close()
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
