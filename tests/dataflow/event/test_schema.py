"""An event model is read into fields and Arrow types, and every mistake in it is found at once."""

import subprocess
import sys
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, Optional

import pyarrow as pa
import pytest
from annotated_types import Ge, Interval, Len, MultipleOf
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from dataflow import EventTime, EventTimeSeconds, EventTimeText, Money
from dataflow.errors import PipelineError
from dataflow.event.fields import TimeUnit
from dataflow.event.schema import FieldKind, schema_of
from tests.dataflow.decode.models import MODELS, AdEvent, Trip

MONEY = pa.decimal128(18, 6)


def mistakes(model: Any) -> list[str]:
    with pytest.raises(PipelineError) as caught:
        schema_of(model)
    return caught.value.mistakes


def test_the_ad_event_becomes_seven_columns_in_the_models_order() -> None:
    schema = schema_of(AdEvent)
    assert schema.arrow == pa.schema(
        [
            ("event_id", pa.string()), ("event_time", pa.int64()), ("event_type", pa.string()), ("ad_id", pa.string()),
            ("user_id", pa.string()), ("cost", MONEY), ("revenue", MONEY),
        ]
    )  # fmt: skip
    assert schema.event_time.name == "event_time"
    assert schema.event_time.unit is TimeUnit.MILLIS
    assert [leaf.name for leaf in schema.fields if leaf.nullable] == ["user_id", "revenue"]
    assert [leaf.name for leaf in schema.fields if leaf.required] == ["event_id", "event_time", "event_type", "ad_id"]
    assert schema.fields[5].default == Decimal(0)


def test_nested_models_become_dotted_columns_and_optional_ones_make_them_nullable() -> None:
    fields = {leaf.name: leaf for leaf in schema_of(Trip).fields}
    assert fields["device.spot.lat"].path == ("device", "spot", "lat")
    assert not fields["device.os"].nullable
    assert fields["device.spot.lat"].nullable
    assert not fields["device.spot.lat"].null_ok
    assert fields["backup.os"].nullable
    assert fields["renamed"].path == ("re.named key",)
    assert not fields["fixed.lat"].nullable


def test_every_type_has_its_arrow_type() -> None:
    types = {name: schema_of(Trip).arrow.field(name).type for name in schema_of(Trip).arrow.names}
    assert types["day"] == pa.date32()
    assert types["speed"] == pa.float64()
    assert types["ok"] == pa.bool_()
    assert types["color"] == types["place"] == pa.string()
    assert types["level"] == types["odd"] == types["number"] == types["at"] == pa.int64()
    assert types["price"] == types["device.spot.fee"] == MONEY


def test_constraints_are_gathered_from_every_spelling() -> None:
    class Spelled(BaseModel):
        at: Annotated[EventTimeSeconds, Interval(ge=0, lt=10)]
        a: str = Field("xx", min_length=2, max_length=3, pattern="x")
        b: Optional[Annotated[str, StringConstraints(min_length=1), Len(0, 9)]] = None  # noqa: UP045 (one spelling)
        c: Annotated[Money | None, Field(ge=0)] = None
        d: Annotated[int, Field(gt=1), MultipleOf(3)] | None = None

    at, a, b, c, d = (leaf.constraints for leaf in schema_of(Spelled).fields)
    assert set(at.bounds) == {("ge", 0), ("lt", 10)}
    assert (a.min_length, a.max_length, a.patterns) == (2, 3, ("x",))
    assert (b.min_length, b.max_length) == (1, 9)
    assert c.bounds == (("ge", 0),)
    assert (d.bounds, d.multiples) == ((("gt", 1),), (3,))


def test_literals_and_enums_keep_their_json_values() -> None:
    fields = {leaf.name: leaf for leaf in schema_of(Trip).fields}
    assert (fields["color"].kind, fields["color"].choices, fields["color"].default) == (
        FieldKind.STR,
        ("red", "green"),
        "red",
    )
    assert (fields["level"].kind, fields["level"].choices, fields["level"].default) == (FieldKind.INT, (1, 3), 3)
    assert fields["place"].choices == ("home", "away")


class Time(BaseModel):
    """A base with the one thing every event needs."""

    at: EventTime


def test_no_event_time_is_a_mistake() -> None:
    class Timeless(BaseModel):
        at: int

    assert [text.partition(";")[0] for text in mistakes(Timeless)] == ["no event time"]


def test_two_event_times_are_a_mistake_that_names_both() -> None:
    class Twice(Time):
        also: EventTimeText

    assert mistakes(Twice)[0].startswith("2 event times (at, also)")


@pytest.mark.parametrize("kind", [EventTime | None, Annotated[EventTime, Field(default=5)]])
def test_an_event_time_that_may_be_missing_is_a_mistake(kind: Any) -> None:
    model = type("Lazy", (BaseModel,), {"__annotations__": {"at": kind}})
    assert mistakes(model) == ["at: the event time must be in every record; drop Optional and the default"]


@pytest.mark.parametrize("name", ["topic", "Partition", "offset", "record_timestamp", "OFFSET"])
def test_a_name_of_a_column_of_events_is_a_mistake(name: str) -> None:
    model = type("Placed", (Time,), {"__annotations__": {name: str}})
    assert mistakes(model) == [
        f"{name}: table events has a column {name.lower()} of its own; "
        f'write `event_{name.lower()}: str = Field(alias="{name}")`'
    ]


@pytest.mark.parametrize(
    "name", ["watermark", "window_start", "is_final", "VALUE", "rollup", "committed_at", "row_count", "reason"]
)
def test_a_name_that_table_events_does_not_have_is_free(name: str) -> None:
    model = type("Free", (Time,), {"__annotations__": {name: str}})
    assert schema_of(model).arrow.names == ["at", name]


def test_a_nested_field_is_free_to_be_called_like_a_column_of_events() -> None:
    class Place(BaseModel):
        offset: int

    class Nested(Time):
        place: Place

    assert schema_of(Nested).arrow.names == ["at", "place.offset"]


@pytest.mark.parametrize(
    "kind",
    [set[int], list[list[int]], dict[int, str], Decimal, datetime, bytes, int | str, Any, Literal[1, "a"],
     tuple[int, int],
     Literal[True], None, Literal[2**63], complex, object, Literal["a", None]],
)  # fmt: skip
def test_an_unsupported_type_is_a_mistake(kind: Any) -> None:
    model = type(
        "Odd", (Time,), {"__annotations__": {"x": kind}, "model_config": ConfigDict(arbitrary_types_allowed=True)}
    )
    found = mistakes(model)
    assert len(found) == 1
    assert found[0].startswith("x: type ")


@pytest.mark.parametrize(
    ("kind", "fix"),
    [
        (Decimal, "Money (dataflow.Money)"),
        (datetime, "EventTimeText (dataflow.EventTimeText) if it is the event time, else str"),
    ],
)
def test_an_unsupported_type_that_has_a_counterpart_is_told_with_it(kind: Any, fix: str) -> None:
    (found,) = mistakes(type("Odd", (Time,), {"__annotations__": {"x": kind}}))
    assert found == f"x: type {kind.__name__} is not supported; use {fix}"


@pytest.mark.parametrize(
    ("kind", "default"),
    [
        (str, None), (str, 5), (int, "5"), (int, 2**63), (int, True), (float, float("inf")),
        (Money, Decimal("0.0000001")), (Money, 0.5), (date, datetime(2024, 1, 1)), (Literal["a"], "b"),
        (Annotated[str, Len(2, 3)], "x"), (bool, 1), (Annotated[int, Ge(5)], 4), (str, "\ud800"),
        (Annotated[Money, Ge(1)], 0),
    ],
)  # fmt: skip
def test_a_default_that_the_field_itself_would_refuse_is_a_mistake(kind: Any, default: Any) -> None:
    model = type("Defaulted", (Time,), {"__annotations__": {"x": kind}, "x": default})
    found = mistakes(model)
    assert len(found) == 1
    assert found[0].startswith("x: default ")


@pytest.mark.parametrize(
    "kind",
    [
        Annotated[int, Len(1, 2)], Annotated[str, Ge(1)], Annotated[float, MultipleOf(0.1)], Annotated[bool, Ge(0)],
        Annotated[int, Ge(0.5)], Annotated[Money, Ge(0.1)], Annotated[Money, MultipleOf(Decimal("0.0000001"))],
        Annotated[date, Ge(datetime(2024, 1, 1))], Annotated[int, MultipleOf(0)], Annotated[Literal["a"], Len(1, 2)],
        Annotated[str, AfterValidator(str.upper)], Annotated[str, StringConstraints(strip_whitespace=True)],
        Annotated[str, StringConstraints(to_lower=True)], Annotated[str, StringConstraints(pattern="(?=x)")],
        Annotated[float, Ge(float("nan"))], Annotated[Literal[1, 2], Ge(1)],
    ],
)  # fmt: skip
def test_a_constraint_that_does_not_fit_is_a_mistake(kind: Any) -> None:
    model = type("Misfit", (Time,), {"__annotations__": {"x": kind}, "model_config": ConfigDict(defer_build=True)})
    found = mistakes(model)
    assert len(found) == 1
    assert found[0].startswith("x: ")


def test_python_code_in_a_model_is_a_mistake() -> None:
    class Coded(Time):
        model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
        made: str = Field(default_factory=str)

        @field_validator("at")
        @classmethod
        def later(cls, at: int) -> int:
            return at + 1

        @model_validator(mode="after")
        def whole(self) -> "Coded":
            return self

    found = mistakes(Coded)
    for part in ("later()", "whole()", "str_strip_whitespace", "extra", "default_factory"):
        assert any(part in text for text in found), part


def test_names_that_differ_only_in_case_and_keys_read_twice_are_mistakes() -> None:
    class Doubled(Time):
        ad: str
        AD: str
        other: str = Field(alias="ad")

    assert [text.partition(":")[0] for text in mistakes(Doubled)] == ["other", "AD"]


@pytest.mark.parametrize("key", ['a"b', "a\\b", "a\nb", "\x00"])
def test_a_key_that_no_decoder_can_compare_is_a_mistake(key: str) -> None:
    class Keyed(Time):
        ad: Annotated[str, Field(validation_alias=key)]

    assert mistakes(Keyed) == [f"ad: alias {key!r} has a quote, a backslash or a control character; rename it"]


def test_a_model_that_contains_itself_is_a_mistake() -> None:
    assert any("contains itself" in text for text in mistakes(Knot))


class Knot(Time):
    """Recursive."""

    inner: Optional["Knot"] = None


def test_all_mistakes_are_reported_together_with_the_models_name() -> None:
    class Kind(Enum):
        A = 1.5

    class Wrong(BaseModel):
        topic: str
        a: set[int]
        b: Decimal
        c: Kind
        d: Annotated[int, Len(1, 2)]

    with pytest.raises(PipelineError, match="event Wrong: 6 mistakes") as caught:
        schema_of(Wrong)
    assert "Money" in caught.value.mistakes[1]


def test_something_that_is_no_model_is_a_mistake() -> None:
    assert "not a pydantic model" in mistakes(dict)[0]
    assert "not a pydantic model" in mistakes(AdEvent.model_construct())[0]


@pytest.mark.parametrize("model", MODELS)
def test_the_columns_of_a_schema_are_its_leaves(model: type[BaseModel]) -> None:
    schema = schema_of(model)
    assert schema.arrow.names == [leaf.name for leaf in schema.fields] == [leaf.name for leaf in schema.root.leaves()]
    assert [schema.arrow.field(leaf.name).type for leaf in schema.fields] == [leaf.type for leaf in schema.fields]


def test_importing_the_package_stays_light() -> None:
    heavy = ("bytewax", "confluent_kafka", "duckdb", "sqlglot")
    code = f"import sys, dataflow; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
