"""Tells, at level debug, when a run has decoded its first records: what a start takes, for whoever measures one."""

import threading

from dataflow.logs import logger
from dataflow.messages import Judged

EVENT = "first records decoded"


class FirstRead:
    """One per process, told of everything that is judged; says it once, whatever became of these records."""

    def __init__(self) -> None:
        # taken by the thread that tells, for good
        self._telling = threading.Lock()

    def __call__(self, judged: Judged) -> None:
        """Look at one range."""
        if not judged.read or self._telling.locked() or not self._telling.acquire(blocking=False):
            return
        logger("run").debug(EVENT, partition=judged.partition, records=judged.read)
