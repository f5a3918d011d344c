"""The list of snapshots: when, how many rows each table gained, which offsets."""

from dataclasses import dataclass
from datetime import datetime

from dataflow.errors import ConfigError
from dataflow.pipeline.names import LEDGER
from dataflow.sql import quoted
from query.lost import lost_sql
from query.reader import LakeReader, LakeSnapshot


@dataclass(frozen=True, slots=True)
class SnapshotLine:
    """One snapshot. `rows` added by table; `offsets` read by source partition, [start, end)."""

    id: int
    time: datetime
    changes: str
    rows: dict[str, int]
    offsets: dict[str, tuple[int, int]]


def list_snapshots(reader: LakeReader, *, limit: int = 20) -> list[SnapshotLine]:
    """The newest `limit` snapshots, newest first; what was merged since still counts where it was added."""
    if limit < 1:
        raise ConfigError("--limit", limit, "must be 1 or more")
    snapshot = reader.snapshot()
    found = [line for line in reader.resolver.catalog().snapshots(last=limit) if line.id <= snapshot.id]
    first = found[0].id
    rows: dict[int, dict[str, int]] = {}
    for name in snapshot.tables:
        for number, count in _added(snapshot, name, first).items():
            rows.setdefault(number, {})[name] = count
    offsets = _offsets(snapshot, first)
    return [
        SnapshotLine(line.id, line.time, line.message or line.changes, rows.get(line.id, {}), offsets.get(line.id, {}))
        for line in reversed(found)
    ]


def _added(snapshot: LakeSnapshot, name: str, first: int) -> dict[int, int]:
    files = [file for file in snapshot.files(name) if max(file.begin_snapshot, file.partial_max or 0) >= first]
    if any(file.partial_max is not None for file in files):
        table = snapshot.query(
            f"SELECT _snapshot, count(*) AS n FROM {quoted(name + '_history')} WHERE _snapshot >= {first} GROUP BY ALL",
            histories=[name],
        )
        return {row["_snapshot"]: row["n"] for row in table.to_pylist()}
    added: dict[int, int] = {}
    for file in files:
        added[file.begin_snapshot] = added.get(file.begin_snapshot, 0) + file.record_count
    return added


def _offsets(snapshot: LakeSnapshot, first: int) -> dict[int, dict[str, tuple[int, int]]]:
    if LEDGER not in snapshot.tables:
        return {}
    table = snapshot.query(
        f"SELECT _snapshot, partition, min(start_offset) AS low, max(end_offset) AS high FROM {LEDGER}_history"
        f" WHERE _snapshot >= {first} AND {lost_sql(snapshot)} = 0 GROUP BY ALL ORDER BY ALL",
        histories=[LEDGER],
    )
    found: dict[int, dict[str, tuple[int, int]]] = {}
    for row in table.to_pylist():
        found.setdefault(row["_snapshot"], {})[row["partition"]] = (row["low"], row["high"])
    return found
