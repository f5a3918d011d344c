"""Which columns are known while a pipeline is checked, and of which nothing can be said."""

from typing import Literal

import pyarrow as pa
from pydantic import BaseModel

from dataflow import EventTime
from dataflow.event.schema import read_model
from dataflow.pipeline.columns import columns_of


class Inner(BaseModel):
    n: int
    lost: set[int]


class Event(BaseModel):
    at: EventTime
    status: Literal["a", "b"]
    inner: Inner
    other: dict[int, str]


def test_what_could_be_read_of_a_model_is_known_and_only_the_rest_is_hidden() -> None:
    columns = columns_of(read_model(Event))
    assert columns.schema.names == ["at", "status", "inner.n"]
    assert columns.values == {"status": ("a", "b")}
    assert columns.times == frozenset({"at"})
    assert [name for name in ("inner.lost", "other", "other.x", "inner.n", "nope", "othe") if columns.hides(name)] == [
        "inner.lost",
        "other",
        "other.x",
    ]


def test_of_no_model_every_column_is_hidden() -> None:
    assert columns_of(read_model(dict)).hides("anything")


def test_a_dimensions_columns_stand_beside_and_the_first_of_a_name_stays() -> None:
    more = columns_of(read_model(Event)).with_more(
        {"status": pa.int64(), "city": pa.string()}, frozenset({"size"}), is_open=False
    )
    assert more.schema.field("status").type == pa.string()
    assert more.schema.names[-1] == "city"
    assert more.hides("size")
    assert not more.hides("nope")
    opened = more.with_more({}, frozenset(), is_open=True)
    assert opened.hides("nope")
    assert not opened.hides("city")
