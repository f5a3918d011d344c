"""Reading a source partition again: the same reader, decoder and judge, cut at the ledger's own boundaries."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from dataflow.decode.json.general import JsonDecoder
from dataflow.errors import InputMissing, OffsetLost, UnknownTopic
from dataflow.intake.judge import Judge, State
from dataflow.messages import Decoder, Judged, Poll
from dataflow.pipeline.plan import Plan
from dataflow.sources.source import Reader, Source
from proof.audit.ledger import Segment
from query.reader import LakeSnapshot
from query.scan import quoted

POLL_RECORDS = 10_000
POLL_BYTES = 16 * 2**20
_SNAPSHOT_EVERY = 200
"""Polls after which the judge's log of ids is told to let old ones go."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where judging can start: segments before `first` cannot be judged again, and `why` says so.

    `state` is the judge's: None where nothing was read before. `from_lake`: ids to remember come from table events.
    """

    first: int
    why: str = ""
    state: State | None = None
    from_lake: bool = False


def find_place(source: Source, plan: Plan, snapshot: LakeSnapshot, segments: Sequence[Segment]) -> Place:
    """The first segment from which `source` can be judged exactly as it was.

    Judging begins where the lake begins, because then nothing is taken on trust: which ids are remembered at an
    offset depends on all rows before it. Only where the source has dropped those records does the state come from the
    lake: the watermark from the ledger, ids from table `events`; and only if no late row's id, which the lake does
    not keep, could still be remembered.
    """
    partition = segments[0].partition
    if partition not in source.partitions():
        return Place(len(segments), "the source has no such partition any more")
    try:
        source.open(partition, segments[0].start, None, segments[-1].end).close()
        return Place(0)
    except (InputMissing, UnknownTopic) as error:
        return Place(len(segments), str(error))
    except OffsetLost as error:
        reader = source.open(partition, None, None, segments[-1].end)
        low = reader.position
        reader.close()
        if low <= segments[0].start:
            return Place(len(segments), str(error))
    first = next((at for at, each in enumerate(segments) if each.start >= low), len(segments))
    gone = f"the source begins at offset {low}, older records were deleted from it"
    if first == len(segments):
        return Place(first, gone)
    before = segments[:first]
    times = [each.line.entry.max_event_time for each in before if each.line is not None]
    newest = max((time for time in times if time is not None), default=None)
    state: State = {"max_event_time": newest, "ids": []}
    if plan.dedup_column is None or newest is None:
        return Place(first, gone, state)
    if "events" not in snapshot.tables or not _ids_are_known(plan, before, newest):
        why = f"{gone}, and which event ids were remembered there is not in the lake"
        return Place(len(segments), why)
    return Place(first, gone, state, from_lake=True)


def _ids_are_known(plan: Plan, before: Sequence[Segment], newest: int) -> bool:
    alive = newest - plan.out_of_orderness_ms - plan.dedup_within_ms
    for each in before:
        if each.line is None:
            return False
        entry = each.line.entry
        if entry.late and (entry.max_event_time or 0) > alive:
            return False
    return True


class Rereading:
    """One source partition, judged again from `place` on."""

    def __init__(
        self,
        source: Source,
        plan: Plan,
        segments: Sequence[Segment],
        place: Place,
        snapshot: LakeSnapshot,
        folder: Path,
        wait: Callable[[], None],
    ) -> None:
        """`folder` is an empty one for remembered ids; `wait` pauses while the source has nothing yet."""
        self._source = source
        self._plan = plan
        self._segments = segments[place.first :]
        self._place = place
        self._snapshot = snapshot
        self._folder = folder
        self._wait = wait
        self.ended_at: int | None = None
        """Where the source ended, if that was before the last segment's end."""

    def __iter__(self) -> Iterator[tuple[Segment, Judged]]:
        """Judged pieces in offset order; every segment has at least one, and no piece lies in two segments."""
        first, end = self._segments[0], self._segments[-1].end
        topic = self._source.topic_of(first.partition)
        judge = Judge(self._plan, first.partition, topic, folder=self._folder, state=self._place.state)
        if self._place.from_lake:
            self._remember(judge)
        decoder = JsonDecoder(self._plan.event, self._plan.max_record_bytes)
        known = self._source.end_offsets().get(first.partition, end)
        reader = self._source.open(first.partition, first.start, None, min(end, known))
        try:
            yield from self._pieces(reader, judge, decoder)
        finally:
            reader.close()
            judge.close()

    def _pieces(self, reader: Reader, judge: Judge, decoder: Decoder) -> Iterator[tuple[Segment, Judged]]:
        held: Poll | None = None
        polls = 0
        for segment in self._segments:
            if segment.end == segment.start:
                yield segment, _nothing(segment, judge)
                continue
            at = segment.start
            while at < segment.end:
                while held is None and not reader.finished:
                    held = reader.poll(POLL_RECORDS, POLL_BYTES)
                    polls += 1
                    if held is None and not reader.finished:
                        self._wait()
                if held is None:
                    self.ended_at = at
                    return
                piece, held = _split(held, segment.end)
                at = piece.end
                yield segment, judge.judge(piece, decoder.decode(piece.records.column("value")))
            if polls >= _SNAPSHOT_EVERY:
                judge.snapshot()
                polls = 0

    def _remember(self, judge: Judge) -> None:
        key, time = self._plan.dedup_column, self._plan.event.event_time.name
        assert key is not None
        rows = self._snapshot.query(
            f'SELECT {quoted(key)} AS id, {quoted(time)} AS event_time FROM events WHERE "partition" = ?'
            f' AND "offset" < ? AND {quoted(time)} > ? ORDER BY "offset"',
            parameters=[
                self._segments[0].partition,
                self._segments[0].start,
                judge.watermark - self._plan.dedup_within_ms,
            ],
        )
        for batch in rows.to_batches():
            judge.remember(batch.column("id"), batch.column("event_time").to_numpy())


def _nothing(segment: Segment, judge: Judge) -> Judged:
    return Judged(judge.partition, judge.topic, segment.start, segment.end, max_event_time=judge.max_event_time)


def _split(poll: Poll, end: int) -> tuple[Poll, Poll | None]:
    """The part of a poll below offset `end`, and the rest."""
    if poll.end <= end:
        return poll, None
    offsets: pa.Array = poll.records.column("offset")
    below = int(offsets.to_numpy().searchsorted(end))
    return (
        Poll(poll.records.slice(0, below), poll.start, end),
        Poll(poll.records.slice(below), end, poll.end),
    )
