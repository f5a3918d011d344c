"""Offsets that were gone before they were read (semantics rule 14): what the ledger of a lake tells of them."""

from datetime import datetime
from typing import NamedTuple

from dataflow.pipeline.names import LEDGER
from query.reader import LakeSnapshot


class LostRange(NamedTuple):
    """Offsets [start, end) of one source partition that no run has read or will read; accepted at `at`, in UTC."""

    partition: str
    start: int
    end: int
    at: datetime


def lost_ranges(snapshot: LakeSnapshot) -> list[LostRange]:
    """All of them, by source partition and offset."""
    if not tells_lost(snapshot):
        return []
    rows = snapshot.query(
        f'SELECT "partition", start_offset, end_offset, committed_at FROM {LEDGER} WHERE lost > 0 ORDER BY 1, 2'
    )
    return [LostRange(*row.values()) for row in rows.to_pylist()]


def tells_lost(snapshot: LakeSnapshot) -> bool:
    """Whether the ledger has the column; one that only older versions have written has none, and no lost offset."""
    return snapshot.tables[LEDGER].column("lost") is not None


def lost_sql(snapshot: LakeSnapshot) -> str:
    """How many offsets of a row of the ledger were lost, as SQL: 0 where it holds what was read."""
    return "coalesce(lost, 0)" if tells_lost(snapshot) else "0"
