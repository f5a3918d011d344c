"""Files as source partitions: lines and rows become polls, and reading goes on anywhere."""

import json
import random
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import BaseModel

from dataflow import EventTime, EventTimeText, Money
from dataflow.errors import ConfigError, InputMissing, OffsetLost, SourceError
from dataflow.event.schema import EventSchema, schema_of
from dataflow.messages import POLL_SCHEMA
from dataflow.sources.files.lines import LineReader
from dataflow.sources.files.source import FilesSource
from dataflow.sources.source import Reader, Source


class Click(BaseModel):
    event_time: EventTime
    ad_id: str
    cost: Money = Decimal(0)
    revenue: Money | None = None
    weight: float | None = None


@pytest.fixture
def event() -> EventSchema:
    return schema_of(Click)


def drain(reader: Reader, max_records: int = 1_000, max_bytes: int = 1 << 30) -> list[bytes]:
    values: list[bytes] = []
    while not reader.finished:
        poll = reader.poll(max_records, max_bytes)
        if poll is None:
            continue
        assert poll.records.schema == POLL_SCHEMA
        poll.records.validate(full=True)
        assert poll.records.num_rows <= max_records
        assert poll.records.column("offset").to_pylist() == list(range(poll.start, poll.end))
        values += poll.records.column("value").to_pylist()
    reader.close()
    return values


def test_every_file_is_a_source_partition_named_by_its_stem_in_name_order(tmp_path: Path, event: EventSchema) -> None:
    for name in ("b.ndjson", "a.ndjson", "notes.txt"):
        (tmp_path / name).write_text("{}\n")
    source: Source = FilesSource(tmp_path, event)
    assert source.partitions() == ["a", "b"]
    assert source.topic_of("a") is None
    assert source.end_offsets() == {}
    assert not source.partitions_changed()


def test_two_files_with_one_stem_are_refused(tmp_path: Path, event: EventSchema) -> None:
    (tmp_path / "a.ndjson").write_text("")
    (tmp_path / "a.parquet").write_text("")
    with pytest.raises(ConfigError, match=r"a\.ndjson and a\.parquet"):
        FilesSource(tmp_path, event)


def test_a_missing_or_empty_folder_is_named(tmp_path: Path, event: EventSchema) -> None:
    with pytest.raises(InputMissing, match="holds no"):
        FilesSource(tmp_path, event)
    with pytest.raises(InputMissing, match="nowhere"):
        FilesSource(tmp_path / "nowhere", event)


@pytest.mark.parametrize(
    ("content", "records"),
    [
        (b"", []),
        (b"\n", [b""]),
        (b"a", [b"a"]),
        (b"a\n", [b"a"]),
        (b"a\n\nb", [b"a", b"", b"b"]),
        (b"a\r\n\r\n", [b"a\r", b"\r"]),
        (b"\n\n\n", [b"", b"", b""]),
        (b"\xff\xfe\x00\n{}", [b"\xff\xfe\x00", b"{}"]),
    ],
)
@pytest.mark.parametrize("block_bytes", [1, 2, 3, 4096])
def test_only_a_line_feed_ends_a_line(tmp_path: Path, content: bytes, records: list[bytes], block_bytes: int) -> None:
    file = tmp_path / "a.ndjson"
    file.write_bytes(content)
    assert drain(LineReader(file, 0, None, None, block_bytes=block_bytes)) == records


@pytest.mark.parametrize("with_hint", [True, False])
@pytest.mark.parametrize("last_newline", [b"\n", b""])
def test_reading_goes_on_at_any_line(tmp_path: Path, with_hint: bool, last_newline: bytes) -> None:
    rng = random.Random(7)
    lines = [bytes(rng.choices(b"abc{}\r ", k=rng.randrange(12))) for _ in range(60)] + [b"last"]
    file = tmp_path / "a.ndjson"
    file.write_bytes(b"\n".join(lines) + last_newline)
    for stop in range(len(lines) + 1):
        reader = LineReader(file, 0, None, stop, block_bytes=16)
        assert drain(reader, max_records=3) == lines[:stop]
        hint = reader.hint if with_hint else None
        assert drain(LineReader(file, stop, hint, None, block_bytes=16), max_records=5) == lines[stop:]


def test_polls_keep_to_their_bytes_but_always_move(tmp_path: Path) -> None:
    file = tmp_path / "a.ndjson"
    file.write_bytes(b"12345\n" * 10 + b"x" * 500 + b"\n1\n")
    reader = LineReader(file, 0, None, None)
    sizes = []
    while (poll := reader.poll(100, 18)) is not None:
        sizes.append(poll.records.num_rows)
    reader.close()
    assert sizes == [3, 3, 3, 1, 1, 1]


def test_a_file_changed_before_our_place_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.ndjson"
    file.write_bytes(b"one\ntwo\nthree\n")
    reader = LineReader(file, 0, None, 2)
    drain(reader)
    file.write_bytes(b"one\n")
    with pytest.raises(OffsetLost, match="at least 8 bytes"):
        LineReader(file, 2, reader.hint, None)
    with pytest.raises(OffsetLost, match="only 1 lines"):
        LineReader(file, 2, None, None)
    file.write_bytes(b"one, but longer now\ntwo\n")
    with pytest.raises(OffsetLost, match="no line begins"):
        LineReader(file, 2, reader.hint, None)


def test_a_last_line_without_newline_may_be_completed_but_not_grow(tmp_path: Path) -> None:
    file = tmp_path / "a.ndjson"
    file.write_bytes(b"one\ntwo")
    reader = LineReader(file, 0, None, None)
    assert drain(reader) == [b"one", b"two"]
    assert drain(LineReader(file, 2, reader.hint, None)) == []
    file.write_bytes(b"one\ntwo\nthree\n")
    assert drain(LineReader(file, 2, reader.hint, None)) == [b"three"]
    file.write_bytes(b"one\ntwofold\n")
    with pytest.raises(OffsetLost, match="has grown"):
        LineReader(file, 2, reader.hint, None)


def test_lag_says_about_how_many_lines_are_left(tmp_path: Path) -> None:
    file = tmp_path / "a.ndjson"
    file.write_bytes(b"123456789\n" * 1_000)
    reader = LineReader(file, 0, None, None, block_bytes=500)
    reader.poll(40, 1 << 20)
    assert reader.lag() == 960
    drain(reader)
    assert reader.lag() == 0


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
