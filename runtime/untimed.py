"""Tells of events whose records have no timestamp, where the pipeline's guard against the future counts from it."""

import threading

from dataflow.logs import logger
from dataflow.messages import Judged
from dataflow.pipeline.plan import Plan


class Untimed:
    """One per process, told of everything that is judged; says it once, with the first such event.

    `max_future` does not apply to a record without a timestamp (semantics rule 3). Of files none has one, so a run of
    theirs is refused beforehand; in Kafka it is only seen when they come.
    """

    def __init__(self, plan: Plan) -> None:
        self._guards = plan.max_future_ms is not None and plan.max_future_clock_ms is None
        # taken by the thread that tells, for good
        self._telling = threading.Lock()

    def __call__(self, judged: Judged) -> None:
        """Look at one range."""
        if not self._guards or self._telling.locked() or judged.rows is None:
            return
        timestamps = judged.rows.column("record_timestamp")
        if not timestamps.null_count:
            return
        if not self._telling.acquire(blocking=False):
            return
        offset = judged.rows.column("offset")[timestamps.is_null().to_pylist().index(True)].as_py()
        logger("records").warning(
            f"{judged.partition}: the record at offset {offset} has no timestamp, so max_future refuses neither it nor "
            "others like it, however far ahead their events are",
            fix="say in the pipeline file what max_future counts from there, like "
            'max_future_clock="2100-01-01T00:00:00Z", or have the topic stamp its records '
            "(message.timestamp.type=LogAppendTime)",
        )
