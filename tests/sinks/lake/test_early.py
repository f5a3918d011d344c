"""Alerts before their commit, beside the writer: with the first parcel that makes them true, and the commit as ever."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from dataflow.pipeline.alert_rules import distinct, threshold
from sinks.lake import early
from sinks.lake.writer import LakeWriter, commit
from tests.sinks.lake.small import PER_AD, parcel, per_ad_row, small_plan, writer_for
from tests.sinks.lake.test_alerting import alerts_in

PLAN = small_plan([PER_AD], alerts=[threshold("busy", on="per_ad", having="clicks >= 3")])


def rows(*clicks: tuple[str, int, int]) -> dict[str, Any]:
    return {"per_ad_delta": [per_ad_row(*each) for each in clicks]}


class Told:
    """A writer, and what it told early: key and change."""

    def __init__(self, folder: Path, rules: tuple[str, ...] = ("busy",)) -> None:
        self.found: list[tuple[str, int]] = []
        self.writer: LakeWriter = writer_for(folder, PLAN)
        assert self.writer.alerts is not None
        self.writer.alerts.tell_early(rules, self._tell)
        self.offset = 0

    def _tell(self, changes: pa.Table) -> None:
        lines = zip(changes.column("key").to_pylist(), changes.column("change").to_pylist(), strict=True)
        self.found += [(key[8:-2], change) for key, change in lines]

    def write(self, epoch: int, *clicks: tuple[str, int, int], records: int = 1) -> None:
        made = parcel(PLAN, 0, self.offset, self.offset + records, tables=rows(*clicks))
        self.offset += records
        made.epoch = epoch
        self.writer.write([made])

    def take(self) -> list[tuple[str, int]]:
        found, self.found = self.found, []
        return found


def test_an_alert_is_told_before_its_epoch_ends_and_over_epochs_that_are_only_staged(tmp_path: Path) -> None:
    told = Told(tmp_path / "lake")
    told.write(1, ("a", 1, 2))
    assert told.take() == []
    told.writer.snapshot()
    # the epoch before is staged and no more when this one begins
    told.write(2, ("a", 1, 1), ("b", 1, 1))
    assert told.take() == [("a", 1)]
    told.write(2, ("a", 1, 1))
    told.write(2, ("b", 1, 2))
    assert told.take() == [("b", 1)]
    assert alerts_in(tmp_path / "lake") == []
    told.writer.snapshot()
    told.writer.publish_now()
    assert alerts_in(tmp_path / "lake") == [("a", "raised", 1), ("b", "raised", 1)]
    told.write(3, ("a", 1, 1), ("c", 1, 3))
    assert told.take() == [("c", 1)]


def test_of_rules_that_nobody_wants_early_and_of_tables_beside_them_nothing_is_told(tmp_path: Path) -> None:
    told = Told(tmp_path / "lake", rules=("other",))
    told.write(1, ("a", 1, 9))
    assert told.take() == []
    told.writer.snapshot()
    told.writer.publish_now()
    assert alerts_in(tmp_path / "lake") == [("a", "raised", 1)]


def test_what_comes_while_the_run_catches_up_waits_for_what_comes_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(early, "BEHIND_RECORDS", 10)
    told = Told(tmp_path / "lake")
    told.write(1, ("a", 1, 2), ("b", 1, 9), records=10)
    assert told.take() == []
    told.write(1, ("a", 1, 1))
    assert sorted(told.take()) == [("a", 1), ("b", 1)]
    told.writer.snapshot()
    told.writer.publish_now()
    told.write(2, ("c", 1, 9), records=10)
    told.writer.snapshot()
    told.writer.publish_now()
    assert told.take() == []
    assert alerts_in(tmp_path / "lake") == [(name, "raised", 1) for name in "abc"]


def test_distinct_values_in_side_tables_are_looked_at(tmp_path: Path) -> None:
    rule = distinct("many", key="ad", of="user", more_than=1, window=PER_AD.window)
    plan = small_plan([PER_AD], alerts=[rule])
    writer = writer_for(tmp_path / "lake", plan)
    found: list[pa.Table] = []
    assert writer.alerts is not None
    writer.alerts.tell_early(["many"], found.append)
    ((rollup),) = [each for each in plan.rollups if each.name == "many"]
    head = {name: per_ad_row("a", 1, 1)[name] for name in ("ad", "window_start", "window_end")}
    side = rollup.distinct_table("distinct_count")
    for number in (1, 2):
        made = {
            rollup.delta_table: [{**head, "row_count": 1, "late_count": 0}],
            side: [{**head, "value": number}],
        }
        one = parcel(plan, 0, number - 1, number, tables=made)
        one.epoch = 1
        writer.write([one])
        assert len(found) == number - 1
    assert found[0].column("change").to_pylist() == [1]
    writer.close()


def test_without_anybody_who_wants_it_nothing_is_looked_at(tmp_path: Path) -> None:
    writer = writer_for(tmp_path / "lake", PLAN)
    commit(writer, [parcel(PLAN, 0, 0, 1, tables=rows(("a", 1, 3)))], 1)
    assert alerts_in(tmp_path / "lake") == [("a", "raised", 1)]
