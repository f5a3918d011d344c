"""Where each source partition of a lake stands, by its ledger: offset, watermark, activity; and the frontier of all."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dataflow.pipeline.names import LEDGER
from query.moment import EPOCH
from query.reader import LakeSnapshot
from sinks.lake.tables.definition import Definition

FAR_MS = 10**30
"""Further than any event time."""


@dataclass(frozen=True, slots=True)
class PartitionState:
    """One source partition. Times are UTC; `newest_ms` is its largest event time, None before the first valid event.

    `since`: when it last had records (without any: when it first was there). `active`: that is younger than the
    pipeline's idle_timeout. `finished`: bounded and read to its end.
    """

    name: str
    topic: str | None
    next_offset: int
    newest_ms: int | None
    watermark_ms: int | None
    since: datetime
    active: bool
    finished: bool
    read: int
    dead: int


def partition_states(snapshot: LakeSnapshot, facts: Definition, now: datetime) -> list[PartitionState]:
    """All source partitions that the lake has a ledger line of, in name order."""
    rows = snapshot.query(
        f"""SELECT "partition" AS name, any_value(topic) AS topic, max(end_offset) AS next_offset,
  max(max_event_time) AS newest, epoch_us(coalesce(max(committed_at) FILTER ("read" > 0), min(committed_at))) AS since,
  bool_or(finished) FILTER (line = 1) AS finished, sum("read")::BIGINT AS records, sum(dead)::BIGINT AS dead
FROM (SELECT *, row_number() OVER (
    PARTITION BY "partition" ORDER BY end_offset DESC, committed_at DESC, finished DESC) AS line FROM {LEDGER}) AS lines
GROUP BY "partition" ORDER BY "partition" """
    ).to_pylist()
    states = []
    for row in rows:
        since = EPOCH + timedelta(microseconds=row["since"])
        newest = row["newest"]
        states.append(
            PartitionState(
                row["name"],
                row["topic"],
                row["next_offset"],
                newest,
                None if newest is None else newest - facts.out_of_orderness_ms,
                since,
                since > now - timedelta(milliseconds=facts.idle_timeout_ms),
                bool(row["finished"]),
                row["records"],
                row["dead"],
            )
        )
    return states


def deciding(states: Sequence[PartitionState]) -> list[PartitionState]:
    """The partitions whose watermarks decide which windows are final: the same rule as the views' `is_final`.

    All active ones that have not finished; if there are none, the furthest of the unfinished; none if all finished.
    """
    unfinished = [state for state in states if not state.finished]
    active = [state for state in unfinished if state.active]
    if active or not unfinished:
        return active
    return [max(unfinished, key=reached_ms)]


def frontier_ms(states: Sequence[PartitionState]) -> int:
    """The watermark that decides which windows are final; FAR_MS when nothing is held open."""
    if not states:
        return -FAR_MS
    return min((reached_ms(state) for state in deciding(states)), default=FAR_MS)


def reached_ms(state: PartitionState) -> int:
    """The partition's watermark; -FAR_MS before the first valid event."""
    return -FAR_MS if state.watermark_ms is None else state.watermark_ms
