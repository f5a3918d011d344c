"""Parquet files: rows become the JSON records that the model reads, exactly."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import BaseModel

from dataflow import EventTime, EventTimeText, Money
from dataflow.errors import OffsetLost, SourceError
from dataflow.event.schema import EventSchema, schema_of
from dataflow.sources.files.source import FilesSource
from tests.dataflow.sources.files.draining import drain, judged, polls


class Click(BaseModel):
    event_time: EventTime
    ad_id: str
    cost: Money = Decimal(0)
    revenue: Money | None = None
    weight: float | None = None


@pytest.fixture
def event() -> EventSchema:
    return schema_of(Click)


def test_rows_stay_columns_and_a_dead_one_is_shown_as_json(tmp_path: Path, event: EventSchema) -> None:
    at = datetime(2026, 3, 4, 5, 6, 7, 891_000, tzinfo=UTC)
    table = pa.table(
        {
            "ad_id": ["a", "b", None, "d"],
            "cost": pa.array([Decimal("0.1"), None, Decimal(1), Decimal("123456789012.123456")], pa.decimal128(18, 6)),
            "event_time": pa.array([at, at, None, at], pa.timestamp("us", "UTC")),
            "weight": [0.5, float("nan"), None, None],
            "unknown": [1, 2, 3, 4],
        }
    )
    pq.write_table(table, tmp_path / "p.parquet")
    source = FilesSource(tmp_path, event)
    events, dead = judged(source.open("p", None, None), event)
    at_ms = int(at.timestamp() * 1000)
    assert [each["cost"] for each in events] == [Decimal("0.100000"), Decimal("123456789012.123456")]
    assert [each["event_time"] for each in events] == [at_ms, at_ms]
    assert [reason for reason, _ in dead] == ["constraint", "missing_field"]
    (poll,) = polls(source.open("p", None, None))
    assert poll.typed is not None
    assert "unknown" not in poll.typed.columns.schema.names
    assert poll.records.column("value").null_count == 4
    shown = poll.values(np.array([1, 2])).to_pylist()
    assert shown == [
        b'{"event_time": %d, "ad_id": "b", "weight": NaN}' % at_ms,
        b'{"cost":1.000000,"weight":null}',
    ]


def test_texts_of_few_kinds_come_as_dictionaries_and_change_nothing(tmp_path: Path, event: EventSchema) -> None:
    rows = 5_000
    few, many = [f"ad-{n % 7}" for n in range(rows)], [f"ad-{n}" for n in range(rows)]
    for name, ads in (("few", few), ("many", many)):
        pq.write_table(pa.table({"event_time": list(range(rows)), "ad_id": ads}), tmp_path / f"{name}.parquet")
    source = FilesSource(tmp_path, event)
    for name, ads, is_dictionary in (("few", few, True), ("many", many, False)):
        (poll, *_) = polls(source.open(name, None, None), 1 << 20)
        assert poll.typed is not None
        assert pa.types.is_dictionary(poll.typed.columns.column("ad_id").type) == is_dictionary
        assert [each["ad_id"] for each in judged(source.open(name, None, None), event)[0]] == ads


def test_memory_holds_few_large_rows(tmp_path: Path, event: EventSchema) -> None:
    ads = [f"{n:03}" + "x" * (1 << 20) for n in range(192)]
    table = pa.table({"event_time": list(range(192)), "ad_id": ads})
    # pages of few rows, as a writer of large ones makes them: memory never holds less than a page
    write: Any = pq.write_table
    write(table, tmp_path / "p.parquet", use_dictionary=False, write_batch_size=1)
    del table, ads
    reader = FilesSource(tmp_path, event).open("p", None, None)
    arrow: Any = pa
    pool = arrow.default_memory_pool()
    before = pool.bytes_allocated()
    seen = 0
    while not reader.finished:
        poll = reader.poll(50_000, 8 << 20)
        assert poll is not None
        assert poll.records.num_rows <= 9
        assert pool.bytes_allocated() - before < 190 << 20
        seen += poll.records.num_rows
        del poll
    assert seen == 192


def test_a_file_that_is_broken_inside_is_named_with_the_row(tmp_path: Path, event: EventSchema) -> None:
    path = tmp_path / "p.parquet"
    table = pa.table({"event_time": list(range(50_000)), "ad_id": [f"ad-{n}" for n in range(50_000)]})
    pq.write_table(table, path, row_group_size=10_000)
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 20_000] = bytes(20_000)
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"p\.parquet is broken behind row 0: .*[^.]\. Put a whole copy there"):
        drain(FilesSource(tmp_path, event).open("p", None, None), 100_000)


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
