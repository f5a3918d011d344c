"""How far event time has come in a lake, by its ledger: what it has come to for sure, and at most."""

from collections.abc import Mapping
from typing import NamedTuple

from dataflow.pipeline.names import LEDGER
from dataflow.sql import quoted
from query.reader import LakeSnapshot
from sinks.lake.tables.finality import EVER_MS, FINAL_SQL, Stand, frontier_ms, reached_ms, watermark_sql


class Reach(NamedTuple):
    """In ms. `least_ms`: the frontier if every partition was active that is not ended for good, EVER_MS where all are.

    `most_ms`: the furthest watermark. `newest_ms`: the largest event time of each source partition that has had one.
    """

    least_ms: int
    most_ms: int
    newest_ms: Mapping[str, int]


def reach_of(snapshot: LakeSnapshot, out_of_orderness_ms: int) -> Reach:
    """As of a snapshot. `out_of_orderness_ms` is that of lines of earlier versions, which tell none."""
    names = {column.name for column in snapshot.tables[LEDGER].columns}
    watermark = watermark_sql(out_of_orderness_ms, told={"watermark", "out_of_orderness_ms"} <= names)
    is_final = FINAL_SQL if "final" in names else "false"
    rows = snapshot.query(
        f"SELECT {quoted('partition')} AS name, ({watermark})::VARCHAR AS watermark, {is_final} AS ended,"
        f" max(max_event_time) AS newest FROM {LEDGER} GROUP BY {quoted('partition')}"
    ).to_pylist()
    stands = [
        Stand(None if row["watermark"] is None else int(row["watermark"]), active=True, final=bool(row["ended"]))
        for row in rows
    ]
    newest_ms = {row["name"]: row["newest"] for row in rows if row["newest"] is not None}
    return Reach(frontier_ms(stands), max(map(reached_ms, stands), default=-EVER_MS), newest_ms)
