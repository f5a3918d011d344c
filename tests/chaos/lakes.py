"""What can happen to the lake and the recovery folder: locked, shared, lost, restored from an older copy."""

import shutil
import sqlite3
import time
from contextlib import closing

from tests.chaos.stage import BUSY, Stage
from tests.chaos.subject import Subject

PATIENT_S = 12.0
BEYOND_S = 31.5
"""Longer than a commit waits for another process's transaction (30 s)."""


def locked(stage: Stage) -> None:
    """Another process holds a write transaction on the catalog: for a while, and for longer than a commit waits."""
    stage.make_topic()
    with stage.feed(rate=300):
        subject = stage.start(parallel=("2", "1"))
        stage.await_progress(subject, 3)
        with stage.reading():
            _hold(stage, PATIENT_S if stage.full else 4.0)
            stage.count("catalog locked by another process")
            if not stage.await_progress(subject, 2):
                stage.fail(f"no commit after the lock: exit {subject.code}: {subject.said[-800:]}")
            _hold(stage, BEYOND_S, subject)
            stage.count("catalog locked beyond the patience of a commit")
            stage.expect_end(subject, 5, "has been locked by another process for 30 s", "nothing was written")


def _hold(stage: Stage, seconds: float, subject: Subject | None = None) -> None:
    with closing(sqlite3.connect(stage.lake / "catalog.sqlite", timeout=30, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and (subject is None or subject.code is None):
            time.sleep(0.05)
        if subject is not None:
            subject.wait(15)
        connection.execute("ROLLBACK")


def two_pipelines(stage: Stage) -> None:
    """A second pipeline on the same lake: refused with the same recovery folder, with a copy of it the first stops."""
    stage.make_topic()
    copy = stage.folder / "recovery-copy"
    with stage.reading(), stage.feed(rate=400):
        for _ in range(3 if stage.full else 1):
            first = stage.start(parallel=("2", "1"))
            stage.await_progress(first, 3)
            refused = stage.start(parallel=("1", "1"))
            stage.expect_end(refused, 4, "is in use by process")
            stage.count("second pipeline, same recovery folder: refused")
            stage.kill(first, "kill -9 of the pipeline")
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(stage.recovery, copy)
            first = stage.start(parallel=("2", "1"))
            stage.await_progress(first, 2)
            # the copy is behind now: it must neither count twice nor stay unnoticed
            second = stage.start(parallel=("1", "1"), recovery=copy)
            codes = _await_loser(first, second)
            stage.count("second pipeline, copied recovery folder: one of both stopped")
            if 5 not in codes or 0 in codes:
                stage.fail(f"two pipelines wrote: exits {codes}: {first.said[-500:]} {second.said[-500:]}")
            for subject in (first, second):
                if subject.code is None:
                    subject.kill()


def _await_loser(first: Subject, second: Subject) -> set[int | None]:
    deadline = time.monotonic() + 60
    while first.code is None and second.code is None and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(2)
    return {first.code, second.code}


def taken_over(stage: Stage) -> None:
    """`recover --from-lake` takes the lake over while a pipeline runs: that one is fenced, a new one goes on."""
    topic = stage.make_topic()
    topic.write(900)
    with stage.reading():
        first = stage.start(parallel=("2", "1"))
        stage.await_caught_up(first)
        stage.recovery = stage.folder / "recovery-other"
        _recover(stage)
        topic.write(900)
        stage.expect_end(first, 5, "taken over")
        stage.count("lake taken over, the running pipeline is fenced")
        second = stage.start(parallel=("1", "1"))
        if not stage.await_caught_up(second):
            stage.fail(f"the second pipeline did not go on: exit {second.code}: {second.said[-800:]}")
        stage.kill(second, "kill -9 of the pipeline")


def recovery_lost(stage: Stage) -> None:
    """The recovery folder is deleted: refused with the fix, which then goes on exactly."""
    stage.make_topic()
    with stage.reading(), stage.feed(rate=700):
        for _ in range(3 if stage.full else 1):
            subject = stage.start()
            stage.await_progress(subject, 5)
            stage.kill(subject, "kill -9 of the pipeline")
            shutil.rmtree(stage.recovery)
            stage.expect_end(stage.start(parallel=("1", "1")), 4, "tidemill recover --from-lake")
            stage.count("recovery folder deleted")
            _recover(stage)
            if stage.random.random() < 0.5:
                # nothing was committed since: it can be lost again
                shutil.rmtree(stage.recovery)
                _recover(stage)


def lake_restored(stage: Stage) -> None:
    """The lake is restored from an older copy: the run stops, and recover goes on exactly from there."""
    stage.make_topic()
    _restore(stage)


def lake_restored_busy(stage: Stage) -> None:
    """The same without deduplication, with sessions and exact distinct counts."""
    stage.pipeline = BUSY
    stage.make_topic()
    _restore(stage)


def _restore(stage: Stage) -> None:
    copy = stage.folder / "lake-copy"
    with stage.feed(rate=700):
        for _ in range(3 if stage.full else 1):
            with stage.reading():
                subject = stage.start()
                stage.await_progress(subject, 4)
                stage.kill(subject, "kill -9 of the pipeline")
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(stage.lake, copy)
            subject = stage.start()
            stage.await_progress(subject, 6)
            stage.kill(subject, "kill -9 of the pipeline")
            shutil.rmtree(stage.lake)
            shutil.copytree(copy, stage.lake)
            stage.expect_end(stage.start(parallel=("2", "1")), 5, "tidemill recover --from-lake")
            stage.count("lake restored from an older copy")
            _recover(stage)
    with stage.reading():
        subject = stage.start()
        stage.await_progress(subject, 2, seconds=20)
        stage.kill(subject, "kill -9 of the pipeline")


def recovery_restored(stage: Stage) -> None:
    """The recovery folder is restored from an older copy: the run stops, and recover goes on exactly."""
    stage.make_topic()
    copy = stage.folder / "recovery-copy"
    with stage.reading(), stage.feed(rate=700):
        subject = stage.start()
        stage.await_progress(subject, 4)
        stage.kill(subject, "kill -9 of the pipeline")
        shutil.copytree(stage.recovery, copy)
        subject = stage.start()
        stage.await_progress(subject, 6)
        stage.kill(subject, "kill -9 of the pipeline")
        shutil.rmtree(stage.recovery)
        shutil.copytree(copy, stage.recovery)
        stage.expect_end(stage.start(parallel=("2", "1")), 5, "tidemill recover --from-lake")
        stage.count("recovery folder restored from an older copy")
        _recover(stage)


def _recover(stage: Stage) -> None:
    arguments = ["recover", "--from-lake", "--pipeline", str(stage.pipeline), "--brokers", stage.bootstrap]
    arguments += ["--topic", stage.topic_name, "--lake", str(stage.lake), "--recovery", str(stage.recovery)]
    stage.expect_end(stage.run_command(*arguments), 0)
    stage.count("tidemill recover --from-lake")


def official_client(stage: Stage) -> None:
    """The official DuckLake client polls the lake while the pipeline is killed."""
    stage.make_topic()
    with stage.reading(), stage.feed():
        subject = stage.start()
        stage.await_progress(subject, 2)
        with stage.reading_officially():
            for _ in range(stage.kills):
                stage.await_progress(subject, 3, seconds=20)
                stage.kill(subject, "kill -9 at a random moment")
                subject = stage.start()
            stage.await_progress(subject, 3, seconds=20)
            stage.kill(subject, "kill -9 at a random moment")
