"""The ledger read back: one line for each range that was committed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from dataflow.messages import NEVER_MS, Range, RollupCount
from dataflow.pipeline.names import LEDGER
from dataflow.pipeline.tables import DIMENSIONS, RULES, lateness_column
from dataflow.rules import Joined, Rules
from query.reader import LakeSnapshot

ROLLUP_CLASSES = ("filtered", "counted", "late")


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One row of the ledger: the range as it came to the sink, and what only the lake knows of it.

    `snapshot` is the commit that added it; `entry.rollups` holds those that the pipeline had then.
    """

    entry: Range
    epoch: int
    committed_at_ms: int
    snapshot: int


def read_ledger(
    snapshot: LakeSnapshot, partition: str | None = None, *, first: Rules | None = None
) -> dict[str, list[LedgerLine]]:
    """The ledger per source partition, of one or of all that have a line, in offset order.

    `first`: the rules of lines that do not tell theirs (`Definition.first_rules`). They get them, and the watermark
    that follows; without it they have none.
    """
    names = {column.name for column in snapshot.tables[LEDGER].columns}
    rollups = sorted(name.removesuffix("_counted") for name in names if name.endswith("_counted"))
    chosen = "" if partition is None else ' WHERE "partition" = ?'
    rows = snapshot.query(
        f"SELECT *, epoch_ms(committed_at) AS _committed_ms FROM ledger_history{chosen}"
        " ORDER BY start_offset, end_offset, _snapshot",
        parameters=None if partition is None else [partition],
        histories=[LEDGER],
    )
    lines: dict[str, list[LedgerLine]] = {}
    for batch in rows.to_batches():
        for row in batch.to_pylist():
            lines.setdefault(row["partition"] or "", []).append(_line(row, rollups, first))
    return lines


def _rules(row: Mapping[str, Any], rollups: Sequence[str]) -> Rules | None:
    """Those that a row tells; None of an earlier version's row."""
    if row.get(RULES[0]) is None:
        return None
    disorder_ms, idle_ms, within_ms = (row[name] for name in RULES)
    lateness = {name: row.get(lateness_column(name)) for name in rollups}
    told = tuple((name, value) for name, value in lateness.items() if value is not None)
    dimensions = row.get(DIMENSIONS)
    return Rules(disorder_ms, idle_ms, within_ms, told, None if dimensions is None else _joined(dimensions))


@lru_cache(maxsize=64)
def _joined(text: str) -> tuple[Joined, ...]:
    return tuple(map(Joined.of_json, json.loads(text)))


def _line(row: Mapping[str, Any], rollups: Sequence[str], first: Rules | None) -> LedgerLine:
    counts = {
        name: RollupCount(*(row[f"{name}_{what}"] or 0 for what in ROLLUP_CLASSES))
        for name in rollups
        if row[f"{name}_counted"] is not None
    }
    entry = Range(
        row["partition"] or "",
        row["topic"],
        row["start_offset"] or 0,
        row["end_offset"] or 0,
        read=row["read"] or 0,
        accepted=row["accepted"] or 0,
        duplicate=row["duplicate"] or 0,
        late=row["late"] or 0,
        dead=row["dead"] or 0,
        checksum=row["checksum"] or 0,
        max_event_time=row["max_event_time"],
        finished=bool(row["finished"]),
        rollups=counts,
        watermark=row.get("watermark"),
        rules=_rules(row, rollups),
        lost=row.get("lost") or 0,
    )
    if entry.rules is None and first is not None:
        entry.rules = first
        if entry.max_event_time is not None:
            entry.watermark = max(entry.max_event_time - first.out_of_orderness_ms, NEVER_MS)
    elif entry.rules is not None and entry.rules.dimensions is None and first is not None:
        entry.rules = entry.rules._replace(dimensions=first.dimensions)
    return LedgerLine(entry, row["epoch"] or 0, row["_committed_ms"] or 0, row["_snapshot"])
