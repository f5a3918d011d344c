"""The bare loop to compare with: consume a whole topic with confluent-kafka, touch each value, do nothing else."""

import argparse
import json
import sys
import time

from confluent_kafka import Consumer, TopicPartition

from dataflow.sources.kafka.client import consumer_properties

STALLED_S = 30.0


def consume_all(brokers: str, topic: str, batch: int) -> dict[str, float]:
    """Read every partition of `topic` from its first offset to the end it has now.

    Gives records, bytes and the seconds between the first and the last consume call. The topic must have no
    holes (no transactions, no compaction): the end is known by counting. Raises RuntimeError when nothing comes.
    """
    # Fetching as the product does: librdkafka's own defaults would rest for a second each time its queue is full.
    properties = consumer_properties(brokers, "bare-consume", {})
    consumer = Consumer({**properties, "enable.partition.eof": False})
    try:
        partitions = sorted(consumer.list_topics(topic, timeout=30).topics[topic].partitions)
        bounds = {p: consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=30) for p in partitions}
        expected = sum(high - low for low, high in bounds.values())
        consumer.assign([TopicPartition(topic, p, low) for p, (low, _) in bounds.items()])
        records = size_bytes = 0
        started = last = time.perf_counter()
        while records < expected:
            messages = consumer.consume(batch, 0.1)
            if messages:
                records += len(messages)
                for message in messages:
                    value = message.value()
                    if value is not None:
                        size_bytes += len(value)
                last = time.perf_counter()
            elif time.perf_counter() - last > STALLED_S:
                raise RuntimeError(
                    f"nothing came from {topic} for {STALLED_S:.0f} s, {records} of {expected} records read"
                )
        return {"records": records, "bytes": size_bytes, "seconds": last - started}
    finally:
        consumer.close()


def main() -> None:
    """Print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--brokers", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--batch", type=int, default=10_000)
    arguments = parser.parse_args()
    json.dump(consume_all(arguments.brokers, arguments.topic, arguments.batch), sys.stdout)
    print()


if __name__ == "__main__":
    main()
