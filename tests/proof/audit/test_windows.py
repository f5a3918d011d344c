"""The audit of windows: each planted delta row is named by key, window, file and offsets."""

from typing import Any

import pyarrow as pa
import pytest

from query.moment import to_ms
from tests.proof.audit.told import the
from tests.proof.audited import RECORDS, doubled, with_value, without

WINDOW_PLANTS = [
    ("removed", without(0)),
    ("altered", with_value(0, row_count=lambda count: count + 1)),
    ("n_altered", with_value(0, n=lambda count: count + 3)),
    ("late_altered", with_value(0, late_count=lambda count: count + 1)),
    ("doubled", doubled(0)),
]


@pytest.mark.parametrize(
    ("table", "change"),
    [
        *(pytest.param("per_ad_delta", plant, id=f"per_ad_{name}") for name, plant in WINDOW_PLANTS),
        *(pytest.param("moving_delta", plant, id=f"moving_{name}") for name, plant in WINDOW_PLANTS[:2]),
        *(pytest.param("visits_delta", plant, id=f"visits_{name}") for name, plant in WINDOW_PLANTS[1:3]),
    ],
)
def test_a_planted_delta_row_is_named_by_key_window_file_and_offsets(lake, change, table):
    name_planted_window(lake, change, table)


@pytest.mark.parametrize("table", ["per_ad_delta", "moving_delta", "visits_delta"])
def test_a_planted_delta_row_is_named_after_compaction(compacted, table):
    name_planted_window(compacted, WINDOW_PLANTS[1][1], table)


def name_planted_window(lake, change, table):
    seen: dict[str, Any] = {}

    def plant(content: pa.Table) -> pa.Table | None:
        seen.update(content.slice(0, 1).to_pylist()[0])
        return change(content)

    path = lake.rewrite(table, plant, cunning=True)
    report = lake.audit()
    assert {finding.kind for finding in report.findings} == {"window"}
    assert {finding.table for finding in report.findings} == {table}
    (key,) = [name for name in ("ad", "kind", "user") if name in seen]
    at = to_ms(seen["window_start"])
    finding = next(each for each in report.findings if each.window_ms and each.window_ms[0] <= at < each.window_ms[1])
    assert finding.key == {key: seen[key]}
    # a file without the row cannot be named
    expected = () if change is WINDOW_PLANTS[0][1] else (f"main/{table}/{path.name}",)
    assert finding.files in (expected, (f"main/{table}/{path.name}",))
    assert finding.ranges
    for found in finding.ranges:
        assert 0 <= found.start < found.end <= RECORDS
    if not path.name.startswith("compact-"):
        # the first commit read 6 records of one file and 4 of the other
        assert {(each.partition, each.end <= 6) for each in finding.ranges} <= {("left", True), ("right", True)}


def test_a_removed_distinct_value_is_named_by_its_window(compacted):
    lake = compacted
    lake.rewrite("per_ad_users_distinct", without(0), cunning=True)
    finding = the(lake.audit(), "window", "per_ad_users_distinct")
    assert set(finding.key or {}) == {"ad", "value"}
    assert {each.partition for each in finding.ranges} <= {"left", "right"}
    assert all(0 <= each.start < each.end <= RECORDS for each in finding.ranges)
    assert len(finding.ranges) > 0
