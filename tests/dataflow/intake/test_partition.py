"""The intake of one source partition: when it reads, what it lets out, and when it ends."""

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from dataflow.errors import OffsetLost, RecoveryError, StoppedEarly
from dataflow.intake.control import Control
from dataflow.intake.partition import BEHIND_LINGER_MS, FULL_BYTES, Intake, IntakePartition, Means, Pace, State
from dataflow.intake.pauses import Pauses
from dataflow.intake.pulse import Place, Pulse
from dataflow.intake.rest import SETTLED_EPOCHS, Bell, Rest
from dataflow.intake.turns import Turns
from dataflow.messages import NEVER_MS, POLL_SCHEMA, Judged, Poll

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Ten:
    """Ten records, two a poll."""

    def __init__(self) -> None:
        self.value = b"1234"
        self.position = 0
        self.finished = False
        self.unfinished = False
        self.content = None
        self.hint = "the hint"
        self.other_topic = False
        self.closed = False

    def poll(self, max_records: int, max_bytes: int) -> Poll | None:
        if self.position == 10:
            return None
        start, self.position = self.position, self.position + 2
        offsets = pa.array([start, start + 1])
        records = pa.RecordBatch.from_arrays([offsets, offsets, pa.array([self.value] * 2)], schema=POLL_SCHEMA)
        return Poll(records, start, self.position)

    def confirm(self) -> None:
        if self.other_topic:
            raise OffsetLost("another topic")

    def lag(self) -> int | None:
        return 10 - self.position

    def waiting(self) -> int | None:
        return 3

    def close(self) -> None:
        self.closed = True


class Passing:
    """Decodes nothing, and judges every record to be good."""

    topic = None
    max_event_time = NEVER_MS
    closed = False

    def decode(self, values: pa.Array) -> Any:
        return values

    def judge(self, poll: Poll, _decoded: Any) -> Judged:
        return Judged("p", None, poll.start, poll.end, max_event_time=NEVER_MS, finished=False)

    def pieces(self, poll: Poll) -> list[Poll]:
        return [poll]

    def nothing(self, offset: int, *, finished: bool = False, final: bool = False) -> Judged:
        return Judged("p", None, offset, offset, max_event_time=NEVER_MS, finished=finished, final=final)

    def snapshot(self) -> Any:
        return "judged"

    def close(self) -> None:
        self.closed = True


class Played:
    """An intake with what stands around it."""

    def __init__(self, epoch_bytes: int = 1 << 20, reader: Ten | None = None, epoch_ms: float = math.inf) -> None:
        self.reader = reader or Ten()
        self.seconds = 0.0
        self.control = Control()
        self.final: set[str] = set()
        self.told: list[tuple[int | None, int | None]] = []
        self.pulse = Pulse(lambda: 0.0)
        self.turns = Turns(1)
        self.rest = Rest(Bell(), lambda: 0.0, 1.0)
        passing: Any = Passing()
        self.intake = IntakePartition(
            "p",
            self.reader,
            passing,
            passing,
            Means(
                control=self.control,
                pace=Pace(batch_records=100, linger_ms=5, epoch_bytes=epoch_bytes),
                pulse=self.pulse,
                observe=lambda _, lag, waiting: self.told.append((lag, waiting)),
                final=lambda partition: partition in self.final,
                turns=lambda: self.turns,
                rests=lambda: self.rest,
            ),
            pauses=Pauses(lambda: NOW + timedelta(seconds=self.seconds), lambda: self.seconds, epoch_ms),
            watch=lambda: None,
        )

    def ranges(self) -> list[tuple[int, int]]:
        return [(each.start, each.end) for each in self.intake.next_batch()]


def test_every_epoch_begins_with_a_heartbeat_and_ranges_follow_each_other() -> None:
    played = Played()
    assert played.ranges() == [(0, 0), (0, 2)]
    assert played.ranges() == [(2, 4)]
    assert played.intake.snapshot() == {"version": 1, "next": 4, "hint": "the hint", "judge": "judged"}
    assert played.ranges() == [(4, 4), (4, 6)]
    assert played.told == [(10, 3), (8, 3), (6, 3), (6, 3), (4, 3)]


def test_what_waits_is_told_in_every_epoch_also_when_nothing_can_be_read() -> None:
    played = Played()
    played.reader.position = 10
    for _ in range(2):
        played.intake.next_batch()
        played.intake.next_batch()
        played.intake.snapshot()
    assert played.told == [(0, 3), (0, 3)]


def test_an_epoch_takes_no_more_than_its_bytes() -> None:
    played = Played(epoch_bytes=30)
    assert [played.ranges() for _ in range(3)] == [[(0, 0), (0, 2)], [(2, 4)], []]
    played.intake.snapshot()
    assert played.ranges() == [(4, 4), (4, 6)]


def test_a_watch_learns_where_it_reads_and_when_its_epochs_end() -> None:
    played = Played()
    assert played.pulse.places() == [Place("p", 0, 10)]
    before = played.pulse.beats
    played.intake.next_batch()
    assert played.pulse.places() == [Place("p", 2, 8)]
    assert played.pulse.beats == before
    played.intake.snapshot()
    assert played.pulse.beats == before + 1
    played.control.stop("SIGTERM")
    played.intake.next_batch()
    assert played.pulse.places() == [Place("p", 2, None)], "what comes after the end of a run waits for nobody"
    played.intake.close()
    assert played.pulse.places() == []


def test_nothing_there_is_asked_for_again_after_the_linger() -> None:
    played = Played()
    while played.reader.position < 10:
        played.intake.next_batch()
    assert played.ranges() == []
    assert played.intake.next_awake() == NOW + timedelta(milliseconds=5)


class Behind(Ten):
    """One of which a poll of 12 records is full, and so many are ahead of it."""

    def __init__(self, ahead: int) -> None:
        super().__init__()
        self.ahead = ahead

    def poll(self, max_records: int, max_bytes: int) -> Poll | None:
        return None

    def lag(self) -> int | None:
        return self.ahead


@pytest.mark.parametrize(("ahead", "pause_ms"), [(11, 5), (12, BEHIND_LINGER_MS), (1_000_000, BEHIND_LINGER_MS)])
def test_where_a_full_poll_is_known_to_be_ahead_the_linger_is_short(ahead: int, pause_ms: int) -> None:
    played = Played(reader=Behind(ahead))
    # the first pause is none
    played.intake.next_batch()
    assert played.ranges() == []
    assert played.intake.next_awake() == NOW + timedelta(milliseconds=pause_ms)


def test_with_many_partitions_the_linger_is_the_same_for_all() -> None:
    played = Played(reader=Behind(1_000))
    for number in range(50):
        played.rest.open(f"other-{number}")
    played.intake.next_batch()
    assert played.ranges() == []
    assert played.intake.next_awake() == NOW + timedelta(milliseconds=5)


@pytest.mark.parametrize(("value_bytes", "pause"), [(100, timedelta(milliseconds=5)), (FULL_BYTES, None)])
def test_few_records_are_asked_for_again_at_once_when_they_are_large(value_bytes: int, pause: timedelta | None) -> None:
    reader = Ten()
    reader.value = b"1" * value_bytes
    played = Played(epoch_bytes=4 * FULL_BYTES, reader=reader)
    # the first pause is none, whatever was read
    played.reader.position = 10
    played.intake.next_batch()
    played.reader.position = 0
    assert played.ranges() == [(0, 2)]
    assert played.intake.next_awake() == (None if pause is None else NOW + pause)


def test_an_epoch_ends_on_time_and_the_next_one_begins_at_once_with_its_heartbeat_alone() -> None:
    played = Played(epoch_ms=10)
    seen = []
    for at_ms, ends in ((0, False), (7, False), (10, True), (11, False), (15, False)):
        played.seconds = at_ms / 1000
        ranges, awake = played.ranges(), played.intake.next_awake()
        seen.append((ranges, None if awake is None else round((awake - NOW) / timedelta(milliseconds=1))))
        if ends:
            played.intake.snapshot()
    assert seen == [
        ([(0, 0), (0, 2)], None),  # the first pause is none
        ([(2, 4)], 10),  # not 12: the epoch ends
        ([(4, 6)], None),  # and is ended now
        ([(6, 6)], 15),  # the rest of the last pause
        ([(6, 8)], 20),
    ]


class Waiting(Ten):
    """One that can be waited on."""

    def __init__(self) -> None:
        super().__init__()
        self.waited: list[float] = []
        self.during: Callable[[], None] = lambda: None

    def at_rest(self) -> bool:
        return self.position == 10

    def await_records(self, seconds: float) -> bool:
        self.waited.append(seconds)
        self.during()
        return len(self.waited) % 3 == 0

    def wake(self) -> None:
        pass


def rested(played: Played) -> None:
    """All is read, and the epochs ended in which it is published."""
    while played.reader.position < 10:
        played.intake.next_batch()
    for _ in range(SETTLED_EPOCHS):
        played.intake.snapshot()


def test_one_that_has_nothing_waits_where_a_record_is_seen_and_is_asked_again_at_once() -> None:
    reader = Waiting()
    played = Played(reader=reader)
    reader.during = lambda: seen.extend(played.pulse.places())
    seen: list[Place] = []
    rested(played)
    assert played.ranges() == [(10, 10)]
    assert len(reader.waited) == 3
    assert played.intake.next_awake() is None
    assert set(seen) == {Place("p", 10, 0)}, "nobody waits for it meanwhile"


def test_a_wait_ends_with_the_run() -> None:
    reader = Waiting()
    played = Played(reader=reader)
    reader.during = lambda: played.control.stop("SIGTERM")
    rested(played)
    assert played.ranges() == [(10, 10)]
    assert len(reader.waited) == 1
    assert played.ranges() == []
    with pytest.raises(StopIteration):
        played.intake.next_batch()


def test_a_reader_that_cannot_be_waited_on_is_asked_again_after_the_linger() -> None:
    played = Played()
    rested(played)
    assert played.ranges() == [(10, 10)]
    assert played.intake.next_awake() == NOW + timedelta(milliseconds=5)


@pytest.mark.parametrize("stops", ["stop", "end of input"])
def test_it_ends_with_what_it_has_read_and_its_last_state_says_so(stops: str) -> None:
    played = Played()
    played.intake.next_batch()
    if stops == "stop":
        played.control.stop("SIGTERM")
        assert played.ranges() == []
    else:
        played.reader.finished = True
        assert played.ranges() == [(2, 4), (4, 4)]
    end = played.reader.position
    assert played.intake.next_awake() is None, "nothing is waited for"
    with pytest.raises(StopIteration):
        played.intake.next_batch()
    assert played.intake.snapshot()["next"] == end


def test_an_end_that_falls_on_an_epochs_needs_no_other_epoch() -> None:
    played = Played()
    played.intake.next_batch()
    played.reader.finished = True
    played.intake.next_batch()
    played.intake.snapshot()
    with pytest.raises(StopIteration):
        played.intake.next_batch()


@pytest.mark.parametrize("final", [set(), {"p"}], ids=["bounded", "final"])
def test_only_the_end_of_a_partition_that_is_said_to_be_final_is(final: set[str]) -> None:
    played = Played()
    played.final = final
    first = list(played.intake.next_batch())
    played.reader.finished = True
    *before, last = played.intake.next_batch()
    assert not any(each.finished or each.final for each in (*first, *before))
    assert (last.finished, last.final) == (True, bool(final))


def test_what_the_reader_cannot_stand_for_never_becomes_a_state() -> None:
    played = Played()
    played.intake.next_batch()
    played.reader.other_topic = True
    with pytest.raises(OffsetLost):
        played.intake.snapshot()
    assert isinstance(played.control.error, OffsetLost)


def test_who_has_no_turn_reads_nothing_and_still_says_that_it_is_there() -> None:
    played = Played()
    assert played.turns.may_read("another")
    played.turns.has_read(1)
    assert played.ranges() == [(0, 0)]
    assert played.intake.next_awake() is None
    # the next pass begins with the one that was asked first
    played.turns.may_read("another")
    assert played.ranges() == [(0, 2)]
    assert played.ranges() == [(2, 4)]


def test_closing_lets_go_of_reader_and_judge() -> None:
    played = Played()
    played.intake.close()
    assert played.reader.closed


def test_a_state_of_another_version_is_refused_with_the_way_out() -> None:
    source: Any = SimpleNamespace(end_offsets=dict, topic_of=lambda _: None)
    unused: Any = None
    intake = Intake(
        source,
        Means(Control(), unused, Pulse(lambda: 0.0), observe=unused, final=unused, turns=unused, rests=unused),
        decoder=unused,
        judge=unused,
        seed=lambda _: None,
        pauses=unused,
        bounded=False,
    )
    later: State = {"version": 2, "next": 3, "hint": None, "judge": {"max_event_time": 7, "ids": []}}
    with pytest.raises(RecoveryError, match=r"state of ads/0 of version 2, this Tidemill reads 1; start it with"):
        intake.build_part("read", "ads/0", later)


def test_a_source_that_a_stop_came_before_ends_at_once_and_keeps_its_state() -> None:
    def stopped(*_: Any) -> Any:
        raise StoppedEarly("stopped before Kafka had answered")

    source: Any = SimpleNamespace(open=stopped, end_offsets=stopped, topic_of=lambda _: None)
    unused: Any = None
    control = Control()
    for bounded in (False, True):
        intake = Intake(
            source,
            Means(control, unused, Pulse(lambda: 0.0), observe=unused, final=unused, turns=unused, rests=unused),
            decoder=unused,
            judge=unused,
            seed=lambda _: None,
            pauses=unused,
            bounded=bounded,
        )
        judged: State = {"version": 1, "next": 3, "hint": None, "judge": {"max_event_time": 7, "ids": []}}
        for state in (None, judged):
            part = intake.build_part("read", "ads/0", state)
            assert part.snapshot() == state
            with pytest.raises(StopIteration):
                part.next_batch()
    assert control.error is None
