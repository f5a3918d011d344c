"""Which rules a run changes, and from which offsets on: told until records were judged by them."""

from dataclasses import replace
from pathlib import Path

from dataflow.pipeline.plan import Plan
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.tables.changes import rule_changes
from sinks.lake.writer import commit
from tests.sinks.lake.small import PER_AD, TOTAL, parcel, small_plan, writer_for

PLAN = small_plan((PER_AD, TOTAL))


def told(folder: Path, plan: Plan) -> list[str]:
    catalog = Catalog.look(folder)
    try:
        return [str(change) for change in rule_changes(catalog, plan)]
    finally:
        catalog.close()


def test_a_lake_without_records_and_one_that_goes_on_as_it_was_change_nothing(tmp_path: Path) -> None:
    writer = writer_for(tmp_path, PLAN)
    assert told(tmp_path, small_plan((PER_AD, TOTAL), out_of_orderness="1m")) == []
    commit(writer, [parcel(PLAN, 0, 0, 3, rules=PLAN.rules)], 1)
    writer.close()
    assert told(tmp_path, PLAN) == []
    # one rollup fewer, another one more: neither is another rule
    assert told(tmp_path, small_plan((PER_AD, replace(TOTAL, name="more")))) == []


def test_each_setting_is_told_with_the_offsets_from_which_it_is_another_one(tmp_path: Path) -> None:
    writer = writer_for(tmp_path, PLAN)
    # ranges that an earlier version staged tell no rules: those of the lake's definition held
    commit(writer, [parcel(PLAN, 0, 0, 3, rules=PLAN.rules), parcel(PLAN, 0, 0, 2, partition="t/1")], 1)
    writer.close()
    other = small_plan((PER_AD, replace(TOTAL, allowed_lateness="1m")), out_of_orderness="90s", idle_timeout="1h")
    wanted = [
        "out_of_orderness was 5s and is 90s from t/0 offset 3, t/1 offset 2 on",
        "idle_timeout was 30s and is 1h from t/0 offset 3, t/1 offset 2 on",
        "allowed_lateness of rollup total was 0s and is 1m from t/0 offset 3, t/1 offset 2 on",
    ]
    assert told(tmp_path, other) == wanted
    # a run that ends before its first commit changes nothing, and the next one says the same
    writer = writer_for(tmp_path, other)
    assert told(tmp_path, other) == wanted
    assert told(tmp_path, PLAN) == []
    commit(writer, [parcel(other, 0, 3, 4, rules=other.rules)], 2)
    writer.close()
    assert told(tmp_path, other) == [line.replace("t/0 offset 3, ", "") for line in wanted]
