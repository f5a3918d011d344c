"""Run as a process: the real intake under Bytewax, over a reader that sets the wall clock forward when it is asked."""

import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.run import cli_main
from bytewax.testing import TestingSink

from dataflow.intake.control import Control
from dataflow.intake.partition import Intake, Means, Pace
from dataflow.intake.pauses import Pauses
from dataflow.intake.pulse import Pulse
from dataflow.intake.rest import Bell, Rest
from dataflow.intake.turns import Turns
from dataflow.messages import Judged
from tests.dataflow.intake.test_partition import Passing, Ten

clock, polls_before = Path(sys.argv[1]), int(sys.argv[2])


class Moving(Ten):
    """Ten records; after `polls_before` polls, the clock is an hour ahead."""

    def poll(self, max_records: int, max_bytes: int) -> Any:
        if self.position == 2 * polls_before:
            clock.write_text("3600")
        found = super().poll(max_records, max_bytes)
        self.finished = self.position == 10
        return found


class Source:
    """One source partition."""

    def partitions(self) -> list[str]:
        return ["p"]

    def topic_of(self, partition: str) -> None:
        return None

    def open(self, *_: Any) -> Any:
        return Moving()

    def partitions_changed(self) -> bool:
        return False


source: Any = Source()
passing: Any = Passing()
read: list[Judged] = []
intake = Intake(
    source,
    Means(
        control=Control(),
        pace=Pace(batch_records=100, linger_ms=20, epoch_bytes=1 << 20),
        pulse=Pulse(time.monotonic),
        observe=lambda *_: None,
        final=lambda _: False,
        turns=Turns,
        rests=lambda: Rest(Bell(), time.monotonic, 0.0),
    ),
    decoder=lambda: passing,
    judge=lambda *_: passing,
    seed=lambda _: None,
    pauses=lambda: Pauses(lambda: datetime.now(UTC), time.monotonic),
    bounded=False,
)
flow = Dataflow("moving")
op.output("out", op.input("in", flow, intake), TestingSink(read))
cli_main(flow, epoch_interval=timedelta(milliseconds=50))
print(max(each.end for each in read), clock.read_text())
