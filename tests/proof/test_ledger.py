"""The ledger read back is what was committed."""

import itertools
from pathlib import Path

import pytest

from dataflow.messages import RollupCount
from proof.ledger import read_ledger
from query.reader import LakeReader
from sinks.lake.writer import commit
from tests.proof.audited import RECORDS, Audited
from tests.sinks.lake.small import PER_AD, Clock, parcel, small_plan, writer_for


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    return Audited(tmp_path_factory.mktemp("ledger"))


def test_a_line_is_the_range_that_was_published_with_its_commit(tmp_path: Path) -> None:
    plan = small_plan()
    clock = Clock()
    writer = writer_for(tmp_path, plan, clock=clock)
    sent = [parcel(plan, 4, 0, 3, max_event_time=77), parcel(plan, 4, 3, 5, max_event_time=70)]
    writer.write(sent)
    writer.snapshot()
    writer.publish_now()
    writer.close()
    with LakeReader(tmp_path) as reader:
        found = read_ledger(reader.snapshot())
        newest = reader.snapshot().id
    (line,) = found["t/0"]
    assert (line.epoch, line.snapshot) == (4, newest)
    assert (line.entry.start, line.entry.end, line.entry.max_event_time) == (0, 5, 77)
    assert line.entry.read == sum(each.range.read for each in sent)
    assert set(line.entry.rollups) == {"per_ad", "visits", "total"}
    assert line.entry.rollups["total"] == RollupCount(
        sum(each.range.rollups["total"].filtered for each in sent),
        sum(each.range.rollups["total"].counted for each in sent),
        sum(each.range.rollups["total"].late for each in sent),
    )
    assert 0 < line.committed_at_ms <= clock().timestamp() * 1000


def test_lines_come_in_offset_order_without_a_hole(lake: Audited) -> None:
    with LakeReader(lake.lake) as reader:
        found = read_ledger(reader.snapshot())
    assert sorted(found) == ["left", "right"]
    for lines in found.values():
        ranges = [line.entry for line in lines if line.entry.end > line.entry.start]
        assert (ranges[0].start, ranges[-1].end) == (0, RECORDS)
        assert all(one.end == two.start for one, two in itertools.pairwise(ranges))


def test_one_partition_is_read_alone(lake: Audited) -> None:
    with LakeReader(lake.lake) as reader:
        snapshot = reader.snapshot()
        whole = read_ledger(snapshot)
        assert read_ledger(snapshot, "left") == {"left": whole["left"]}
        assert read_ledger(snapshot, "o'clock") == {}


def test_a_rollup_that_came_later_is_not_in_the_lines_before_it(tmp_path: Path) -> None:
    before, now = small_plan(rollups=[PER_AD]), small_plan()
    for epoch, plan in enumerate((before, now), start=1):
        writer = writer_for(tmp_path, plan)
        commit(writer, [parcel(plan, 0, epoch, epoch + 1)], epoch)
        writer.close()
    with LakeReader(tmp_path) as reader:
        first, second = read_ledger(reader.snapshot())["t/0"]
    assert (set(first.entry.rollups), set(second.entry.rollups)) == ({"per_ad"}, {"per_ad", "visits", "total"})
    assert first.snapshot < second.snapshot
