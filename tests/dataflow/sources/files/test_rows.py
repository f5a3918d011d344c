"""Parquet files: rows become the JSON records that the model reads, exactly."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import BaseModel

from dataflow import EventTime, EventTimeText, Money
from dataflow.errors import OffsetLost, SourceError
from dataflow.event.schema import EventSchema, schema_of
from dataflow.sources.files.source import FilesSource
from tests.dataflow.sources.files.draining import drain


class Click(BaseModel):
    event_time: EventTime
    ad_id: str
    cost: Money = Decimal(0)
    revenue: Money | None = None
    weight: float | None = None


@pytest.fixture
def event() -> EventSchema:
    return schema_of(Click)


def test_parquet_rows_become_the_records_of_the_model(tmp_path: Path, event: EventSchema) -> None:
    at = datetime(2026, 3, 4, 5, 6, 7, 891_000, tzinfo=UTC)
    table = pa.table(
        {
            "ad_id": ["a", "b", None],
            "cost": pa.array([Decimal("0.1"), None, Decimal("123456789012.123456")], pa.decimal128(18, 6)),
            "revenue": pa.array([None, Decimal("2.5"), None], pa.decimal128(18, 6)),
            "event_time": pa.array([at, at, None], pa.timestamp("us", "UTC")),
            "weight": [0.5, float("nan"), None],
            "unknown": [1, 2, 3],
        }
    )
    pq.write_table(table, tmp_path / "p.parquet")
    records = drain(FilesSource(tmp_path, event).open("p", None, None))
    at_ms = int(at.timestamp() * 1000)
    assert json.loads(records[0], parse_float=Decimal) == {
        "event_time": at_ms,
        "ad_id": "a",
        "cost": Decimal("0.1"),
        "revenue": None,
        "weight": Decimal("0.5"),
    }
    assert b"cost" not in records[1]
    assert b"NaN" in records[1]
    assert b"123456789012.123456" in records[2]
    assert b"ad_id" not in records[2]
    assert b"event_time" not in records[2]


def test_parquet_goes_on_at_any_row_over_row_groups(tmp_path: Path, event: EventSchema) -> None:
    table = pa.table({"event_time": list(range(50)), "ad_id": [f"ad-{n}" for n in range(50)]})
    pq.write_table(table, tmp_path / "p.parquet", row_group_size=7)
    source = FilesSource(tmp_path, event)
    everything = drain(source.open("p", None, None), max_records=4)
    assert len(everything) == 50
    for start in (0, 1, 6, 7, 8, 48, 49, 50):
        assert drain(source.open("p", start, None), max_bytes=60) == everything[start:]
    assert drain(source.open("p", 3, None, 9)) == everything[3:9]
    with pytest.raises(OffsetLost, match="50 rows"):
        source.open("p", 51, None)


def test_nested_fields_come_from_structs_or_dotted_columns(tmp_path: Path) -> None:
    class Place(BaseModel):
        city: str
        zip: str | None = None

    class Visit(BaseModel):
        at: EventTimeText
        place: Place | None = None

    times = pa.array([0, 1_500], pa.timestamp("ms"))
    struct = pa.table({"at": times, "place": [{"city": "Ulm", "zip": None}, None]})
    dotted = pa.table({"at": times, "place.city": ["Ulm", None], "place.zip": pa.array([None, None], pa.string())})
    pq.write_table(struct, tmp_path / "a.parquet")
    pq.write_table(dotted, tmp_path / "b.parquet")
    source = FilesSource(tmp_path, schema_of(Visit))
    for partition in source.partitions():
        assert [json.loads(record) for record in drain(source.open(partition, None, None))] == [
            {"at": "1970-01-01T00:00:00.000Z", "place": {"city": "Ulm", "zip": None}},
            {"at": "1970-01-01T00:00:01.500Z"},
        ]


def test_a_file_that_is_no_parquet_or_lacks_the_columns_is_named(tmp_path: Path, event: EventSchema) -> None:
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 not really")
    pq.write_table(pa.table({"x": [1]}), tmp_path / "other.parquet")
    source = FilesSource(tmp_path, event)
    with pytest.raises(SourceError, match=r"broken\.parquet"):
        source.open("broken", None, None)
    with pytest.raises(SourceError, match="none of the event's columns"):
        source.open("other", None, None)
