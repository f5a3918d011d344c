"""JSON records of the shapes that real topics have, each a list of the same made-up events; seeded."""

import json
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel

from dataflow import EventTime, EventTimeText, Money, MoneyText

_KINDS = ("impression", "click", "conversion")


class Ad(BaseModel):
    """Six flat fields."""

    event_id: str
    event_time: EventTime
    event_type: Literal["impression", "click", "conversion"]
    ad_id: str
    user_id: str | None = None
    cost: Money = Decimal(0)


class Place(BaseModel):
    """A nested object."""

    city: str
    lat: float
    lon: float


class Device(BaseModel):
    """A nested object with one of its own."""

    os: str
    place: Place | None = None


class Visit(BaseModel):
    """Nested objects, a time and an amount in text."""

    at: EventTimeText
    user: str
    device: Device
    total: MoneyText | None = None


Event = dict[str, Any]


def _ads(count: int) -> list[Event]:
    chance = random.Random(1)
    return [
        {
            "event_id": f"{number:016x}",
            "event_time": 1_734_501_600_000 + number,
            "event_type": chance.choice(_KINDS),
            "ad_id": f"ad-{chance.randrange(5_000):04d}",
            "user_id": f"user-{chance.randrange(100_000):05d}",
            "cost": chance.randrange(500) / 100,
        }
        for number in range(count)
    ]


def _visits(count: int) -> list[Event]:
    chance = random.Random(2)
    return [
        {
            "at": f"2026-01-{number % 28 + 1:02d}T10:{number % 60:02d}:07.{number % 1000:03d}Z",
            "user": f"user-{chance.randrange(100_000):05d}",
            "device": {
                "os": chance.choice(["android", "ios"]),
                "place": {"city": "Delft", "lat": chance.uniform(-90, 90), "lon": chance.uniform(-180, 180)},
            },
            "total": f"{chance.randrange(10_000) / 100:.2f}",
        }
        for number in range(count)
    ]


def _texts(events: list[Event], *, ascii_only: bool = True) -> list[bytes]:
    return [json.dumps(event, ensure_ascii=ascii_only, separators=(",", ":")).encode() for event in events]


def _with(count: int, extra: Callable[[int], Event]) -> list[Event]:
    return [event | extra(number) for number, event in enumerate(_ads(count))]


def _shuffled(count: int) -> list[Event]:
    chance = random.Random(3)
    return [dict(chance.sample(list(event.items()), len(event))) for event in _ads(count)]


def shapes(count: int) -> dict[str, tuple[type[BaseModel], list[bytes]]]:
    """By name, the model and `count` records. `plain` is what the others are held against."""
    tags = ["news", "sport"]
    return {
        "plain": (Ad, _texts(_ads(count))),
        "spaced": (Ad, [json.dumps(event).encode() for event in _ads(count)]),
        "one unknown key": (Ad, _texts(_with(count, lambda number: {"session": f"s-{number}"}))),
        "five unknown keys": (
            Ad,
            _texts(
                _with(count, lambda n: {"session": n, "tags": tags, "geo": {"x": 1.5, "y": [n]}, "v": None, "ok": True})
            ),
        ),
        "shuffled keys": (Ad, _texts(_shuffled(count))),
        "UTF-8": (Ad, _texts(_with(count, lambda n: {"user_id": f"Z\u00fcrich-{n % 1000}"}), ascii_only=False)),
        "escapes": (Ad, _texts(_with(count, lambda n: {"user_id": f'a\n"{n % 1000}"\u00fc'}))),
        "nested": (Visit, _texts(_visits(count))),
        "2 KB": (Ad, _texts(_with(count, lambda n: {"payload": "x" * 1_800, "headers": {"agent": "y" * 60}}))),
    }
