"""A transactional producer that flushes, says so, and never commits: its parent kills it."""

import sys
import time

from confluent_kafka import Producer

from dataflow.sources.generator.adstream import AdStream
from tests.chaos.workload import STREAM_RATE, base_properties, flush, send_chunk


def main() -> None:
    """Arguments: bootstrap, topic, seed, and start:count per partition."""
    bootstrap, topic, seed, places = sys.argv[1:]
    pairs = [tuple(map(int, place.split(":"))) for place in places.split(",")]
    stream = AdStream(int(seed), len(pairs), STREAM_RATE, start_ms=1_700_000_000_000)
    # the broker gives up on it soon: until then nobody can read past its records
    properties = {**base_properties(bootstrap), "transactional.id": f"{topic}-dying", "transaction.timeout.ms": 1500}
    properties["message.timeout.ms"] = 1400
    producer = Producer(properties)
    producer.init_transactions(60)
    producer.begin_transaction()
    send_chunk(producer, topic, stream, [start for start, _ in pairs], [count for _, count in pairs])
    flush(producer)
    print("flushed", flush=True)
    time.sleep(600)


if __name__ == "__main__":
    main()
