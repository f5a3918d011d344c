"""Retention is faster than a pipeline that is killed again and again, and that goes on with --accept-gap."""

from collections.abc import Mapping, Sequence

from confluent_kafka import TopicPartition

from query.reader import LakeReader
from tests.chaos import checkers, recount
from tests.chaos.checkers import Anomaly
from tests.chaos.kills import die_at
from tests.chaos.stage import Stage
from tests.model.engine import Lost

POINTS = ("in_commit", "after_snapshot", "before_commit", "after_commit", "before_takeover", "after_takeover")
"""Where a gap is known, staged or published."""


def accepted(stage: Stage) -> None:
    """Each run finds more of what it is to read deleted, in some partitions; kills meet the commits of the gaps."""
    topic = stage.make_topic()
    topic.write(1200)
    records: recount.Topics = {}
    lows: dict[str, int] = {}
    with stage.reading():
        subject = stage.start(parallel=("2", "1"))
        stage.await_caught_up(subject)
        stage.kill(subject, "kill -9 of the pipeline")
        for turn in range(max(stage.kills - 1, 3)):
            topic.write(300)
            _keep(records, recount.read_topic(stage.bootstrap, topic.name))
            for name, low in _delete(stage, share=0.5).items():
                lows[name] = max(low, lows.get(name, 0))
            # what follows the gap, and what the next turn may delete before it is read
            topic.write(150)
            point = POINTS[turn % len(POINTS)]
            most = 1 if point.endswith("takeover") else 2
            fault = f"{point}:{stage.random.randrange(1, most + 1)}"
            workers = stage.random.choice(("1", "2"))
            die_at(stage, stage.start("--accept-gap", fault=fault, parallel=(workers, "1")), point)
        stage.expect_end(stage.start("--accept-gap", "--bounded", parallel=("2", "1")), 0)
    _keep(records, recount.read_topic(stage.bootstrap, topic.name))
    lost = lost_ranges(stage)
    stage.anomalies += check_gaps(lost, lows)
    stage.checks["gaps in the ledger"] += sum(map(len, lost.values()))
    stage.check(recount.expect(stage.pipeline, records, lost=lost))


def _delete(stage: Stage, share: float) -> dict[str, int]:
    """Delete up to somewhere behind the lake's own offset, in a part of the partitions; the first offsets left."""
    next_offsets, found = stage.offsets(), {}
    for number, end in enumerate(stage.topic.next):
        name = f"{stage.topic_name}/{number}"
        at = next_offsets.get(name, 0)
        if at < end and (stage.random.random() < share or number == 0):
            found[name] = stage.random.randrange(at + 1, end + 1)
    places = [TopicPartition(stage.topic_name, int(name.rpartition("/")[2]), low) for name, low in found.items()]
    for future in stage.topic.admin.delete_records(places).values():
        future.result(timeout=30)
    stage.count("topic truncated below the next offset", len(places))
    return found


def _keep(records: recount.Topics, there: recount.Topics) -> None:
    """Remember what is still there; what was deleted is remembered from before."""
    for name, each in there.items():
        known = {record.offset: record for record in records.get(name, [])} | {record.offset: record for record in each}
        records[name] = [known[offset] for offset in sorted(known)]


def lost_ranges(stage: Stage) -> Lost:
    """What the ledger tells as lost."""
    found: Lost = {}
    with LakeReader(stage.lake) as reader:
        rows = reader.query("SELECT partition, start_offset, end_offset FROM ledger WHERE lost > 0 ORDER BY ALL")
    for name, start, end in (row.values() for row in rows.to_pylist()):
        found.setdefault(name, []).append((start, end))
    return found


def check_gaps(lost: Mapping[str, Sequence[tuple[int, int]]], lows: Mapping[str, int]) -> list[Anomaly]:
    """No offset is lost that was there to be read: each gap ends where the broker began then, and none is told twice.

    `lows`: the last first offset per source partition of which records were deleted.
    """
    # one partition alone may have been read further than the lake said when its records were deleted
    anomalies = [] if lost or not lows else [Anomaly(checkers.GAP, "nothing was lost by the ledger")]
    for name, ranges in lost.items():
        low, at = lows.get(name, 0), 0
        for start, end in ranges:
            if end > low:
                anomalies.append(Anomaly(checkers.LOST, f"{name} [{start}, {end}) is told as lost, and began at {low}"))
            if start < at:
                anomalies.append(Anomaly(checkers.DUPLICATE, f"{name} [{start}, {end}) is told as lost twice"))
            at = end
    return anomalies
