"""Rollups that come later and are taken out for a while: their backfill is killed and repeated, beside the pipeline."""

import signal
import time
from pathlib import Path

from query.reader import LakeReader
from tests.chaos import living
from tests.chaos.checkers import check_leftovers
from tests.chaos.stage import Stage
from tests.chaos.subject import Subject

LATER = ("slides", "visits")

GROUPS = (
    ("after_file", "in_backfill", "before_unlink"),
    ("before_backfill", "after_backfill"),
    ("in_file", "", "after_unlink"),
    ("before_file", ""),
)
"""Where the backfills of one hole die, in turn; "" is any moment. What the one before has left, is unlinked."""

COMPACTING = {"TIDEMILL_COMPACT_EVERY": "300ms"}
RULES = {"minutes_lateness": "20m", "allowed_lateness": "1s", "lateness": "15s"}
"""Nothing is late for the one rollup that is always there: what is late for all is not to be had any more."""


def filling(stage: Stage) -> None:
    """Holes are made and filled again and again; in the end every rollup has seen every record."""
    topic = stage.make_topic()
    whole = living.write(stage.folder / "whole.py", **RULES)
    part = living.write(stage.folder / "part.py", rollups=("minutes",), **RULES)
    turn = 0
    with stage.reading(), stage.feed(rate=200, limit=15_000 if stage.full else 5_000):
        while stage.killed < stage.kills:
            stage.pipeline = part
            # there must be a hole, however slow the machine and however much was fed
            topic.write(200)
            hole = topic.written
            subject = stage.start(environ=COMPACTING)
            # a takeover and a compaction are snapshots, too: what counts is that records were read
            stage.await_caught_up(subject, hole)
            stage.await_progress(subject, stage.random.randrange(2, 5), seconds=10)
            stage.kill(subject, "kill -9 of the pipeline without the rollups")
            stage.pipeline, before = whole, stage.incarnation()
            subject = stage.start(environ=COMPACTING)
            stage.await_takeover(subject, before)
            stage.await_progress(subject, 2, seconds=10)
            for rollup in LATER:
                for point in GROUPS[turn % len(GROUPS)][: 3 if stage.full else 2]:
                    _kill_backfill(stage, rollup, point)
                subject = _fill_while_killed(stage, rollup, subject)
                turn += 1
            stage.kill(subject, "kill -9 of the pipeline with the rollups")
    stage.finish()
    stage.anomalies += check_leftovers(stage.lake, cleaned=True)
    again = {rollup: _backfill(stage, rollup) for rollup in LATER}
    for rollup, backfill in again.items():
        _require_filled(stage.lake, rollup, stage)
        stage.expect_end(backfill, 0, f"{rollup}: nothing to fill", f"{rollup} is whole\n")
    stage.prove()


def _backfill(stage: Stage, rollup: str, fault: str = "") -> Subject:
    environ = {"TIDEMILL_FAULT": fault} if fault else {}
    # the stream repeats events with the time that they had
    arguments = ("backfill", rollup, "--trust-duplicates", *stage.about(source=False))
    return stage.run_command(*arguments, environ=environ)


def _kill_backfill(stage: Stage, rollup: str, point: str) -> None:
    backfill = _backfill(stage, rollup, point)
    if not point:
        time.sleep(stage.random.random() * 2)
        if backfill.code is None:
            stage.kill(backfill, "kill -9 of the backfill at a random moment")
        return
    stage.expect_end(backfill, -signal.SIGKILL, seconds=60)
    stage.count(f"kill -9 of the backfill at {point}", kills=1)


def _fill_while_killed(stage: Stage, rollup: str, subject: Subject) -> Subject:
    """A whole backfill; every other time the pipeline is killed meanwhile, and started again: that one."""
    backfill = _backfill(stage, rollup)
    if stage.random.random() < 0.5:
        time.sleep(stage.random.random())
        stage.kill(subject, "kill -9 of the pipeline beside a backfill")
        subject = stage.start(environ=COMPACTING)
    stage.expect_end(backfill, 0, f"{rollup} is whole\n")
    stage.count("backfill to its end")
    return subject


def _require_filled(lake: Path, rollup: str, stage: Stage) -> None:
    """What came by backfill is a part worth the name, with rows in time and late ones."""
    with LakeReader(lake) as reader:
        marks = reader.snapshot().backfilled.get(rollup, ())
    counted, late = (sum(getattr(mark, what) for mark in marks) for what in ("counted", "late"))
    stage.checks["rows by backfill"] += counted
    if not counted or not late:
        stage.fail(f"{rollup} was filled with {counted} rows and {late} late ones: nothing was shown")
