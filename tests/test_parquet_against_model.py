"""The same rows as NDJSON and as Parquet: equal events and equal dead letters, those of the model."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from annotated_types import Ge, Len, Lt
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from dataflow import EventTime, EventTimeText, Money, MoneyText, Pipeline
from dataflow.decode.poll import decode_poll
from dataflow.event.schema import schema_of
from dataflow.messages import POLL_SCHEMA, Poll, TypedRows
from dataflow.sources.files.row_texts import RowTexts
from dataflow.sources.files.source import FilesSource
from tests.dataflow.sources.files.draining import file_decoder
from tests.model import adapter, contract, parquet
from tests.parquet_cells import rows_of

arrow: Any = pa
"""What its types lack."""


class Place(BaseModel):
    city: Annotated[str, Len(1, 8)]
    zip: str | None = None


class Order(BaseModel):
    at: Annotated[EventTime, Ge(-5)] = Field(alias="time")
    order_id: Annotated[str, Len(1, 6)]
    kind: Literal["new", "paid"] = "new"
    pieces: Annotated[int, Ge(0), Lt(100)] | None = 3
    code: Literal[1, 2] | None = None
    paid: Money = Decimal(0)
    fee: MoneyText | None = None
    ratio: float = 1.5
    truth: bool | None = None
    day: date | None = None
    place: Place | None = None


class Text(BaseModel):
    at: EventTimeText(unit="s", zone="Europe/Amsterdam")  # type: ignore[valid-type]
    day: Annotated[date, Ge(date(2026, 1, 1))]
    code: Annotated[str, Field(pattern="^[a-z]+$")] | None = None


TEXTS = st.sampled_from(["a", "new", "paid", "order", "too long a text", "", "Zürich", "\x00", '"'])
WHOLES = st.sampled_from([0, 1, 2, 99, 100, -5, -6, 2**63 - 1, -(2**63), 10**12, 9 * 10**15 + 1]) | st.integers(-9, 200)
DECIMALS = st.decimals(-(10**13), 10**13, places=7) | st.decimals(-100, 100, places=2).map(
    lambda d: d.quantize(Decimal("1e-7"))
)
DAYS = st.dates(date(2025, 12, 1), date(2026, 2, 1))
DAY_TEXTS = DAYS.map(str) | st.sampled_from(["2026-02-30", "0000-01-01", "2026-1-1", ""])
TIME_TEXTS = st.sampled_from(
    [
        "1772359200",
        "1772359200.0009",
        "2026-03-01 11:00:00",
        "2026-03-29 02:30:00",
        "2026-03-01T11:00:00+0100",
        "-1",
        "x",
    ]
)
AMOUNT_TEXTS = st.sampled_from(["12.50", "-3", "+7", "0.0000001", "free", "", "999999999999.999999", "1000000000000"])

Column = tuple[pa.DataType, st.SearchStrategy[Any]]
COLUMNS: Sequence[Column] = [
    (pa.string(), TEXTS),
    (pa.string(), DAY_TEXTS),
    (pa.string(), AMOUNT_TEXTS),
    (pa.string(), TIME_TEXTS),
    (pa.large_string(), TEXTS),
    (pa.binary(), TEXTS.map(str.encode)),
    (pa.int64(), WHOLES),
    (pa.int8(), st.integers(-9, 120)),
    (pa.uint64(), st.integers(0, 2**64 - 1) | st.integers(0, 120)),
    (pa.float64(), st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([0.1, -0.0, 2.25, 4.35])),
    (pa.decimal128(22, 7), DECIMALS),
    (pa.decimal128(5, 0), st.decimals(-9, 120, places=0)),
    (pa.bool_(), st.booleans()),
    (pa.list_(pa.int64()), st.just([1])),
]
"""What a column may hold that JSON can say as well."""
USUAL: Mapping[str, Column] = {
    "time": (pa.int64(), st.integers(-9, 2**50)),
    "order_id": COLUMNS[0],
    "kind": (pa.string(), st.sampled_from(["new", "paid", "old"])),
    "pieces": (pa.int32(), st.integers(-2, 101)),
    "code": (arrow.int16(), st.integers(0, 3)),
    "paid": (pa.decimal128(22, 7), DECIMALS),
    "fee": (pa.string(), AMOUNT_TEXTS),
    "ratio": COLUMNS[9],
    "truth": (pa.bool_(), st.booleans()),
    "day": (pa.string(), DAY_TEXTS),
    "at": (pa.string(), TIME_TEXTS),
}
PLACES = st.none() | st.fixed_dictionaries({"city": TEXTS, "zip": st.none() | TEXTS})


@st.composite
def tables(draw: st.DrawFn, names: Sequence[str]) -> pa.Table:
    """Columns of their usual type, mostly; some of any other, some not there."""
    rows = draw(st.integers(1, 12))
    columns = {}
    for name in names:
        held = draw(st.sampled_from(["usual"] * 8 + ["other", "none"]))
        if held == "none":
            continue
        if name == "place":
            type_: pa.DataType = pa.struct([("city", pa.string()), ("zip", pa.string())])
            values: st.SearchStrategy[Any] = PLACES
        else:
            type_, values = USUAL[name] if held == "usual" else draw(st.sampled_from(COLUMNS))
        nulls = draw(st.sampled_from([values, values, st.none() | values]))
        column = pa.array(draw(st.lists(nulls, min_size=rows, max_size=rows)), type_)
        columns[name] = column.dictionary_encode() if pa.types.is_string(type_) and draw(st.booleans()) else column
    return pa.table(columns or {names[0]: pa.nulls(rows, pa.int64())})


def said(value: Any) -> str:
    """A value as JSON, exactly."""
    if isinstance(value, bytes):
        return json.dumps(value.decode())
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{said(inner)}" for name, inner in value.items()) + "}"
    return json.dumps(value)


def lines_of(table: pa.Table, model: type[BaseModel]) -> bytes:
    """The rows as NDJSON: a null is one where the model allows it, and left out elsewhere."""
    null_ok = {info.alias or name: adapter._unwrap(info.annotation, [])[2] for name, info in model.model_fields.items()}
    lines = []
    for row in table.to_pylist():
        members = {name: value for name, value in row.items() if value is not None or null_ok.get(name, True)}
        if isinstance(members.get("fee"), Decimal):
            # what is an amount by its type is one as text, too
            members["fee"] = said(members["fee"])
        lines.append(said(members))
    return "".join(f"{line}\n" for line in lines).encode()


Answer = Any
"""A row's columns, or reason and field."""


def answers_of(folder: Path, model: type[BaseModel]) -> list[Answer]:
    schema = schema_of(model)
    source = FilesSource(folder, schema)
    (partition,) = source.partitions()
    reader, decoder = source.open(partition, None, None), file_decoder(schema)
    found: dict[int, Answer] = {}
    while not reader.finished:
        poll = reader.poll(5, 1 << 20)
        if poll is None:
            continue
        decoded = decode_poll(decoder, poll)
        for at, row in zip(decoded.events_at.tolist(), decoded.events.to_pylist(), strict=True):
            found[poll.start + at] = row
        for at, refusal in zip(decoded.dead_at.tolist(), decoded.refusals, strict=True):
            found[poll.start + at] = contract.Dead(refusal.reason, refusal.field)
    reader.close()
    assert [*sorted(found)] == [*range(len(found))]
    return [found[at] for at in range(len(found))]


def check(table: pa.Table, model: type[BaseModel], inside: str = "") -> None:
    spec = adapter.to_spec(Pipeline(name="p", event=model, rollups=[]), Path())
    with tempfile.TemporaryDirectory() as made:
        rows, lines = Path(made) / "rows" / inside, Path(made) / "lines" / inside
        rows.mkdir(parents=True)
        lines.mkdir(parents=True)
        pq.write_table(table, rows / "r.parquet", row_group_size=3)
        (lines / "l.ndjson").write_bytes(lines_of(table, model))
        as_rows, as_lines = answers_of(Path(made) / "rows", model), answers_of(Path(made) / "lines", model)
    outside = dict(part.split("=") for part in inside.split("/") if part)
    modelled = [parquet.read_row(row, spec, outside) for row in rows_of(table)]
    assert as_rows == as_lines
    # a dead letter names the field as the record does
    keys = {each.name: each.key for each in spec.fields if each.key}
    modelled = [
        contract.Dead(each.reason, keys.get(each.field or "", each.field)) if isinstance(each, contract.Dead) else each
        for each in modelled
    ]
    assert as_rows == modelled
    assert [each.keys() for each in as_rows if isinstance(each, dict)] == [
        each.keys() for each in modelled if isinstance(each, dict)
    ]
    for mine, theirs in zip(as_rows, as_lines, strict=True):
        if isinstance(mine, dict):
            assert [*map(type, mine.values())] == [*map(type, theirs.values())]


ORDER = ["time", "order_id", "kind", "pieces", "code", "paid", "fee", "ratio", "truth", "day", "place"]


@given(tables(ORDER))
@settings(deadline=None, max_examples=80)
def test_rows_of_parquet_are_judged_as_the_same_lines_are(table: pa.Table) -> None:
    check(table, Order)


@given(tables(["at", "day", "code"]))
@settings(deadline=None, max_examples=40)
def test_times_and_days_as_text_are_judged_alike(table: pa.Table) -> None:
    check(table, Text)


@given(
    tables(["time", "order_id", "day"]), st.sampled_from(["day=2026-01-02", "day=x", "pieces=7/kind=paid", "kind=old"])
)
@settings(deadline=None, max_examples=40)
def test_columns_of_folders_are_judged_alike(table: pa.Table, inside: str) -> None:
    check(table, Order, inside)


TYPED: Mapping[str, Sequence[Column]] = {
    "time": [
        (pa.timestamp(unit), st.none() | st.integers(-(2**63), 2**63 - 1) | st.integers(-9, 10**9))
        for unit in ("s", "ms", "us", "ns")
    ],
    "order_id": [
        (pa.date32(), st.none() | st.integers(-(2**31), 2**31 - 1) | st.integers(-9, 9)),
        (pa.timestamp("us"), st.none() | st.integers(-(2**62), 2**62) | st.integers(-9, 10**9)),
        (pa.timestamp("s"), st.none() | st.integers(-(10**10), 10**10)),
        (pa.binary(), st.none() | st.binary(max_size=5) | st.just(b"north")),
    ],
    "ratio": [
        (pa.float64(), st.none() | st.floats()),
        (arrow.float32(), st.none() | st.floats(width=32)),
        (pa.decimal128(38, 20), st.none() | st.decimals(-(10**17), 10**17, places=20)),
    ],
    "paid": [
        (pa.float64(), st.none() | st.floats() | st.integers(-(10**9), 10**9).map(lambda cents: cents / 100)),
        (pa.decimal256(70, 30), st.none() | st.decimals(-(10**13), 10**13, places=30) | st.just(Decimal("1.5"))),
        (arrow.float32(), st.none() | st.floats(width=32)),
    ],
    "day": [(pa.date32(), st.none() | st.integers(-(2**31), 2**31 - 1) | st.integers(-9, 9))],
}


@st.composite
def typed_tables(draw: st.DrawFn) -> pa.Table:
    rows = draw(st.integers(1, 10))
    columns = {"time": pa.array([1] * rows), "order_id": pa.array(["a"] * rows)}
    for name in draw(st.lists(st.sampled_from([*TYPED]), min_size=1, max_size=2, unique=True)):
        type_, values = draw(st.sampled_from(TYPED[name]))
        columns[name] = pa.array(draw(st.lists(values, min_size=rows, max_size=rows)), type_)
    return pa.table(columns)


@given(typed_tables())
@settings(deadline=None, max_examples=80)
def test_what_json_cannot_say_is_a_value_or_a_dead_letter_as_the_model_has_it(table: pa.Table) -> None:
    spec = adapter.to_spec(Pipeline(name="p", event=Order, rollups=[]), Path())
    schema = schema_of(Order)
    batch = table.combine_chunks().to_batches()[0]
    decoded = decode_poll(file_decoder(schema), poll_of(batch, RowTexts(schema, batch.schema, {})))
    found: dict[int, Answer] = dict(zip(decoded.events_at.tolist(), decoded.events.to_pylist(), strict=True))
    for at, refusal in zip(decoded.dead_at.tolist(), decoded.refusals, strict=True):
        found[at] = refusal.reason
    modelled = [parquet.read_row(row, spec, {}) for row in rows_of(table)]
    assert [found[at] for at in range(table.num_rows)] == [
        each.reason if isinstance(each, contract.Dead) else each for each in modelled
    ]


def poll_of(batch: pa.RecordBatch, told: RowTexts) -> Poll:
    rows = batch.num_rows
    records = pa.RecordBatch.from_arrays(
        [pa.array(range(rows), pa.int64()), pa.nulls(rows, pa.int64()), pa.nulls(rows, pa.binary())], schema=POLL_SCHEMA
    )
    poll = Poll(records, 0, rows, typed=TypedRows(batch, {}, told))
    # whatever a row holds, it is readable
    for text in poll.values(np.arange(rows)).to_pylist():
        assert isinstance(json.loads(text), dict)
    return poll
