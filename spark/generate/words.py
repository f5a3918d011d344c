"""Names, texts and types in Spark's SQL, and how a pipeline's columns and conditions are written there."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import pyarrow as pa

from dataflow.aggregates.rows import PARTS, Taken, collected
from dataflow.filter.engine_sql import Decimals, digits_of
from dataflow.filter.expression import Expression
from dataflow.filter.spark import SparkSql, spark_text
from dataflow.pipeline.plan import AggregatePlan, Plan
from dataflow.sql import backquoted as named

__all__ = ["DIALECT", "Words", "literal", "named", "text", "type_of"]

DIALECT = "spark"

text = spark_text


def type_of(type_: pa.DataType) -> str:
    """The type of a column: event times, as all times, are BIGINT ms."""
    if pa.types.is_decimal(type_):
        return f"DECIMAL({type_.precision}, {type_.scale})"
    return {
        pa.string(): "STRING",
        pa.int32(): "INT",
        pa.int64(): "BIGINT",
        pa.float64(): "DOUBLE",
        pa.bool_(): "BOOLEAN",
        pa.date32(): "DATE",
        pa.binary(): "BINARY",
    }[type_]


def literal(value: object, type_: pa.DataType) -> str:
    """A value of a dimension's column."""
    match value:
        case None:
            return f"CAST(NULL AS {type_of(type_)})"
        case bool():
            return "TRUE" if value else "FALSE"
        case str():
            return text(value)
        case date():
            return f"DATE '{value.isoformat()}'"
        case Decimal():
            return f"CAST('{value:f}' AS {type_of(type_)})"
        case float():
            return f"DOUBLE('{value!r}')"
    return f"CAST('{value}' AS {type_of(type_)})"


class Words:
    """How columns and conditions of a pipeline are written."""

    def __init__(self, plan: Plan) -> None:
        self.columns: Mapping[str, str] = {name: named(name) for name in plan.row_schema.names}
        self.digits: Mapping[str, Decimals] = digits_of(plan.row_schema)
        self.time = named(plan.event.event_time.name)

    def condition(self, where: Expression) -> str:
        """Raises NotInEngine."""
        return SparkSql(self.columns, self.digits).boolean(where.root)

    def taken(self, plan: AggregatePlan) -> Taken:
        """What an aggregate takes of a group of rows. Raises NotInEngine."""
        column = None if plan.aggregate.column is None else self.columns[plan.aggregate.column]
        return Taken(column, plan.column_type, None if plan.where is None else self.condition(plan.where))

    def delta(self, plan: AggregatePlan) -> list[tuple[str, str]]:
        """Its parts over a group of rows, each with the name of its column. Raises as `aggregate`."""
        taken = self.taken(plan)
        if plan.keeps_values:
            return [(plan.name, collected(taken))]
        parts = zip(plan.kind.parts, plan.columns, strict=True)
        return [(column.name, PARTS[part.name](taken)) for part, column in parts]

    def merged(self, plan: AggregatePlan) -> str:
        """Its value out of a group of such parts."""
        columns = [column.name for column in plan.columns] or [plan.name]
        return plan.kind.merged[DIALECT](*map(named, columns))

    def aggregate(self, plan: AggregatePlan) -> str:
        """The value of an aggregate over a group of rows. Raises NotInEngine; KeyError where there is no equal form."""
        return plan.kind.rows[DIALECT](self.taken(plan))
