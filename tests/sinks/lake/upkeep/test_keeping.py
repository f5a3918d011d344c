"""How far things may leave, and into which steps of time files fall."""

from datetime import UTC, datetime

import pytest

from sinks.lake.catalog.left import Left, Seen
from sinks.lake.tables.definition import definition_of
from sinks.lake.upkeep.keeping import SLOTS, Keep, Slots, keeps_of, now_ms, slots_of
from tests.sinks.lake.upkeep.leaving import plan_of

HOUR_MS = 3_600_000
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NOON_MS = int(NOON.timestamp() * 1000)


@pytest.mark.parametrize(
    ("seen", "reached"),
    [
        ([], None),
        ([Seen(None, False, 0)], None),
        # the slowest decides, less the disorder
        ([Seen(100, False, 0), Seen(70, False, 0)], 60),
        # one without an event yet may bring anything
        ([Seen(100, False, 0), Seen(None, False, 0)], None),
        # one that was silent for as long as things are kept, while others were not, holds nothing
        ([Seen(100, False, HOUR_MS), Seen(70, False, 0)], 90),
        ([Seen(100, False, HOUR_MS - 1), Seen(70, False, 0)], 60),
        ([Seen(100, False, HOUR_MS), Seen(None, False, 0)], 90),
        # nobody knows since when
        ([Seen(100, False, HOUR_MS), Seen(70, False, None)], 60),
        # what has ended holds nothing, and however much has ended there is no time beyond the furthest
        ([Seen(100, False, 0), Seen(70, True, 0)], 90),
        ([Seen(100, True, 0), Seen(70, True, 0)], 90),
        # an event from the future moves its own partition alone
        ([Seen(9_999_999, False, 0), Seen(70, False, 0)], 60),
    ],
)
def test_the_time_that_is_counted_back_from_is_the_slowest_watermark(seen: list[Seen], reached: int | None) -> None:
    assert now_ms(seen, 10, HOUR_MS) == reached


def test_a_border_moves_in_steps_of_a_sixteenth() -> None:
    keep = Keep("events", ("events",), "time", 160)
    assert keep.slot_ms == 160 // SLOTS
    assert [keep.before_ms([Seen(at, False, 0)], 0) for at in (0, 160, 169, 170, 1_000)] == [-160, 0, 0, 10, 840]
    assert keep.before_ms([], 0) is None
    assert Keep("events", ("events",), "time", 1).slot_ms == 1


def test_a_rollup_leaves_with_its_side_tables_and_each_row_table_by_its_time() -> None:
    plan = plan_of("1h", events_keep="2h", late_events_keep="3h", dead_letters_keep="4h")
    keeps = keeps_of(definition_of(plan))
    assert {keep.name: (keep.tables, keep.column, keep.keep_ms // HOUR_MS) for keep in keeps} == {
        "events": (("events",), "time", 2),
        "late_events": (("late_events",), "watermark", 3),
        "dead_letters": (("dead_letters",), None, 4),
        "minutes": (("minutes_delta", "minutes_users_distinct"), "window_end", 1),
        "visits": (("visits_delta", "visits_users_distinct"), "window_end", 1),
    }
    assert [keep.name for keep in keeps if keep.merges_windows] == ["visits"]
    assert keeps_of(definition_of(plan_of())) == []


def test_the_ledger_has_slots_where_it_tells_the_time_of_dead_letters() -> None:
    keeps = keeps_of(definition_of(plan_of(dead_letters_keep="16h")))
    slots = slots_of(keeps, {}, NOON)
    assert slots == {
        "dead_letters": Slots(None, HOUR_MS, NOON_MS + 16 * HOUR_MS),
        "ledger": Slots("max_event_time", HOUR_MS, NOON_MS + 16 * HOUR_MS),
    }
    assert "ledger" not in slots_of(keeps_of(definition_of(plan_of("16h"))), {}, NOON)
    # what tells the time of nothing that is left is one file again
    later = slots_of(keeps, {"dead_letters": Left(3 * HOUR_MS, 7, 7)}, NOON)["ledger"]
    assert later.numbers([HOUR_MS // 2, 2 * HOUR_MS, 3 * HOUR_MS - 1, 3 * HOUR_MS, 5 * HOUR_MS]) == [2, 2, 2, 3, 5]


def test_slots_ascend_in_row_order_and_leave_out_what_lies_in_the_future() -> None:
    slots = Slots("time", 10, 1_000)
    assert slots.numbers([5, 25, 12, None, 31, 5_000, 29, 47]) == [0, 2, 2, 2, 3, 3, 3, 4]
    assert slots.numbers([None, 5_000, -15]) == [0, 0, 0]
    assert slots.numbers([-15, 3]) == [-2, 0]
