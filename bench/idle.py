"""What a run costs that has nothing to do, and how soon it sees a record then: 64 partitions of a real Kafka.

python -m bench.idle  (some four minutes: each round rests, and a rest is only one after some seconds)
"""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from confluent_kafka import Producer

from bench.commands import TIDEMILL, create_topic, produce
from bench.measure import FEWEST_ROUNDS, BenchError, run_child
from bench.results import write
from dataflow.errors import LakeError
from deploy.kafka_server import KafkaCluster
from sinks.lake.catalog.reader import next_offsets

TOPIC = "idle"
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
SETTLE_S = 8.0
BEAT_S = 0.05
"""Between records of a run that is not at rest."""
EVENT = b'{"event_id":"%d","event_time":1764000000000,"event_type":"click","ad_id":"ad-0001","cost":1.0}'


@dataclass(frozen=True, slots=True)
class Idle:
    """Medians of one way to run: CPU in percent of a core, and milliseconds until a record is in the lake."""

    name: str
    rounds: int
    cpu_percent: float
    cpu_percent_max: float
    compaction_percent: float
    rested_ms: float
    awake_ms: float


class Run:
    """A run that has read all there is."""

    def __init__(self, brokers: str, work: Path, partitions: int, *flags: str) -> None:
        self.lake = work / "lake"
        self._log = work / "run.log"
        command = [TIDEMILL, "run", "--brokers", brokers, "--topic", TOPIC, *flags]
        command += ["--lake", str(self.lake), "--recovery", str(work / "recovery")]
        work.mkdir()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._producer = Producer({"bootstrap.servers": brokers, "linger.ms": 0})
        self._partitions = partitions
        self._written = 0

    @property
    def pid(self) -> int:
        """Process id of the run itself."""
        return self._process.pid

    def await_offsets(self, count: int) -> None:
        """Wait until the lake holds so many offsets of the topic."""
        deadline = time.monotonic() + 120
        while self._held() < count:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise BenchError(f"the run did not come to {count}: {self._log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.002)

    def visible_ms(self) -> float:
        """Write one record; milliseconds until the lake has it."""
        before = self._held()
        started = time.perf_counter()
        self._producer.produce(TOPIC, EVENT % time.time_ns(), partition=self._written % self._partitions)
        self._written += 1
        self._producer.flush(10)
        self.await_offsets(before + 1)
        return (time.perf_counter() - started) * 1000

    def stop(self) -> None:
        """End it in order."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(60)

    def _held(self) -> int:
        try:
            return sum(next_offsets(self.lake).values())
        except LakeError:
            return 0


def cpu_s(pid: int) -> float:
    """CPU seconds of a process up to now, all its threads, without its children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def children(pid: int) -> list[int]:
    """Process ids of its children: the compaction's, once it is due."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        # a thread may end meanwhile
        with suppress(FileNotFoundError):
            found += map(int, (task / "children").read_text().split())
    return found


@dataclass(slots=True)
class Found:
    """What the rounds of one way to run have shown, a figure a round or a record."""

    shares: list[float] = field(default_factory=list)
    compacting: list[float] = field(default_factory=list)
    rested: list[float] = field(default_factory=list)
    awake: list[float] = field(default_factory=list)

    def idle(self, name: str) -> Idle:
        """Medians of it."""
        median = statistics.median
        return Idle(
            name,
            len(self.shares),
            median(self.shares),
            max(self.shares),
            median(self.compacting),
            median(self.rested),
            median(self.awake),
        )


def measure(runs: Mapping[str, Run], rounds: int, seconds: float) -> list[Idle]:
    """Rest and wake in turns: `seconds` without a record, then one; then some that follow each other closely.

    All runs rest at the same time, which changes nothing that one of them spends, and wake one after the other.
    """
    if rounds < FEWEST_ROUNDS:
        raise ValueError(f"{rounds} rounds give no median worth stating; use at least {FEWEST_ROUNDS}")
    found = {name: Found() for name in runs}
    for turn in range(rounds):
        for name, run in runs.items():
            time.sleep(SETTLE_S)
            if name == next(iter(runs)):
                _rest(runs, found, seconds)
            found[name].rested.append(run.visible_ms())
            for _ in range(5):
                time.sleep(BEAT_S)
                found[name].awake.append(run.visible_ms())
        told = ", ".join(f"{name} {each.shares[-1]:.2f} %" for name, each in found.items())
        print(f"round {turn + 1}/{rounds}  {told}", file=sys.stderr)
    return [each.idle(name) for name, each in found.items()]


def _rest(runs: Mapping[str, Run], found: Mapping[str, Found], seconds: float) -> None:
    began = time.monotonic()
    before = {name: (cpu_s(run.pid), {pid: cpu_s(pid) for pid in children(run.pid)}) for name, run in runs.items()}
    time.sleep(seconds)
    passed_s = time.monotonic() - began
    for name, run in runs.items():
        spent_s, beside = before[name]
        found[name].shares.append((cpu_s(run.pid) - spent_s) / passed_s * 100)
        compacting_s = sum(cpu_s(pid) - beside.get(pid, 0.0) for pid in children(run.pid))
        found[name].compacting.append(compacting_s / passed_s * 100)


def as_markdown(idles: Sequence[Idle]) -> str:
    """One line a way to run, as a Markdown table."""
    lines = [
        "| run | % of a core (median) | max | its compaction, % | record in the lake after a rest, ms | without, ms |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines.extend(
        f"| {each.name} | {each.cpu_percent:.2f} | {each.cpu_percent_max:.2f} | {each.compaction_percent:.2f} "
        f"| {each.rested_ms:.0f} | {each.awake_ms:.0f} |"
        for each in idles
    )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Start Kafka, rest beside it, write bench/results/idle.*."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--partitions", type=int, default=64)
    parser.add_argument("--records", type=int, default=20_000, help="that were read before")
    chosen = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tidemill-idle-") as folder:
        work = Path(folder)
        kafka = KafkaCluster(work / "kafka")
        kafka.start()
        try:
            create_topic(kafka.bootstrap, TOPIC, partitions=chosen.partitions)
            run_child(produce(kafka.bootstrap, TOPIC, count=chosen.records), log=work / "produce.log")
            with ExitStack() as stack:
                runs: dict[str, Run] = {}
                for workers in ("1", "2"):
                    run = Run(kafka.bootstrap, work / f"workers-{workers}", chosen.partitions, "--workers", workers)
                    stack.callback(run.stop)
                    run.await_offsets(chosen.records)
                    runs[f"`-w {workers}`"] = run
                idles = measure(runs, chosen.rounds, chosen.seconds)
        finally:
            kafka.stop()
    facts = {
        "topic": f"{chosen.partitions} partitions, {chosen.records:,} records read before",
        "rest": f"{chosen.rounds} rounds of {chosen.seconds:g} s, each {SETTLE_S:g} s after the last one; side by side",
        "record in the lake": "from the call that writes it until a reader of the catalog sees it; epochs of 250 ms",
        "it took": f"{time.monotonic() - began:.0f} s in all",
        "load when it ended": f"{os.getloadavg()[0]:.1f} (1 minute)",
    }
    write("idle", "A run at rest", facts, as_markdown(idles), [asdict(each) for each in idles])


if __name__ == "__main__":
    main()
