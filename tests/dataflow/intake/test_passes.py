"""Many partitions with a deep backlog under Bytewax itself: little of it is in memory at a time, all of it comes."""

import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import bytewax.operators as op
import pyarrow as pa
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, cluster_main

from dataflow.intake.control import Control
from dataflow.intake.partition import Intake, Means, Pace
from dataflow.intake.pauses import Pauses
from dataflow.intake.pulse import Pulse
from dataflow.intake.rest import Bell, Rest
from dataflow.intake.turns import Turns
from dataflow.messages import POLL_SCHEMA, Judged, Poll
from tests.dataflow.intake.test_partition import Passing

PARTITIONS = 200
POLLS = 5
POLL_RECORDS = 10
RECORD_BYTES = 1_000
PASS_BYTES = 20 * POLL_RECORDS * RECORD_BYTES


class Deep:
    """A reader with some polls ahead; tells `polled` of each."""

    unfinished = False
    content = hint = None

    def __init__(self, polled: Callable[[int], None]) -> None:
        self.position = 0
        self.finished = False
        self._polled = polled

    def poll(self, max_records: int, max_bytes: int) -> Poll:
        start, self.position = self.position, self.position + POLL_RECORDS
        self.finished = self.position == POLLS * POLL_RECORDS
        offsets = pa.array(range(start, self.position), pa.int64())
        values = pa.array([bytes(RECORD_BYTES)] * POLL_RECORDS)
        self._polled(POLL_RECORDS)
        return Poll(pa.RecordBatch.from_arrays([offsets, offsets, values], schema=POLL_SCHEMA), start, self.position)

    def confirm(self) -> None:
        """Nothing can have changed."""

    def lag(self) -> int:
        return POLLS * POLL_RECORDS - self.position

    def waiting(self) -> int:
        return 0

    def close(self) -> None:
        """Nothing is open."""


class Folder:
    """A source of deep readers that counts what was read and has not come through."""

    def __init__(self) -> None:
        self.now = self.most = 0

    def polled(self, records: int) -> None:
        self.now += records
        self.most = max(self.most, self.now)

    def passed(self, judged: Judged) -> Judged:
        self.now -= judged.end - judged.start
        return judged

    def partitions(self) -> list[str]:
        return [f"p{number:03}" for number in range(PARTITIONS)]

    def end_offsets(self) -> dict[str, int]:
        return {}

    def topic_of(self, partition: str) -> None:
        return None

    def open(self, *_: Any) -> Deep:
        return Deep(self.polled)

    def partitions_changed(self) -> bool:
        return False


class Naming(Passing):
    """Judges nothing, under the name of its own source partition."""

    def __init__(self, partition: str) -> None:
        self.partition = partition

    def judge(self, poll: Poll, _decoded: Any) -> Judged:
        return Judged(self.partition, None, poll.start, poll.end, finished=False)


def test_a_pass_over_many_partitions_holds_no_more_than_it_may_and_each_is_read_to_its_end() -> None:
    source: Any = Folder()
    turns = Turns(PASS_BYTES)
    means = Means(
        control=Control(),
        pace=Pace(batch_records=100, linger_ms=1, epoch_bytes=1 << 20),
        pulse=Pulse(lambda: 0.0),
        observe=lambda *_: None,
        final=lambda _: False,
        turns=lambda: turns,
        rests=lambda: Rest(Bell(), time.monotonic, 0.0),
    )
    naming: Any = lambda partition, *_: Naming(partition)  # noqa: E731  # a stand-in of one line
    passing: Any = Passing()
    intake = Intake(
        source,
        means,
        decoder=lambda: passing,
        judge=naming,
        seed=lambda _: None,
        pauses=lambda: Pauses(lambda: datetime.now(UTC), lambda: 0.0),
        bounded=True,
    )
    found: list[Judged] = []
    flow = Dataflow("deep")
    op.output("out", op.map("passed", op.input("in", flow, intake), source.passed), TestingSink(found))
    cluster_main(flow, [], 0, epoch_interval=timedelta(milliseconds=10))
    assert source.now == 0
    # twice, for a pass begins with whoever was asked first in the one before
    assert source.most * RECORD_BYTES <= 2 * (PASS_BYTES + POLL_RECORDS * RECORD_BYTES)
    reached: Counter[str] = Counter()
    for judged in found:
        reached[judged.partition] = max(reached[judged.partition], judged.end)
    reached.pop("p", None)
    assert reached == dict.fromkeys(source.partitions(), POLLS * POLL_RECORDS)
