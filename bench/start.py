"""How long commands take to start: `tidemill --help`, `query` and `report` beside `python -c pass`, in turns.

python -m bench.start
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.commands import TIDEMILL
from bench.measure import FEWEST_ROUNDS, BenchError, as_installed, run_child
from bench.results import write

NOTHING = "python -c pass"
RECORDS = 20_000


@dataclass(frozen=True, slots=True)
class Start:
    """Medians of one command, wall and CPU time, and both as multiples of what Python alone takes."""

    name: str
    runs: int
    most_ratio: float | None
    wall_ms: float
    wall_ratio: float
    cpu_ms: float
    cpu_ratio: float


def commands(lake: Path) -> dict[str, tuple[list[str], float | None]]:
    """By name: the command, and how many times as long as Python alone it may take."""
    reading = ["--lake", str(lake)]
    sql = "SELECT campaign_id, sum(clicks) AS clicks FROM campaign_1m GROUP BY ALL ORDER BY ALL LIMIT 5"
    return {
        NOTHING: ([sys.executable, "-c", "pass"], None),
        "tidemill --help": ([TIDEMILL, "--help"], 4),
        "tidemill query, all events": ([TIDEMILL, "query", "SELECT count(*) FROM events", *reading], 12),
        "tidemill query, a rollup": ([TIDEMILL, "query", sql, *reading], 12),
        "tidemill report": ([TIDEMILL, "report", "clicks_per_ad", "--at", "latest", *reading], 12),
    }


def fill(folder: Path) -> Path:
    """A small lake of the shipped pipeline, made by the pipeline itself."""
    command = [TIDEMILL, "run", "--source", "generator", "--generator-records", str(RECORDS), "--generator-unpaced"]
    command += ["--bounded", "--compact-every", "0s", "--log-level", "error"]
    run_child([*command, "--lake", str(folder / "lake"), "--recovery", str(folder / "recovery")], log=folder / "log")
    return folder / "lake"


def measure(chosen: Mapping[str, tuple[list[str], float | None]], rounds: int) -> list[Start]:
    """Run every command `rounds` times in turns, after one run that does not count: it writes Python's bytecode."""
    if rounds < FEWEST_ROUNDS:
        raise ValueError(f"{rounds} rounds give no median worth stating; use at least {FEWEST_ROUNDS}")
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in chosen}
    for turn in range(rounds + 1):
        for name in list(chosen)[:: 1 if turn % 2 == 0 else -1]:
            taken = _run(chosen[name][0])
            if turn:
                times[name].append(taken)
    medians = {
        name: tuple(statistics.median(each) for each in zip(*taken, strict=True)) for name, taken in times.items()
    }
    wall_s, cpu_s = medians[NOTHING]
    return [
        Start(name, rounds, most, wall * 1000, wall / wall_s, cpu * 1000, cpu / cpu_s)
        for (name, (_, most)), (wall, cpu) in zip(chosen.items(), medians.values(), strict=True)
    ]


def as_markdown(starts: Sequence[Start]) -> str:
    """One line a command, as a Markdown table."""
    lines = [
        "| command | wall ms (median) | times Python alone | at most | CPU ms | times Python alone |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for each in starts:
        most = "" if each.most_ratio is None else f"{each.most_ratio:g}"
        lines.append(
            f"| `{each.name}` | {each.wall_ms:.0f} | {each.wall_ratio:.1f} | {most} "
            f"| {each.cpu_ms:.0f} | {each.cpu_ratio:.1f} |"
        )
    return "\n".join(lines) + "\n"


def _run(command: Sequence[str]) -> tuple[float, float]:
    """Wall and CPU seconds. Nothing watches the child: that would take a core of a small machine."""
    started = time.perf_counter()
    child = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=as_installed()
    )
    # wait4 instead of Popen.wait: it alone gives this child's own resource usage
    _, status, usage = os.wait4(child.pid, 0)
    wall_s = time.perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise BenchError(f"{' '.join(command)} ended with {child.returncode}")
    return wall_s, usage.ru_utime + usage.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tidemill-start-") as folder:
        starts = measure(commands(fill(Path(folder))), chosen.rounds)
    facts = {
        "lake": f"{RECORDS:,} records of the shipped pipeline, {len(starts)} commands in turns",
        "rounds": f"{chosen.rounds}, after one that does not count and writes Python's bytecode",
        "load when it ended": f"{os.getloadavg()[0]:.1f} (1 minute)",
    }
    write("start", "Commands start", facts, as_markdown(starts), [asdict(each) for each in starts])


if __name__ == "__main__":
    main()
