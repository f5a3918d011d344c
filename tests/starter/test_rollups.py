"""Which two questions a new pipeline answers."""

import random
from typing import Any

from dataflow.event.fields import TimeUnit
from starter.event_time import EventTimeField
from starter.model import build_model
from starter.rollups import Draft, draft_rollups
from starter.sample import loaded
from starter.seen import observe
from tests.starter.streams import T0_MS, record

TIME = EventTimeField(("ts",), TimeUnit.MILLIS, "was given")
DRAW = random.Random(3)


def drafted(*objects: dict[str, Any]) -> tuple[Draft, Draft]:
    made = [loaded(record({"ts": T0_MS, **each})) for each in objects]
    return draft_rollups(build_model(observe(made), TIME))


def names(draft: Draft) -> list[str]:
    return [name for name, _ in draft.aggregates]


def test_the_best_key_is_counted_by_the_minute_and_the_next_by_the_hour() -> None:
    minute, hour = drafted(
        *[{"order_id": n, "shop_id": n % 9, "status": "ab"[n % 2] * 3, "amount": n + 0.5} for n in range(100)]
    )
    assert (minute.name, minute.keys, minute.size) == ("status_1m", ("status",), "1m")
    assert (hour.name, hour.keys, hour.size) == ("shop_id_1h", ("shop_id",), "1h")
    assert minute.aggregates == (("events", "agg.count()"), ("amount_sum", 'agg.sum("amount")'))
    assert minute.why == "status has 2 values in the sample"


def test_without_a_good_key_all_is_counted() -> None:
    for objects in ([{"n": n, "text": f"t{n}"} for n in range(100)], [{"a": 1}], [{"shop_id": None}]):
        minute, hour = drafted(*objects)
        assert (minute.name, minute.keys, hour.name, hour.keys) == ("all_1m", (), "all_1h", ())
        assert minute.why == "overall: one row per window"
    one, overall = drafted(*[{"shop_id": n % 3} for n in range(60)])
    assert (one.keys, overall.keys) == (("shop_id",), ())


def test_what_adds_up_is_summed_and_what_measures_has_its_extremes() -> None:
    sensors = [{"sensor": f"s{n % 5}", "temperature": n + 0.125, "item_count": n, "level": n} for n in range(100)]
    minute, _ = drafted(*sensors)
    assert names(minute) == ["events", "item_count_sum", "temperature_min", "temperature_max"]


def test_somebody_is_counted_once_about() -> None:
    minute, _ = drafted(*[{"country": "xyz"[n % 3], "user_id": f"u{n % 77}"} for n in range(100)])
    assert minute.keys == ("country",)
    assert minute.aggregates[-1] == ("distinct_user_id", 'agg.approx_count_distinct("user_id")')


def test_columns_keep_apart_from_keys_and_from_each_other() -> None:
    objects = [
        {"events": "ab"[n % 2], "row_count": n % 2, "A": {"cost": n + 0.5}, "a_cost": n + 0.5} for n in range(60)
    ]
    minute, _ = drafted(*objects)
    assert minute.keys == ("events",)
    assert names(minute) == ["events_2", "a_cost_sum", "a_cost_sum_2", "row_count_sum"]


def test_a_nested_key_gives_a_name_that_every_engine_takes() -> None:
    minute, _ = drafted(*[{"Shop": {"Kind": "ab"[n % 2] * 2}} for n in range(100)])
    assert (minute.name, minute.keys) == ("shop_kind_1m", ("Shop.Kind",))


def test_a_key_that_most_records_lack_a_truth_and_a_time_are_bad_ones() -> None:
    objects = [{"ok": n % 2 == 0, "before": {"shop_id": n % 9} if n % 4 == 0 else None} for n in range(200)]
    minute, hour = drafted(*({"ts_ms": T0_MS + n, "site_id": n % 9, **each} for n, each in enumerate(objects)))
    assert (minute.keys, hour.keys) == (("site_id",), ("before.shop_id",))
    assert names(minute) == ["events"]
    minute, _ = drafted(*[{"ok": n % 2 == 0} for n in range(200)])
    assert minute.keys == ()
