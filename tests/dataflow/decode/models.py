"""Event models of every shape, for the tests of the contract and its decoders."""

from datetime import date
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Interval, Le, Len, Lt, MultipleOf
from pydantic import BaseModel, Field, StringConstraints

from dataflow import EventTime, EventTimeMicros, EventTimeNanos, EventTimeSeconds, EventTimeText, Money, MoneyText


class AdEvent(BaseModel):
    event_id: Annotated[str, Len(1, 64)]
    event_time: EventTime
    event_type: Literal["impression", "click", "conversion"]
    ad_id: Annotated[str, Len(1, 64)]
    user_id: str | None = None
    cost: Money = Decimal(0)
    revenue: Money | None = None


class Color(StrEnum):
    RED = "red"
    GREEN = "green"


class Level(IntEnum):
    LOW = 1
    HIGH = 3


class Place(Enum):
    HOME = "home"
    AWAY = "away"


class Spot(BaseModel):
    lat: Annotated[float, Ge(-90), Le(90)]
    label: Annotated[str, Len(0, 3)] | None = None
    fee: Money = Decimal("0.5")


class Device(BaseModel):
    os: str
    spot: Spot | None = None
    tax: Money | None = None


class Trip(BaseModel):
    at: Annotated[EventTimeSeconds, Ge(-100)]
    day: date
    until: Annotated[date, Gt(date(2020, 1, 1)), Lt(date(2030, 1, 1))] | None = None
    speed: float = 1.5
    ratio: Annotated[float, Gt(0), Lt(1)] | None = Field(None)
    ok: bool = True
    maybe: bool | None = None
    color: Color = Color.RED
    level: Level | None = Level.HIGH
    place: Place
    number: Annotated[int, Interval(ge=-5, lt=100), MultipleOf(5)] = 10
    odd: Literal[1, 3, 5] | None = None
    code: Annotated[str, StringConstraints(pattern=r"^\w{2,4}$")] = "ab"
    price: Annotated[Money, Ge(Decimal("-0.5")), Lt(100), MultipleOf(Decimal("0.05"))] = Decimal(1)
    needed: int | None
    device: Device
    backup: Device | None = None
    fixed: Spot = Spot(lat=1.0, label="x", fee=Decimal(2))
    renamed: int = Field(7, alias="re.named key")


class Flat(BaseModel):
    at: EventTime
    live: bool
    seen: bool | None = None
    on: bool = True
    name: str = "näme"
    code: Annotated[str, Len(2, 3)] | None
    number: Annotated[int, Interval(ge=-5, lt=100), MultipleOf(5)] = 10
    maybe: int | None = None
    price: Annotated[Money, Ge(Decimal("-0.5")), Lt(100), MultipleOf(Decimal("0.05"))] = Decimal(1)
    tax: Money | None = Decimal("0.5")
    kind: Literal["a", "bb", "b", ""] = "bb"
    renamed: int = Field(7, alias="re.named key")


class MicroEvent(BaseModel):
    at: EventTimeMicros
    name: str = "n"


class NanoEvent(BaseModel):
    at: Annotated[EventTimeNanos, Le(2**62)]


class TextEvent(BaseModel):
    at: EventTimeText
    n: Annotated[int, Ge(2**63)] | None = None


class AmountEvent(BaseModel):
    at: EventTime
    total: MoneyText
    fee: Annotated[MoneyText, Ge(Decimal("-0.5")), Lt(100), MultipleOf(Decimal("0.05"))] | None = None
    tax: MoneyText = Decimal("0.5")


class NestedTime(BaseModel):
    class Meta(BaseModel):
        ts: EventTime
        source: str | None

    meta: Meta
    value_: float | None = None


MODELS: list[type[BaseModel]] = [AdEvent, Flat, Trip, MicroEvent, NanoEvent, TextEvent, AmountEvent, NestedTime]
