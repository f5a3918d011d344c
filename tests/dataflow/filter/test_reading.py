"""What is read of a condition: nodes with types, and where it cannot be read."""

import pyarrow as pa
import pytest

from dataflow.filter.expression import ConditionError
from dataflow.filter.nodes import Column, Comparison, Constant, Junction, Not
from dataflow.filter.reading import read

SCHEMA = pa.schema([("color", pa.string()), ("n", pa.int64())])


def nothing_unread(_name: str) -> bool:
    return False


def test_a_condition_becomes_nodes_with_the_types_of_its_columns() -> None:
    few = Comparison("<", Column("n", "exact", 0), Constant(3, "exact"))
    red = Comparison("=", Column("color", "text", 0), Constant("red", "text"))
    assert read("NOT n < 3 AND color = 'red'", SCHEMA, {}, nothing_unread) == Junction("AND", (Not(few), red))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the condition is empty"),
        ("n < ", "something is missing"),
        ("n < 3 n", "at character 7"),
        ("n +" * 5_000 + "n > 1", "nested too deeply"),
        ("'open", "check quotes"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place_or_its_cure(text: str, told: str) -> None:
    with pytest.raises(ConditionError, match=told):
        read(text, SCHEMA, {}, nothing_unread)
