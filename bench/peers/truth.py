"""What all must have counted: one DuckDB query over the records of the topic, as they lie in its partitions."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import duckdb
from confluent_kafka import Consumer, TopicPartition

from bench.backfill_batch import query
from bench.measure import BenchError
from bench.peers.feed import END_MS
from bench.peers.told import WINDOW_MS

BATCH = 10_000
WAIT_S = 30.0
RELATIVE = 1e-9
"""How far the sum of an engine that adds in floating point may lie beside the exact one, of the sum's own size."""
ROWS = "{key: 'VARCHAR', window_ms: 'BIGINT', count: 'BIGINT', sum: 'DOUBLE'}"


def dump(brokers: str, topic: str, folder: Path) -> int:
    """Write each partition's values, in the order of their offsets, to a file of its own; how many there are."""
    folder.mkdir()
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "truth", "enable.auto.commit": False})
    try:
        total = 0
        for partition in sorted(consumer.list_topics(topic, timeout=30).topics[topic].partitions):
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=30)
            consumer.assign([TopicPartition(topic, partition, low)])
            left = high - low
            total += left
            with (folder / f"part-{partition:03d}.ndjson").open("wb") as lines:
                while left:
                    messages = consumer.consume(min(left, BATCH), WAIT_S)
                    if not messages:
                        raise BenchError(
                            f"{topic}/{partition} gave nothing for {WAIT_S:.0f} s, {left:,} records before its end"
                        )
                    values = [message.value() or b"" for message in messages]
                    lines.write(b"\n".join([*values, b""]))
                    left -= len(messages)
        return total
    finally:
        consumer.close()


def truth_sql(files: Sequence[Path]) -> str:
    """Counts and exact sums by ad and window of the events that were in time by their own partition's watermark."""
    return (
        f"SELECT ad_id AS key, window_ms, events AS count, spend AS sum\nFROM ({query(files, WINDOW_MS)})\n"
        f"WHERE window_ms < {END_MS}"
    )


class Truth:
    """The right rows of a topic whose partitions were dumped to `folder`, kept in memory."""

    def __init__(self, folder: Path) -> None:
        self._connection = duckdb.connect()
        self._connection.execute(f"CREATE TABLE truth AS {truth_sql(sorted(folder.glob('*.ndjson')))}")

    def __enter__(self) -> "Truth":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    @property
    def groups(self) -> int:
        """How many there are."""
        return int(self._one("SELECT count(*) FROM truth"))

    def check(self, who: str, rows: Path) -> None:
        """Raises BenchError where an engine's rows, NDJSON or Parquet, are not those."""
        read = f"read_json('{rows}', format = 'newline_delimited', columns = {ROWS})"
        if rows.suffix == ".parquet":
            read = f"read_parquet('{rows}')"
        given = f"(SELECT * FROM {read} WHERE window_ms < {END_MS})"
        differing = self._connection.execute(
            "SELECT key, window_ms, t.count, f.count, t.sum, f.sum\n"
            f"FROM truth AS t FULL JOIN {given} AS f USING (key, window_ms)\n"
            "WHERE t.count IS DISTINCT FROM f.count OR t.sum IS NULL OR f.sum IS NULL\n"
            f"OR abs(t.sum::DOUBLE - f.sum) > {RELATIVE} * greatest(1, abs(t.sum::DOUBLE)) ORDER BY ALL"
        ).fetchall()
        if differing:
            key, window_ms, *values = differing[0]
            raise BenchError(
                f"{who}: {len(differing):,} of {self.groups:,} groups are not right, like {key} at {window_ms}: "
                f"count and sum should be {values[0]} and {values[2]}, not {values[1]} and {values[3]}"
            )

    def _one(self, sql: str) -> int:
        row = self._connection.execute(sql).fetchone()
        assert row is not None, "an aggregate has one row"
        return int(row[0])


def main() -> None:
    """The same query as a process of its own, which writes its rows as Parquet: a contender like the others."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    with duckdb.connect(config={"threads": given.threads}) as connection:
        files = sorted(given.folder.glob("*.ndjson"))
        rows = f"SELECT * REPLACE (sum::DOUBLE AS sum) FROM ({truth_sql(files)})"
        connection.execute(f"COPY ({rows}) TO '{given.out}' (FORMAT parquet)")


if __name__ == "__main__":
    main()
