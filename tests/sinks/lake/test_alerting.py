"""Alerts beside the writer: staged and published with their rows, read back after a restart, and what else counts."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from dataflow.errors import Fenced
from dataflow.filter.equalities import equalities
from dataflow.pipeline.alert_rules import distinct, threshold
from dataflow.pipeline.plan import Plan
from dataflow.pipeline.tables import tables_of
from dataflow.windows import tumble
from query.reader import LakeReader
from sinks.lake import alerting
from sinks.lake.catalog.backfills import Backfilled
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.commit_stats import CommitStats
from sinks.lake.files import write_file
from sinks.lake.tables.definition import definition_of, read_definition
from sinks.lake.upkeep.backfill import add_backfill
from sinks.lake.upkeep.compact import compact
from sinks.lake.upkeep.erase import erase
from sinks.lake.upkeep.expire import Retention
from sinks.lake.upkeep.holders import condition_schema
from sinks.lake.upkeep.keeping import Keep, keeps_of
from sinks.lake.upkeep.leave import leave
from sinks.lake.writer import LakeWriter, commit
from tests.ducklake_client import ducklake_query
from tests.sinks.lake.small import NOON, PER_AD, Clock, at, parcel, per_ad_row, small_plan, writer_for

RULE = threshold("odd", on="per_ad", having="clicks IN (1, 3, 5)")


def plan_of(*rules: Any, **more: Any) -> Plan:
    return small_plan([PER_AD], alerts=list(rules or (RULE,)), **more)


PLAN = plan_of()


class Crash(Exception):
    pass


def rows(*clicks: tuple[str, int, int]) -> dict[str, Any]:
    return {"per_ad_delta": [per_ad_row(*each) for each in clicks]}


def alerts_in(folder: Path) -> list[tuple[str, str, int]]:
    with LakeReader(folder) as reader:
        found = reader.query("SELECT key, state, change FROM alerts ORDER BY window_start, key").to_pylist()
    return [(row["key"][8:-2], row["state"], row["change"]) for row in found]


def test_a_commit_tells_what_each_rule_holds_and_has_done(tmp_path: Path) -> None:
    told: list[CommitStats] = []
    writer = writer_for(tmp_path / "lake", PLAN, on_commit=told.append)
    commit(writer, [parcel(PLAN, 0, 0, 1, tables=rows(("a", 1, 1), ("b", 1, 2)))], 1)
    commit(writer, [parcel(PLAN, 0, 1, 2, tables=rows(("a", 1, 1)))], 2)
    writer.close()
    (first,), (second,) = (each.alerts for each in told)
    assert (first.rule, first.rows, first.raised, first.retracted) == ("odd", 2, 1, 0)
    assert (second.raised, second.retracted) == (1, 1)
    assert first.size_bytes > 0


def test_alerts_come_with_the_commit_of_their_rows(tmp_path: Path) -> None:
    writer = writer_for(tmp_path / "lake", PLAN)
    commit(writer, [parcel(PLAN, 0, 0, 1, tables=rows(("a", 1, 1), ("b", 1, 2)))], 1)
    commit(writer, [parcel(PLAN, 0, 1, 2, tables=rows(("a", 1, 1), ("b", 1, 1)))], 2)
    writer.close()
    assert alerts_in(tmp_path / "lake") == [("a", "retracted", 2), ("b", "raised", 1)]
    with LakeReader(tmp_path / "lake") as reader:
        for number in (2, 3):
            shown = reader.query("SELECT key FROM alerts WHERE state = 'raised'", as_of=number).to_pylist()
            asked = "SELECT ad FROM per_ad WHERE clicks IN (1, 3, 5) ORDER BY ad"
            assert [row["key"][8:-2] for row in shown] == [
                row["ad"] for row in reader.query(asked, as_of=number).to_pylist()
            ]


def test_an_epoch_without_a_change_writes_no_file_of_alerts(tmp_path: Path) -> None:
    writer = writer_for(tmp_path / "lake", PLAN)
    commit(writer, [parcel(PLAN, 0, 0, 1, tables=rows(("a", 1, 2)))], 1)
    writer.close()
    assert not (tmp_path / "lake" / "main" / "alert_changes").exists()


@pytest.mark.parametrize(
    "point",
    [
        "before_snapshot",
        "before_file",
        "in_file",
        "after_file",
        "after_snapshot",
        "before_commit",
        "in_commit",
        "after_commit",
    ],
)
@pytest.mark.parametrize("count", [1, 4, 7])
def test_a_crash_at_any_point_leaves_the_alerts_of_a_run_without_one(tmp_path: Path, point: str, count: int) -> None:
    """Epochs as Bytewax has them: what is not durable is read again, what is staged is published at the next start."""
    left = count

    def fault(passed: str) -> None:
        nonlocal left
        left -= passed == point
        if left == 0 and passed == point:
            raise Crash

    epochs = [rows(("a", 1, 1), ("b", number % 3, 1), ("c", number, 2)) for number in range(7)]
    state: dict[str, Any] | None = None
    done = 0
    writer = writer_for(tmp_path / "lake", PLAN, fault=fault)
    crashed = 0
    while done <= len(epochs):
        try:
            # the last epoch brings nothing, and publishes what was staged
            tables = epochs[done] if done < len(epochs) else {}
            writer.write([parcel(PLAN, done + 1, done, done + bool(tables), tables=tables)])
            state = writer.snapshot()
            done += 1
        except Crash:
            crashed += 1
            writer.close()
            writer = writer_for(tmp_path / "lake", PLAN, state=state)
    writer.publish_now()
    writer.close()
    assert crashed == 1
    expected = writer_for(tmp_path / "again", PLAN)
    for number, tables in enumerate(epochs):
        commit(expected, [parcel(PLAN, 0, number, number + 1, tables=tables)], number + 1)
    expected.close()
    assert alerts_in(tmp_path / "lake") == alerts_in(tmp_path / "again")


def test_a_run_that_was_fenced_out_publishes_no_alert(tmp_path: Path) -> None:
    old = writer_for(tmp_path / "lake", PLAN)
    old.write([parcel(PLAN, 1, 0, 1, tables=rows(("a", 1, 1)))])
    state = old.snapshot()
    new = writer_for(tmp_path / "lake", PLAN, state=state)
    with pytest.raises(Fenced):
        old.publish_now()
    commit(new, [parcel(PLAN, 0, 1, 2, tables=rows(("a", 1, 1)))], 2)
    old.close()
    new.close()
    assert alerts_in(tmp_path / "lake") == [("a", "retracted", 2)]


def test_windows_that_no_partition_can_change_leave_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dataflow.alerts.totals.SPARE_ROWS", 0)
    monkeypatch.setattr(alerting, "RECENT_EPOCHS", 2)
    writer = writer_for(tmp_path / "lake", PLAN)
    held = []
    for number in range(12):
        tables = rows(("a", number, 1))
        newest = (number + 1) * 60_000
        commit(writer, [parcel(PLAN, 0, number, number + 1, tables=tables, max_event_time=newest)], number + 1)
        assert writer.alerts is not None
        held.append(writer.alerts.rows)
    # one that is behind holds its windows, and one that was silent for long does not
    commit(writer, [parcel(PLAN, 0, 0, 1, partition="t/1", tables=rows(("b", 1, 1)), max_event_time=60_000)], 13)
    writer.close()
    assert max(held) <= 4
    assert ("b", "raised", 1) in alerts_in(tmp_path / "lake")


def test_a_late_row_of_another_partition_corrects_an_alert_that_left_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dataflow.alerts.totals.SPARE_ROWS", 0)
    writer = writer_for(tmp_path / "lake", PLAN)
    for number in range(6):
        tables = rows(("a", number, 1))
        newest = (number + 1) * 60_000
        commit(writer, [parcel(PLAN, 0, number, number + 1, tables=tables, max_event_time=newest)], number + 1)
    commit(writer, [parcel(PLAN, 0, 0, 1, partition="t/1", tables=rows(("a", 0, 1)), max_event_time=1)], 7)
    writer.close()
    assert alerts_in(tmp_path / "lake")[0] == ("a", "retracted", 2)


def test_a_rule_that_is_new_judges_windows_by_all_rows_that_the_rollup_has(tmp_path: Path) -> None:
    without = small_plan([PER_AD])
    writer = writer_for(tmp_path / "lake", without)
    commit(writer, [parcel(without, 0, 0, 1, tables=rows(("a", 1, 4), ("b", 1, 3)))], 1)
    writer.close()
    writer = writer_for(tmp_path / "lake", PLAN, lineage="store-2")
    commit(writer, [parcel(PLAN, 0, 1, 2, tables=rows(("a", 1, 1)))], 2)
    writer.close()
    # b has had no row since, and is no news
    assert alerts_in(tmp_path / "lake") == [("a", "raised", 1)]
    # taken out and back again, with what the rollup got meanwhile
    writer = writer_for(tmp_path / "lake", without, lineage="store-3")
    commit(writer, [parcel(without, 0, 2, 3, tables=rows(("a", 1, 1)))], 3)
    writer.close()
    assert alerts_in(tmp_path / "lake") == [("a", "raised", 1)]
    writer = writer_for(tmp_path / "lake", PLAN, lineage="store-4")
    commit(writer, [parcel(PLAN, 0, 3, 4, tables=rows(("a", 1, 4)))], 4)
    writer.close()
    assert alerts_in(tmp_path / "lake") == [("a", "retracted", 2)]


def test_alerts_leave_with_their_windows_and_what_has_left_is_not_judged(tmp_path: Path) -> None:
    plan = plan_of(threshold("odd", on="per_ad", having="clicks IN (1, 3, 5)", keep="16m"))
    assert Keep("alerts", ("alert_changes",), "window_end", 960_000, is_rollup=True) in keeps_of(definition_of(plan))
    writer = writer_for(tmp_path / "lake", plan)
    for number in range(40):
        tables = rows(("a", number, 1))
        newest = (number + 1) * 60_000
        commit(writer, [parcel(plan, 0, number, number + 1, tables=tables, max_event_time=newest)], number + 1)
    catalog = Catalog.open(tmp_path / "lake")
    departures, _ = leave(catalog, NOON)
    catalog.close()
    assert [each.name for each in departures] == ["alerts"]
    border = departures[0].before_ms
    shown = len(alerts_in(tmp_path / "lake"))
    assert shown == 40 - border // 60_000 < 40
    gone = parcel(plan, 0, 0, 1, partition="t/1", tables=rows(("a", 1, 1), ("a", 39, 1)), max_event_time=1)
    commit(writer, [gone], 41)
    writer.close()
    found = alerts_in(tmp_path / "lake")
    assert len(found) == shown
    assert found[-1] == ("a", "retracted", 2)


def test_compaction_keeps_every_change(tmp_path: Path) -> None:
    writer = writer_for(tmp_path / "lake", PLAN)
    for number in range(17):
        commit(writer, [parcel(PLAN, 0, number, number + 1, tables=rows(("a", 1, 1), ("b", number, 1)))], number + 1)
    before = alerts_in(tmp_path / "lake")
    catalog = Catalog.open(tmp_path / "lake")
    report = compact(catalog, [], clock=Clock(), retention=Retention(grace=timedelta(0)))
    catalog.close()
    assert report.files["alert_changes"] < 17
    assert alerts_in(tmp_path / "lake") == before
    writer.close()


def test_a_pipeline_without_rules_is_judged_by_nothing(tmp_path: Path) -> None:
    writer: LakeWriter = writer_for(tmp_path / "lake", small_plan())
    assert writer.alerts is None
    writer.close()
    with LakeReader(tmp_path / "lake") as reader:
        assert not {"alerts", "alert_changes"} & set(reader.snapshot().names())


@pytest.mark.ducklake
def test_the_official_client_sees_the_alerts(tmp_path: Path) -> None:
    plan = plan_of(threshold("odd", on="per_ad", having="clicks IN (1, 3, 5)", cool_down="1h", message="{ad}"))
    writer = writer_for(tmp_path / "lake", plan)
    commit(writer, [parcel(plan, 0, 0, 1, tables=rows(("a", 1, 1), ("a", 3, 3), ("b", 1, 1)))], 1)
    commit(writer, [parcel(plan, 0, 1, 2, tables=rows(("b", 1, 1)))], 2)
    writer.close()
    sql = 'SELECT message, state, change, quiet, epoch_ms(window_start), "values" IS NOT NULL FROM {} ORDER BY ALL'
    (theirs,) = ducklake_query(tmp_path / "lake", [sql.format("lake.alerts")])
    assert [list(row) for row in theirs] == [
        ["a", "raised", 1, False, 60_000, True],
        ["a", "raised", 1, True, 180_000, True],
        ["b", "retracted", 2, False, 60_000, True],
    ]


def test_what_a_backfill_beside_it_adds_to_a_window_counts_from_its_next_row_on(tmp_path: Path) -> None:
    writer = writer_for(tmp_path / "lake", PLAN)
    commit(writer, [parcel(PLAN, 0, 0, 1, tables=rows(("a", 1, 1), ("b", 1, 1)))], 1)
    catalog = Catalog.open(tmp_path / "lake")
    (spec,) = [each for each in tables_of(PLAN, events=True) if each.name == "per_ad_delta"]
    older = pa.Table.from_pylist([per_ad_row("a", 1, 3), per_ad_row("b", 1, 3)], schema=spec.schema)
    file = write_file(catalog.folder, catalog.tables()[spec.name], older, "compact-ab.parquet")
    marks = [Backfilled("t/0", 0, 1, None, None, 0, 6, 0, 0, 9)]
    assert add_backfill(catalog, "per_ad", [file], lambda _: marks, clock=Clock()) is not None
    catalog.close()
    assert alerts_in(tmp_path / "lake") == [("a", "raised", 1), ("b", "raised", 1)]
    # 1 + 3 + 1 and 1 + 3 + 2
    commit(writer, [parcel(PLAN, 0, 1, 2, tables=rows(("a", 1, 1), ("b", 1, 2)))], 2)
    writer.close()
    assert alerts_in(tmp_path / "lake") == [("a", "raised", 1), ("b", "retracted", 2)]


def test_distinct_values_that_an_erasure_beside_it_took_out_count_no_more(tmp_path: Path) -> None:
    plan = plan_of(distinct("wide", key="ad", of="user", more_than=1, window=tumble("1m")))
    writer = writer_for(tmp_path / "lake", plan)

    def add(epoch: int, user: int) -> None:
        head = {"ad": "x", "window_start": at(60_000), "window_end": at(120_000)}
        tables = {
            "wide_delta": [{**head, "row_count": 1, "late_count": 0}],
            "wide_distinct_count_distinct": [{**head, "value": user}],
        }
        commit(writer, [parcel(plan, 0, epoch - 1, epoch, tables=tables)], epoch)

    add(1, 7)
    add(2, 8)
    assert alerts_in(tmp_path / "lake") == [("x", "raised", 1)]
    catalog = Catalog.open(tmp_path / "lake")
    definition = read_definition(catalog.one("SELECT definition FROM own_pipeline")[0])
    assert definition is not None
    condition = equalities('"user" = 8', condition_schema(definition))
    erase(catalog, definition, condition, clock=Clock(), wait=lambda: None)
    catalog.close()
    assert alerts_in(tmp_path / "lake") == [("x", "raised", 1)]
    add(3, 7)
    writer.close()
    assert alerts_in(tmp_path / "lake") == [("x", "retracted", 2)]
