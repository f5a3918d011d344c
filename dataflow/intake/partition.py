"""The intake of one source partition: poll, decode, judge; heartbeats, offset ranges, drain."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from dataflow.decode.decoder import Decoder
from dataflow.decode.poll import decode_poll
from dataflow.errors import RecoveryError, RegistryUnreachable, StoppedEarly
from dataflow.intake.control import Control
from dataflow.intake.judge import Judge
from dataflow.intake.judge import State as JudgeState
from dataflow.intake.pauses import Pauses
from dataflow.intake.pulse import Pulse
from dataflow.intake.rest import Rest
from dataflow.intake.turns import Turns
from dataflow.logs import logger
from dataflow.messages import Judged, Poll
from dataflow.sources.source import Hint, Reader, Resting, Source

ASK_AGAIN_MS = 1_000
"""Pause after a schema registry gave no answer."""

FULL_BYTES = 1 << 20
"""A poll of so many bytes is full, however few its records are."""

BEHIND_LINGER_MS = 2
"""For each partition of a worker, the most that one is left alone that has a full poll ahead, as is known: what fetches
it brings as much as that in a few milliseconds, and waiting longer would leave it nothing to do."""

TELL_EVERY = 30
"""Of so many questions without an answer one is told."""

VERSION = 1
"""Of the form in which a state is stored."""


class State(TypedDict):
    """What a source partition goes on from, as the recovery store has it."""

    version: int
    next: int
    hint: Hint
    judge: JudgeState


@dataclass(frozen=True, slots=True)
class Pace:
    """How an intake reads. `linger_ms`: pause after a poll that was not full, so that batches stay large, shorter where
    a full one is known to be ahead;
    `epoch_bytes`: cap of raw bytes per epoch and source partition, which bounds memory when the sink is slow.
    """

    batch_records: int
    linger_ms: int
    epoch_bytes: int


@dataclass(frozen=True, slots=True)
class Means:
    """What the intakes of one process share. `pulse` is told of every call that Bytewax makes;
    `observe(judged, lag, waiting)` of every poll and heartbeat. `final(partition)`, asked at a bounded end: whether
    nothing ever comes after it. `turns()` and `rests()` give those of the calling worker.
    """

    control: Control
    pace: Pace
    pulse: Pulse
    observe: Callable[[Judged, int | None, int | None], None]
    final: Callable[[str], bool]
    turns: Callable[[], Turns]
    rests: Callable[[], Rest]


class IntakePartition(StatefulSourcePartition[Judged, State | None]):
    """Order lives here: the reader, the decoder and the judge of one source partition.

    `snapshot()` returns {next, hint, judge}: everything that decides what later rows become. After each
    snapshot, and after the start, one heartbeat goes out so that the sink sees every epoch.
    """

    def __init__(
        self,
        partition: str,
        reader: Reader,
        decoder: Decoder,
        judge: Judge,
        means: Means,
        *,
        pauses: Pauses,
        watch: Callable[[], None],
    ) -> None:
        self._partition = partition
        self._reader = reader
        # once, as such a question takes longer than a poll
        self._resting = reader if isinstance(reader, Resting) else None
        self._decoder = decoder
        self._judge = judge
        self._next = reader.position
        self._control = means.control
        self._pace = means.pace
        self._full_records = means.pace.batch_records // 8
        self._pauses = pauses
        self._turns = means.turns()
        self._rest = means.rests()
        self._rest.open(partition)
        self._pulse = means.pulse
        self._watch = watch
        self._observe = means.observe
        self._final = means.final
        self._heartbeat_due = True
        self._epoch_bytes = 0
        self._awake_at: datetime | None = None
        self._ended = False
        self._held: Poll | None = None
        self._unanswered = 0
        self._pulse.opened(partition, self._place)

    def next_batch(self) -> Iterable[Judged]:
        """Everything that is there now, judged; at least the heartbeat after a snapshot."""
        with self._control.keeping_errors(), self._pulse.inside(f"reading {self._partition}"):
            out = self._next_batch()
            content = self._reader.content if out else None
            for judged in out:
                judged.content = content
            return out

    def _next_batch(self) -> list[Judged]:
        if self._ended:
            raise StopIteration
        out = []
        begins, self._heartbeat_due = self._heartbeat_due, False
        if begins:
            out.append(self._heartbeat())
            # also while nothing can be read, which is when it matters what waits
            self._observe(out[0], self._reader.lag(), self._reader.waiting())
        self._watch()
        if self._control.stopping:
            self._end()
            return out
        if self._epoch_bytes >= self._pace.epoch_bytes:
            self._pause(5)
            return out
        if begins and (left_ms := self._pauses.left_ms()):
            # the heartbeat publishes the epoch before; what little came since then waits for the rest of the pause
            self._pause(left_ms)
            return out
        if not self._turns.may_read(self._partition):
            self._pause(0)
            return out
        out += self._read()
        if self._reader.finished and self._held is None:
            if self._reader.unfinished and self._reader.lag() != 0:
                logger("run").warning(
                    f"{self._partition} ends inside a record: it waits until the rest of it is written",
                    fix="run again once the file is whole; with --bounded a last line counts without its newline",
                )
            out.append(self._heartbeat(finished=not self._reader.unfinished))
            self._end()
        return out

    def next_awake(self) -> datetime | None:
        """When to be asked again; None is at once."""
        return self._awake_at

    def snapshot(self) -> State:
        """The state at an epoch's end. Raises what `Reader.confirm` does."""
        with self._control.keeping_errors(), self._pulse.inside(f"confirming {self._partition}"):
            self._reader.confirm()
        self._pulse.beat()
        self._pauses.epoch_ended()
        self._rest.epoch_ended(self._partition)
        self._heartbeat_due = True
        self._epoch_bytes = 0
        return {"version": VERSION, "next": self._next, "hint": self._reader.hint, "judge": self._judge.snapshot()}

    def close(self) -> None:
        """Let go of the connection and the files; never publishes anything."""
        self._pulse.closed(self._partition)
        self._turns.leave(self._partition)
        self._rest.leave(self._partition)
        self._reader.close()
        self._judge.close()

    def _place(self) -> tuple[int, int | None]:
        # what lies behind a bounded end, or comes after a stop, is not waited for
        if self._ended:
            return self._next, None
        # many are asked often: in a rest, which a record would have ended, by one word
        return self._next, 0 if self._rest.sleeps else self._reader.lag()

    def _read(self) -> list[Judged]:
        poll = self._held or self._reader.poll(self._pace.batch_records, self._pace.epoch_bytes)
        if poll is None:
            self._linger()
            self._rest_if_nobody_has_anything()
            return []
        self._rest.has_read()
        pieces = self._judge.pieces(poll)
        try:
            decoded = [decode_poll(self._decoder, piece) for piece in pieces]
        except RegistryUnreachable as problem:
            self._wait_for_registry(poll, problem)
            return []
        self._held, self._unanswered = None, 0
        size_bytes = poll.size_bytes
        full = poll.records.num_rows >= self._full_records or size_bytes >= FULL_BYTES
        if full:
            self._pause(0)
        else:
            self._linger()
        self._epoch_bytes += size_bytes
        self._turns.has_read(size_bytes)
        self._next = poll.end
        found = []
        for piece, columns in zip(pieces, decoded, strict=True):
            judged = self._judge.judge(piece, columns)
            self._observe(judged, self._reader.lag(), self._reader.waiting())
            found.append(judged)
        return found

    def _linger(self) -> None:
        """Leave it alone for a while after a poll that was not full."""
        lag, partitions = self._reader.lag(), self._rest.partitions
        is_behind = lag is not None and lag >= max(1, self._full_records)
        pause_ms = min(self._pace.linger_ms, BEHIND_LINGER_MS * partitions) if is_behind else self._pace.linger_ms
        self._awake_at = self._pauses.until(pause_ms, self._rest.turn(self._partition))

    def _rest_if_nobody_has_anything(self) -> None:
        reader = self._resting
        if reader is not None and self._rest.may_begin(self._partition, reader):
            self._rest.wait(reader, self._is_to_end)
            self._pause(0)

    def _is_to_end(self) -> bool:
        self._watch()
        return self._control.stopping

    def _wait_for_registry(self, poll: Poll, problem: RegistryUnreachable) -> None:
        """What was read stays here, unjudged, until the registry says what its schema is."""
        self._held = poll
        if self._unanswered % TELL_EVERY == 0:
            logger("registry").warning(str(problem), partition=self._partition, doing="retrying")
        self._unanswered += 1
        self._pause(ASK_AGAIN_MS)

    def _heartbeat(self, *, finished: bool = False) -> Judged:
        return self._judge.nothing(self._next, finished=finished, final=finished and self._final(self._partition))

    def _end(self) -> None:
        """Read no more; the next question is answered with the end, which ends the epoch too."""
        self._ended = True
        self._pause(0)

    def _pause(self, pause_ms: int) -> None:
        self._awake_at = self._pauses.until(pause_ms)


class UnopenedPartition(StatefulSourcePartition[Judged, State | None]):
    """Stands for a source partition that a stop came before: reads nothing, and leaves its state as it was."""

    def __init__(self, state: State | None) -> None:
        self._state = state

    def next_batch(self) -> Iterable[Judged]:
        """The end."""
        raise StopIteration

    def snapshot(self) -> State | None:
        """What it was to go on from; None: from the beginning."""
        return self._state


class Intake(FixedPartitionedSource[Judged, State | None]):
    """Bytewax's face of a `Source`: one `IntakePartition` per source partition, on any worker."""

    def __init__(
        self,
        source: Source,
        means: Means,
        *,
        decoder: Callable[[], Decoder],
        judge: Callable[[str, str | None, JudgeState | None], Judge],
        seed: Callable[[str], State | None],
        pauses: Callable[[], Pauses],
        bounded: bool,
    ) -> None:
        """`judge(partition, topic, state)` makes a judge, from its snapshot or anew;
        `seed(partition)` gives a state to start from where the recovery store has none (a lake taken over);
        `pauses()` makes the pauses of one source partition;
        `bounded`: end at the offsets that are the end now.
        """
        self._source = source
        self._means = means
        self._decoder = decoder
        self._judge = judge
        self._seed = seed
        self._pauses = pauses
        self._bounded = bounded

    def list_parts(self) -> list[str]:
        """All source partitions that exist now."""
        return self._source.partitions()

    def build_part(
        self, step_id: str, for_part: str, resume_state: State | None
    ) -> StatefulSourcePartition[Judged, State | None]:
        """Open one source partition where its snapshot ends."""
        with self._means.control.keeping_errors(), self._means.pulse.inside(f"opening {for_part}"):
            try:
                return self._build_part(for_part, resume_state)
            except StoppedEarly:
                return UnopenedPartition(resume_state)

    def _build_part(self, for_part: str, resume_state: State | None) -> IntakePartition:
        state = resume_state if resume_state is not None else self._seed(for_part)
        if state is not None and state["version"] != VERSION:
            raise RecoveryError(
                f"the recovery store holds a state of {for_part} of version {state['version']!r}, this Tidemill reads "
                f"{VERSION}; start it with the version that wrote it, or take over with `tidemill recover --from-lake`"
            )
        next_offset, hint = (None, None) if state is None else (state["next"], state["hint"])
        bounded_end = self._source.end_offsets().get(for_part) if self._bounded else None
        reader = self._source.open(for_part, next_offset, hint, bounded_end)
        topic = self._source.topic_of(for_part)
        judge = self._judge(for_part, topic, None if state is None else state["judge"])
        return IntakePartition(
            for_part,
            reader,
            self._decoder(),
            judge,
            self._means,
            pauses=self._pauses(),
            watch=self._look_for_new_partitions,
        )

    def _look_for_new_partitions(self) -> None:
        if not self._means.control.stopping and self._source.partitions_changed():
            self._means.control.restart("the topic has new partitions")
