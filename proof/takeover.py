"""A new recovery store from what the lake knows: offsets, watermarks, and remembered ids read back from the source."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dataflow.decode.json.general import JsonDecoder
from dataflow.errors import InputMissing, LakeError, OffsetLost, RecoveryError, SourceError
from dataflow.intake.judge import Judge, State
from dataflow.pipeline.plan import Plan
from dataflow.sources.source import Source
from query.reader import LakeReader
from query.scan import quoted
from runtime.recovery_folder import RecoveryFolder
from sinks.lake.catalog.catalog import Catalog

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
    catalog: Catalog,
    plan: Plan,
    source: Source,
    recovery: RecoveryFolder,
    *,
    clock: Callable[[], datetime],
    wait: Callable[[], None],
) -> list[TakenOver]:
    """Replace the recovery folder by a new one that goes on exactly where the lake ends, and fence out older runs.

    The old folder is kept beside it under another name. `wait` pauses while the source has nothing yet. Whatever is
    raised before all is read back, by `wait` or a signal as well, leaves everything as it was.
    Raises RecoveryError when ids cannot be read back.
    """
    if recovery.path.exists():
        recovery.lock()
    fresh = RecoveryFolder(recovery.path.with_name(f"{recovery.path.name}.new"))
    if fresh.path.exists():
        raise RecoveryError(f"{fresh.path} is left from a take-over that was cut short: remove it, then try again")
    try:
        lineage = fresh.create()
        with LakeReader(catalog.folder) as lake:
            taken, states = _states(catalog, _ReadBack(plan, source, lake, fresh, wait))
        fresh.write_seed(states)
        if recovery.path.exists():
            aside = recovery.path.with_name(f"{recovery.path.name}.before-{clock():%Y%m%dT%H%M%S}")
            os.rename(recovery.path, aside)
        os.rename(fresh.path, recovery.path)
    except BaseException:
        shutil.rmtree(fresh.path, ignore_errors=True)
        raise
    finally:
        recovery.unlock()
    catalog.take_over(plan.name, lineage)
    return taken


def _states(catalog: Catalog, again: "_ReadBack") -> tuple[list[TakenOver], dict[str, Any]]:
    """What each source partition starts from, in words and as the intake's state."""
    taken: list[TakenOver] = []
    states: dict[str, Any] = {}
    for partition, (next_offset, max_event_time) in sorted(catalog.offsets().items()):
        judge, how = again.judge(partition, next_offset, max_event_time)
        try:
            hint = again.hint(partition, next_offset)
            states[partition] = {"version": 1, "next": next_offset, "hint": hint, "judge": judge.snapshot()}
        finally:
            judge.close()
        taken.append(TakenOver(partition, next_offset, max_event_time, how))
    return taken, states


class _ReadBack:
    """Judges that stand where the lake ends, made by reading their source partitions again."""

    def __init__(
        self, plan: Plan, source: Source, lake: LakeReader, fresh: RecoveryFolder, wait: Callable[[], None]
    ) -> None:
        self._plan = plan
        self._source = source
        self._lake = lake
        self._fresh = fresh
        self._wait = wait

    def judge(self, partition: str, next_offset: int, max_event_time: int | None) -> tuple[Judge, str]:
        """The judge at `next_offset`, to be closed by the caller, and where its remembered ids come from."""
        plan = self._plan
        if plan.dedup_column is None or max_event_time is None:
            return self._judge_from(partition, max_event_time), "nothing to remember"
        lines = _ledger(self._lake, partition)
        # one horizon holds every id that still counts; what those rows were themselves judged by is a horizon further
        # back
        for horizons in (2, 4, None):
            start, seen = _start(lines, max_event_time, plan, horizons)
            judge = self._judge_from(partition, seen)
            try:
                agreed = self._agrees(judge, start, next_offset, lines)
            except (OffsetLost, InputMissing):
                judge.close()
                return self._from_events(partition, max_event_time)
            except BaseException:
                judge.close()
                raise
            if agreed and judge.max_event_time == max_event_time:
                return judge, f"ids read back from offset {start} of the source"
            judge.close()
        raise RecoveryError(
            f"source partition {partition} does not hold the records that the lake was made from (read again from "
            f"offset {lines[0].start}, other duplicates or another watermark come out): is this the right topic or "
            "folder? If it was replaced, start a new lake in another folder"
        )

    def hint(self, partition: str, next_offset: int) -> Any:
        """What the source needs besides the offset to go on there; None where it cannot, which the next run tells."""
        try:
            reader = self._source.open(partition, next_offset, None, next_offset)
        except SourceError:
            return None
        try:
            return reader.hint
        finally:
            reader.close()

    def _judge_from(self, partition: str, seen: int | None) -> Judge:
        state: State = {"max_event_time": seen, "ids": []}
        folder = self._fresh.dedup_folder(partition)
        return Judge(self._plan, partition, self._source.topic_of(partition), folder=folder, state=state)

    def _agrees(self, judge: Judge, start: int, end: int, lines: list[LedgerLine]) -> bool:
        """Judge [start, end) again; True when it is there and its newest horizon has as many duplicates as the ledger
        says.
        """
        plan, source = self._plan, self._source
        if source.end_offsets().get(judge.partition, end) < end:
            return False  # waiting for the rest would never end
        decoder = JsonDecoder(plan.event, plan.max_record_bytes)
        reader = source.open(judge.partition, start, None, end)
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
                    if not reader.finished:
                        self._wait()
                    continue
                judged = judge.judge(poll, decoder.decode(poll.records.column("value")))
                if poll.start >= first:
                    found += judged.duplicate
        finally:
            reader.close()
        return reader.position >= end and found == expected

    def _from_events(self, partition: str, max_event_time: int) -> tuple[Judge, str]:
        """Remember the ids of accepted events: all that is left when the source has dropped the records."""
        if "events" not in self._lake.snapshot().tables:
            raise RecoveryError(
                f"the source no longer holds the records of {partition} whose ids must be remembered, and the lake "
                "keeps no events: a repeat of one of them could not be told. Restore the topic, or start a new lake"
            )
        judge = self._judge_from(partition, max_event_time)
        time, key = self._plan.event.event_time.name, self._plan.dedup_column
        assert key is not None
        rows = self._lake.query(
            f'SELECT {quoted(key)} AS id, {quoted(time)} AS event_time FROM events WHERE "partition" = ? '
            f'AND {quoted(time)} > ? ORDER BY "offset"',
            parameters=[partition, judge.watermark - self._plan.dedup_within_ms],
        )
        for batch in rows.to_batches():
            judge.remember(batch.column("id"), batch.column("event_time").to_numpy())
        return judge, "ids read back from the table events (ids of late events are lost with the source's records)"


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
