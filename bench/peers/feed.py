"""Fills a topic for all engines: events in the order of their times, each keyed by its ad and stamped with its time."""

import argparse
from collections.abc import Iterator

from confluent_kafka import Producer

from bench.engines_feed import spread
from bench.peers.told import BOUND_MS, LATENESS_MS

START_MS, COMPARED_MS = 1_764_000_000_000, 600_000
END_MS = START_MS + COMPARED_MS
"""Windows that begin before it are compared."""
SPAN_MS = COMPARED_MS + BOUND_MS + LATENESS_MS + 1_000
"""Of all events. Those after END_MS are there so that who waits for time to pass closes the windows before it."""


def events(count: int, keys: int) -> Iterator[bytes]:
    """`count` events of `keys` ads, in the order of their times; the same each time."""
    return spread(count, keys, START_MS, SPAN_MS)


def compared(count: int) -> int:
    """How many of so many events lie before END_MS."""
    return -(-COMPARED_MS * count // SPAN_MS)


def ad_of(value: bytes) -> bytes:
    """What a record of the feed names as its ad, which is its key in Kafka too."""
    return value.partition(b'"ad_id":"')[2].partition(b'"')[0]


def time_of(value: bytes) -> int:
    """Its event time, which is its timestamp in Kafka too."""
    return int(value.partition(b'"event_time":')[2].partition(b",")[0])


def main() -> None:
    """Write the records: a key's are all in one partition, chosen by the client."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--brokers", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--keys", type=int, default=1_000)
    given = parser.parse_args()
    producer = Producer({"bootstrap.servers": given.brokers, "linger.ms": 5, "queue.buffering.max.messages": 1_000_000})
    for number, value in enumerate(events(given.count, given.keys)):
        while True:
            try:
                producer.produce(given.topic, value, ad_of(value), timestamp=time_of(value))
                break
            except BufferError:
                producer.poll(0.1)
        if number % 10_000 == 0:
            producer.poll(0)
    if producer.flush(60):
        raise SystemExit("not every record was written")


if __name__ == "__main__":
    main()
