"""A day of 250 ms epochs, simulated at speed: do commits and readers stay as quick as they were, and totals exact?

    python -m bench.day --commits 345600

Commits go through the real writer, compaction and readers; only the clock is made up, and the disk is memory where
the machine has some (`--folder`), so that what is measured is the work and not the disk.
A shared machine changes its speed between the hours: `bench.ages` tells age from weather.
"""

import argparse
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import results
from bench.day_lake import COMMITS_PER_HOUR, COMPACT_EVERY, EPOCH, Day
from bench.questions import OPENING, REPORTS, TOTALS, ask_all
from bench.stream_day import PARTITIONS
from query.reader import LakeReader
from sinks.lake.catalog.sqlite import CATALOG_NAME

DAY_COMMITS = 345_600
PROBES = 5
"""Questions asked of each kind at the end of a stretch; the median counts."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """What was measured in one stretch of commits and at its end, right before and after its last compaction."""

    commits: int
    commit_p50_ms: float
    commit_p99_ms: float
    commit_cpu_ms: float
    """CPU time per commit on average, which other work on the machine disturbs less; compactions are not in it."""
    compaction_p50_ms: float
    compaction_max_ms: float
    files: dict[str, int]
    """Live files per table, at their most: before the compaction."""
    files_on_disk: int
    catalog_mib: float
    lake_mib: float
    snapshots: int
    publish_keys: int
    waiting_deletions: int
    resolve_ms: float
    reports_ms: dict[str, float]
    ledger_sum_ms: float
    final_ms: float


def live_day(folder: Path, commits: int, stretch_commits: int = COMMITS_PER_HOUR) -> Iterator[tuple[Day, Stretch]]:
    """Simulate `commits` epochs; yields after every stretch and after what is left at the end."""
    day = Day(folder)
    try:
        with LakeReader(folder, threads=2) as reader:
            seconds: list[float] = []
            compactions: list[float] = []
            cpu_s = 0.0
            for number in range(1, commits + 1):
                before_s = time.process_time()
                seconds.append(day.commit())
                cpu_s += time.process_time() - before_s
                ends = number % stretch_commits == 0 or number == commits
                if ends:
                    day.finish()
                    measured = _measure(day, reader)
                if number % COMPACT_EVERY == 0:
                    compactions.append(day.compact().seconds)
                if ends:
                    yield day, _stretch(seconds, compactions, cpu_s, measured)
                    seconds, compactions, cpu_s = [], [], 0.0
    finally:
        day.close()


def _stretch(seconds: Sequence[float], compactions: Sequence[float], cpu_s: float, measured: dict[str, Any]) -> Stretch:
    return Stretch(
        commits=len(seconds),
        commit_p50_ms=_percentile_ms(seconds, 50),
        commit_p99_ms=_percentile_ms(seconds, 99),
        commit_cpu_ms=round(cpu_s / len(seconds) * 1000, 2),
        compaction_p50_ms=_percentile_ms(compactions, 50),
        compaction_max_ms=_percentile_ms(compactions, 100),
        **measured,
    )


def _measure(day: Day, reader: LakeReader) -> dict[str, Any]:
    timed: dict[str, list[float]] = {}
    for _ in range(PROBES):
        # a new snapshot each time, as for a reader that asks while commits go on
        day.commit()
        day.finish()
        for name, seconds in ask_all(reader, day.clock.now, {**REPORTS, **TOTALS}).items():
            timed.setdefault(name, []).append(seconds)
    medians = {name: _percentile_ms(values, 50) for name, values in timed.items()}
    catalog = day.catalog
    live = "SELECT count(*) FROM ducklake_data_file WHERE table_id = ? AND end_snapshot IS NULL"
    paths = [path for path in day.folder.rglob("*") if path.is_file()]
    return {
        "files": {name: catalog.one(live, table.id)[0] for name, table in catalog.tables().items()},
        "files_on_disk": sum(path.suffix == ".parquet" for path in paths),
        "catalog_mib": _mib(path for path in paths if path.name.startswith(CATALOG_NAME)),
        "lake_mib": _mib(paths),
        "snapshots": catalog.one("SELECT count(*) FROM ducklake_snapshot")[0],
        "publish_keys": catalog.one("SELECT count(*) FROM own_publish")[0],
        "waiting_deletions": catalog.one("SELECT count(*) FROM ducklake_files_scheduled_for_deletion")[0],
        "resolve_ms": medians.pop(OPENING),
        "ledger_sum_ms": medians.pop("ledger"),
        "final_ms": medians.pop("final"),
        "reports_ms": medians,
    }


def _mib(paths: Iterable[Path]) -> float:
    return round(sum(path.stat().st_size for path in paths) / 2**20, 1)


def _percentile_ms(seconds: Sequence[float], percent: int) -> float:
    if not seconds:
        return 0.0
    ordered = sorted(seconds)
    value = (
        statistics.median(ordered) if percent == 50 else ordered[min(len(ordered) * percent // 100, len(ordered) - 1)]
    )
    return round(value * 1000, 2)


def as_markdown(stretches: Sequence[Stretch]) -> str:
    """One line per stretch."""
    head = [
        "h",
        "commit p50",
        "p99",
        "CPU",
        "compaction p50",
        "max",
        "files",
        "on disk",
        "catalog MiB",
        "lake MiB",
        "snapshots",
        "resolve",
        "clicks_per_ad",
        "top_campaigns",
        "revenue_per_hour",
        "ledger sum",
        "final",
    ]
    lines = ["| " + " | ".join(head) + " |", "|" + " ---: |" * len(head)]
    for number, each in enumerate(stretches, 1):
        cells: list[object] = [
            number,
            each.commit_p50_ms,
            each.commit_p99_ms,
            each.commit_cpu_ms,
            each.compaction_p50_ms,
            each.compaction_max_ms,
            sum(each.files.values()),
            each.files_on_disk,
            each.catalog_mib,
            each.lake_mib,
            each.snapshots,
            each.resolve_ms,
            *each.reports_ms.values(),
            each.ledger_sum_ms,
            each.final_ms,
        ]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join([*lines, "", "Times in ms. Files are the live ones of all tables, right before a compaction.", ""])


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the simulation and write bench/results/day.json and day.md."""
    parser = argparse.ArgumentParser(prog="python -m bench.day", description=main.__doc__)
    parser.add_argument("--commits", type=int, default=DAY_COMMITS)
    parser.add_argument("--stretch", type=int, default=COMMITS_PER_HOUR, help="commits per line of the result")
    memory = Path("/dev/shm")
    parser.add_argument("--folder", type=Path, default=memory if memory.is_dir() else None)
    parser.add_argument("--results", type=Path, default=results.RESULTS)
    chosen = parser.parse_args(arguments)
    work = Path(tempfile.mkdtemp(prefix="tidemill-day-", dir=chosen.folder))
    # so that a lake in memory goes, however the run ends
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        _simulate(work, chosen.commits, chosen.stretch, chosen.folder == memory, chosen.results)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _simulate(work: Path, commits: int, stretch_commits: int, in_memory: bool, folder: Path) -> None:
    started = time.perf_counter()
    stretches: list[Stretch] = []
    for day, stretch in live_day(work / "lake", commits, stretch_commits):
        stretches.append(stretch)
        print(stretch, flush=True)
        facts = {
            "commits": day.epoch,
            "simulated": f"{day.epoch * EPOCH.total_seconds() / 3600:.2f} h in {EPOCH.total_seconds():g} s epochs",
            "source partitions": PARTITIONS,
            "disk": "memory" if in_memory else "disk",
            "took": f"{time.perf_counter() - started:.0f} s",
            "totals found as fed": day.require_exact(),
        }
        figures = [asdict(each) for each in stretches]
        results.write("day", "A day of 250 ms epochs", facts, as_markdown(stretches), figures, folder)


if __name__ == "__main__":
    main()
