"""What answers cost: a million rows as CSV, JSON and NDJSON beside the same rows as Parquet, CPU time, in turns.

python -m bench.answers
"""

import argparse
import os
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.commands import TIDEMILL
from bench.measure import FEWEST_ROUNDS, run_child
from bench.results import write

BESIDE = "parquet"
FORMATS = (BESIDE, "arrow", "csv", "json", "ndjson")
MOST = {"csv": 3.0, "ndjson": 3.0}


@dataclass(frozen=True, slots=True)
class Cost:
    """Median CPU seconds of one format, start included, and as a multiple of Parquet's; its bytes and peak memory."""

    format: str
    rounds: int
    cpu_s: float
    ratio: float
    most_ratio: float | None
    size_mib: float
    peak_mib: float


def fill(folder: Path, records: int) -> Path:
    """A lake of the shipped pipeline with so many records, made by the pipeline itself."""
    command = [TIDEMILL, "run", "--source", "generator", "--generator-records", str(records), "--generator-unpaced"]
    command += ["--bounded", "--log-level", "error"]
    run_child([*command, "--lake", str(folder / "lake"), "--recovery", str(folder / "recovery")], log=folder / "log")
    return folder / "lake"


def measure(lake: Path, folder: Path, rounds: int) -> list[Cost]:
    """Write all events in every format, in turns."""
    if rounds < FEWEST_ROUNDS:
        raise ValueError(f"{rounds} rounds give no median worth stating; use at least {FEWEST_ROUNDS}")
    times: dict[str, list[float]] = {name: [] for name in FORMATS}
    peaks = dict.fromkeys(FORMATS, 0)
    sizes = dict.fromkeys(FORMATS, 0)
    for turn in range(rounds + 1):
        for name in FORMATS[:: 1 if turn % 2 == 0 else -1]:
            target = folder / f"answer.{name}"
            command = [TIDEMILL, "query", "SELECT * FROM events", "--lake", str(lake), "--format", name]
            usage = run_child([*command, "--output", str(target)], log=folder / "log")
            sizes[name] = target.stat().st_size
            if turn:  # the first writes Python's bytecode and warms the disk
                times[name].append(usage.cpu_s)
                peaks[name] = max(peaks[name], usage.peak_rss_bytes)
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    return [
        Cost(
            name, rounds, medians[name], medians[name] / medians[BESIDE], MOST.get(name),
            sizes[name] / 2**20, peaks[name] / 2**20,
        )
        for name in FORMATS
    ]  # fmt: skip


def as_markdown(costs: Sequence[Cost]) -> str:
    """One line a format, as a Markdown table."""
    lines = [
        "| format | CPU s (median) | times Parquet | at most | size MiB | peak MiB |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for each in costs:
        most = "" if each.most_ratio is None else f"{each.most_ratio:g}"
        lines.append(
            f"| {each.format} | {each.cpu_s:.2f} | {each.ratio:.2f} | {most} "
            f"| {each.size_mib:.0f} | {each.peak_mib:.0f} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--records", type=int, default=1_000_000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tidemill-answers-") as folder:
        costs = measure(fill(Path(folder), chosen.records), Path(folder), chosen.rounds)
    facts = {
        "lake": f"{chosen.records:,} records of the shipped pipeline, SELECT * FROM events",
        "rounds": f"{chosen.rounds} in turns, after one that does not count",
        "load when it ended": f"{os.getloadavg()[0]:.1f} (1 minute)",
    }
    write("answers", "Answers in each format", facts, as_markdown(costs), [asdict(each) for each in costs])


if __name__ == "__main__":
    main()
