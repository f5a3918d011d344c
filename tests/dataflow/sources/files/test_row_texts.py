"""Rows of typed columns as readable JSON, whatever they hold."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
from pydantic import BaseModel

from dataflow import EventTime, EventTimeNanos, EventTimeText, Money, MoneyText
from dataflow.event.schema import schema_of
from dataflow.sources.files.row_texts import RowTexts


class Place(BaseModel):
    city: str
    area: float | None = None


class Click(BaseModel):
    event_time: EventTime
    ad_id: str
    cost: Money = Decimal(0)
    fee: MoneyText | None = None
    place: Place | None = None


def texts(model: type[BaseModel], table: pa.Table, outside: dict[str, object] | None = None) -> list[bytes]:
    batch = table.combine_chunks().to_batches()[0]
    found: list[bytes] = RowTexts(schema_of(model), batch.schema, outside or {})(batch).to_pylist()
    return found


def test_times_are_in_the_models_unit_and_amounts_have_their_digits() -> None:
    at = datetime(2026, 3, 4, 5, 6, 7, 891_000, tzinfo=UTC)
    table = pa.table(
        {
            "ad_id": ["a", None],
            "cost": pa.array([Decimal("123456789012.123456"), None], pa.decimal128(18, 6)),
            "fee": pa.array([Decimal("1.50"), None], pa.decimal128(5, 2)),
            "event_time": pa.array([at, None], pa.timestamp("us", "UTC")),
            "unknown": [1, 2],
        }
    )
    first, second = texts(Click, table, {"place.city": "no column of a folder"})
    assert first.startswith(
        b'{"event_time":%d,"ad_id":"a","cost":123456789012.123456,"fee":"1.50"' % (at.timestamp() * 1e3)
    )
    assert json.loads(second) == {"fee": None, "place": {"city": "no column of a folder"}}


def test_what_python_or_json_cannot_say_is_readable_all_the_same() -> None:
    class Odd(BaseModel):
        at: EventTimeNanos
        ad_id: str

    class Text(BaseModel):
        at: EventTimeText

    far = pa.array([2**62], pa.timestamp("us"))
    for column in (
        pa.array([b"\xff"]),
        pa.array([b"\xff"]).view(pa.string()),
        pa.array([[1]], pa.list_(pa.timestamp("ns"))),
        pa.array([{"x": b"\xff"}]),
        pa.array([float("nan")]),
        pa.array([[float("nan")]]),
        pa.array([1], pa.timestamp("ns")),
        pa.array([2**31 - 1], pa.date32()),
        far,
    ):
        (text,) = texts(Odd, pa.table({"at": far, "ad_id": column}))
        found = json.loads(text)
        assert found["at"] == 2**62 * 1_000
        assert found["ad_id"] not in ("", None)
    (text,) = texts(Text, pa.table({"at": far}))
    assert json.loads(text)["at"]
    nested = pa.table({"place": [{"city": "x", "area": float("nan")}]})
    assert b"NaN" in texts(Click, nested)[0]
