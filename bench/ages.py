"""An old lake against a young one, in turns, and an old process against new ones: does anything slow down with age?

    python -m bench.ages

Fills a lake as `bench.day` does and keeps copies of it from when it was young. While it fills, the machine may be busy;
while all are timed, at the end, it should be quiet.
"""

import argparse
import json
import pickle
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import results
from bench.day_lake import COMMITS_PER_HOUR, COMPACT_EVERY, EPOCH, Day
from bench.questions import REPORTS, TOTALS, Question, ask_all, last_hour_by_campaign, report
from query.reader import LakeReader

YOUNG_HOURS = 2
"""By then as many snapshots and replaced files are there as ever will be within an hour."""
OLD_HOURS = 23
"""Within the same day of the simulated clock, so that a question about that day has to look at the newest files too."""
ROUNDS = 9
PROBES = 5
"""Questions of each kind asked per turn."""

SAME_SPAN: Mapping[str, Question] = {
    "clicks_per_ad, 5 minutes": REPORTS["clicks_per_ad"],
    "revenue_per_hour, 2 hours": report("revenue_per_hour", hours=2),
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


Spread = tuple[float, float, float]
"""Median, least and most."""


@dataclass(frozen=True, slots=True)
class Aging:
    """One thing timed, over the rounds: the young lake and the old one in the process that filled them, and another
    copy of the young one in new processes.

    Ratios are taken round by round, so that they do not move with the machine's speed.
    """

    name: str
    young_ms: Spread
    old_ms: Spread
    new_process_ms: Spread
    old_to_young: Spread
    this_to_new_process: Spread


@dataclass(frozen=True, slots=True)
class Stored:
    """A day's lake that no process has open, and how far it has come; one process after the other takes a turn."""

    folder: Path

    @staticmethod
    def of(day: Day) -> "Stored":
        """Close `day` and keep it."""
        stored = Stored(day.folder)
        stored._keep(day)
        return stored

    def turn(self, commits: int) -> dict[str, float]:
        """A turn in a new process, after another one there that does not count."""
        command = [sys.executable, "-m", "bench.ages", "--turn", str(self.folder), "--commits", str(commits)]
        told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        found: dict[str, float] = json.loads(told)
        return found

    def turn_here(self, commits: int) -> dict[str, float]:
        """What `turn` starts."""
        epoch, fed = pickle.loads(self._state.read_bytes())
        day = Day(self.folder, epoch, fed)
        with LakeReader(self.folder, threads=2) as reader:
            _turn(day, reader, commits)
            turn = _turn(day, reader, commits)
        self._keep(day)
        return turn

    def _keep(self, day: Day) -> None:
        day.finish()
        day.close()
        self._state.write_bytes(pickle.dumps((day.epoch, day.fed)))

    @property
    def _state(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}.state")


def compare(young: Day, old: Day, stored: Stored, rounds: int = ROUNDS, commits: int = COMPACT_EVERY) -> list[Aging]:
    """Time all in turns, the first turn taken by each in turn; one round more than told, which is not counted.

    A turn is `commits` commits, each question PROBES times at a new snapshot right before the compaction, when files
    are at their most, and the compaction. The median of each counts as that turn's.
    """
    with LakeReader(young.folder, threads=2) as of_young, LakeReader(old.folder, threads=2) as of_old:
        takers: list[Callable[[], dict[str, float]]] = [
            lambda: _turn(young, of_young, commits),
            lambda: _turn(old, of_old, commits),
            lambda: stored.turn(commits),
        ]
        turns: list[list[dict[str, float]]] = [[], [], []]
        for number in range(rounds + 1):
            for which in (0, 1, 2) if number % 2 else (2, 1, 0):
                turn = takers[which]()
                if number:
                    turns[which].append(turn)
    return [_aging(name, *turns) for name in turns[0][0]]


def as_markdown(found: Sequence[Aging]) -> str:
    """One line per thing timed."""
    lines = [
        "| median (least to most), ms | young | old | old / young | young, new process | this process / new |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for each in found:
        times = (each.young_ms, each.old_ms, each.new_process_ms)
        of_young, of_old, of_new = (_text(spread) for spread in times)
        ratios = (_text(each.old_to_young, 2), _text(each.this_to_new_process, 2))
        lines.append(f"| {each.name} | {of_young} | {of_old} | {ratios[0]} | {of_new} | {ratios[1]} |")
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


def _aging(name: str, *turns: Sequence[Mapping[str, float]]) -> Aging:
    young, old, new = ([turn[name] for turn in each] for each in turns)
    return Aging(name, _spread(young), _spread(old), _spread(new), _ratio(old, young), _ratio(young, new))


def _ratio(above: Sequence[float], below: Sequence[float]) -> Spread:
    return _spread([one / other for one, other in zip(above, below, strict=True)])


def _spread(values: Sequence[float]) -> Spread:
    return round(statistics.median(values), 3), round(min(values), 3), round(max(values), 3)


def _text(spread: Spread, digits: int = 1) -> str:
    middle, least, most = (f"{value:.{digits}f}" for value in spread)
    return f"{middle} ({least} to {most})"


def grown(folder: Path, young_commits: int, old_commits: int) -> tuple[Day, Day, Stored]:
    """A lake after `old_commits`, compacted all the while, and two copies of it from after `young_commits`."""
    old = Day(folder / "old")
    copies: list[Day] = []
    for number in range(1, old_commits + 1):
        old.commit()
        if number % COMPACT_EVERY == 0:
            old.compact()
        if number % COMMITS_PER_HOUR == 0:
            print(f"hour {number // COMMITS_PER_HOUR}", flush=True)
        if number == young_commits:
            copies = [old.copied_to(folder / name) for name in ("young", "new")]
    young, other = copies
    return young, old, Stored.of(other)


def main(arguments: Sequence[str] | None = None) -> None:
    """Fill both lakes, time them in turns and write bench/results/ages.json and ages.md."""
    parser = argparse.ArgumentParser(prog="python -m bench.ages", description=main.__doc__)
    parser.add_argument("--young", type=int, default=YOUNG_HOURS * COMMITS_PER_HOUR, help="commits of the young lake")
    parser.add_argument("--old", type=int, default=OLD_HOURS * COMMITS_PER_HOUR, help="commits of the old lake")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    memory = Path("/dev/shm")
    parser.add_argument("--folder", type=Path, default=memory if memory.is_dir() else None)
    parser.add_argument("--results", type=Path, default=results.RESULTS)
    parser.add_argument("--turn", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--commits", type=int, default=COMPACT_EVERY, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.turn is not None:
        print(json.dumps(Stored(chosen.turn).turn_here(chosen.commits)))
        return
    work = Path(tempfile.mkdtemp(prefix="tidemill-ages-", dir=chosen.folder))
    # so that lakes in memory go, however the run ends
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    started = time.perf_counter()
    try:
        young, old, stored = grown(work, chosen.young, chosen.old)
        found = compare(young, old, stored, chosen.rounds)
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
