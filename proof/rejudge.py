"""Judging a source partition again: from a place that the ledger knows, cut wherever it is to be compared."""

from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path

from dataflow.decode.decoder import decoder_for
from dataflow.decode.poll import decode_poll
from dataflow.enrich.joins import Joins
from dataflow.intake.judge import Held, Judge
from dataflow.messages import Judged, Poll
from dataflow.pipeline.names import EVENTS
from dataflow.sources.around import open_around
from dataflow.sources.source import Reader, Source
from dataflow.sql import quoted
from dataflow.steps import UNSEEN, Steps
from proof.history import History
from query.reader import LakeSnapshot
from query.times_ms import at_ms, in_ms

POLL_RECORDS = 10_000
POLL_BYTES = 16 * 2**20
_SNAPSHOT_EVERY = 200
"""Polls after which the judge's log of ids is told to let old ones go."""


class Rejudging:
    """One source partition's reader, decoder and judge once more, starting at any offset that the ledger names.

    The decoder is the one without compiled code, so that a lake is not proven by what filled it.
    """

    def __init__(
        self,
        source: Source,
        joins: Joins,
        history: History,
        *,
        start: int,
        folder: Path,
        wait: Callable[[], None],
        steps: Steps = UNSEEN,
    ) -> None:
        """`history` has the source partition's rules, and where it stood at `start`, where judging starts.

        `folder` is an empty one for remembered ids; `wait` pauses while the source has nothing yet. Each offset that
        is judged is one of `steps`. `joins` has the plan, and with what the history says that rows were joined.
        """
        self._steps = steps
        plan = joins.plan
        self._source = source
        self._plan = plan
        self._partition = history.partition
        self._wait = wait
        self._decoder = decoder_for(plan, compiled=False, of_kafka=source.topic_of(history.partition) is not None)
        self._history = history
        self.judge = Judge(
            plan,
            history.partition,
            source.topic_of(history.partition),
            folder=folder,
            state=history.before(start),
            held=Held(history.marks, joins=joins),
        )
        self.lost = history.lost
        """What the ledger says of offsets that were never read."""
        self.ended_at: int | None = None
        """Where the source ended, if that was before the last end that was asked for."""

    def remember(self, snapshot: LakeSnapshot, before: int) -> None:
        """Take the ids that still count from the lake's table `events`: of its rows below offset `before`."""
        key, time = self._plan.dedup_column, self._plan.event.event_time.name
        assert key is not None
        within_ms = self._history.before(before).get("within_ms", self._plan.dedup_within_ms)
        table, since_ms = snapshot.tables[EVENTS], self.judge.watermark - within_ms
        gone = "".join(
            f' AND NOT ("offset" < {offset} AND {quoted(time)} <= {at_ms(table, time, time_ms)})'
            for offset, time_ms in self._history.forgotten(before)
        )
        rows = snapshot.query(
            f'SELECT {quoted(key)} AS id, {in_ms(table, time)} AS event_time FROM {EVENTS} WHERE "partition" = ?'
            f' AND "offset" < ? AND {quoted(time)} > {at_ms(table, time, since_ms)}{gone} ORDER BY "offset"',
            parameters=[self._partition, before],
        )
        for batch in rows.to_batches():
            self.judge.remember(batch.column("id"), batch.column("event_time").to_numpy())

    def reaches(self, end: int) -> bool:
        """Whether the source holds offsets up to `end`, or ends by itself; waiting for more than it has never ends."""
        return self._source.end_offsets().get(self._partition, end) >= end

    def judged(self, start: int, ends: Sequence[int]) -> Generator[Judged, None, None]:
        """Judge offsets [start, ends[-1]) in pieces, in order, none of them across one of the ascending `ends`.

        What the ledger says is lost is not read, also where the source holds it.
        Stops early, and says so in `ended_at`, where the source ends before. Raises what the source does.
        """
        if not ends:
            return
        known = self._source.end_offsets().get(self._partition, ends[-1])
        self._steps.expect(max(min(ends[-1], known) - start, 0))
        end = min(ends[-1], known)
        reader = open_around(self._source, self._partition, start, None, end, self.lost)
        try:
            yield from self._pieces(reader, start, ends)
        finally:
            reader.close()

    def close(self) -> None:
        """Let go of the judge's files."""
        self.judge.close()

    def _pieces(self, reader: Reader, start: int, ends: Sequence[int]) -> Iterator[Judged]:
        held: Poll | None = None
        at, polls = start, 0
        for end in ends:
            while at < end:
                if held is None:
                    held = self._next(reader)
                    polls += 1
                if held is None:
                    self.ended_at = at
                    return
                piece, held = held.split(end)
                at = piece.end
                for part in self.judge.pieces(piece):
                    yield self.judge.judge(part, decode_poll(self._decoder, part))
                self._steps.done(piece.end - piece.start)
                if polls >= _SNAPSHOT_EVERY:
                    self.judge.snapshot()
                    polls = 0

    def _next(self, reader: Reader) -> Poll | None:
        """The next poll, waited for; None = the source ended."""
        while not reader.finished:
            poll = reader.poll(POLL_RECORDS, POLL_BYTES)
            if poll is not None:
                return poll
            if not reader.finished:
                self._wait()
        return None
