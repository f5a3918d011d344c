"""How long a run takes to its first record, to its first rows in the lake and from its last commit to its end.

Beside it, Python and its libraries alone, twice: those that compile too, and without them.

python -m bench.run_start
"""

import argparse
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.commands import create_topic, produce, run
from bench.measure import FEWEST_ROUNDS, BenchError, as_installed, run_child
from bench.results import write
from deploy.kafka_server import KafkaCluster
from query.reader import LakeReader
from runtime.first_read import EVENT

TOPIC = "start"
LIBRARIES = "import bytewax.operators, confluent_kafka, numba, pyarrow.compute, pydantic"
WITHOUT_COMPILER = "import bytewax.operators, confluent_kafka, pyarrow.compute, pydantic"


@dataclass(frozen=True, slots=True)
class RunStart:
    """Medians in milliseconds of one bounded run, start and end told apart where they are known."""

    name: str
    rounds: int
    whole_ms: float
    cpu_ms: float
    decoded_ms: float | None = None
    first_ms: float | None = None
    end_ms: float | None = None
    decoded_ms_min: float | None = None
    peak_mib: float | None = None


@dataclass(frozen=True, slots=True)
class Life:
    """One process, in milliseconds: in all, of CPU, to its first records decoded, to the first rows on disk, and from
    the last commit on; and the most memory that it had.
    """

    whole_ms: float
    cpu_ms: float
    decoded_ms: float | None = None
    first_ms: float | None = None
    end_ms: float | None = None
    peak_mib: float | None = None


def lived(command: Sequence[str], log: Path, lake: Path | None = None) -> Life:
    """Run a command to its end; of a run that fills `lake`, lake and log tell when. Its clock is this machine's.

    Its first records are told at level debug, as JSON.
    """
    with log.open("wb") as errors:
        began = datetime.now(UTC)
        started = time.perf_counter()
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors, env=as_installed()
        )
        # wait4 instead of Popen.wait: it alone gives this child's own resource usage
        _, status, usage = os.wait4(child.pid, 0)
        whole_ms = (time.perf_counter() - started) * 1000
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        told = log.read_text(errors="replace")[-2000:]
        raise BenchError(f"{' '.join(command)} ended with {child.returncode}:\n{told}")
    cpu_ms = (usage.ru_utime + usage.ru_stime) * 1000
    peak_mib = usage.ru_maxrss / 1024
    if lake is None:
        return Life(whole_ms, cpu_ms, peak_mib=peak_mib)
    with LakeReader(lake) as reader:
        rows = reader.query("SELECT min(committed_at) AS first FROM ledger WHERE read > 0").to_pylist()
    with closing(sqlite3.connect(lake / "catalog.sqlite")) as catalog:
        (last,) = catalog.execute("SELECT max(snapshot_time) FROM ducklake_snapshot").fetchone()
    return Life(
        whole_ms,
        cpu_ms,
        _since(began, first_decoded(log)),
        _since(began, rows[0]["first"]),
        whole_ms - _since(began, datetime.fromisoformat(last)),
        peak_mib,
    )


def first_decoded(log: Path) -> datetime:
    """When a run says that it has decoded its first records. Raises BenchError where it does not."""
    for line in log.read_text(errors="replace").splitlines():
        if EVENT in line:
            return datetime.fromisoformat(json.loads(line)["timestamp"])
    raise BenchError(f"{log} does not tell when the first records were decoded")


def _since(began: datetime, then: datetime) -> float:
    aware = then if then.tzinfo is not None else then.replace(tzinfo=UTC)
    return (aware - began).total_seconds() * 1000


def summarise(name: str, lives: Sequence[Life]) -> RunStart:
    """Medians over the rounds."""
    if len(lives) < FEWEST_ROUNDS:
        raise ValueError(f"{len(lives)} rounds give no median worth stating; use at least {FEWEST_ROUNDS}")
    decoded = [each.decoded_ms for each in lives if each.decoded_ms is not None]
    return RunStart(
        name,
        len(lives),
        statistics.median(each.whole_ms for each in lives),
        statistics.median(each.cpu_ms for each in lives),
        _median(decoded),
        _median([each.first_ms for each in lives if each.first_ms is not None]),
        _median([each.end_ms for each in lives if each.end_ms is not None]),
        min(decoded, default=None),
        _median([each.peak_mib for each in lives if each.peak_mib is not None]),
    )


def _median(told: Sequence[float]) -> float | None:
    return statistics.median(told) if told else None


def as_markdown(starts: Sequence[RunStart]) -> str:
    """One line a command, as a Markdown table; ratios to the first one."""
    lines = [
        "| what | ms in all (median) | times the first | CPU, ms | to the first records decoded, ms | least "
        "| to the first rows, ms | last commit to exit, ms | peak MiB |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for each in starts:
        figures = (each.decoded_ms, each.decoded_ms_min, each.first_ms, each.end_ms, each.peak_mib)
        told = " | ".join("" if value is None else f"{value:.0f}" for value in figures)
        ratio = each.whole_ms / starts[0].whole_ms
        lines.append(f"| {each.name} | {each.whole_ms:.0f} | {ratio:.1f} | {each.cpu_ms:.0f} | {told} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Fill a topic, run over it again and again, write bench/results/run_start.*."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--partitions", type=int, default=4)
    chosen = parser.parse_args()
    lives: dict[str, list[Life]] = {}
    with tempfile.TemporaryDirectory(prefix="tidemill-run-start-") as folder:
        work = Path(folder)
        kafka = KafkaCluster(work / "kafka")
        kafka.start()
        try:
            create_topic(kafka.bootstrap, TOPIC, partitions=chosen.partitions)
            run_child(produce(kafka.bootstrap, TOPIC, count=chosen.records), log=work / "produce.log")
            for turn in range(chosen.rounds + 1):
                place = work / f"round-{turn}"
                place.mkdir()
                python = {
                    words: lived([sys.executable, "-c", words], place / "python.log")
                    for words in (LIBRARIES, WITHOUT_COMPILER)
                }
                # short epochs, so that the first one ends as soon as there are rows
                command = [*run(kafka.bootstrap, TOPIC, place, bounded=True), "--epoch-ms", "10"]
                command += ["--log-level", "debug", "--log-format", "json"]
                tidemill = lived(command, place / "run.log", place / "lake")
                if turn:
                    # the first one fills caches
                    for words, life in python.items():
                        lives.setdefault(f"`python -c '{words}'`", []).append(life)
                    lives.setdefault("`tidemill run --bounded`", []).append(tidemill)
        finally:
            kafka.stop()
    starts = [summarise(name, each) for name, each in lives.items()]
    facts = {
        "topic": f"{chosen.records:,} records in {chosen.partitions} partitions of Kafka, all tables but `events`",
        "rounds": f"{chosen.rounds} in turns, after one that does not count and fills the caches",
        "load when it ended": f"{os.getloadavg()[0]:.1f} (1 minute)",
    }
    write("run_start", "A run starts and ends", facts, as_markdown(starts), [asdict(each) for each in starts])


if __name__ == "__main__":
    main()
