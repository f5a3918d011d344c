"""What a process of its own costs a question: the same questions in a warm child and in this process, in turns.

python -m bench.safe_sql
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.answers import fill
from bench.measure import FEWEST_ROUNDS
from bench.results import write
from query.reader import LakeReader
from serve.sql.limits import SqlLimits
from serve.sql.pool import SqlPool
from serve.sql.question import Asked

QUESTIONS = {
    "one value of a rollup": "SELECT max(window_start) FROM ad_clicks_1m",
    "top 10 of a rollup": "SELECT ad_id, sum(clicks) AS n FROM ad_clicks_1m GROUP BY ALL ORDER BY n DESC LIMIT 10",
    "a sum over all events": "SELECT count(*), sum(cost) FROM events",
    "10,000 rows": "SELECT * FROM events LIMIT 10000",
    "100,000 rows": "SELECT * FROM events LIMIT 100000",
}
ASKED_A_ROUND = 5
"""So often a question is asked in a round, whose fastest answer counts."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Medians over the rounds, in milliseconds, and how many times the one here the one in a child takes."""

    question: str
    here_ms: float
    child_ms: float
    ratio: float


@dataclass(frozen=True, slots=True)
class Birth:
    """Medians, in milliseconds: from a killed child to a warm one, and the first answer of a warm child."""

    replaced_ms: float
    first_ms: float
    second_ms: float


async def measure(lake: Path, rounds: int) -> tuple[list[Cost], Birth]:
    """Ask here and there, in turns."""
    if rounds < FEWEST_ROUNDS:
        raise ValueError(f"{rounds} rounds give no median worth stating; use at least {FEWEST_ROUNDS}")
    limits = SqlLimits(rows=1_000_000, bytes=1024**3, children=1)
    threads = os.cpu_count() or 1
    pool = SqlPool(lake, limits, threads=threads)
    await pool.start()
    here: dict[str, list[float]] = {name: [] for name in QUESTIONS}
    child: dict[str, list[float]] = {name: [] for name in QUESTIONS}
    try:
        with LakeReader(lake, threads=threads) as reader:
            for turn in range(rounds + 1):
                for name, sql in QUESTIONS.items():
                    mine, theirs = [], []
                    for _ in range(ASKED_A_ROUND):
                        began = time.perf_counter()
                        expected = reader.query(sql)
                        mine.append(time.perf_counter() - began)
                        began = time.perf_counter()
                        answer = await pool.run(Asked(sql), name)
                        theirs.append(time.perf_counter() - began)
                        if answer.table.num_rows != expected.num_rows or answer.is_cut:
                            raise AssertionError(f"another answer to {sql}")
                    if turn:  # the first warms the disk and makes the views
                        here[name].append(min(mine))
                        child[name].append(min(theirs))
    finally:
        await pool.close()
    costs = []
    for name in QUESTIONS:
        one, other = statistics.median(here[name]), statistics.median(child[name])
        costs.append(Cost(name, one * 1_000, other * 1_000, other / one))
    return costs, await _births(lake, limits, rounds)


async def _births(lake: Path, limits: SqlLimits, rounds: int) -> Birth:
    sql = QUESTIONS["top 10 of a rollup"]
    started: list[float] = []
    first: list[float] = []
    second: list[float] = []
    for _ in range(rounds):
        pool = SqlPool(lake, limits)
        began = time.perf_counter()
        await pool.start()
        started.append(time.perf_counter() - began)
        try:
            for taken in (first, second):
                began = time.perf_counter()
                await pool.run(Asked(sql), "first")
                taken.append(time.perf_counter() - began)
        finally:
            await pool.close()
    return Birth(*(statistics.median(taken) * 1_000 for taken in (started, first, second)))


def as_markdown(costs: Sequence[Cost], birth: Birth) -> str:
    """One line a question, as a Markdown table, and what a new child costs."""
    lines = ["| question | here, ms | in a child, ms | times |", "| --- | ---: | ---: | ---: |"]
    lines += [f"| {each.question} | {each.here_ms:.1f} | {each.child_ms:.1f} | {each.ratio:.2f} |" for each in costs]
    lines += [
        "",
        f"A child is warm {birth.replaced_ms:.0f} ms after it was started; its first answer (top 10 of a rollup) takes "
        f"{birth.first_ms:.1f} ms, the next one {birth.second_ms:.1f} ms.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--records", type=int, default=1_000_000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tidemill-safe-sql-") as folder:
        costs, birth = asyncio.run(measure(fill(Path(folder), chosen.records), chosen.rounds))
    facts = {
        "lake": f"{chosen.records:,} records of the shipped pipeline",
        "rounds": f"{chosen.rounds} in turns, after one that does not count; the fastest of {ASKED_A_ROUND} in each",
        "load when it ended": f"{os.getloadavg()[0]:.1f} (1 minute)",
    }
    data = {"costs": [asdict(each) for each in costs], "birth": asdict(birth)}
    write("safe_sql", "A question in a process of its own", facts, as_markdown(costs, birth), data)


if __name__ == "__main__":
    main()
