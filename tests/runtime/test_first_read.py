"""A run tells its first records once, and nothing before them."""

import structlog

from dataflow.messages import Judged
from runtime.first_read import EVENT, FirstRead


def of(partition: str, read: int) -> Judged:
    return Judged(partition=partition, topic=None, start=0, end=read, read=read)


def test_the_first_records_are_told_once_and_a_heartbeat_is_none() -> None:
    first_read = FirstRead()
    with structlog.testing.capture_logs() as told:
        for judged in (of("ads/0", 0), of("ads/1", 7), of("ads/0", 3)):
            first_read(judged)
    assert told == [
        {"event": EVENT, "log_level": "debug", "part": "run", "partition": "ads/1", "records": 7},
    ]
