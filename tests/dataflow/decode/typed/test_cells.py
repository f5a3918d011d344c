"""Columns of any type for fields that hold many values: a value or a dead letter each, whatever is in them."""

import json
from decimal import Decimal
from typing import Annotated, Any

import pyarrow as pa
import pytest
from annotated_types import Len
from pydantic import BaseModel

from dataflow import EventTime
from dataflow.decode.decoder import decode_typed
from dataflow.event.schema import schema_of
from dataflow.messages import TypedRows
from dataflow.sources.files.row_texts import RowTexts
from tests.dataflow.sources.files.draining import file_decoder

arrow: Any = pa
"""What its types lack."""


class Order(BaseModel):
    at: EventTime
    tags: list[Annotated[str, Len(1, 8)]] = []
    counts: list[int] | None = None
    prices: list[float] = []
    more: dict = {}
    limits: dict[str, int] | None = None


def bad_texts() -> pa.Array:
    ends, held = pa.array([0, 1], pa.int32()).buffers()[1], pa.py_buffer(b"\xff")
    return pa.Array.from_buffers(pa.string(), 1, [None, ends, held])


NANOS = pa.array([1], pa.timestamp("ns"))
ONE = pa.array([0, 1], pa.int32())


@pytest.mark.parametrize(
    ("name", "column", "answer"),
    [
        ("tags", bad_texts(), ("invalid_utf8", "tags")),
        ("tags", pa.ListArray.from_arrays(ONE, bad_texts()), ("invalid_utf8", "tags")),
        ("tags", pa.array([[b"a", b"b"]], pa.list_(pa.binary())), ["a", "b"]),
        ("tags", NANOS, ("wrong_type", "tags")),
        ("tags", pa.ListArray.from_arrays(ONE, pa.array([-(2**62)], pa.timestamp("s"))), ("constraint", "tags")),
        ("tags", pa.ListArray.from_arrays(ONE, pa.array([18_000], pa.date32())), ("constraint", "tags.0")),
        ("tags", pa.array([["a", "b"]], pa.list_(arrow.dictionary(pa.int32(), pa.string()))), ["a", "b"]),
        ("counts", pa.array([[1, 2]], pa.list_(pa.int64(), 2)), [1, 2]),
        ("counts", pa.array([[2**64 - 1]], arrow.large_list(pa.uint64())), ("constraint", "counts.0")),
        ("prices", pa.array([[Decimal("1.5")]], pa.list_(pa.decimal128(9, 2))), [1.5]),
        ("prices", pa.array([[float("nan")]], pa.list_(pa.float64())), ("constraint", "prices.0")),
        ("more", pa.array([{"a": [b"x"]}], pa.struct([("a", pa.list_(pa.binary()))])), '{"a":["x"]}'),
        ("more", arrow.StructArray.from_arrays([NANOS], ["a"]), ("wrong_type", "more.a")),
        ("more", pa.array([{}], pa.struct([])), "{}"),
        ("more", pa.array([[1]]), ("wrong_type", "more")),
        ("limits", pa.array([[("a", 1), ("b", 2)]], pa.map_(pa.string(), pa.int8())), '{"a":1,"b":2}'),
        ("limits", pa.array([{"a": None}], pa.struct([("a", pa.int8())])), ("missing_field", "limits.a")),
    ],
)
def test_columns_of_any_type_are_values_or_dead_letters_of_a_list(name: str, column: pa.Array, answer: Any) -> None:
    schema = schema_of(Order)
    rows = pa.RecordBatch.from_arrays([pa.array([5]), column], ["at", name])
    told = RowTexts(schema, rows.schema, {})
    assert json.loads(told(rows)[0].as_py())["at"] == 5
    decoded = decode_typed(file_decoder(schema), TypedRows(rows, {}, told))
    if isinstance(answer, tuple):
        assert [(each.reason, each.field) for each in decoded.refusals] == [answer]
    else:
        assert [row[name] for row in decoded.events.to_pylist()] == [answer]
