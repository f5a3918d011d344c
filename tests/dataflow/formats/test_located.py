"""Where an event's fields are in a table."""

import pyarrow as pa
from pydantic import BaseModel, Field

from dataflow import EventTime
from dataflow.event.schema import schema_of
from dataflow.formats.located import Held, LocatedObject, locate


class Place(BaseModel):
    city: str
    zip: str | None = Field(None, alias="code")


class Visit(BaseModel):
    at: EventTime = Field(alias="time")
    place: Place | None = None


ROOT = schema_of(Visit).root


def place_in(schema: pa.Schema) -> LocatedObject:
    (place,) = [child for child in locate(ROOT, schema).children if isinstance(child, LocatedObject)]
    return place


def test_a_field_is_found_by_its_name_its_alias_or_not_at_all() -> None:
    for name in ("at", "time"):
        assert locate(ROOT, pa.schema([(name, pa.int64())])).columns() == [name]
    assert locate(ROOT, pa.schema([("time", pa.int64()), ("at", pa.int64())])).columns() == ["at"]
    assert locate(ROOT, pa.schema([("AT", pa.int64())])).columns() == []


def test_an_object_is_a_struct_columns_of_its_own_another_type_or_lacking() -> None:
    struct = place_in(pa.schema([("place", pa.struct([("city", pa.string()), ("code", pa.string())]))]))
    assert (struct.held, struct.columns()) == (Held.STRUCT, ["place.city", "place.code"])
    columns = place_in(pa.schema([("place.city", pa.string()), ("place", pa.int64())]))
    assert (columns.held, columns.columns()) == (Held.COLUMNS, ["place.city"])
    assert [field.path for field in columns.fields()] == [("place.city",), ()]
    other = locate(ROOT, pa.schema([("place", pa.string())]))
    assert other.columns() == ["place"]
    assert place_in(pa.schema([("place", pa.string())])).held is Held.OTHER
    assert place_in(pa.schema([("time", pa.int64())])).held is Held.LACKING
    bare = place_in(pa.schema([("place", pa.struct([("x", pa.string())]))]))
    assert (bare.held, bare.path) == (Held.STRUCT, ("place",))
