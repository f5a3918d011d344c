"""A lake against a replay of its source: which ranges to replay, and whether both hold the same."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from dataflow.errors import ConfigError
from dataflow.pipeline.names import DEAD_LETTERS, EVENTS, LATE_EVENTS
from dataflow.sql import quoted, text
from proof.audit.audit import Selection
from proof.audit.ledger import Segment
from proof.audit.report import OffsetRange
from proof.dump import contents, text_lines
from proof.ledger import read_ledger
from query.reader import LakeSnapshot

_BATCH_ROWS = 50_000


@dataclass(frozen=True, slots=True)
class ReplayRange:
    """One source partition: replayed from `start`, where the lake begins, to `end`; compared from `compared` on."""

    partition: str
    start: int
    compared: int
    end: int


@dataclass(frozen=True, slots=True)
class TableComparison:
    """One table's canonical content (SHA-256 of its sorted lines) in the live lake and in the replayed one."""

    table: str
    rows: int
    hash_live: str
    rows_replayed: int
    hash_replayed: str

    @property
    def is_equal(self) -> bool:
        """Whether both hold the same rows."""
        return (self.rows, self.hash_live) == (self.rows_replayed, self.hash_replayed)

    def as_json(self) -> dict[str, object]:
        """As JSON values."""
        return {
            "table": self.table,
            "rows": self.rows,
            "hash_live": self.hash_live,
            "rows_replayed": self.rows_replayed,
            "hash_replayed": self.hash_replayed,
            "equal": self.is_equal,
        }


def replay_ranges(snapshot: LakeSnapshot, selection: Selection) -> list[ReplayRange]:
    """What to replay. Every source partition starts where the lake does: what is late or a duplicate depends on it.

    Raises ConfigError when nothing is selected.
    """
    ranges = []
    for partition, lines in sorted(read_ledger(snapshot).items()):
        segments = [Segment(partition, line.entry.start, line.entry.end, line) for line in lines]
        chosen = [each for each in segments if selection.takes(each)]
        if not chosen:
            continue
        compared, end = min(each.start for each in chosen), max(each.end for each in chosen)
        if selection.start is not None:
            compared = max(compared, selection.start)
        if selection.end is not None:
            end = min(end, selection.end)
        if compared >= end and not selection.is_everything:
            continue
        ranges.append(ReplayRange(partition, min(each.start for each in segments), compared, end))
    if not ranges:
        raise ConfigError("selection", "replay", "nothing of the ledger lies in it; see `tidemill query` on ledger")
    return ranges


def compare(live: LakeSnapshot, replayed: LakeSnapshot, ranges: Sequence[ReplayRange] | None) -> list[TableComparison]:
    """Compare every table; with `ranges` only the rows of those offsets, and so only tables that tell the offset."""
    wanted = contents(live)
    if ranges is not None:
        wanted = {name: wanted[name] for name in (EVENTS, LATE_EVENTS, DEAD_LETTERS) if name in wanted}
    there = contents(replayed)
    return [
        TableComparison(name, *content_hash(live, sql, ranges), *content_hash(replayed, there.get(name, sql), ranges))
        for name, sql in wanted.items()
    ]


def content_hash(snapshot: LakeSnapshot, sql: str, ranges: Sequence[ReplayRange] | None = None) -> tuple[int, str]:
    """Rows of a query, and SHA-256 of their canonical lines in order of all columns."""
    where = "" if ranges is None else f" WHERE {_inside(ranges)}"
    digest, rows = hashlib.sha256(), 0
    connection = snapshot.connection()
    try:
        ordered = f"SELECT * FROM ({sql}) AS content{where} ORDER BY ALL NULLS FIRST"
        for batch in connection.sql(ordered).to_arrow_reader(_BATCH_ROWS):
            rows += batch.num_rows
            for line in text_lines(batch):
                digest.update(line.encode())
                digest.update(b"\n")
    finally:
        connection.close()
    return rows, digest.hexdigest()


def _inside(ranges: Sequence[ReplayRange]) -> str:
    parts = [OffsetRange(each.partition, each.compared, each.end) for each in ranges]
    column, offset = quoted("partition"), quoted("offset")
    return " OR ".join(
        f"({column} = {text(part.partition)} AND {offset} >= {part.start} AND {offset} < {part.end})" for part in parts
    )
