"""Conditions once they are parsed: which columns they can read, and what they say of rows."""

import pickle

import pyarrow as pa
import pytest

from dataflow.filter.expression import ConditionError, Expression, kind_of, names_in
from dataflow.filter.nodes import Column, Comparison, Constant, Junction

RED = Comparison("=", Column("color", "text", 0), Constant("red", "text"))
FEW = Comparison("<", Column("n", "exact", 0), Constant(3, "exact"))
BOTH = Junction("AND", (RED, FEW))


@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        (pa.string(), ("text", 0)),
        (pa.string_view(), ("text", 0)),
        (pa.array(["red"]).dictionary_encode().type, ("text", 0)),
        (pa.int32(), ("exact", 0)),
        (pa.decimal128(18, 6), ("exact", 6)),
        (pa.float64(), ("double", 0)),
        (pa.bool_(), ("boolean", 0)),
        (pa.date32(), ("date", 0)),
        (pa.binary(), None),
        (pa.list_(pa.string()), None),
        (pa.timestamp("ms"), None),
    ],
)
def test_a_column_has_a_kind_by_its_type_or_none_that_a_filter_reads(type_, kind):
    assert kind_of(type_) == kind


def test_an_expression_is_evaluated_over_a_batch_or_columns_by_name_without_a_parser():
    expression = Expression(BOTH, BOTH.sql(), frozenset(names_in(BOTH)))
    assert expression.columns == {"color", "n"}
    columns = {"color": pa.array(["red", "red", None, "blue"]), "n": pa.array([1, 4, 2, None])}
    for rows in (columns, pa.RecordBatch.from_pydict(columns)):
        assert expression.evaluate(rows).to_pylist() == [True, False, None, False]
    assert pickle.loads(pickle.dumps(expression)) == expression


def test_mistakes_are_told_together_and_one_by_one():
    error = ConditionError("this", "that")
    assert str(error) == "this; and that"
    assert error.mistakes == ("this", "that")
