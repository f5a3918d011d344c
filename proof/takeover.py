"""A new recovery store from what the lake knows: offsets, watermarks, and remembered ids read back from the source."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dataflow.enrich.joins import Joins
from dataflow.errors import InputMissing, LakeError, OffsetLost, RecoveryError, SourceError
from dataflow.intake.partition import VERSION
from dataflow.messages import Range
from dataflow.pipeline.names import EVENTS
from dataflow.pipeline.plan import Plan
from dataflow.sources.source import Source
from dataflow.spoken import moment
from dataflow.steps import UNSEEN, Steps
from proof.erased import ErasedRows
from proof.history import History
from proof.ledger import read_ledger
from proof.left import left_of
from proof.rejudge import Rejudging
from query.definition import lake_definition
from query.reader import LakeReader
from runtime.recovery_folder import RecoveryFolder
from sinks.lake.agreement import require_own
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.dimensions import KeptDimensions


@dataclass(frozen=True, slots=True)
class TakenOver:
    """One source partition's new start. `how` says in words where its remembered ids come from.

    `lost`: offsets [start, end) before it that were gone before they were read. `gone`: the start itself is by now.
    """

    partition: str
    next_offset: int
    max_event_time: int | None
    how: str
    lost: tuple[tuple[int, int], ...] = ()
    gone: bool = False

    def lines(self) -> Iterator[str]:
        """All of it in words."""
        yield f"{self.partition}: goes on at offset {self.next_offset}; {self.how}"
        for start, end in self.lost:
            yield f"{self.partition}: [{start}, {end}) stays lost, as the ledger says"
        if self.gone:
            fix = "`tidemill run --accept-gap` goes on behind what is gone"
            yield f"{self.partition}: offset {self.next_offset} is not in the source any more; {fix}"


def take_over(
    catalog: Catalog,
    plan: Plan,
    source: Source,
    recovery: RecoveryFolder,
    *,
    clock: Callable[[], datetime],
    wait: Callable[[], None],
    steps: Steps = UNSEEN,
) -> list[TakenOver]:
    """Replace the recovery folder by a new one that goes on exactly where the lake ends, and fence out older runs.

    The old folder is kept beside it under another name. `wait` pauses while the source has nothing yet; each offset
    that is read back is one of `steps`. Whatever is
    raised before all is read back, by `wait` or a signal as well, leaves everything as it was.
    Raises RecoveryError when ids cannot be read back, or a job on Flink fills the lake.
    """
    require_own(catalog, plan.name)
    if recovery.path.exists():
        recovery.lock()
    fresh = RecoveryFolder(recovery.path.with_name(f"{recovery.path.name}.new"))
    if fresh.path.exists():
        raise RecoveryError(f"{fresh.path} is left from a take-over that was cut short: remove it, then try again")
    try:
        lineage = fresh.create()
        with LakeReader(catalog.folder) as lake:
            taken, states = _states(catalog, _ReadBack(plan, source, lake, fresh, wait, steps))
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
        stood, how = again.stand(partition, next_offset, max_event_time)
        try:
            hint, gone = again.hint(partition, next_offset)
            states[partition] = {"version": VERSION, "next": next_offset, "hint": hint, "judge": stood.judge.snapshot()}
        finally:
            stood.close()
        taken.append(TakenOver(partition, next_offset, max_event_time, how, tuple(stood.lost), gone))
    return taken, states


class _ReadBack:
    """Judges that stand where the lake ends, made by reading their source partitions again."""

    def __init__(
        self,
        plan: Plan,
        source: Source,
        lake: LakeReader,
        fresh: RecoveryFolder,
        wait: Callable[[], None],
        steps: Steps,
    ) -> None:
        self._steps = steps
        self._plan = plan
        self._source = source
        self._lake = lake
        self._fresh = fresh
        self._wait = wait

    def stand(self, partition: str, next_offset: int, max_event_time: int | None) -> tuple[Rejudging, str]:
        """What stands at `next_offset`, to be closed by the caller, and where its remembered ids come from."""
        if max_event_time is None:
            return self._from(History(partition, []), next_offset), "nothing to remember"
        lines = _ledger(self._lake, partition)
        history = History(partition, lines)
        if self._plan.dedup_column is None:
            return self._from(history, next_offset), "nothing to remember"
        # one horizon holds every id that still counts; what those rows were themselves judged by is a horizon further
        # back
        for horizons in (2, 4, None):
            start = _start(lines, history, horizons)
            again = self._from(history, start)
            try:
                agreed = self._agrees(again, start, next_offset, lines, history)
            except (OffsetLost, InputMissing):
                again.close()
                return self._from_events(partition, next_offset, history)
            except BaseException:
                again.close()
                raise
            if agreed and again.judge.max_event_time == max_event_time:
                return again, f"ids read back from offset {start} of the source"
            again.close()
        raise RecoveryError(
            f"source partition {partition} does not hold the records that the lake was made from (read again from "
            f"offset {lines[0].start}, other duplicates or another watermark come out): is this the right topic or "
            "folder? If it was replaced, start a new lake in another folder"
        )

    def hint(self, partition: str, next_offset: int) -> tuple[Any, bool]:
        """What the source needs besides the offset to go on there, and whether that offset is gone.

        None where it cannot go on, which the next run tells.
        """
        try:
            reader = self._source.open(partition, next_offset, None, next_offset)
        except SourceError as problem:
            return None, isinstance(problem, OffsetLost)
        try:
            return reader.hint, False
        finally:
            reader.close()

    def _from(self, history: History, start: int) -> Rejudging:
        return Rejudging(
            self._source,
            Joins(self._plan, KeptDimensions(self._lake.lake_dir)),
            history,
            start=start,
            folder=self._fresh.dedup_folder(history.partition),
            wait=self._wait,
            steps=self._steps,
        )

    def _agrees(self, again: Rejudging, start: int, end: int, lines: list[Range], history: History) -> bool:
        """Judge [start, end) again; True when it is there and its newest horizon has as many duplicates as the ledger
        says.
        """
        if not again.reaches(end):
            return False
        alive = history.before(end)["watermark"] - history.longest_within_ms
        checked = [line for line in lines if line.start >= start and (line.max_event_time or alive) > alive]
        first = checked[0].start if checked else end
        pieces = again.judged(start, [first, end])
        found = sum(judged.duplicate for judged in pieces if judged.start >= first)
        return again.ended_at is None and found == sum(line.duplicate for line in checked)

    def _from_events(self, partition: str, next_offset: int, history: History) -> tuple[Rejudging, str]:
        """Remember the ids of accepted events: all that is left when the source has dropped the records."""
        snapshot = self._lake.snapshot()
        if "events" not in snapshot.tables:
            raise RecoveryError(
                f"the source no longer holds the records of {partition} whose ids must be remembered, and the lake "
                "keeps no events: a repeat of one of them could not be told. Restore the topic, or start a new lake"
            )
        gone = left_of(self._lake).get("events")
        stood = history.before(next_offset)
        alive_ms = stood["watermark"] - stood["within_ms"]
        if gone is not None and gone.before_ms > alive_ms:
            raise RecoveryError(
                f"the source no longer holds the records of {partition} whose ids must be remembered; those since "
                f"{moment(alive_ms)} still count, and events before {moment(gone.before_ms)} have left the lake: a "
                "repeat of one of them could not be told. Restore the topic, or start a new lake"
            )
        again = self._from(history, next_offset)
        again.remember(snapshot, next_offset)
        erased_rows = ErasedRows.of(self._lake.resolver.catalog().connection).offsets(EVENTS, partition).size
        erased = f", and those of {erased_rows} erased events" if erased_rows else ""
        return (
            again,
            f"ids read back from the table events (ids of late events{erased} are lost with the source's records)",
        )


def _ledger(reader: LakeReader, partition: str) -> list[Range]:
    """The ranges of the partition that hold offsets, in offset order."""
    first = lake_definition(reader).first_rules
    lines = read_ledger(reader.snapshot(), partition, first=first).get(partition, [])
    ranges = [line.entry for line in lines if line.entry.end > line.entry.start]
    if not ranges:
        raise LakeError(f"the ledger of {reader.lake_dir} has no line of {partition}: restore the lake from a backup")
    return ranges


def _start(lines: list[Range], history: History, horizons: int | None) -> int:
    """Where to read back from."""
    if horizons is not None:
        before = history.before(lines[-1].end)["watermark"] - horizons * history.longest_within_ms
        for earlier, line in zip(reversed(lines[:-1]), reversed(lines[1:]), strict=True):
            if earlier.max_event_time is not None and earlier.max_event_time <= before:
                return line.start
    return lines[0].start
