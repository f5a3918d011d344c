"""kill -9 of the pipeline and of the compactor: at random, at every instrumented point, and of one process of two."""

import os
import random
import signal
import time
from contextlib import suppress

from tests.chaos import workload
from tests.chaos.stage import BUSY, Stage
from tests.chaos.subject import Subject, children, runs

PIPELINE_POINTS = (
    ("before_file", 40),
    ("in_file", 40),
    ("after_file", 40),
    ("before_unlink", 1),
    ("before_snapshot", 8),
    ("after_snapshot", 8),
    ("after_snapshot@", 8),
    ("after_unlink", 1),
    ("before_commit", 6),
    ("in_commit", 6),
    ("after_commit", 6),
    ("before_takeover", 1),
    ("after_takeover", 1),
)
"""(point, the largest count to draw). With @ the kill comes some ms after the sink's snapshot, while Bytewax commits
the epoch to its recovery store. A crash inside a file leaves the unlisted files that the unlink points need."""

LAST_POINTS = ("after_flow", "after_last")
"""Passed when a run ends: it is asked to, after some commits."""

COMPACTION_POINTS = (
    ("before_file", 3),
    ("in_file", 3),
    ("after_file", 3),
    ("before_compact", 3),
    ("in_compact", 3),
    ("after_compact", 3),
    ("before_unlink", 4),
    ("after_unlink", 4),
)

COMPACT = ("compact", "--retain", "10s", "--grace", "20s")
"""Long enough for a reader on a busy machine to end its question about a snapshot."""
"""The grace is longer than any query of a reader takes on a busy machine."""


def at_random(stage: Stage) -> None:
    """Kills after some commits, and at any moment since the start; 1, 2, 4 workers and 2 processes in turn."""
    stage.make_topic()
    _random_kills(stage, "kill -9 at a random moment", limit=60_000)


def at_random_busy(stage: Stage) -> None:
    """The same with sessions, cumulative windows, exact distinct counts and without deduplication."""
    stage.pipeline = BUSY
    stage.make_topic()
    _random_kills(stage, "kill -9 at a random moment", limit=20_000)


def from_transactions(stage: Stage) -> None:
    """The topic is written by producers that abort, are fenced, and are killed in mid-transaction."""
    topic = stage.make_topic(style="hostile")
    _random_kills(stage, "kill -9 of the pipeline", limit=30_000)
    topic.write(900)
    stage.count("producer fenced in mid-transaction", topic.fenced)
    stage.count("producer killed -9 in mid-transaction", topic.dead_producers)
    stage.count("records aborted", topic.aborted_records)


def from_compacted(stage: Stage) -> None:
    """The topic is full of holes that compaction made."""
    records = 6_000 if stage.full else 2_500
    stage.topic_name = f"{stage.folder.name}-{stage.seed}"
    gone = workload.write_compacted(stage.bootstrap, stage.topic_name, stage.seed, records)
    stage.count("records compacted away", gone)
    with stage.reading():
        for _ in range(stage.kills):
            subject = stage.start("--batch-records", "100", "--max-epoch-bytes", "65536")
            stage.await_progress(subject, stage.random.randrange(1, 3), seconds=20)
            stage.kill(subject, "kill -9 of the pipeline")


def _random_kills(stage: Stage, label: str, limit: int) -> None:
    with stage.reading(), stage.feed(limit=limit):
        for _ in range(stage.kills):
            subject = stage.start()
            if stage.random.random() < 0.8:
                stage.await_progress(subject, stage.random.randrange(1, 9), seconds=20)
                time.sleep(stage.random.random() * 0.3)
            else:
                time.sleep(stage.random.random() * 2.5)
            stage.kill(subject, label)


def at_points(stage: Stage) -> None:
    """Each instrumented point of the sink in turn, until the number of kills is reached."""
    stage.make_topic()
    with stage.reading(), stage.feed():
        points = (*PIPELINE_POINTS, *((point, 1) for point in LAST_POINTS))
        for turn in range(stage.kills):
            point, most = points[turn % len(points)]
            if point in LAST_POINTS:
                subject = stage.start(fault=point, parallel=stage.random.choice((("1", "1"), ("2", "1"), ("1", "2"))))
                stage.await_progress(subject, stage.random.randrange(1, 4), seconds=20)
                subject.send(signal.SIGTERM)
                die_at(stage, subject, point)
                continue
            if point.endswith("_unlink"):
                # something has to be left over
                die_at(stage, stage.start(fault="after_file:1"), "after_file")
            count = stage.random.randrange(1, most + 1)
            name, delayed, _ = point.partition("@")
            fault = f"{name}:{count}" + (f"@{stage.random.randrange(1, 12)}" if delayed else "")
            parallel = stage.random.choice((("1", "1"), ("2", "1"), ("4", "1")))
            label = "some ms after_snapshot (recovery commit)" if delayed else name
            die_at(stage, stage.start(fault=fault, parallel=parallel), label)


def die_at(stage: Stage, subject: Subject, label: str) -> None:
    """Wait until the point kills the subject; if it never comes by it, kill it at random and say so."""
    if subject.wait(25) == -signal.SIGKILL:
        stage.count(f"kill -9 at {label}", kills=1)
    elif subject.code is None:
        stage.kill(subject, "kill -9 at a random moment")
    else:
        stage.expect_end(subject, -signal.SIGKILL)


def one_of_two(stage: Stage) -> None:
    """One of two processes is killed: the supervisor starts both anew; now and then everything is killed."""
    stage.make_topic()
    with stage.reading(), stage.feed():
        left = stage.kills
        for _ in range(3 * stage.kills):
            if left <= 0:
                break
            subject = stage.start(parallel=(stage.random.choice(("1", "2")), "2"))
            for _ in range(min(left, 3)):
                stage.await_progress(subject, stage.random.randrange(1, 4), seconds=40)
                left -= _kill_one(stage, subject)
            if subject.code is None and stage.random.random() < 0.5:
                stage.await_progress(subject, 2, seconds=40)
                stage.kill(subject, "kill -9 of both processes and their supervisor")
            elif subject.code is None:
                # their supervisor dies alone: the two notice, and end
                family = children(subject.pid)
                os.kill(subject.pid, signal.SIGKILL)
                stage.count("kill -9 of the supervisor alone", kills=1)
                _await_end(stage, family)


def _kill_one(stage: Stage, subject: Subject) -> int:
    family = children(subject.pid)
    if not family:
        time.sleep(0.2)
        return 0
    with suppress(ProcessLookupError):
        os.kill(stage.random.choice(family), signal.SIGKILL)
        stage.count("kill -9 of one process of two", kills=1)
        return 1
    return 0


def _await_end(stage: Stage, pids: list[int]) -> None:
    deadline = time.monotonic() + 120
    while any(map(runs, pids)):
        if time.monotonic() > deadline:
            stage.fail(f"processes {pids} went on for 20 s without their supervisor")
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return
        time.sleep(0.05)


def compacting(stage: Stage) -> None:
    """`tidemill compact` runs all the time, expires and deletes; it is killed at its points and at random."""
    stage.make_topic()
    rng = random.Random(stage.seed)
    with stage.reading(), stage.feed(rate=150):
        subject = stage.start("--max-epoch-bytes", "65536", parallel=("2", "1"))
        stage.await_progress(subject, 8)
        for turn in range(stage.kills):
            if subject.code is not None:
                subject = stage.start("--max-epoch-bytes", "65536")
                stage.await_progress(subject, 2)
            if turn % 10 == 9:
                compactor = stage.run_command(*COMPACT, "--every", "50ms")
                time.sleep(1 + rng.random())
                stage.kill(compactor, "kill -9 of the compaction at a random moment")
                stage.kill(subject, "kill -9 of the pipeline while compaction runs")
                continue
            # small files must be there to merge, and old ones to delete
            stage.await_progress(subject, 8, seconds=20)
            point, most = COMPACTION_POINTS[turn % len(COMPACTION_POINTS)]
            fault = f"{point}:{rng.randrange(1, most + 1)}"
            compactor = stage.run_command(*COMPACT, "--every", "200ms", environ={"TIDEMILL_FAULT": fault})
            if compactor.wait(25 if stage.full else 15) == -signal.SIGKILL:
                stage.count(f"kill -9 of the compaction at {point}", kills=1)
            else:
                stage.kill(compactor, "kill -9 of the compaction at a random moment")
        if subject.code is None:
            stage.kill(subject, "kill -9 of the pipeline while compaction runs")
        last = stage.run_command(*COMPACT)
        stage.expect_end(last, 0)
        stage.count("compaction to its end")
