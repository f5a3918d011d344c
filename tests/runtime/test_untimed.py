"""Events that the guard against the future cannot judge are told, once, where there is a guard."""

import pyarrow as pa
from structlog.testing import capture_logs

from dataflow.messages import Judged
from runtime.untimed import Untimed
from tests.sinks.lake.small import small_plan


def judged(*timestamps: int | None) -> Judged:
    rows = pa.RecordBatch.from_pydict(
        {"offset": list(range(5, 5 + len(timestamps))), "record_timestamp": pa.array(timestamps, pa.int64())}
    )
    return Judged("ads/0", "ads", 5, 5 + len(timestamps), rows=rows)


def test_the_first_event_without_a_timestamp_is_told_with_its_place_and_no_other() -> None:
    untimed = Untimed(small_plan(max_future="5m"))
    with capture_logs() as lines:
        untimed(Judged("ads/0", "ads", 0, 5))
        untimed(judged(1, 2))
        untimed(judged(1, None, None))
        untimed(judged(None))
    (line,) = lines
    assert line["log_level"] == "warning"
    assert "ads/0: the record at offset 6 has no timestamp, so max_future refuses neither it" in line["event"]
    assert "max_future_clock=" in line["fix"]


def test_nothing_is_told_where_there_is_no_guard_or_a_time_stands_for_the_timestamp() -> None:
    with capture_logs() as lines:
        Untimed(small_plan())(judged(None))
        Untimed(small_plan(max_future="5m", max_future_clock="2100-01-01T00:00:00Z"))(judged(None))
    assert lines == []
