"""Reading a source partition again: the same reader, decoder and judge, cut at the ledger's own boundaries."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from dataflow.enrich.joins import Joins
from dataflow.errors import InputMissing, OffsetLost, UnknownTopic
from dataflow.messages import Judged
from dataflow.pipeline.plan import Plan
from dataflow.sources.source import Source
from dataflow.spoken import listed
from dataflow.steps import UNSEEN, Steps
from proof.audit.ledger import Segment
from proof.history import History
from proof.rejudge import Rejudging
from query.reader import LakeSnapshot
from sinks.lake.catalog.left import Left


@dataclass(frozen=True, slots=True)
class Place:
    """Where judging can start: segments before `first` cannot be judged again, `why` says so, `fix` how to ask.

    `from_lake`: ids to remember come from table events.
    """

    first: int
    why: str = ""
    fix: str = ""
    from_lake: bool = False


def find_place(
    source: Source, plan: Plan, snapshot: LakeSnapshot, segments: Sequence[Segment], gone: Left | None = None
) -> Place:
    """The first segment from which `source` can be judged exactly as it was.

    Judging begins where the lake begins, because then nothing is taken on trust: which ids are remembered at an
    offset depends on all rows before it. Only where the source has dropped those records does the state come from the
    lake: the watermark from the ledger, ids from table `events`; and only if no late row's id, which the lake does
    not keep, could still be remembered. `gone`: what has left of the events; ids that would be among them move the
    place on.
    """
    partition = segments[0].partition
    if partition not in source.partitions():
        there = listed(source.partitions()) or "no partition"
        return Place(len(segments), f"the source has {there}, and not this one", _name_source(segments))
    # what was lost at the very beginning is not read again either
    begin = next((each.start for each in segments if not _holds_nothing(each)), segments[-1].end)
    try:
        source.open(partition, begin, None, segments[-1].end).close()
        return Place(0)
    except (InputMissing, UnknownTopic) as error:
        return Place(len(segments), str(error), _name_source(segments))
    except OffsetLost as error:
        reader = source.open(partition, None, None, segments[-1].end)
        low = reader.position
        reader.close()
        if low <= begin:
            return Place(len(segments), str(error), _name_source(segments))
    first = next((at for at, each in enumerate(segments) if each.start >= low), len(segments))
    deleted = f"the source begins at offset {low}, older records were deleted from it"
    copy = "audit a copy of the source with its older records"
    fix = "audit offsets that both still hold, or a copy of the source with its older records"
    if first == len(segments):
        return Place(first, deleted, fix)
    history = history_of(segments)
    if plan.dedup_column is None or history.before(segments[first].start)["max_event_time"] is None:
        return Place(first, deleted, fix)
    unknown = f"{deleted}, and which event ids were remembered there is not in the lake"
    while gone is not None and _alive_ms(history, segments[first].start) < gone.before_ms:
        first += 1
        if first >= len(segments):
            return Place(len(segments), f"{unknown} any more: they have left it with the events", copy)
        deleted = f"{unknown} any more before offset {segments[first].start}: they have left it with the events"
    if "events" not in snapshot.tables or not _ids_are_known(
        segments[:first], _alive_ms(history, segments[first].start)
    ):
        return Place(len(segments), unknown, copy)
    return Place(first, deleted, fix, from_lake=True)


def _holds_nothing(segment: Segment) -> bool:
    """Whether the ledger says that no record was read there, as none could be: no offset, or lost ones alone."""
    return segment.line is not None and segment.lost == segment.end - segment.start


def _name_source(segments: Sequence[Segment]) -> str:
    """How to name the source that filled a source partition of the lake."""
    partition = segments[0].partition
    topics = [each.line.entry.topic for each in segments if each.line is not None and each.line.entry.topic]
    if topics:
        return f"name the topic that filled the lake: --source kafka --topic {topics[-1]}"
    if "/" in partition:
        return "name the stream that filled the lake: --source generator with its --generator-... flags"
    return f"name the folder of files that filled the lake, with {partition} in it: --source files --input FOLDER"


def history_of(segments: Sequence[Segment]) -> History:
    """What the ledger's rows among these segments of one source partition tell."""
    return History(segments[0].partition, [each.line.entry for each in segments if each.line is not None])


def _alive_ms(history: History, offset: int) -> int:
    """Ids of events after that time were still remembered before `offset`."""
    stood = history.before(offset)
    return stood["watermark"] - stood["within_ms"]


def _ids_are_known(before: Sequence[Segment], alive_ms: int) -> bool:
    for each in before:
        if each.line is None:
            return False
        entry = each.line.entry
        if entry.late and (entry.max_event_time or 0) > alive_ms:
            return False
    return True


@dataclass(frozen=True, slots=True)
class Means:
    """What all rereading of one audit shares; `wait` pauses while the source has nothing yet."""

    source: Source
    joins: Joins
    snapshot: LakeSnapshot
    wait: Callable[[], None]
    steps: Steps = UNSEEN


class Rereading:
    """One source partition, judged again from `place` on."""

    def __init__(self, means: Means, segments: Sequence[Segment], place: Place, folder: Path) -> None:
        """`folder` is an empty one for remembered ids."""
        self._means = means
        self._segments = segments[place.first :]
        self._history = history_of(segments)
        self._place = place
        self._folder = folder
        self.ended_at: int | None = None
        """Where the source ended, if that was before the last segment's end."""

    def __iter__(self) -> Iterator[tuple[Segment, Judged]]:
        """Judged pieces in offset order; every segment has at least one, and no piece lies in two segments."""
        first = self._segments[0]
        means = self._means
        again = Rejudging(
            means.source,
            means.joins,
            self._history,
            start=first.start,
            folder=self._folder,
            wait=means.wait,
            steps=means.steps,
        )
        try:
            if self._place.from_lake:
                again.remember(means.snapshot, first.start)
            yield from self._pieces(again)
        finally:
            again.close()
        self.ended_at = again.ended_at

    def _pieces(self, again: Rejudging) -> Iterator[tuple[Segment, Judged]]:
        ends = [each.end for each in self._segments if each.end > each.start]
        pieces = again.judged(self._segments[0].start, ends)
        with closing(pieces):
            for segment in self._segments:
                if segment.end == segment.start:
                    yield segment, again.judge.nothing(segment.start)
                    continue
                for judged in pieces:
                    yield segment, judged
                    if judged.end >= segment.end:
                        break
                else:
                    return
