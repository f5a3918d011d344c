"""Fills a topic with events of `bench.engines_pipeline.one`: all at once, or at a rate with the clock's event times."""

import argparse
import random
import time
from collections.abc import Iterator

from confluent_kafka import Producer

BURST_S = 0.01
USERS = 50_000


def record(number: int, time_ms: int, key: int, user: int) -> bytes:
    """One event as JSON."""
    return (
        f'{{"event_id":"e-{number:012d}","event_time":{time_ms},"event_type":"click","ad_id":"ad-{key:07d}",'
        f'"user_id":"u-{user:05d}","cost":0.{number % 1000:03d}}}'
    ).encode()


def spread(count: int, keys: int, start_ms: int, span_ms: int) -> Iterator[bytes]:
    """`count` events of `keys` keys, evenly over `span_ms` of event time from `start_ms`, in its order."""
    chance = random.Random(0)
    for number in range(count):
        at_ms = start_ms + number * span_ms // count
        yield record(number, at_ms, int(chance.random() * keys), int(chance.random() * USERS))


def main() -> None:
    """Write the records, to each partition in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--brokers", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--partitions", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--keys", type=int, default=1_000)
    parser.add_argument("--span-s", type=int, default=600, help="seconds of event time")
    parser.add_argument("--rate", type=int, default=0, help="events a second; 0 is as fast as it goes")
    given = parser.parse_args()
    producer = Producer({"bootstrap.servers": given.brokers, "linger.ms": 5, "queue.buffering.max.messages": 1_000_000})
    began_s = time.time()
    start_ms = int(began_s * 1000)
    chance = random.Random(0)
    for number, value in enumerate(
        spread(given.count, given.keys, start_ms - given.span_s * 1000, given.span_s * 1000)
    ):
        body = value
        if given.rate:
            due_s = began_s + number / given.rate
            if (ahead_s := due_s - time.time()) > BURST_S:
                producer.poll(0)
                time.sleep(ahead_s)
            body = record(number, int(time.time() * 1000), int(chance.random() * given.keys), 0)
        while True:
            try:
                producer.produce(given.topic, body, partition=number % given.partitions)
                break
            except BufferError:
                producer.poll(0.1)
        if number % 10_000 == 0:
            producer.poll(0)
    if producer.flush(60):
        raise SystemExit("not every record was written")


if __name__ == "__main__":
    main()
