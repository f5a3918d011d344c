"""Old windows and rows leave while the pipeline goes on: the compaction that does it is killed, and so is the run."""

import itertools
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from query.reader import LakeReader, LakeSnapshot
from sinks.lake.catalog.left import left
from tests.chaos import checkers, living, recount
from tests.chaos.checkers import Anomaly
from tests.chaos.kills import COMPACT
from tests.chaos.left import Borders, check_files, latest_border_ms, newest_by_commit
from tests.chaos.stage import Stage
from tests.chaos.subject import Subject, children

POINTS = (
    ("after_leave", 2),
    ("in_leave", 1),
    ("before_unlink", 3),
    ("before_leave", 3),
    ("in_expiry", 3),
    ("after_unlink", 3),
    ("in_compact", 3),
)
"""(point, the largest count to draw)."""

KEEP_MS = 120_000

STREAM_RATE = 10.0
"""Slower than elsewhere, so that a few thousand records are many times what is kept."""

CHUNK_RECORDS = 120
"""About 12 s of event time."""

COMPACTING = {"TIDEMILL_COMPACT_EVERY": "200ms"}
NO_LONGER = ("compact", "--retain", "0s", "--grace", "0s")


@dataclass
class Marks:
    """Snapshots that are looked at again: the lake's newest one after each kill, and before the last run."""

    killed: list[int] = field(default_factory=list)
    last_run: int = 0


def leaving(stage: Stage) -> None:
    """Windows leave whole or not at all, whoever is killed; what has left is gone from the disk in the end."""
    topic = stage.make_topic(partitions=2, rate=STREAM_RATE)
    stage.pipeline = living.write(stage.folder / "leaving.py", keep=f"{KEEP_MS}ms", deduplicate_within="1m")
    points, marks = itertools.cycle(POINTS), Marks()
    topic.write(CHUNK_RECORDS)
    with stage.reading(), stage.feed(rate=50, limit=8_000 if stage.full else 4_000):
        while stage.killed < stage.kills:
            subject = stage.start()
            for point, most in itertools.islice(points, 4 if stage.full else 2):
                # some files become old meanwhile
                _grow(stage, subject)
                _kill_compaction(stage, point, stage.random.randrange(1, most + 1))
                marks.killed.append(stage.head())
            stage.kill(subject, "kill -9 of the pipeline")
            _kill_own_compactor(stage)
            marks.killed.append(stage.head())
    finish(stage, marks)


def _grow(stage: Stage, subject: Subject) -> None:
    """Some commits more, each with little event time in its files, however slow the machine is."""
    for _ in range(6):
        stage.topic.write(CHUNK_RECORDS)
        stage.await_progress(subject, 1)


def _kill_compaction(stage: Stage, point: str, count: int) -> None:
    # to delete something, little may be kept of the past; else all of it is, to be looked at again
    flags = COMPACT if "leave" not in point else ("compact",)
    fault = {"TIDEMILL_FAULT": f"{point}:{count}"}
    compaction = stage.run_command(*flags, "--every", "100ms", environ=fault)
    if compaction.wait(20) == -signal.SIGKILL:
        stage.count(f"kill -9 of the compaction at {point}", kills=1)
    else:
        stage.kill(compaction, "kill -9 of the compaction at a random moment")


def _kill_own_compactor(stage: Stage) -> None:
    """The run's own compaction dies at any moment; the run goes on, starts another one, and dies with it."""
    subject = stage.start(environ=COMPACTING, parallel=("2", "1"))
    victim = _await_compactor(subject)
    time.sleep(stage.random.random() * 2)
    if victim is not None:
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
        stage.count("kill -9 of the run's own compaction", kills=1)
    stage.topic.write(100)
    if not stage.await_progress(subject, 1):
        stage.fail(f"the run did not go on without its compaction: exit {subject.code}: {subject.said[-800:]}")
    if victim is None or _await_compactor(subject, other_than=victim) is None:
        stage.fail(f"the run has no compaction: exit {subject.code}: {subject.said[-800:]}")
    time.sleep(stage.random.random())
    stage.kill(subject, "kill -9 of the pipeline and its own compaction")


def _await_compactor(subject: Subject, *, other_than: int | None = None) -> int | None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and subject.code is None:
        for pid in children(subject.pid):
            with suppress(OSError):
                if pid != other_than and b"--beside-run" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    return pid
        time.sleep(0.02)
    return None


def finish(stage: Stage, marks: Marks) -> None:
    """Read what is left, let leave what may, and check what is kept, now and in the past; then what the disk holds."""
    recount.await_decided(stage.bootstrap, stage.topic_name)
    marks.last_run = stage.head()
    stage.expect_end(stage.start("--bounded"), 0)
    count = recount.expect_topic_apart if stage.full else recount.expect_topic
    expected = count(stage.bootstrap, stage.topic_name, stage.pipeline)
    stage.expect_end(stage.run_command("compact"), 0)
    borders = _borders(stage.lake)
    for name in ("events", "slides", "visits"):
        if name not in borders.before_ms:
            stage.fail(f"nothing of {name} has left: nothing was shown")
    stage.checks["tables that left"] += len(borders.before_ms)
    stage.anomalies += borders.check_early(latest_border_ms(expected, KEEP_MS, ended=True))
    stage.check(expected, borders=borders)
    _check_past(stage, expected, borders, marks)
    stage.prove("no difference; what is NOT PROVEN was not compared")
    # what the first round lets go, the second one deletes
    for _ in range(2):
        stage.expect_end(stage.run_command(*NO_LONGER), 0)
    stage.anomalies += check_files(stage.lake, expected, borders)
    _check_now(stage, expected, borders)


def _borders(lake: Path) -> Borders:
    with LakeReader(lake) as reader:
        return Borders({name: each.before_ms for name, each in left(reader.resolver.catalog().connection).items()})


def _check_now(stage: Stage, expected: recount.Expected, borders: Borders) -> None:
    if _borders(stage.lake) != borders:
        stage.fail(f"more has left of a lake at rest: {borders} became {_borders(stage.lake)}")
    with LakeReader(stage.lake) as reader:
        snapshot = reader.snapshot()
        texts = checkers.dumped(snapshot, stage.folder / "dump")
        stage.anomalies += borders.check(expected, texts, checkers.placed_rows(snapshot), newest_by_commit(snapshot))
    stage.anomalies += checkers.check_leftovers(stage.lake, cleaned=True)


def _check_past(stage: Stage, expected: recount.Expected, borders: Borders, marks: Marks) -> None:
    """Snapshots from after kills and removals, each whole: what had left by then, and all that was read by then."""
    with LakeReader(stage.lake) as reader:
        catalog = reader.resolver.catalog()
        removals = catalog.connection.execute(
            "SELECT snapshot_id FROM ducklake_snapshot_changes WHERE commit_message = 'retention'"
        ).fetchall()
        kept = {each.id for each in catalog.snapshots()}
        killed = sorted({number for number in marks.killed if number in kept})
        chosen = set(stage.random.sample(killed, min(5, len(killed))))
        chosen |= {number for (number,) in removals[:: max(1, len(removals) // 2)]}
        for number in sorted(chosen):
            snapshot = reader.snapshot(number)
            then = recount.expect(stage.pipeline, recount.before(expected.records, _ends(snapshot)))
            latest_ms = latest_border_ms(then, KEEP_MS, ended=number > marks.last_run)
            then_left = borders.at(snapshot, latest_ms)
            texts = checkers.dumped(snapshot, stage.folder / f"dump-{number}")
            placed = checkers.placed_rows(snapshot)
            found = then_left.check_early(latest_ms) + then_left.check(then, texts, placed, newest_by_commit(snapshot))
            stage.anomalies += [Anomaly(each.name, f"snapshot {number}: {each.detail}") for each in found]
            stage.checks["snapshots of the past recounted"] += 1


def _ends(snapshot: LakeSnapshot) -> dict[str, int]:
    ends: dict[str, int] = {}
    for line in checkers.ledger_lines(snapshot):
        ends[line.partition] = max(ends.get(line.partition, 0), line.end)
    return ends
