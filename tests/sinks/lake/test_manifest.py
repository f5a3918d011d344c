"""What the sink keeps in the recovery store."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dataflow.errors import RecoveryError
from dataflow.messages import Range, RollupCount
from dataflow.rules import Rules
from sinks.lake.catalog.staged import ColumnStats, StagedFile
from sinks.lake.manifest import Manifest, from_state, to_state, without_files
from tests.sinks.lake.small import small_plan, writer_for

PLAN = small_plan()


def test_a_state_of_another_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecoveryError, match="version 99"):
        writer_for(tmp_path, PLAN, state={"version": 99, "pending": []})


STATS = ColumnStats(3, "int64", 80, 5, 1, "0", "9", None)
FILE = StagedFile("events", 7, "small-lake-0000000001-1-aa.parquet", 6, 900, 120, "d" * 64, (STATS,))
RULES = Rules(5, 30, 0, (("total", 2),))
LINE = Range("t/0", "t", 3, 9, 6, 5, 1, 0, 0, -5, 1_000, True, {"total": RollupCount(1, 4, 1)}, 995, RULES)
MANIFEST = Manifest("store-1", 4, (FILE,), (LINE,))


def test_a_manifest_comes_back_equal() -> None:
    assert from_state(to_state([MANIFEST], 4)) == [MANIFEST]


def test_of_epochs_that_the_lake_has_a_state_need_not_tell_the_files() -> None:
    later, other = replace(MANIFEST, epoch=5), replace(MANIFEST, lineage="store-2")
    state = to_state([MANIFEST, later, other], 5)
    without = without_files(state, {"store-1": 4, "store-3": 9})
    assert from_state(without) == [replace(MANIFEST, files=()), later, other]
    assert without["epoch"] == 5
    assert without_files(state, {}) == state
    assert without_files({"version": 99}, {"store-1": 4}) == {"version": 99}


def test_a_state_of_version_1_holds_ranges_that_tell_no_rules() -> None:
    state = to_state([MANIFEST], 4)
    (entry,) = state["pending"][0]["ranges"]
    del entry["watermark"], entry["rules"]
    (found,) = from_state(state | {"version": 1})
    assert found.ranges == (replace(LINE, watermark=None, rules=None),)


def test_a_state_is_of_plain_values_alone_so_that_it_outlives_the_classes() -> None:
    state = to_state([MANIFEST], 4)
    assert {type(each).__module__ for each in every(state)} == {"builtins"}
    assert (state["version"], state["epoch"]) == (2, 4)


def every(value: Any) -> list[Any]:
    """The value and all that it holds."""
    if isinstance(value, dict):
        return [value, *(each for part in value.values() for each in every(part))]
    if isinstance(value, list | tuple):
        return [value, *(each for part in value for each in every(part))]
    return [value]


def test_the_names_in_a_stored_state_stay_as_they_are() -> None:
    (entry,) = to_state([MANIFEST], 4)["pending"]
    assert list(entry) == ["lineage", "epoch", "files", "ranges"]
    assert set(entry["files"][0]) == {
        "table", "table_id", "path", "rows", "size_bytes", "footer_bytes", "digest", "columns",
    }  # fmt: skip
    assert set(entry["files"][0]["columns"][0]) == {
        "column_id", "type", "size_bytes", "value_count", "null_count", "low", "high", "contains_nan",
    }  # fmt: skip
    assert set(entry["ranges"][0]) == {
        "partition", "topic", "start", "end", "read", "accepted", "duplicate", "late", "dead", "checksum",
        "max_event_time", "finished", "rollups", "watermark", "rules", "content", "lost",
    }  # fmt: skip
    assert entry["ranges"][0]["rollups"] == {"total": {"filtered": 1, "counted": 4, "late": 1}}


def test_no_state_holds_no_manifest() -> None:
    assert from_state(None) == []
    assert from_state(to_state([], 4)) == []


def test_two_manifests_are_the_same_by_the_offsets_they_hold() -> None:
    assert MANIFEST.offsets == [["t/0", 3, 9]]
