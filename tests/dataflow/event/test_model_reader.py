"""A model is walked to its leaves; what cannot be read is told, and the rest is read all the same."""

import pytest
from pydantic import BaseModel, Field

from dataflow.event.event_field import EventField, EventObject
from dataflow.event.model_reader import ModelReader, is_readable_key


class Place(BaseModel):
    city: str = Field(alias="City")
    size: complex
    height: float | None = None

    model_config = {"arbitrary_types_allowed": True}


class Visit(BaseModel):
    who: int
    place: Place | None = None


def test_a_nested_model_is_an_object_of_its_leaves_and_null_where_it_may_lack() -> None:
    reader = ModelReader()
    who, place = reader.children(Visit, (), (), False, (Visit,))
    assert isinstance(who, EventField)
    assert isinstance(place, EventObject)
    assert (who.name, who.path, who.null_ok) == ("who", ("who",), False)
    assert [(leaf.name, leaf.path) for leaf in place.leaves()] == [
        ("place.city", ("place", "City")),
        ("place.height", ("place", "height")),
    ]


def test_a_field_that_cannot_be_read_is_told_and_named_and_the_others_are_read() -> None:
    reader = ModelReader()
    assert len(reader.children(Place, (), (), False, (Place,))) == 2
    assert reader.unread == {"size"}
    (mistake,) = reader.mistakes
    assert mistake.startswith("size: ")
    assert "one of str, int" in mistake


@pytest.mark.parametrize(("key", "readable"), [("ad id", True), ("größe", True), ('a"b', False), ("a\nb", False)])
def test_a_key_that_has_to_be_escaped_is_not_readable(key: str, readable: bool) -> None:
    assert is_readable_key(key) is readable
