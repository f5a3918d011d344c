"""Rows of typed columns: what each type is to each field, and that a bad row costs no other anything."""

import uuid
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

import pyarrow as pa
import pytest
from annotated_types import Ge, Len
from pydantic import BaseModel, Field

from dataflow import EventTime, EventTimeMicros, EventTimeNanos, EventTimeSeconds, EventTimeText, Money, MoneyText
from dataflow.decode.typed.decoder import TypedDecoder
from dataflow.event.schema import schema_of
from dataflow.messages import TypedRows
from dataflow.sources.files.row_texts import RowTexts

arrow: Any = pa
"""What its types lack."""


class Row(BaseModel):
    at: EventTime
    text: str | None = None
    count: int | None = None
    truth: bool | None = None
    ratio: float | None = None
    paid: Money | None = None
    fee: MoneyText | None = None
    day: date | None = None


def judge(
    model: type[BaseModel],
    columns: Mapping[str, pa.Array],
    outside: Mapping[str, object] = {},
    limit: int | None = None,
) -> list[Any]:
    """Per row the event, or (reason, field)."""
    schema = schema_of(model)
    batch = arrow.record_batch(list(columns.values()), names=list(columns))
    rows = TypedRows(batch, outside, RowTexts(schema, batch.schema, outside))
    # the first and last row are cut off, so that columns do not begin where their buffers do
    padded = pa.concat_tables([pa.table(batch)] * 3).combine_chunks().to_batches()[0]
    cut = TypedRows(padded.slice(batch.num_rows, batch.num_rows), outside, rows.told)
    answers = [answers_of(TypedDecoder(schema, limit), each) for each in (rows, cut)]
    assert answers[0] == answers[1]
    return answers[0]


def answers_of(decoder: TypedDecoder, rows: TypedRows) -> list[Any]:
    decoded = decoder.decode(rows)
    decoded.events.validate(full=True)
    found: dict[int, Any] = dict(zip(decoded.events_at.tolist(), decoded.events.to_pylist(), strict=True))
    for at, refusal in zip(decoded.dead_at.tolist(), decoded.refusals, strict=True):
        assert at not in found
        assert refusal.message
        found[at] = (refusal.reason, refusal.field)
    return [found[at] for at in range(rows.columns.num_rows)]


def field(name: str, column: pa.Array) -> list[Any]:
    """What field `name` of Row becomes, row by row."""
    times = pa.array([5] * len(column), pa.int64())
    answers = judge(Row, {"at": times, name: column})
    return [each[name] if isinstance(each, dict) else each for each in answers]


WRONG = "wrong_type"
CONSTRAINT = "constraint"

TEXTS: list[Callable[[list[str | None]], pa.Array]] = [
    lambda texts: pa.array(texts, pa.string()),
    lambda texts: pa.array(texts, pa.large_string()),
    lambda texts: pa.array(texts, arrow.string_view()),
    lambda texts: pa.array(texts, pa.string()).dictionary_encode(),
    lambda texts: pa.array([None if each is None else each.encode() for each in texts], pa.binary()),
    lambda texts: pa.array([None if each is None else each.encode() for each in texts], arrow.large_binary()),
    lambda texts: pa.array([None if each is None else each.encode() for each in texts], arrow.binary_view()),
    lambda texts: pa.array(
        [None if each is None else each.encode() for each in texts], pa.binary()
    ).dictionary_encode(),
]


@pytest.mark.parametrize("of", TEXTS)
def test_text_is_text_in_every_layout_marked_as_such_or_not(of: Callable[[list[str | None]], pa.Array]) -> None:
    assert field("text", of(["north", None, "", "Zürich", "b'x'"])) == ["north", None, "", "Zürich", "b'x'"]
    assert field("day", of(["2026-01-02", None, "2026-02-30", "x"])) == [
        date(2026, 1, 2),
        None,
        (CONSTRAINT, "day"),
        (CONSTRAINT, "day"),
    ]
    amounts = [Decimal("12.500000"), None, (CONSTRAINT, "fee"), Decimal("7.000000")]
    assert field("fee", of(["12.50", None, "free", "+7"])) == amounts
    assert field("paid", of(["12.50", None])) == [(WRONG, "paid"), None]
    assert field("count", of(["1", None])) == [(WRONG, "count"), None]


def test_bytes_that_are_no_utf8_are_one_dead_letter_marked_as_text_or_not() -> None:
    bad = pa.array([b"a", b"\xff", None, b"c"], pa.binary())
    for column in (bad, bad.view(pa.string()), bad.dictionary_encode()):
        assert field("text", column) == ["a", ("invalid_utf8", "text"), None, "c"]
    # as in a line of JSON, nothing of the record is looked at then
    assert judge(Row, {"text": bad}) == [
        ("missing_field", "at"),
        ("invalid_utf8", "text"),
        ("missing_field", "at"),
        ("missing_field", "at"),
    ]


def test_times_of_any_unit_are_floored_to_ms_and_never_a_failure() -> None:
    far_us = 253_402_300_800_000_000  # the year 10000
    for unit, ticks, ms in (("s", -1, -1000), ("ms", 7, 7), ("us", -1, -1), ("ns", 1_999_999, 1), ("ns", -1, -1)):
        for zone in (None, "UTC", "Asia/Tokyo"):
            answers = judge(Row, {"at": pa.array([ticks, None], arrow.timestamp(unit, zone))})
            assert [each["at"] if isinstance(each, dict) else each for each in answers] == [ms, ("missing_field", "at")]
    assert judge(Row, {"at": pa.array([far_us], pa.timestamp("us"))})[0]["at"] == far_us // 1000
    assert judge(Row, {"at": pa.array([2**62, 1], pa.timestamp("s"))})[0] == (CONSTRAINT, "at")
    assert judge(Row, {"at": pa.array([1], pa.int32())})[0]["at"] == 1
    assert judge(Row, {"at": pa.array([2**64 - 1], pa.uint64())})[0] == (CONSTRAINT, "at")
    assert judge(Row, {"at": pa.array(["1"])})[0] == (WRONG, "at")
    assert judge(Row, {"at": pa.array([1], pa.date32())})[0] == (WRONG, "at")
    assert judge(Row, {"at": pa.array([1.0])})[0] == (WRONG, "at")


def test_bounds_of_a_time_are_in_its_own_unit() -> None:
    class Seconds(BaseModel):
        at: Annotated[EventTimeSeconds, Ge(10)]

    class Micros(BaseModel):
        at: Annotated[EventTimeMicros, Ge(10_000_001)]

    class Nanos(BaseModel):
        at: EventTimeNanos

    class Text(BaseModel):
        at: EventTimeText(start="2026-01-01", end="2026-01-02")  # type: ignore[valid-type]

    stamps = {"at": pa.array([9_999, 10_000, 10_001], pa.timestamp("ms"))}
    bad = (CONSTRAINT, "at")
    assert judge(Seconds, stamps) == [bad, {"at": 10_000}, {"at": 10_001}]
    assert judge(Micros, stamps) == [bad, bad, {"at": 10_001}]
    # what nanoseconds cannot count in int64 is a time all the same
    assert judge(Nanos, {"at": pa.array([2**40], pa.timestamp("s"))}) == [{"at": 2**40 * 1_000}]
    first_ms = 1_767_225_600_000
    days = pa.array([first_ms - 1, first_ms, first_ms + 86_400_000], pa.timestamp("ms"))
    assert judge(Text, {"at": days}) == [bad, {"at": first_ms}, bad]
    assert judge(Text, {"at": pa.array(["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"])}) == [{"at": first_ms}, bad]
    assert judge(Text, {"at": pa.array([first_ms])}) == [(WRONG, "at")]


def test_ints_of_any_width_and_decimals_without_decimals_are_ints() -> None:
    for type_ in (
        pa.int8(),
        arrow.int16(),
        pa.int32(),
        pa.int64(),
        arrow.uint8(),
        arrow.uint16(),
        arrow.uint32(),
        pa.uint64(),
    ):
        assert field("count", pa.array([5, None], type_)) == [5, None]
    assert field("count", pa.array([2**63 - 1, 2**63], pa.uint64())) == [2**63 - 1, (CONSTRAINT, "count")]
    for type_ in (pa.decimal128(20, 0), pa.decimal256(40, 0)):
        column = pa.array([Decimal(-5), None, Decimal(2**63), Decimal(2**63 - 1)], type_)
        assert field("count", column) == [-5, None, (CONSTRAINT, "count"), 2**63 - 1]
    assert field("count", pa.array([Decimal("5.00")], pa.decimal128(5, 2))) == [(WRONG, "count")]
    assert field("count", pa.array([5.0])) == [(WRONG, "count")]
    assert field("count", pa.array([True])) == [(WRONG, "count")]
    assert field("count", pa.array([5], pa.timestamp("ms"))) == [(WRONG, "count")]


def test_doubles_take_all_numbers_but_none_that_is_none() -> None:
    nan, infinite = float("nan"), float("inf")
    bad = (CONSTRAINT, "ratio")
    found = field("ratio", pa.array([1.5, nan, None, -infinite, -0.0]))
    assert found == [1.5, bad, None, bad, 0.0]
    assert str(found[-1]) == "0.0"
    assert field("ratio", pa.array([1.5, nan, None], arrow.float32())) == [1.5, bad, None]
    assert field("ratio", pa.array([1.5, nan, None], arrow.float16())) == [1.5, bad, None]
    assert field("ratio", pa.array([2**53 + 1, None, -7])) == [float(2**53 + 1), None, -7.0]
    assert field("ratio", pa.array([2**64 - 1], pa.uint64())) == [float(2**64 - 1)]
    exact = Decimal("0.12345678901234567890123456789")
    assert field("ratio", pa.array([exact, None], pa.decimal128(38, 29))) == [float(exact), None]
    assert field("ratio", pa.array(["1.5"])) == [(WRONG, "ratio")]


@pytest.mark.parametrize(
    "type_",
    [arrow.decimal32(9, 2), arrow.decimal64(18, 2), pa.decimal128(18, 2), pa.decimal128(38, 10), pa.decimal256(60, 20)],
)
def test_amounts_are_exact_whatever_the_scale(type_: pa.DataType) -> None:
    column = pa.array([Decimal("12.34"), None, Decimal("-0.01")], type_)
    for name in ("paid", "fee"):
        assert field(name, column) == [Decimal("12.340000"), None, Decimal("-0.010000")]


def test_amounts_out_of_range_or_too_fine_are_each_one_dead_letter() -> None:
    bad = (CONSTRAINT, "paid")
    wide = [Decimal("0.0000001"), Decimal("1.5"), Decimal(10**12), Decimal(10**12) - Decimal("0.000001"), None]
    exact = [bad, Decimal("1.500000"), bad, Decimal("999999999999.999999"), None]
    assert field("paid", pa.array(wide, pa.decimal128(38, 10))) == exact
    assert field("paid", pa.array(wide, pa.decimal256(76, 30))) == exact
    assert field("paid", pa.array([Decimal(10**30), None], pa.decimal256(76, 0))) == [bad, None]
    assert field("paid", pa.array([10**12 - 1, 10**12, None, -5, -(10**12)])) == [
        Decimal("999999999999.000000"),
        bad,
        None,
        Decimal("-5.000000"),
        bad,
    ]
    doubles = [0.1, 1e-7, None, 1e12, -2.5, float("nan"), 123456789012.12345, 4.35]
    assert field("paid", pa.array(doubles)) == [
        Decimal("0.100000"),
        bad,
        None,
        bad,
        Decimal("-2.500000"),
        bad,
        Decimal(repr(doubles[6])).quantize(Decimal("0.000001")),
        Decimal("4.350000"),
    ]
    # the double that a float is, not the text that it was written as
    assert field("paid", pa.array([0.5, 0.1], arrow.float32())) == [Decimal("0.500000"), bad]
    assert field("fee", pa.array([1, None])) == [(WRONG, "fee"), None]
    assert field("paid", pa.array([True])) == [(WRONG, "paid")]


def test_days_are_days_and_a_timestamp_is_none() -> None:
    bad = (CONSTRAINT, "day")
    assert field("day", pa.array([0, None, -719_163, 2_932_897], pa.date32())) == [date(1970, 1, 1), None, bad, bad]
    assert field("day", pa.array([86_400_000, -86_400_000], arrow.date64())) == [date(1970, 1, 2), date(1969, 12, 31)]
    assert field("day", pa.array([0], pa.timestamp("ms"))) == [(WRONG, "day")]
    assert field("day", pa.array([0])) == [(WRONG, "day")]


def test_what_says_a_text_is_read_as_one() -> None:
    assert field("text", pa.array([0, None, -719_162, 2_932_897], pa.date32())) == [
        "1970-01-01",
        None,
        "0001-01-01",
        (CONSTRAINT, "text"),
    ]
    assert field("text", pa.array([1_500, None], pa.timestamp("ms", "Asia/Tokyo"))) == [
        "1970-01-01T00:00:01.500Z",
        None,
    ]
    assert field("text", pa.array([-1], pa.timestamp("ns"))) == ["1969-12-31T23:59:59.999999999Z"]
    assert field("text", pa.array([5], pa.timestamp("s"))) == ["1970-01-01T00:00:05Z"]
    assert field("text", pa.array([2**62, 0], pa.timestamp("us"))) == [
        (CONSTRAINT, "text"),
        "1970-01-01T00:00:00.000000Z",
    ]
    assert field("text", pa.array([3_600_001], arrow.time32("ms"))) == ["01:00:00.001"]
    ids = arrow.ExtensionArray.from_storage(arrow.uuid(), pa.array([uuid.UUID(int=5).bytes, None], pa.binary(16)))
    assert field("text", ids) == [str(uuid.UUID(int=5)), None]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([[1], None]),
        pa.array([{"a": 1}, None]),
        pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64())),
        pa.array([5, None], arrow.duration("us")),
        pa.array([[2**62], None], pa.list_(pa.timestamp("ns"))),
    ],
)
@pytest.mark.parametrize("name", ["text", "count", "truth", "ratio", "paid", "fee", "day"])
def test_what_no_field_takes_is_a_dead_letter_and_its_null_is_a_null(column: pa.Array, name: str) -> None:
    assert field(name, column) == [(WRONG, name), None]


def test_a_column_of_nothing_but_nulls_is_null_whatever_its_type() -> None:
    for name in ("text", "count", "truth", "ratio", "paid", "fee", "day"):
        assert field(name, pa.nulls(2)) == [None, None]
        assert field(name, pa.nulls(2, pa.list_(pa.int64()))) == [None, None]
    assert field("truth", pa.array([True, None, False])) == [True, None, False]


def test_nulls_and_lacking_columns_are_the_defaults_or_missing() -> None:
    class Order(BaseModel):
        at: EventTime
        needed: str
        kind: Literal["new", "paid"] = "new"
        pieces: int | None = 7
        code: Annotated[str, Len(2, 3)] = "ab"

    at, needed = pa.array([1, 2]), pa.array(["x", "y"])
    usual = {"at": 1, "needed": "x", "kind": "new", "pieces": 7, "code": "ab"}
    assert judge(Order, {"at": at, "needed": needed})[0] == usual
    nulls = {"at": at, "needed": needed, "kind": pa.nulls(2), "pieces": pa.nulls(2), "code": pa.array([None, "abcd"])}
    assert judge(Order, nulls) == [{**usual, "pieces": None}, (CONSTRAINT, "code")]
    assert judge(Order, {"at": at, "needed": pa.array([None, "y"])})[0] == ("missing_field", "needed")
    assert judge(Order, {"at": at}) == [("missing_field", "needed")] * 2
    kinds = pa.array(["paid", "old"])
    for column in (kinds, kinds.dictionary_encode(), kinds.cast(pa.binary())):
        assert judge(Order, {"at": at, "needed": needed, "kind": column})[1] == (CONSTRAINT, "kind")


class Place(BaseModel):
    city: str
    zip: str | None = None


def test_an_object_is_a_struct_or_columns_with_its_name_and_may_be_null() -> None:
    class Visit(BaseModel):
        at: EventTime
        place: Place | None = None

    at = pa.array([1, 2, 3, 4])
    struct = pa.array([{"city": "Ulm", "zip": "1"}, None, {"city": None, "zip": "1"}, {"city": None, "zip": None}])
    ulm = {"at": 1, "place.city": "Ulm", "place.zip": "1"}
    nothing = {"place.city": None, "place.zip": None}
    expected = [ulm, {"at": 2, **nothing}, ("missing_field", "place.city"), {"at": 4, **nothing}]
    assert judge(Visit, {"at": at, "place": struct}) == expected
    dotted = {
        "at": at,
        "place.city": pa.array(["Ulm", None, None, None]),
        "place.zip": pa.array(["1", None, "1", None]),
    }
    assert judge(Visit, dotted) == expected
    assert judge(Visit, {"at": at, "place": pa.array(["Ulm", None, "", "x"])}) == [
        ("wrong_type", "place"),
        {"at": 2, **nothing},
        ("wrong_type", "place"),
        ("wrong_type", "place"),
    ]
    # a struct of other things lacks the city
    assert judge(Visit, {"at": at[:2], "place": pa.array([{"x": 1}, None])}) == [
        ("missing_field", "place.city"),
        {"at": 2, **nothing},
    ]


def test_an_object_that_may_be_no_null_is_its_default_or_missing() -> None:
    class Visit(BaseModel):
        at: EventTime
        place: Place
        other: Place = Place(city="Bonn")

    at, places = pa.array([1, 2]), pa.array([{"city": "Ulm", "zip": None}, None])
    bonn = {"other.city": "Bonn", "other.zip": None}
    ulm = {"at": 1, "place.city": "Ulm", "place.zip": None}
    assert judge(Visit, {"at": at, "place": places}) == [{**ulm, **bonn}, ("missing_field", "place")]
    both = judge(Visit, {"at": at, "place": places, "other": places})
    assert both[0] == {**ulm, "other.city": "Ulm", "other.zip": None}
    whole = pa.array([{"city": "Ulm", "zip": None}] * 2)
    assert judge(Visit, {"at": at, "place": whole, "other": places})[1] == {**ulm, "at": 2, **bonn}


def test_a_renamed_field_is_read_by_its_own_name_or_its_alias() -> None:
    class Renamed(BaseModel):
        at: EventTime = Field(alias="time")
        event_offset: int = Field(alias="offset")

    expected = [{"at": 1, "event_offset": 5}]
    assert judge(Renamed, {"time": pa.array([1]), "offset": pa.array([5])}) == expected
    # as the lake's own table has them, beside an offset of its own
    lake = {"at": pa.array([1]), "event_offset": pa.array([5]), "offset": pa.array([99])}
    assert judge(Renamed, lake) == expected

    class Swapped(BaseModel):
        at: EventTime
        a: int = Field(alias="b")
        b: int = Field(alias="a")

    assert judge(Swapped, {"at": pa.array([1]), "a": pa.array([2]), "b": pa.array([3])}) == [{"at": 1, "a": 3, "b": 2}]


def test_of_two_columns_with_one_name_the_last_counts() -> None:
    schema = schema_of(Row)
    batch = arrow.record_batch([pa.array([1]), pa.array([2]), pa.array(["x"])], names=["at", "at", "text"])
    rows = TypedRows(batch, {}, RowTexts(schema, batch.schema, {}))
    assert answers_of(TypedDecoder(schema), rows)[0]["at"] == 2


def test_what_the_folders_say_stands_in_for_lacking_columns_alone() -> None:
    at = pa.array([1, 2])
    said: dict[str, object] = {"day": "2026-01-02", "count": 7, "ratio": Decimal("1.5"), "text": None}
    for answer in judge(Row, {"at": at}, said):
        assert answer["day"] == date(2026, 1, 2)
        assert (answer["count"], answer["ratio"], answer["text"]) == (7, 1.5, None)
    assert judge(Row, {"at": at, "count": pa.array([None, 3])}, said)[0]["count"] is None
    assert judge(Row, {"at": at}, {"count": "seven"}) == [(WRONG, "count")] * 2
    assert judge(Row, {"at": pa.array([None, 1])}, {"count": "seven"}) == [("missing_field", "at"), (WRONG, "count")]


def test_a_record_is_as_long_as_its_json() -> None:
    texts = pa.array(["a" * 80, "a" * 81, "\x01" * 20, None, "ü" * 40])
    columns = {"at": pa.array([1, 2, 3, 4, 5]), "text": texts}
    schema = schema_of(Row)
    batch = arrow.record_batch(list(columns.values()), names=list(columns))
    lengths = [len(text) for text in RowTexts(schema, batch.schema, {})(batch).to_pylist()]
    for limit in (lengths[0], max(lengths), 10_000):
        answers = judge(Row, columns, limit=limit)
        expected = [length > limit for length in lengths]
        assert [each == ("too_large", None) for each in answers] == expected
    lists = {"at": pa.array([1, 2]), "text": pa.array([["a" * 200], []])}
    assert judge(Row, lists, limit=100) == [("too_large", None), (WRONG, "text")]
