"""A new recovery store from what the lake knows: offsets, watermarks, and remembered ids read back from the source."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dataflow.decode.json import JsonDecoder
from dataflow.errors import InputMissing, LakeError, OffsetLost, RecoveryError
from dataflow.intake.source import Source
from dataflow.judge import Judge
from dataflow.plan import Plan
from dataflow.recovery import RecoveryFolder
from query.reader import LakeReader
from sinks.catalog import Catalog

POLL_RECORDS = 10_000
POLL_BYTES = 16 * 2**20


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """What the ledger says of one range of a source partition, in offset order."""

    start: int
    end: int
    duplicate: int
    max_event_time: int | None


@dataclass(frozen=True, slots=True)
class TakenOver:
    """One source partition's new start. `how` says in words where its remembered ids come from."""

    partition: str
    next_offset: int
    max_event_time: int | None
    how: str


def take_over(
    catalog: Catalog, plan: Plan, source: Source, recovery: RecoveryFolder, clock: Callable[[], datetime]
) -> list[TakenOver]:
    """Replace the recovery folder by a new one that goes on exactly where the lake ends, and fence out older runs.

    The old folder is kept beside it under another name. Raises RecoveryError when ids cannot be read back.
    """
    if recovery.path.exists():
        recovery.lock()
    fresh = RecoveryFolder(recovery.path.with_name(f"{recovery.path.name}.new"))
    if fresh.path.exists():
        raise RecoveryError(f"{fresh.path} is left from a take-over that was cut short: remove it, then try again")
    lineage = fresh.create()
    states: dict[str, Any] = {}
    taken: list[TakenOver] = []
    with LakeReader(catalog.folder) as reader:
        for partition, (next_offset, max_event_time) in sorted(catalog.offsets().items()):
            judge, how = _judge(plan, source, reader, fresh, partition, next_offset, max_event_time)
            states[partition] = {"version": 1, "next": next_offset, "hint": None, "judge": judge.snapshot()}
            judge.close()
            taken.append(TakenOver(partition, next_offset, max_event_time, how))
    fresh.write_seed(states)
    if recovery.path.exists():
        aside = recovery.path.with_name(f"{recovery.path.name}.before-{clock():%Y%m%dT%H%M%S}")
        os.rename(recovery.path, aside)
    os.rename(fresh.path, recovery.path)
    catalog.take_over(plan.name, lineage)
    return taken


def _judge(
    plan: Plan,
    source: Source,
    reader: LakeReader,
    fresh: RecoveryFolder,
    partition: str,
    next_offset: int,
    max_event_time: int | None,
) -> tuple[Judge, str]:
    folder = fresh.dedup_folder(partition)
    topic = source.topic_of(partition)

    def judge_from(seen: int | None) -> Judge:
        return Judge(plan, partition, topic, folder=folder, state={"max_event_time": seen, "ids": []})

    if plan.dedup_column is None or max_event_time is None:
        return judge_from(max_event_time), "nothing to remember"
    lines = _ledger(reader, partition)
    # one horizon holds every id that still counts; what those rows were themselves judged by is a horizon further back
    for horizons in (2, 4, None):
        start, seen = _start(lines, max_event_time, plan, horizons)
        judge = judge_from(seen)
        try:
            agreed = _read_back(plan, source, judge, partition, start, next_offset, lines)
        except (OffsetLost, InputMissing):
            judge.close()
            return _from_events(plan, reader, judge_from(max_event_time), partition)
        if agreed and judge.max_event_time == max_event_time:
            return judge, f"ids read back from offset {start} of the source"
        judge.close()
    raise RecoveryError(
        f"source partition {partition} does not hold the records that the lake was made from (read again from offset "
        f"{lines[0].start}, other duplicates or another watermark come out): is this the right topic or folder? "
        "If it was replaced, start a new lake in another folder"
    )


def _ledger(reader: LakeReader, partition: str) -> list[LedgerLine]:
    rows = reader.query(
        'SELECT start_offset, end_offset, duplicate, max_event_time FROM ledger WHERE "partition" = ? '
        "AND end_offset > start_offset ORDER BY start_offset",
        parameters=[partition],
    ).to_pylist()
    if not rows:
        raise LakeError(f"the ledger of {reader.lake_dir} has no line of {partition}: restore the lake from a backup")
    return [LedgerLine(*row.values()) for row in rows]


def _start(lines: list[LedgerLine], max_event_time: int, plan: Plan, horizons: int | None) -> tuple[int, int | None]:
    """Where to read back from, and the largest event time before it."""
    if horizons is not None:
        before = max_event_time - plan.out_of_orderness_ms - horizons * plan.dedup_within_ms
        for earlier, line in zip(reversed(lines[:-1]), reversed(lines[1:]), strict=True):
            if earlier.max_event_time is not None and earlier.max_event_time <= before:
                return line.start, earlier.max_event_time
    return lines[0].start, None


def _read_back(
    plan: Plan, source: Source, judge: Judge, partition: str, start: int, end: int, lines: list[LedgerLine]
) -> bool:
    """Judge [start, end) again; True when the newest horizon has as many duplicates as the ledger says."""
    decoder = JsonDecoder(plan.event, plan.max_record_bytes)
    reader = source.open(partition, start, None, end)
    newest = lines[-1].max_event_time
    assert newest is not None
    alive = newest - plan.out_of_orderness_ms - plan.dedup_within_ms
    checked = [line for line in lines if line.start >= start and (line.max_event_time or alive) > alive]
    first = checked[0].start if checked else end
    expected = sum(line.duplicate for line in checked)
    found = 0
    try:
        while reader.position < end and not reader.finished:
            until = first if reader.position < first else end
            poll = reader.poll(min(POLL_RECORDS, until - reader.position), POLL_BYTES)
            if poll is None:
                continue
            judged = judge.judge(poll, decoder.decode(poll.records.column("value")))
            if poll.start >= first:
                found += judged.duplicate
    finally:
        reader.close()
    return found == expected


def _from_events(plan: Plan, reader: LakeReader, judge: Judge, partition: str) -> tuple[Judge, str]:
    """Remember the ids of accepted events: all that is left when the source has dropped the records."""
    if "events" not in reader.snapshot().tables:
        raise RecoveryError(
            f"the source no longer holds the records of {partition} whose ids must be remembered, and the lake keeps "
            "no events: a repeat of one of them could not be told. Restore the topic, or start a new lake"
        )
    time, key = plan.event.event_time.name, plan.dedup_column
    rows = reader.query(
        f'SELECT "{key}" AS id, "{time}" AS event_time FROM events WHERE "partition" = ? AND "{time}" > ? '
        'ORDER BY "offset"',
        parameters=[partition, judge.watermark - plan.dedup_within_ms],
    )
    for batch in rows.to_batches():
        judge.remember(batch.column("id"), batch.column("event_time").to_numpy())
    return judge, "ids read back from the table events (ids of late events are lost with the source's records)"
