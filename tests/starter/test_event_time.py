"""Which field is taken for the event time, in which unit, and why."""

from typing import Any

import pytest

from dataflow.errors import ConfigError, SourceError
from dataflow.event.fields import TimeUnit
from starter.event_time import EventTimeField, find_event_time
from starter.sample import Parsed, parse
from tests.starter.streams import T0_MS, record, sample


def found(objects: list[dict[str, Any]], ahead_ms: int | None = 1_000, wanted: str | None = None) -> EventTimeField:
    """In records that were written so long after T0."""
    stamps = [None if ahead_ms is None else T0_MS + ahead_ms] * len(objects)
    parsed = [each for each in parse(sample(*map(record, objects), stamps_ms=stamps)) if isinstance(each, Parsed)]
    return find_event_time(parsed, wanted)


def named(*objects: dict[str, Any], **more: Any) -> tuple[str, TimeUnit]:
    field = found(list(objects), **more)
    return ".".join(field.path), field.unit


TEXT = "2026-03-01T22:20:00.5+01:00"


@pytest.mark.parametrize(
    ("value", "unit"),
    [
        (T0_MS // 1_000, TimeUnit.SECONDS),
        (T0_MS, TimeUnit.MILLIS),
        (T0_MS * 1_000, TimeUnit.MICROS),
        (T0_MS * 1_000_000, TimeUnit.NANOS),
        (TEXT, TimeUnit.TEXT),
        (str(T0_MS), TimeUnit.TEXT),
    ],
)
def test_the_unit_is_told_by_the_values(value: object, unit: TimeUnit) -> None:
    field = found([{"n": 1, "at": value}])
    assert (field.path, field.unit) == (("at",), unit)
    time = field.read({"at": value})
    assert time is not None
    assert abs(time - T0_MS) <= 500
    assert field.read({"at": None}) is None
    assert field.read({"at": {}}) is None


def test_a_name_that_says_event_time_comes_before_others_that_are_as_near() -> None:
    times = {"created_at": T0_MS, "received_at": T0_MS, "event_time": T0_MS, "expires_at": T0_MS}
    assert named(times) == ("event_time", TimeUnit.MILLIS)
    assert named({"received_at": T0_MS, "ordered_at": T0_MS}) == ("ordered_at", TimeUnit.MILLIS)
    assert named({"expires_at": T0_MS, "received_at": T0_MS}) == ("received_at", TimeUnit.MILLIS)


def test_a_time_near_the_records_own_timestamps_comes_before_one_that_is_far() -> None:
    year_ms = 365 * 86_400_000
    assert named({"created_at": T0_MS - year_ms, "moment": T0_MS}) == ("moment", TimeUnit.MILLIS)
    assert named({"signup_time": TEXT, "at": T0_MS}, ahead_ms=None) == ("at", TimeUnit.MILLIS)


def test_a_number_that_only_happens_to_look_like_a_time_is_none() -> None:
    phone = 1_234_567_890
    with pytest.raises(SourceError, match=r"no field can be the event time.*the records have phone, x"):
        found([{"phone": phone, "x": "y"}], ahead_ms=None)
    with pytest.raises(SourceError, match=r"By its values phone may be one \(whole seconds.* say --time phone$"):
        found([{"phone": phone, "x": "y"}], ahead_ms=None)
    assert named({"phone": phone, "day": TEXT}, ahead_ms=None) == ("day", TimeUnit.TEXT)


def test_a_time_that_never_changes_is_a_bad_one() -> None:
    objects = [{"time": T0_MS, "sent": T0_MS + 10 * number} for number in range(30)]
    assert named(*objects) == ("sent", TimeUnit.MILLIS)


def test_a_nested_time_is_found_and_one_above_preferred() -> None:
    assert named({"payload": {"ts_ms": T0_MS}}) == ("payload.ts_ms", TimeUnit.MILLIS)
    assert named({"payload": {"ts": T0_MS}, "ts": T0_MS}) == ("ts", TimeUnit.MILLIS)


def test_a_field_that_most_records_lack_or_spoil_is_not_chosen() -> None:
    objects: list[dict[str, Any]] = [{"at": T0_MS}] * 3 + [{"time": T0_MS, "at": T0_MS}] * 2
    assert named(*objects) == ("at", TimeUnit.MILLIS)
    with pytest.raises(SourceError, match="no field can be the event time"):
        found([{"at": T0_MS}] * 2 + [{"at": 5}] * 3)


def test_a_time_that_many_records_have_in_another_unit_is_said_to_be() -> None:
    field = found([{"ts": T0_MS}] * 3 + [{"ts": T0_MS // 1_000}] * 2)
    assert field.why.startswith(
        "holds milliseconds since 1970 in 60 % of the records only, and nothing of that kind in"
    )
    assert "only" not in found([{"ts": T0_MS}] * 19 + [{"ts": 5}]).why


def test_the_reasons_are_said_and_the_others_named() -> None:
    field = found([{"ts": T0_MS, "created_at": T0_MS - 60_000}])
    assert field.why == (
        "holds milliseconds since 1970, is called like an event time, is 1 s from the records' own timestamps, "
        "at the median"
    )
    assert field.others == ("created_at",)


def test_a_field_that_is_asked_for_is_taken_or_refused_with_what_would_do() -> None:
    objects = [{"ts": T0_MS, "phone": 1_234_567_890, "x": 5}]
    assert found(objects, wanted="phone").path == ("phone",)
    assert found(objects, wanted="phone").why.startswith("was asked for, holds whole seconds")
    with pytest.raises(ConfigError, match="--time = 'phon': the records have no such field; did you mean phone"):
        found(objects, wanted="phon")
    with pytest.raises(ConfigError, match=r"--time = 'x': it does not hold a time.*; ts, phone would do"):
        found(objects, wanted="x")


def test_seconds_with_decimals_and_times_without_a_zone_are_told_apart() -> None:
    with pytest.raises(SourceError, match="at holds seconds with decimals, and no event time takes decimals"):
        found([{"at": 1_772_400_000.25}, {"at": 1_772_400_001.5}])
    with pytest.raises(ConfigError, match="--time = 'at': it holds seconds with decimals"):
        found([{"at": 1_772_400_000.25, "ts": T0_MS}], wanted="at")
    with pytest.raises(SourceError, match="day, at holds times without a zone, which are no moments"):
        found([{"day": "2026-03-01T21:20:00", "at": "2026-03-01 21:20:00.5", "n": 1, "date": "2026-03-01"}])
    with pytest.raises(SourceError, match="every pipeline needs"):
        found([{"at": 1e300}])
