"""A lake against a replay of its source: which ranges to replay, and whether both hold the same."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dataflow.errors import ConfigError
from dataflow.pipeline.names import DEAD_LETTERS, EVENTS, LATE_EVENTS
from dataflow.sql import quoted, text
from proof.audit.audit import Selection
from proof.audit.ledger import Segment
from proof.audit.report import OffsetRange
from proof.dump import contents
from proof.ledger import read_ledger
from query.cells import Style, csv_lines
from query.reader import LakeSnapshot
from query.texts import shaped_sql


@dataclass(frozen=True, slots=True)
class ReplayRange:
    """One source partition: replayed from `start`, where the lake begins, to `end`; compared from `compared` on."""

    partition: str
    start: int
    compared: int
    end: int


@dataclass(frozen=True, slots=True)
class TableComparison:
    """One table's content (`content_hash`) in the live lake and in the replayed one."""

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
        ranges.append(ReplayRange(partition, min(each.start for each in segments), compared, end))
    if not ranges:
        raise ConfigError("selection", "replay", "nothing of the ledger lies in it; see `tidemill query` on ledger")
    return ranges


def compare(
    live: LakeSnapshot,
    replayed: LakeSnapshot,
    ranges: Sequence[ReplayRange] | None,
    kept: Mapping[str, str] | None = None,
) -> list[TableComparison]:
    """Compare every table; with `ranges` only the rows of those offsets, and so only tables that tell the offset.

    `kept`: per table of which something has left a condition for what is kept (`proof.left.kept_sql`).
    """
    kept = kept or {}
    wanted = contents(live)
    if ranges is not None:
        wanted = {name: wanted[name] for name in (EVENTS, LATE_EVENTS, DEAD_LETTERS) if name in wanted}
    there = contents(replayed)
    return [
        TableComparison(
            name,
            *content_hash(live, _kept(sql, kept.get(name)), ranges),
            *content_hash(replayed, _kept(there.get(name, sql), kept.get(name)), ranges),
        )
        for name, sql in wanted.items()
    ]


def _kept(sql: str, condition: str | None) -> str:
    return sql if condition is None else f"SELECT * FROM ({sql}) AS everything WHERE {condition}"


def content_hash(snapshot: LakeSnapshot, sql: str, ranges: Sequence[ReplayRange] | None = None) -> tuple[int, str]:
    """Rows of a query, and SHA-256 of the sum of the MD5 of their lines as CSV: the same in any order, without a sort.

    The halves of the MD5 are summed apart, each in 128 bits, so that no sum of less than 2^64 rows overflows.
    """
    where = "" if ranges is None else f" WHERE {_inside(ranges)}"
    connection = snapshot.connection()
    try:
        content = connection.sql(f"SELECT * FROM ({sql}) AS content{where}")
        lines = shaped_sql(content, lambda columns: csv_lines(columns, Style()))
        ((rows, low, high),) = connection.execute(
            "SELECT count(*), coalesce(sum(md5_number_lower(line)), 0), coalesce(sum(md5_number_upper(line)), 0)"
            f" FROM ({lines}) AS lines(line)"
        ).fetchall()
    finally:
        connection.close()
    return rows, hashlib.sha256(f"{low} {high}".encode()).hexdigest()


def _inside(ranges: Sequence[ReplayRange]) -> str:
    parts = [OffsetRange(each.partition, each.compared, each.end) for each in ranges]
    column, offset = quoted("partition"), quoted("offset")
    return " OR ".join(
        f"({column} = {text(part.partition)} AND {offset} >= {part.start} AND {offset} < {part.end})" for part in parts
    )
