"""Which source partitions the ledger calls finished."""

from pathlib import Path

from sinks.lake.ended import read_to_end
from sinks.lake.writer import commit
from tests.sinks.lake.small import parcel, small_plan, writer_for

PLAN = small_plan()


def test_a_partition_is_read_to_its_end_when_its_newest_row_says_so(tmp_path: Path) -> None:
    writer = writer_for(tmp_path, PLAN)
    steps = [
        [parcel(PLAN, 0, 0, 3, partition="whole"), parcel(PLAN, 0, 0, 2, partition="half")],
        [parcel(PLAN, 0, 3, 3, partition="whole", finished=True)],
        [parcel(PLAN, 0, 0, 5, partition="grown", finished=True)],
        [parcel(PLAN, 0, 5, 9, partition="grown")],
    ]
    for epoch, parcels in enumerate(steps, start=1):
        commit(writer, parcels, epoch)
    writer.close()
    assert read_to_end(tmp_path, ["whole", "half", "grown", "none"]) == {"whole": 3}
    assert read_to_end(tmp_path, ["grown"]) == {}
