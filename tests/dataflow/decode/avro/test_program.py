"""Which writers' schemas the compiled reader takes: decided once a schema, by rules that stand in the docs."""

import json
from typing import Any

import pytest
from pydantic import BaseModel

from dataflow import EventTime
from dataflow.decode.avro.program import MOST_STEPS, Program
from dataflow.decode.binary.slots import Unfit
from dataflow.event.schema import schema_of
from dataflow.formats.avro import read_schema
from tests.avro_events import FIELDS, FIRST, ORDER, SECOND, TREE, record
from tests.dataflow.decode.avro.test_columns import both


class At(BaseModel):
    at: EventTime


AT = schema_of(At)


def unfit(text: str, aliases: Any = None) -> str:
    with pytest.raises(Unfit) as raised:
        Program(read_schema(text), ORDER, aliases or {})
    return str(raised.value)


def test_a_schema_with_a_record_that_holds_itself_is_read_row_by_row() -> None:
    assert unfit(SECOND) == "record shop.Tree holds itself"
    assert unfit(record(FIELDS | {"tree": TREE})) == "record shop.Tree holds itself"


def test_a_list_of_things_without_bytes_is_read_row_by_row() -> None:
    empty = {"type": "record", "name": "E", "fields": [{"name": "n", "type": "null"}]}
    for items in ("null", empty, {"type": "fixed", "name": "F", "size": 0}):
        assert "things without bytes" in unfit(record(FIELDS | {"n": {"type": "array", "items": items}}))
    Program(read_schema(record(FIELDS | {"n": {"type": "map", "values": "null"}})), ORDER, {})


def test_a_field_that_two_of_the_models_read_is_read_row_by_row() -> None:
    text = record({name: type_ for name, type_ in FIELDS.items() if name != "pieces"})
    assert "gift is read by 2 fields" in unfit(text, {"pieces": ["gift"]})


def test_types_that_are_nested_too_deep_and_programs_that_are_too_long_are_read_row_by_row() -> None:
    nested = {
        f"f{level}": {
            "type": "record",
            "name": f"R{level}",
            "fields": [{"name": "x", "type": f"shop.R{level - 1}" if level else "int"}],
        }
        for level in range(70)
    }
    assert "nested deeper" in unfit(record(FIELDS | nested))
    doubled: Any = {"type": "record", "name": "R0", "fields": [{"name": "x", "type": "long"}]}
    for level in range(1, 14):
        fields = [{"name": "l", "type": doubled}, {"name": "r", "type": f"shop.R{level - 1}"}]
        doubled = {"type": "record", "name": f"R{level}", "fields": fields}
    assert f"{MOST_STEPS:,} steps" in unfit(record(FIELDS | {"n": doubled}))


def test_all_other_schemas_are_compiled() -> None:
    program = Program(read_schema(FIRST), ORDER, {})
    assert len(program.leaves) == len(ORDER.fields)
    assert program.steps.shape[1] == 6


def test_arrays_and_maps_that_nobody_asks_for_are_read_over_in_any_form_that_avro_allows() -> None:
    text = json.dumps(
        {
            "type": "record",
            "name": "R",
            "fields": [
                {"name": "before", "type": {"type": "array", "items": {"type": "map", "values": ["null", "int"]}}},
                {"name": "at", "type": "long"},
            ],
        }
    )
    number = b"\x0e"
    one = b"\x02" + b"\x02k" + b"\x02" + b"\x04" + b"\x00"  # a map of one entry: branch 1, the int 2
    plain = b"\x02" + one + b"\x00"
    sized = b"\x01" + b"\x0c" + one + b"\x00"  # a block of -1 entries says its bytes, too
    two = b"\x02" + one + b"\x02" + one + b"\x00"
    wrong = b"\x06" + one + b"\x00"
    values = [array + number for array in (b"\x00", plain, sized, two, b"\x04" + one + one + b"\x00")]
    odd = [wrong + number, plain, b"\xff" * 9 + b"\x01" + number, b"\x02\x02\x02\xff\x02\x04\x00\x00" + number, b""]
    decoded = both(AT, text, [*values, *odd])
    assert decoded.events_at.tolist() == [0, 1, 2, 3, 4]
    assert decoded.events.column("at").to_pylist() == [7] * 5
