"""Many partitions on one consumer, with as few files and threads as if they were few."""

import os
from contextlib import suppress
from pathlib import Path

from tests.chaos.stage import Stage
from tests.chaos.subject import Subject, children

PARTITIONS = 96
"""More than are fetched at a time while all have much ahead."""
MOST_THREADS = 64
MOST_FILES = 256


def many_partitions(stage: Stage) -> None:
    """kill -9 at random, with one worker and with two."""
    topic = stage.make_topic(partitions=PARTITIONS)
    topic.write(4_000)
    with stage.reading(), stage.feed(rate=400):
        for turn in range(max(2, stage.kills)):
            subject = stage.start("--batch-records", "200", parallel=(("1", "1"), ("2", "1"))[turn % 2])
            if not stage.await_progress(subject, 1 + stage.random.randrange(3)):
                stage.fail(f"no commit with {PARTITIONS} partitions: exit {subject.code}: {subject.said[-800:]}")
            _must_be_lean(stage, subject)
            stage.kill(subject, f"kill -9 with {PARTITIONS} partitions on one consumer a worker")


def _must_be_lean(stage: Stage, subject: Subject) -> None:
    """Threads and open files of every process of a run do not grow with the partitions. Nothing where /proc is not."""
    for pid in (subject.pid, *children(subject.pid)):
        with suppress(FileNotFoundError, PermissionError):
            folder = Path("/proc") / str(pid)
            threads, files = (len(os.listdir(folder / each)) for each in ("task", "fd"))
            if threads > MOST_THREADS or files > MOST_FILES:
                stage.fail(f"{threads} threads and {files} open files with {PARTITIONS} partitions")
            stage.checks["processes counted"] += 1
