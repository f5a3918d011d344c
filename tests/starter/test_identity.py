"""Which field tells a retry from another event."""

from typing import Any

from dataflow.event.fields import TimeUnit
from starter.event_time import EventTimeField
from starter.identity import FEW, Identity, find_identity
from starter.model import build_model
from starter.sample import Parsed, parse
from starter.seen import observe
from tests.starter.streams import T0_MS, record, sample

TIME = EventTimeField(("ts",), TimeUnit.MILLIS, "was given")


def found(objects: list[dict[str, Any]], name: str = "orders") -> Identity | None:
    made = [{"ts": T0_MS, **each} for each in objects]
    parsed = [each for each in parse(sample(*map(record, made))) if isinstance(each, Parsed)]
    times = [time for each in parsed if (time := TIME.read(each.value)) is not None]
    return find_identity(build_model(observe([each.value for each in parsed]), TIME), parsed, times, name)


def column(objects: list[dict[str, Any]], name: str = "orders") -> str | None:
    identity = found(objects, name)
    return None if identity is None else identity.column


def test_a_field_called_like_an_id_whose_values_all_differ_identifies() -> None:
    identity = found([{"n": n, "order_id": f"o{n}", "shop_id": n % 3} for n in range(50)])
    assert identity == Identity("order_id", "10m", "all 50 values differ")


def test_retries_are_equal_records_and_set_how_long_an_id_is_remembered() -> None:
    objects = [{"ts": T0_MS + n * 60_000, "event_id": n} for n in range(60)]
    identity = found([*objects, objects[20], objects[50]])
    assert identity == Identity("event_id", "10m", "2 of 62 came again, as equal records")
    # what is not equal is no retry
    assert found([*objects, {**objects[20], "n": 1}]) is None


def test_what_is_no_id_by_name_comes_too_seldom_or_is_too_few_identifies_nothing() -> None:
    assert found([{"reading": n} for n in range(50)]) is None
    assert found([{"user_id": n // 5} for n in range(50)]) is None
    assert found([{"event_id": n} for n in range(FEW - 1)]) is None
    assert found([{"event_id": n if n % 2 else None} for n in range(50)]) is None


def test_of_several_the_one_that_is_called_after_the_topic_or_an_event_is_taken() -> None:
    objects = [{"trace_id": n, "order_id": n, "o": {"id": n}} for n in range(50)]
    assert column(objects) == "order_id"
    assert column(objects, "traces") == "trace_id"
    assert column([{"trace_id": n, "id": n} for n in range(50)]) == "id"
