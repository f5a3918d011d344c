"""The model's fields: what is a column, what is optional, what is left out, and what is said of each."""

from typing import Any

from dataflow.event.fields import TimeUnit
from starter.event_time import EventTimeField
from starter.model import MOST_DEPTH, MOST_FIELDS, Leaf, Nested, build_model
from starter.sample import loaded
from starter.seen import observe
from tests.starter.streams import T0_MS, record

TIME = EventTimeField(("ts",), TimeUnit.MILLIS, "was given")


def built(*objects: dict[str, Any], time: EventTimeField = TIME) -> Nested:
    made = objects if time is not TIME else [{"ts": T0_MS, **each} for each in objects]
    return build_model(observe([loaded(record(each)) for each in made]), time)


def fields(model: Nested) -> dict[str, str]:
    return {leaf.column: f"{leaf.type.text}{' | None' if leaf.optional else ''}" for leaf in model.leaves()}


def test_fields_come_in_the_order_of_the_records_with_the_event_time_required() -> None:
    model = built({"a": 1, "o": {"b": True, "c": None}, "x": None}, {"a": None, "o": {"b": False, "c": 2}})
    assert fields(model) == {"ts": "EventTime", "a": "int | None", "o.b": "bool", "o.c": "int | None"}
    assert model.left_out == [("x", "is always null")]
    (nested,) = model.nested()
    assert (nested.name, nested.class_name, nested.optional) == ("o", "O", False)
    assert [leaf.column for leaf in model.always()] == ["ts", "o.b"]


def test_how_often_a_field_lacks_a_value_is_said() -> None:
    model = built(*[{"a": 1, "b": 1}] * 8, {"a": None}, {})
    assert [child.notes for child in model.children[1:]] == [["absent or null in 2 of 10"], ["absent in 2 of 10"]]
    rare = built(*[{"a": 1}] * 199, {"a": None})
    assert rare.children[1].notes == ["null in 1 of 200, which would be dead letters if it were required"]


def test_lists_deep_objects_and_maps_are_left_out_with_the_reason() -> None:
    deep: dict[str, Any] = {"end": 1}
    for _ in range(MOST_DEPTH):
        deep = {"d": deep}
    objects = [{"list": [1], "empty": {}, "o": {"list": [1]}, "map": {f"k{n}": 1, "z": 2}, **deep} for n in range(40)]
    model = built(*objects)
    assert fields(model) == {"ts": "EventTime"}
    reasons = dict(model.left_out)
    assert reasons["list"] == "is a list: no column holds one"
    assert reasons["empty"] == "is an object without a field that a column holds"
    assert reasons["o"] == "is an object without a field that a column holds (list)"
    assert reasons["map"] == "is an object whose keys differ from record to record (41 of them)"
    assert reasons["d"].startswith("is an object without a field that a column holds")


def test_a_key_that_hardly_any_record_has_and_fields_beyond_many_are_left_out() -> None:
    model = built(*[{"a": 1}] * 999, {"a": 1, "ad": "x"})
    assert model.left_out == [("ad", "is in 1 of 1,000 records only")]
    wide = built({f"f{n}": n for n in range(MOST_FIELDS + 2)})
    assert len(fields(wide)) == MOST_FIELDS + 1
    assert wide.left_out[0] == (f"f{MOST_FIELDS}", f"comes after the first {MOST_FIELDS} fields")
    assert built({"x" * 49: 1}).left_out == [("x" * 48, "has too long a name")]


def test_names_that_python_or_the_lake_takes_are_others_and_stay_apart() -> None:
    model = built({"offset": 1, "Cost": 1, "cost": 2, "class": "x", "shop": {"offset": 1}, "Shop": 2})
    names = {child.seen.key: child.name for child in model.children}
    assert names == {
        "ts": "ts",
        "offset": "event_offset",
        "Cost": "Cost",
        "cost": "event_cost",
        "class": "event_class",
        "shop": "shop",
        "Shop": "event_Shop",
    }
    assert fields(model)["shop.offset"] == "int"


def test_records_of_two_kinds_say_which_kind_has_a_field() -> None:
    kinds: list[dict[str, Any]] = [{"kind": "sale", "price": 1.5}, {"kind": "refund", "reason": "x"}, {"kind": "void"}]
    model = built(*kinds * 40)
    notes = {child.name: child.notes for child in model.children if isinstance(child, Leaf)}
    assert notes["price"][-1] == "there where kind is 'sale', and only there"
    assert notes["reason"][-1] == "there where kind is 'refund', and only there"
    more: list[dict[str, Any]] = [{"kind": "sale", "n": 1}, {"kind": "gift", "n": 1}, {"kind": "void"}]
    several = built(*more * 40)
    assert several.children[-1].notes == ["there where kind is 'gift' or 'sale', and only there"]


def test_a_nested_event_time_makes_the_objects_around_it_required() -> None:
    time = EventTimeField(("payload", "ts"), TimeUnit.MILLIS, "was given")
    model = built({"payload": {"ts": T0_MS, "n": 1}, "id": 1}, {"payload": {"ts": T0_MS}, "id": 2}, time=time)
    assert fields(model) == {"payload.ts": "EventTime", "payload.n": "int | None", "id": "int"}
