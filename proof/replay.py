"""A lake against a replay of its source: which ranges to replay, and whether both hold the same."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataflow.errors import ConfigError, DimensionLost
from dataflow.filter.nodes import Constant
from dataflow.pipeline.names import DEAD_LETTERS, EVENTS, LATE_EVENTS
from dataflow.pipeline.plan import Plan
from dataflow.rules import Mark, Rules
from dataflow.sql import quoted, text
from proof.audit.ledger import Segment
from proof.audit.report import OffsetRange
from proof.audit.selection import Selection
from proof.backfill.wholeness import NotWhole
from proof.dump import contents
from proof.erased import ErasedRows, SideTable
from proof.history import History
from proof.ledger import read_ledger
from query.cells import Style, csv_lines
from query.reader import LakeSnapshot
from query.texts import shaped_sql
from sinks.lake.dimensions import KeptDimensions
from sinks.lake.names import dimension_path

_ALL_WHOLE = NotWhole()


@dataclass(frozen=True, slots=True)
class ReplayRange:
    """One source partition: replayed from `start`, where the lake begins, to `end`; compared from `compared` on.

    `marks`: the rules by which its records are judged, as they were. `lost`: what was never read and is not now.
    """

    partition: str
    start: int
    compared: int
    end: int
    marks: tuple[Mark, ...] = ()
    lost: tuple[tuple[int, int], ...] = ()


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


def replay_ranges(snapshot: LakeSnapshot, selection: Selection, first: Rules | None = None) -> list[ReplayRange]:
    """What to replay. Every source partition starts where the lake does: what is late or a duplicate depends on it.

    `first`: as of `read_ledger`. Raises ConfigError when nothing is selected.
    """
    ranges = []
    for partition, lines in sorted(read_ledger(snapshot, first=first).items()):
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
        history = History(partition, [line.entry for line in lines])
        first_offset = min(each.start for each in segments)
        ranges.append(ReplayRange(partition, first_offset, compared, end, tuple(history.marks), tuple(history.lost)))
    if not ranges:
        raise ConfigError("selection", "replay", "nothing of the ledger lies in it; see `tidemill query` on ledger")
    return ranges


def require_dimensions(ranges: Sequence[ReplayRange], plan: Plan, lake: Path) -> None:
    """Raise DimensionLost where records cannot be joined as they were: a replay would make other rows of them."""
    kept = KeptDimensions(lake)
    for each in ranges:
        for offset, rules in each.marks:
            for joined in kept.lacking(rules, plan):
                raise DimensionLost(
                    f"{each.partition} from offset {offset} on was read with another file of dimension {joined.name}, "
                    f"and the lake keeps no copy of it: put the file of SHA-256 {joined.sha256} back as "
                    f"{dimension_path(lake, joined.sha256)}, or choose offsets before it"
                )


def compare(
    live: LakeSnapshot,
    replayed: LakeSnapshot,
    ranges: Sequence[ReplayRange] | None,
    erased: ErasedRows | None = None,
    sides: Mapping[str, SideTable] | None = None,
    kept: Mapping[str, str] | None = None,
    later: NotWhole = _ALL_WHOLE,
) -> list[TableComparison]:
    """Compare every table; with `ranges` only the rows of those offsets, and so only tables that tell the offset.

    What was `erased` from the live lake is left out of both, in the side tables among `sides` by its values: there the
    distinct values are compared instead of their number. `kept`: per table of which something has left a condition for
    what is kept (`proof.left.kept_sql`). What `later` names is left out.
    """
    kept = {**(kept or {}), **_of_whole(later, kept or {})}
    touched = {name: side for name, side in (sides or {}).items() if erased and name in erased.side_rows}
    without: dict[str, list[str]] = {}
    for side in touched.values():
        without.setdefault(side.rollup, []).append(side.aggregate)
    wanted, there = contents(live, without), contents(replayed, without)
    wanted = {name: sql for name, sql in wanted.items() if name not in {*later.rollups, *later.tables}}
    if ranges is not None:
        wanted = {name: wanted[name] for name in (EVENTS, LATE_EVENTS, DEAD_LETTERS) if name in wanted}
        touched = {}
    if erased:
        _note_values(replayed, erased)
        for queries in (wanted, there):
            for name in (EVENTS, DEAD_LETTERS):
                if name in queries:
                    queries[name] = f"SELECT * FROM ({queries[name]}) AS kept WHERE {_outside(erased, name)}"
            for name, side in touched.items():
                values = erased.values(side)
                if values:
                    columns = ", ".join(quoted(column.name) for column in live.tables[name].columns)
                    queries[name] = f"SELECT DISTINCT {columns} FROM {quoted(name)} WHERE {_other_values(values)}"
    return [
        TableComparison(
            name,
            *content_hash(live, _kept(sql, kept.get(name)), ranges),
            *content_hash(replayed, _kept(there.get(name, sql), kept.get(name)), ranges),
        )
        for name, sql in wanted.items()
    ]


def _of_whole(later: NotWhole, kept: Mapping[str, str]) -> dict[str, str]:
    """Conditions for the rows of rollups that can be compared, in the tables that hold rows of all."""
    if not later.rollups:
        return {}
    names = ", ".join(map(text, later.rollups))
    others = f"rollup NOT IN ({names})"
    return {name: f"({kept.get(name, 'true')}) AND {others}" for name in (LATE_EVENTS, "counts_rollup")}


def _note_values(replayed: LakeSnapshot, erased: ErasedRows) -> None:
    """Have the erased rows of table events tell, from the replayed lake, which values were meant."""
    for partition, offsets in erased.places(EVENTS).items():
        if EVENTS in replayed.tables and offsets.size:
            rows = replayed.query(f"SELECT * FROM {EVENTS} WHERE NOT ({_outside(erased, EVENTS, partition)})")
            erased.note(partition, rows)


def _outside(erased: ErasedRows, table: str, only: str | None = None) -> str:
    """SQL that is true of rows that were not erased, in one source partition or in any."""
    parts = [
        f'("partition" = {text(partition)} AND "offset" IN ({", ".join(map(str, offsets.tolist()))}))'
        for partition, offsets in erased.places(table).items()
        if only in (None, partition)
    ]
    return f"NOT coalesce({' OR '.join(parts) or 'false'}, false)"


def _other_values(values: Sequence[Mapping[str, Collection[Any]]]) -> str:
    """SQL that is true of rows of a side table without the values of any erasure."""
    parts = [
        " AND ".join(
            f"{quoted(column)} IN ({', '.join(Constant(value, 'text').sql() for value in each)})" if each else "false"
            for column, each in erasure.items()
        )
        for erasure in values
    ]
    return " AND ".join(f"NOT coalesce({part}, false)" for part in parts)


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
