"""A compiled reader before the row-by-row one: each record is judged once, in the order of the poll."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pydantic import BaseModel

from dataflow import EventTime
from dataflow.columnar import text_kernel
from dataflow.columnar.types import Bools, Int64s
from dataflow.decode.binary import decoder
from dataflow.decode.binary.decoder import FEWEST, ColumnDecoder, Raw, Reader
from dataflow.decode.binary.frames import Group
from dataflow.decode.binary.slots import THERE, Leaf, Slots, Source
from dataflow.decode.rows import RowDecoder
from dataflow.event.schema import schema_of
from dataflow.messages import Refusal


class At(BaseModel):
    at: EventTime


AT = schema_of(At)
POOL = np.zeros(64, np.uint8)


class Digits:
    """Takes records of one digit, as a compiled reader would; counts its calls."""

    def __init__(self) -> None:
        self.calls = 0
        self.reader = Reader(AT, [Leaf(AT.fields[0], Source("whole"))], self.parse, POOL, text_kernel.compiled())

    def parse(self, records: Any, into: Any) -> int:
        self.calls += 1
        (_, starts, ends), (slots, there, taken, left) = records, into
        one = np.flatnonzero(ends - starts == 1)
        taken[: len(one)] = one
        others = np.flatnonzero(ends - starts != 1)
        left[: len(others)] = others
        slots[0, : len(one)] = self.values[starts[one]] - ord("0")
        there[0, : len(one)] = THERE
        return len(one)

    def find(self, raw: Raw, _headers: Any) -> list[tuple[Reader, Group]]:
        self.values = raw.data
        ends: Int64s = raw.ends.astype(np.int64)
        return [(self.reader, Group(None, raw.at, ends[raw.at], ends[raw.at + 1]))]


def rows(limit: int | None = None) -> RowDecoder:
    def judge(value: bytes, _: bytes | None) -> Any:
        return {"at": int(value)} if value.isdigit() else Refusal("malformed", None, value.decode())

    return RowDecoder(AT, limit, judge)


def test_the_order_is_that_of_the_poll_whoever_judged_a_record() -> None:
    digits = Digits()
    values = [b"1", b"20", b"x1", None, b"3", b"", b"400", b"5"]
    decoded = ColumnDecoder(rows(limit=2), digits.find, 2).decode(pa.array(values, pa.binary()))
    assert decoded.events.column("at").to_pylist() == [1, 20, 3, 5]
    assert decoded.events_at.tolist() == [0, 1, 4, 7]
    assert decoded.dead_at.tolist() == [2, 3, 5, 6]
    assert [refusal.reason for refusal in decoded.refusals] == ["malformed", "tombstone", "empty", "too_large"]


@pytest.mark.parametrize("type_", [pa.binary(), pa.large_binary(), pa.binary_view()])
def test_values_may_come_in_any_binary_type_and_as_a_slice(type_: pa.DataType) -> None:
    values = pa.array([b"9", *[b"%d" % digit for digit in range(8)], b"x"], pa.binary()).slice(1, 8).cast(type_)
    decoded = ColumnDecoder(rows(), Digits().find, None).decode(values)
    assert decoded.events.column("at").to_pylist() == list(range(8))
    assert decoded.refusals == []


def test_a_few_records_are_judged_row_by_row() -> None:
    digits = Digits()
    for count in range(FEWEST):
        decoded = ColumnDecoder(rows(), digits.find, None).decode(pa.array([b"1"] * count, pa.binary()))
        assert decoded.events.num_rows == count
    assert digits.calls == 0


def test_a_reader_that_takes_less_than_half_rests_for_some_polls_and_comes_back() -> None:
    digits = Digits()
    decoding = ColumnDecoder(rows(), digits.find, None)
    odd = pa.array([b"10"] * 7 + [b"1"], pa.binary())
    for _ in range(decoder._POLLS_OF_REST + 1):
        assert decoding.decode(odd).events.num_rows == 8
    assert digits.calls == 1
    decoding.decode(odd)
    assert digits.calls == 2


def test_a_value_that_breaks_a_limit_is_judged_by_itself() -> None:
    def doubt(slots: Slots, marks: Bools) -> pa.Array:
        marks |= slots.numbers == 1
        return pa.array(slots.numbers)

    digits = Digits()
    digits.reader._columns[0]._make = doubt
    refused = RowDecoder(AT, None, lambda value, _: Refusal("constraint", "at", value.decode()))
    decoded = ColumnDecoder(refused, digits.find, None).decode(pa.array([b"2", *[b"1"] * 5], pa.binary()))
    assert decoded.events_at.tolist() == [0]
    assert [refusal.reason for refusal in decoded.refusals] == ["constraint"] * 5
