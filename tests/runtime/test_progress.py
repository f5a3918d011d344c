"""Counts of a run, and its rate between two looks."""

from datetime import UTC, datetime

import pyarrow as pa

from dataflow.messages import DEAD_SCHEMA, Judged, Range
from runtime.progress import Progress
from sinks.lake.commit_stats import CommitStats

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
NOON_MS = int(NOON.timestamp() * 1000)


class Clock:
    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def judged(partition: str, read: int, *, dead: int = 0, duplicate: int = 0, watermark_ms: int | None = None) -> Judged:
    letters = pa.RecordBatch.from_pylist([{}] * dead, DEAD_SCHEMA) if dead else None
    return Judged(partition, "t", 0, read, read, duplicate, dead=letters, watermark=watermark_ms)


def commit(late: int) -> CommitStats:
    return CommitStats(1, 2, 3, {}, 0, (Range("p", "t", 0, 1, late=late), Range("q", "t", 0, 1, late=1)), 0.0, 0.0)


def test_a_run_without_a_record_knows_nothing_yet() -> None:
    look = Progress(lambda: NOON, Clock()).look()
    assert (look.read, look.rate, look.delay_ms, look.lag, look.committed_ms) == (0, 0, None, None, None)


def test_counts_add_up_over_partitions_and_the_least_watermark_counts() -> None:
    progress = Progress(lambda: NOON, Clock())
    progress.observe(judged("p", 10, dead=2, duplicate=1, watermark_ms=NOON_MS - 5_000), 40)
    progress.observe(judged("q", 5, watermark_ms=NOON_MS - 12_000), 2)
    progress.observe(judged("p", 1, watermark_ms=NOON_MS - 4_999), 30)
    progress.committed(commit(late=3))
    look = progress.look()
    assert (look.read, look.dead, look.duplicate, look.late, look.lag) == (16, 2, 1, 4, 32)
    assert look.delay_ms == 12_000


def test_the_rate_is_that_since_the_last_look_and_in_the_end_that_of_all() -> None:
    clock = Clock()
    progress = Progress(lambda: NOON, clock)
    progress.observe(judged("p", 100), None)
    clock.seconds = 101.0
    assert progress.look().rate == 100
    progress.observe(judged("p", 300), None)
    clock.seconds = 103.0
    assert progress.whole().rate == 400 / 3
    assert progress.look().rate == 150
    assert progress.look().seconds == 3


def test_a_bounded_run_tells_how_long_it_still_takes() -> None:
    clock = Clock()
    for bounded, left_s in ((True, 5), (False, None)):
        progress = Progress(lambda: NOON, clock, bounded=bounded)
        assert progress.look().left_s is None
        progress.observe(judged("p", 100), 500)
        clock.seconds += 1
        assert progress.look().left_s == left_s
        clock.seconds += 1
        # nothing came since: there is no telling
        assert progress.look().left_s is None


def test_the_last_commit_grows_old() -> None:
    clock = Clock()
    progress = Progress(lambda: NOON, clock)
    progress.committed(commit(late=0))
    clock.seconds += 0.25
    assert progress.look().committed_ms == 250
