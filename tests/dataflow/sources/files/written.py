"""The same records written in every form that is read."""

import csv
import gzip
import io
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel

from dataflow import EventTime, Money


class Place(BaseModel):
    city: str


class Order(BaseModel):
    at: EventTime
    name: str
    paid: Money | None = None
    count: int = 7
    new: bool | None = None
    day: date | None = None
    weight: float | None = None
    place: Place | None = None


ORDERS: list[dict[str, Any]] = [
    {"at": 1_764_000_000_123, "name": "Zürich, \"1\"", "paid": Decimal("12.340000"), "count": 3, "new": True,
     "day": date(2026, 1, 2), "weight": 0.5, "place.city": "Ulm"},
    {"at": 1_764_000_001_000, "name": "b", "paid": None, "count": 7, "new": None, "day": None, "weight": None,
     "place.city": None},
    {"at": -1, "name": "two\nlines", "paid": Decimal("-0.000001"), "count": -9, "new": False, "day": date(1969, 12, 31),
     "weight": -1e300, "place.city": "B"},
]  # fmt: skip
"""By column of the event, as the decoder gives them."""


def zst(data: bytes) -> bytes:
    """Packed as `zstd` does."""
    sink = pa.BufferOutputStream()
    packed = pa.CompressedOutputStream(sink, "zstd")
    packed.write(data)
    packed.close()
    return bytes(sink.getvalue())


def as_lines(orders: Sequence[Mapping[str, Any]]) -> bytes:
    lines = []
    for order in orders:
        record = {name: value for name, value in order.items() if name != "place.city"}
        record["place"] = None if order["place.city"] is None else {"city": order["place.city"]}
        text = json.dumps(record, default=str)
        if order["paid"] is not None:
            text = text.replace(f'"{order["paid"]}"', str(order["paid"]))
        lines.append(text.encode() + b"\n")
    return b"".join(lines)


def as_csv(orders: Sequence[Mapping[str, Any]]) -> bytes:
    target = io.StringIO(newline="")
    rows = csv.writer(target, lineterminator="\r\n")
    rows.writerow(orders[0])
    for order in orders:
        rows.writerow([str(value).lower() if isinstance(value, bool) else value for value in order.values()])
    return target.getvalue().encode()


def as_parquet(orders: Sequence[Mapping[str, Any]]) -> bytes:
    sink = pa.BufferOutputStream()
    types = {"paid": pa.decimal128(18, 6), "day": pa.date32(), "new": pa.bool_()}
    columns = {name: pa.array([order[name] for order in orders], types.get(name)) for name in orders[0]}
    pq.write_table(pa.table(columns), sink)
    return bytes(sink.getvalue())


AVRO = {
    "type": "record", "name": "Order", "fields": [
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "name", "type": "string"},
        {"name": "paid", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 8}]},
        {"name": "count", "type": "int"},
        {"name": "new", "type": ["null", "boolean"]},
        {"name": "day", "type": ["null", {"type": "int", "logicalType": "date"}]},
        {"name": "weight", "type": ["null", "double"]},
        {"name": "place", "type": ["null", {"type": "record", "name": "Place", "fields": [
            {"name": "city", "type": "string"}]}]},
    ],
}  # fmt: skip


def as_avro(orders: Sequence[Mapping[str, Any]], codec: str = "deflate") -> bytes:
    rows = []
    for order in orders:
        row = {name: value for name, value in order.items() if name != "place.city"}
        row["at"] = datetime.fromtimestamp(order["at"] // 1000, UTC).replace(microsecond=order["at"] % 1000 * 1000)
        row["place"] = None if order["place.city"] is None else {"city": order["place.city"]}
        rows.append(row)
    target = io.BytesIO()
    fastavro.writer(target, AVRO, rows, codec=codec)
    return target.getvalue()


FORMS: dict[str, Callable[[Sequence[Mapping[str, Any]]], bytes]] = {
    "a.ndjson": as_lines,
    "b.JSONL": as_lines,
    "c.json": as_lines,
    "d.ndjson.gz": lambda orders: gzip.compress(as_lines(orders)),
    "e.Json.GZ": lambda orders: gzip.compress(as_lines(orders)),
    "f.jsonl.zst": lambda orders: zst(as_lines(orders)),
    "g.csv": as_csv,
    "h.csv.gz": lambda orders: gzip.compress(as_csv(orders)),
    "i.parquet": as_parquet,
    "j.avro": as_avro,
    "k.AVRO": lambda orders: as_avro(orders, "null"),
}
"""What a file of each form holds."""


def write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
