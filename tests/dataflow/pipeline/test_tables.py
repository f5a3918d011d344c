"""The lake's tables as they follow from a plan."""

import pyarrow as pa
import pytest

from dataflow.aggregates.kinds import KINDS
from dataflow.messages import DEAD_SCHEMA
from dataflow.pipeline.tables import (
    LATE_SCHEMA,
    TableSpec,
    delta_schema,
    distinct_schema,
    events_schema,
    ledger_schema,
    merges_of,
    tables_of,
)
from tests.dataflow.hot_path import plan

PLAN = plan()


def specs(*, events: bool = True) -> dict[str, TableSpec]:
    return {spec.name: spec for spec in tables_of(PLAN, events=events)}


def test_the_ledger_comes_first_and_events_only_where_they_are_kept() -> None:
    assert list(specs())[:4] == ["ledger", "dead_letters", "late_events", "events"]
    assert specs().keys() - specs(events=False).keys() == {"events"}


def test_every_table_has_each_column_once_whatever_the_case() -> None:
    for spec in specs().values():
        names = [name.lower() for name in spec.schema.names]
        assert len(names) == len(set(names)), spec.name


def test_a_table_that_merges_says_so_for_every_column_that_is_no_key() -> None:
    for spec in specs().values():
        if not spec.keys:
            assert spec.merges == ()
            continue
        merging = [column for merge in spec.merges for column in merge.columns]
        assert [*spec.keys, *merging] == spec.schema.names, spec.name


def test_a_rollup_has_its_keys_its_window_its_parts_and_its_counts() -> None:
    rollup = next(each for each in PLAN.rollups if each.name == "total")
    assert delta_schema(rollup).names == ["window_start", "window_end", "n", "row_count", "late_count"]
    (days,) = [each for each in rollup.aggregates if each.keeps_values]
    assert distinct_schema(rollup, days).field("value").type == pa.date32()
    assert specs()["total_days_distinct"].keys == ("window_start", "window_end", "value")


def test_only_sessions_merge_over_their_windows() -> None:
    assert {name for name, spec in specs().items() if spec.session} == {"sessions_delta", "busy_delta"}


def test_the_ledger_has_four_columns_per_rollup() -> None:
    names = ledger_schema(PLAN).names
    for rollup in PLAN.rollups:
        assert {f"{rollup.name}_{what}" for what in ("filtered", "counted", "late", "allowed_lateness_ms")} < set(names)
    assert len(names) == 16 + 5 + 4 * len(PLAN.rollups)


def test_events_say_where_they_came_from_before_what_they_hold() -> None:
    assert events_schema(PLAN).names == [
        "topic",
        "partition",
        "offset",
        "record_timestamp",
        *PLAN.event.arrow.names,
        "region",
        "tier",
    ]


def test_late_and_dead_rows_name_their_place_alike() -> None:
    place = ["topic", "partition", "offset"]
    assert [LATE_SCHEMA.field(name).type for name in place] == [DEAD_SCHEMA.field(name).type for name in place]


@pytest.mark.parametrize("name", KINDS)
def test_the_columns_of_a_kind_merge_under_the_names_that_it_gives_them(name: str) -> None:
    merges = merges_of("x", KINDS[name])
    assert [column for merge in merges for column in merge.columns] == KINDS[name].columns("x")
