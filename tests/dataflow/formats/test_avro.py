"""Avro schemas as text: names, logical types, what is refused."""

import json

import pytest

from dataflow.formats.avro import SchemaError, read_schema


def test_names_are_looked_up_in_the_space_where_they_stand() -> None:
    inner = {"type": "record", "name": "B", "fields": [{"name": "self", "type": ["null", "B"]}]}
    found = read_schema(
        json.dumps(
            {
                "type": "record",
                "name": "A",
                "namespace": "x",
                "fields": [{"name": "b", "type": inner}, {"name": "c", "type": "x.B"}],
            }
        )
    )
    b = found.fields[0].type
    assert (found.name, b.name) == ("x.A", "x.B")
    assert found.fields[1].type is b
    assert b.fields[0].type.branches[1] is b


def test_a_schema_may_use_names_of_those_it_refers_to() -> None:
    other = json.dumps({"type": "enum", "name": "z.Kind", "symbols": ["a"]})
    found = read_schema('{"type":"record","name":"A","fields":[{"name":"k","type":"z.Kind"}]}', {"kind.avsc": other})
    assert found.fields[0].type.symbols == ("a",)


@pytest.mark.parametrize(
    ("said", "logical"),
    [
        ({"type": "int", "logicalType": "date"}, "date"),
        ({"type": "long", "logicalType": "date"}, None),
        ({"type": "long", "logicalType": "timestamp-nanos"}, "timestamp-nanos"),
        ({"type": "string", "logicalType": "uuid"}, None),
        ({"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}, "decimal"),
        ({"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 5}, None),
        ({"type": "bytes", "logicalType": "decimal"}, None),
    ],
)
def test_a_logical_type_that_stands_wrongly_is_as_if_not_there(said: object, logical: str | None) -> None:
    assert read_schema(json.dumps(said)).logical == logical


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ('"nothing"', "'nothing' is not known"),
        ('{"name":"x"}', "is no type"),
        ('{"type":"record","name":"A"}', "no list of fields"),
        ('{"type":"record","fields":[]}', "has no name"),
        (
            '{"type":"record","name":"A","fields":[{"name":"a","type":"int"},{"name":"a","type":"int"}]}',
            "another one's",
        ),
        ('{"type":"record","name":"A","fields":[{"name":"a"}]}', "has no 'type'"),
        ('{"type":"enum","name":"E","symbols":"a"}', "no list of symbols"),
        ('{"type":"fixed","name":"F","size":-1}', "has no size"),
        ('["int",["int"]]', "a union stands in a union"),
        ('{"type":"array"}', "has no 'items'"),
        ('[{"type":"fixed","name":"F","size":1},{"type":"fixed","name":"F","size":1}]', "defined twice"),
        ("[" * 100_000, "not JSON"),
        ('{"type":' * 100 + '"int"' + "}" * 100, "deeper than 64"),
        ('{"type":5}', "is no type"),
    ],
)
def test_what_is_no_schema_is_refused_with_what_is_wrong(text: str, said: str) -> None:
    with pytest.raises(SchemaError, match=said):
        read_schema(text)


def test_a_bare_name_of_a_type_is_a_schema() -> None:
    assert read_schema("string").kind == read_schema('"string"').kind == "string"
