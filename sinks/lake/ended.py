"""Which source partitions were read to their end, by the lake's ledger."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from dataflow.pipeline.names import LEDGER
from sinks.lake.catalog.enclosing import is_lake
from sinks.lake.catalog.reader import open_readonly

_COLUMNS = ["partition", "end_offset", "committed_at", "finished"]


def read_to_end(lake: Path, names: Collection[str]) -> dict[str, int]:
    """Those of `names` whose newest ledger row is finished, with the offset behind it. Reads the ledger's files."""
    newest: dict[str, dict[str, Any]] = {}
    with open_readonly(lake) as catalog:
        snapshot = catalog.latest().id
        table = catalog.tables(snapshot).get(LEDGER)
        files = [] if table is None else catalog.files(table, snapshot)
        for file in files:
            rows = pq.read_table(file.path, columns=_COLUMNS, filters=[("partition", "in", sorted(names))])
            for row in rows.to_pylist():
                name = row["partition"]
                newest[name] = max(newest.get(name, row), row, key=_place)
    return {name: row["end_offset"] for name, row in sorted(newest.items()) if row["finished"]}


def was_read_to_end(lake: Path, topic: str) -> bool:
    """Whether the lake has partitions of a Kafka topic, and has read all of them to their end."""
    if not is_lake(lake):
        return False
    with open_readonly(lake) as catalog:
        sql = 'SELECT "partition" FROM own_offset WHERE topic = ?'
        names = [name for (name,) in catalog.connection.execute(sql, [topic])]
    return bool(names) and len(read_to_end(lake, names)) == len(names)


def _place(row: dict[str, Any]) -> tuple[Any, ...]:
    """A partition's last word: the furthest end, of equal ones the newest, which a finishing heartbeat is."""
    return row["end_offset"], row["committed_at"], row["finished"]
