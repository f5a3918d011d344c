"""What can happen to a topic: it grows, loses records that are not read yet, or becomes another one of its name."""

import signal
import time

from confluent_kafka import TopicPartition

from tests.chaos import recount
from tests.chaos.stage import Stage
from tests.chaos.subject import Subject


def grows(stage: Stage) -> None:
    """Partitions are added while the pipeline runs: it starts itself anew and reads them."""
    topic = stage.make_topic(partitions=2)
    with stage.reading():
        for partitions, parallel in ((3, ("2", "1")), (5, ("1", "2")))[: 2 if stage.full else 1]:
            topic.write(600)
            subject = stage.start(parallel=parallel)
            stage.await_caught_up(subject)
            topic.grow(partitions)
            topic.write(900)
            stage.count("partitions added while running")
            if not stage.await_caught_up(subject):
                stage.fail(f"the records of new partitions did not come: {subject.said[-800:]}")
            stage.kill(subject, "kill -9 of the pipeline")


def truncated_while_down(stage: Stage) -> None:
    """Records that were not read are deleted while the pipeline is down."""
    _truncate(stage, running=False)


def truncated_while_running(stage: Stage) -> None:
    """The pipeline stands still (SIGSTOP), and what it has not read is deleted."""
    _truncate(stage, running=True)


def _truncate(stage: Stage, *, running: bool) -> None:
    topic = stage.make_topic()
    topic.write(1500)
    with stage.reading():
        subject = stage.start(parallel=("2", "1"))
        stage.await_caught_up(subject)
        if running:
            subject.send(signal.SIGSTOP)
        else:
            stage.kill(subject, "kill -9 of the pipeline")
        topic.write(1500)
        records = recount.read_topic(stage.bootstrap, topic.name)
        places = [TopicPartition(topic.name, number, end) for number, end in enumerate(topic.next)]
        for future in topic.admin.delete_records(places).values():
            future.result(timeout=30)
        # a little more, which must not be taken for what comes next
        topic.write(200)
        stage.count("topic truncated below the next offset")
        if running:
            subject.send(signal.SIGCONT)
        else:
            subject = stage.start(parallel=("1", "1"))
        # what the broker had sent before it deleted them is read; nothing behind it is
        _must_lose(stage, subject, "were deleted before they were read", may_read=running)
        again = stage.start(parallel=("1", "1"))
        _must_lose(stage, again, "were deleted before they were read")
    stage.check_prefix(records)


def made_anew_while_down(stage: Stage) -> None:
    """The topic is deleted and created anew, longer than before, while the pipeline is down."""
    _make_anew(stage, running=False)


def made_anew_while_running(stage: Stage) -> None:
    """The topic is deleted and created anew while the pipeline reads it."""
    _make_anew(stage, running=True)


def _make_anew(stage: Stage, *, running: bool) -> None:
    topic = stage.make_topic()
    topic.write(1200)
    with stage.reading():
        subject = stage.start(parallel=("2", "1"))
        stage.await_caught_up(subject)
        if not running:
            stage.kill(subject, "kill -9 of the pipeline")
        records = recount.read_topic(stage.bootstrap, topic.name)
        topic.delete()
        topic.create()
        topic.write(3000)
        stage.count("topic deleted and created anew")
        if running:
            if subject.wait(60) is None:
                stage.fail("the pipeline went on with another topic of the same name")
            stage.expect_end(subject, 3)
        again = stage.start(parallel=("1", "1"))
        _must_lose(stage, again, "created anew")
    stage.check_prefix(records)


def _must_lose(stage: Stage, subject: Subject, *words: str, may_read: bool = False) -> None:
    before = stage.offsets()
    stage.expect_end(subject, 3, *words, "Nothing was skipped")
    time.sleep(0.1)
    if stage.offsets() != before and not may_read:
        stage.fail(f"offsets moved from {before} to {stage.offsets()} over records that are gone")
