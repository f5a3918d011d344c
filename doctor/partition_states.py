"""Where each source partition of a lake stands, by its ledger: offset, watermark, activity."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from dataflow.pipeline.names import LEDGER
from query.moment import EPOCH
from query.reader import LakeSnapshot
from sinks.lake.tables.definition import Definition
from sinks.lake.tables.finality import FINAL_SQL, SINCE_US_SQL, is_active, watermark_sql


@dataclass(frozen=True, slots=True)
class PartitionState:
    """One source partition. Times are UTC; `newest_ms` is its largest event time, None before the first valid event.

    `since`: when it last had records (without any: when it first was there). `active`: that is younger than the
    pipeline's idle_timeout. `final`: a run with --final read it to its end, and nothing came after it.
    """

    name: str
    topic: str | None
    next_offset: int
    newest_ms: int | None
    watermark_ms: int | None
    since: datetime
    active: bool
    final: bool
    read: int
    dead: int


def partition_states(snapshot: LakeSnapshot, facts: Definition, now: datetime) -> list[PartitionState]:
    """All source partitions that the lake has a ledger line of, in name order."""
    told = snapshot.tables[LEDGER].column("watermark") is not None
    mark = watermark_sql(facts.first_rules.out_of_orderness_ms, told=told)
    rows = snapshot.query(
        f"""SELECT "partition" AS name, any_value(topic) AS topic, max(end_offset) AS next_offset,
  max(max_event_time) AS newest, TRY_CAST({mark} AS BIGINT) AS watermark, {SINCE_US_SQL} AS since, {FINAL_SQL} AS final,
  sum("read")::BIGINT AS records, sum(dead)::BIGINT AS dead
FROM {LEDGER} GROUP BY "partition" ORDER BY "partition" """
    ).to_pylist()
    now_us = (now - EPOCH) // timedelta(microseconds=1)
    states = []
    for row in rows:
        since = EPOCH + timedelta(microseconds=row["since"])
        states.append(
            PartitionState(
                row["name"],
                row["topic"],
                row["next_offset"],
                row["newest"],
                row["watermark"],
                since,
                is_active(row["since"], now_us, facts.idle_timeout_ms),
                row["final"],
                row["records"],
                row["dead"],
            )
        )
    return states
