"""The columns of what leaves are those that go out as JSON, in the same order."""

import pyarrow as pa

from dataflow import kafka
from dataflow.pipeline.emit_schema import ALERT_VALUES
from dataflow.pipeline.targets import EVERY_COMMIT, FINAL
from emit.alert_changes import SHOWN
from tests.dataflow.pipeline.test_emit_plan import plan


def test_rows_have_keys_window_aggregates_and_what_their_way_tells_of_them() -> None:
    final, newest = plan([kafka("f"), kafka("n", when="every_commit")]).emits
    assert (final.when, newest.when) == (FINAL, EVERY_COMMIT)
    window = [("window_start", pa.timestamp("ms"), False), ("window_end", pa.timestamp("ms"), False)]
    rows = [("who", pa.string(), True), *window, ("n", pa.int64(), True)]
    told = [[(each.name, each.type, each.nullable) for each in way.values] for way in (final, newest)]
    assert told == [[*rows, ("correction", pa.bool_(), False)], [*rows, ("late_count", pa.int64(), False)]]


def test_a_change_of_an_alert_has_what_it_has_as_json() -> None:
    assert ALERT_VALUES.names == [*SHOWN, "key", "values"]
    assert [name for name in ALERT_VALUES.names if ALERT_VALUES.field(name).nullable] == ["severity", "message"]
