"""One bounded run of a pipeline over a topic, measured, with what it says it has read and counted."""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

from bench.commands import TIDEMILL, create_topic
from bench.measure import BenchError, Sample, run_child
from bench.throughput import steady_rate
from deploy.kafka_server import KafkaCluster
from query.reader import LakeReader

ROOT = Path(__file__).resolve().parent.parent
COMMITS = (
    "SELECT committed_at, sum(read)::BIGINT AS read, sum(accepted)::BIGINT AS accepted "
    "FROM ledger GROUP BY committed_at ORDER BY committed_at"
)
LINES = "SELECT * FROM ledger WHERE read > 0 ORDER BY committed_at LIMIT 20"
REFUSALS = "SELECT reason, max(message) AS message, count(*) AS count FROM dead_letters GROUP BY ALL LIMIT 3"


@contextmanager
def kafka_in(work: Path, brokers: str | None) -> Iterator[str]:
    """The bootstrap servers: those given, or those of a broker that ends with the context."""
    if brokers is not None:
        yield brokers
        return
    kafka = KafkaCluster(work / "kafka")
    kafka.start()
    try:
        yield kafka.bootstrap
    finally:
        kafka.stop()


def fill(brokers: str, topic: str, values: Iterable[bytes], partitions: int) -> int:
    """Make the topic and write the values to its partitions in turns; how many they were."""
    create_topic(brokers, topic, partitions=partitions)
    producer = Producer({"bootstrap.servers": brokers, "linger.ms": 5, "queue.buffering.max.messages": 200_000})
    count = 0
    for count, value in enumerate(values, start=1):
        while True:
            try:
                producer.produce(topic, value, partition=(count - 1) % partitions)
                break
            except BufferError:
                producer.poll(0.1)
        if count % 10_000 == 0:
            producer.poll(0)
    if left := producer.flush(60):
        raise BenchError(f"{left:,} of {count:,} records were not written to {topic}")
    return count


@dataclass(frozen=True, slots=True)
class Ran:
    """What the run cost, how many events it accepted, and the rows of the question it was asked, in its order.

    `told`: what became of the records, for whoever finds those rows wrong.
    """

    sample: Sample
    accepted: int
    rows: list[dict[str, Any]]
    told: str


class Runs:
    """Runs into fresh lakes below `work`, each removed when the next one begins."""

    def __init__(self, brokers: str, work: Path) -> None:
        self._brokers, self._work = brokers, work

    def tidemill(self, pipeline: str, topic: str, records: int, *, ask: str, flags: Sequence[str] = ()) -> Ran:
        """Read a topic of so many records to its end. Raises BenchError where the ledger names other ones."""
        folder = self._work / "run"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        command = [TIDEMILL, "run", "--pipeline", pipeline, "--source", "kafka", "--brokers", self._brokers]
        command += ["--topic", topic, "--bounded", "--no-events", *flags]
        command += ["--lake", str(folder / "lake"), "--recovery", str(folder / "recovery")]
        usage = run_child(command, log=self._work / "run.log", cwd=ROOT)
        with LakeReader(folder / "lake") as lake:
            commits = lake.query(COMMITS).to_pylist()
            rows = lake.query(ask).to_pylist()
            told = "\n".join(str(row) for sql in (LINES, REFUSALS) for row in lake.query(sql).to_pylist())
        if (read := sum(commit["read"] for commit in commits)) != records:
            raise BenchError(f"{pipeline}: the ledger names {read:,} of {records:,} records of {topic}")
        sample = Sample(records, usage.wall_s, usage.cpu_s, usage.peak_rss_bytes, steady_rate(commits))
        return Ran(sample, sum(commit["accepted"] for commit in commits), rows, told)
