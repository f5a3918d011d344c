"""Hostile records in bulk through a real Kafka and the real pipeline; then every one of them is looked up in the lake.

python -m bench.fuzz --records 1000000 --seed 1
"""

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

from bench import hostile
from bench.commands import TIDEMILL, create_topic
from bench.fuzz_check import Verdict, check
from bench.hostile_pipeline import pipeline
from bench.measure import MIB, BenchError, Usage, run_child
from bench.results import write
from deploy.kafka_server import KafkaCluster
from tests.model.spec import Record

ROOT = Path(__file__).resolve().parent.parent
PIPELINE = ROOT / "bench" / "hostile_pipeline.py"
SHARES = (0.4, 0.3, 0.2, 0.1)
"""Of the records, by partition: skewed, as real ones are."""


def records_of(topic: str, seed: int, count: int, broken: float) -> dict[str, list[Record]]:
    """`count` hostile records over four source partitions; the last one has a leap to the far end of time."""
    counts = [int(count * share) for share in SHARES[:-1]]
    counts.append(count - sum(counts))
    return {
        f"{topic}/{number}": [
            Record(at, value, timestamp_ms)
            for at, (value, timestamp_ms) in enumerate(
                hostile.stream(f"{seed}/{number}", part, broken, leap=number == len(counts) - 1)
            )
        ]
        for number, part in enumerate(counts)
    }


def send(brokers: str, topic: str, partitions: Sequence[Sequence[Record]]) -> None:
    """Write each sequence to the topic partition of its place; BenchError unless the broker then has exactly these."""
    failed: list[KafkaError] = []

    def on_failure(error: KafkaError | None, message: Message) -> None:
        if error is not None:
            failed.append(error)

    producer = Producer(
        {
            "bootstrap.servers": brokers,
            "enable.idempotence": True,
            "compression.type": "lz4",
            "linger.ms": 20,
            "queue.buffering.max.kbytes": 256 * 1024,
            "delivery.report.only.error": True,
            "on_delivery": on_failure,
        }
    )
    for number, records in enumerate(partitions):
        for record in records:
            while True:
                try:
                    producer.produce(topic, record.value, None, number, None, None, record.timestamp or 0)
                    break
                except BufferError:
                    producer.poll(0.1)
    left = producer.flush(120)
    if failed or left:
        raise BenchError(f"Kafka did not take every record: {left} unanswered, {failed[:3]}")
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "fuzz", "enable.auto.commit": False})
    try:
        for number, records in enumerate(partitions):
            held = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=30)
            if held != (0, len(records)):
                raise BenchError(f"{topic}/{number} holds offsets {held} instead of 0 to {len(records)}")
    finally:
        consumer.close()


def run_pipeline(brokers: str, topic: str, work: Path, definition: Path = PIPELINE, *flags: str) -> Usage:
    """One bounded run into `work`/lake, events on, `flags` added; BenchError unless it ends with exit code 0."""
    command = [TIDEMILL, "run", "--pipeline", str(definition), "--source", "kafka", "--brokers", brokers]
    command += ["--topic", topic, "--bounded", "--events"]
    command += ["--lake", str(work / "lake"), "--recovery", str(work / "recovery")]
    return run_child([*command, *flags], log=work / "run.log", cwd=ROOT)


def fuzz(brokers: str, topic: str, work: Path, *, seed: int, count: int, broken: float) -> tuple[Usage, Verdict]:
    """Make, send, run and look up `count` records in a fresh topic."""
    records = records_of(topic, seed, count, broken)
    create_topic(brokers, topic, partitions=len(records), config={"message.timestamp.after.max.ms": str(2**63 - 1)})
    send(brokers, topic, list(records.values()))
    print(f"{count:,} records sent", file=sys.stderr)
    usage = run_pipeline(brokers, topic, work)
    print(f"the pipeline ended after {usage.wall_s:.1f} s", file=sys.stderr)
    return usage, check(work / "lake", pipeline, PIPELINE.parent, records)


@contextlib.contextmanager
def _broker(given: str | None, work: Path) -> Iterator[str]:
    if given is not None:
        yield given
        return
    kafka = KafkaCluster(work / "kafka")
    kafka.start()
    try:
        yield kafka.bootstrap
    finally:
        kafka.stop()


def main() -> None:
    """Fuzz, write bench/results/fuzz.*; exit 1 when any record was treated otherwise than the contract says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--broken", type=float, default=0.5, help="share of records that are tampered with")
    parser.add_argument("--brokers", help="host:port; without it, a broker is started")
    arguments = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tidemill-bench-") as folder:
        work = Path(folder)
        with _broker(arguments.brokers, work) as brokers:
            topic = f"fuzz-{arguments.seed}-{time.time_ns()}"
            usage, verdict = fuzz(
                brokers, topic, work, seed=arguments.seed, count=arguments.records, broken=arguments.broken
            )
    _report(arguments.seed, usage, verdict, time.monotonic() - began)
    if verdict.problems:
        sys.exit("\n".join(["the lake does not hold what the contract says:", *verdict.problems]))


def _report(seed: int, usage: Usage, verdict: Verdict, whole_s: float) -> None:
    classes = {name: verdict.classes[name] for name in ("read", "accepted", "duplicate", "late", "dead")}
    reasons = dict(verdict.reasons.most_common())
    figures = {
        "seed": seed,
        "records": verdict.records,
        "classes": classes,
        "reasons": reasons,
        "problems": verdict.problems,
        "wall_s": round(usage.wall_s, 2),
        "records_per_s": round(verdict.records / usage.wall_s),
        "cpu_s": round(usage.cpu_s, 2),
        "peak_rss_mib": round(usage.peak_rss_bytes / MIB),
    }
    facts = {
        "records": f"{verdict.records:,}, seed {seed}, {len(SHARES)} partitions, broker on the same machine",
        "looked up": "every record, in events, dead_letters and ledger, against the pydantic contract and the model",
        "treated otherwise than they say": len(verdict.problems),
        "the pipeline": f"exit code 0 after {usage.wall_s:.1f} s, start and stop included: "
        f"{figures['records_per_s']:,} records/s, {usage.cpu_s:.1f} CPU s, {figures['peak_rss_mib']:,} MiB at its peak",
        "making, sending, running and looking up": f"{whole_s:.0f} s",
    }
    body = "| what became of them | records |\n| --- | ---: |\n"
    body += "".join(f"| {name} | {number:,} |\n" for name, number in classes.items())
    body += "\n| dead because | records |\n| --- | ---: |\n"
    body += "".join(f"| {name} | {number:,} |\n" for name, number in reasons.items())
    write("fuzz", "Hostile records in bulk", facts, body, figures)


if __name__ == "__main__":
    main()
