"""Conditions that name rows by their values alone: column = constant, IN, and AND of such; all others are refused."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from dataflow.filter.expression import Expression
from dataflow.filter.nodes import Column, Comparison, Constant, Junction, Membership, Node
from dataflow.filter.parse import parse

Value: TypeAlias = str | int | Decimal | float | bool | date

FORM = "write COLUMN = VALUE, COLUMN IN (VALUE, ...) or several of these with AND, like \"user_id = 'u42'\""


@dataclass(frozen=True, slots=True)
class Equalities:
    """A condition that holds where each column of `constants` has one of its values. `sql`: its canonical text."""

    expression: Expression
    constants: Mapping[str, tuple[Value, ...]]

    def matches(self, columns: Mapping[str, pa.Array]) -> pa.Array:
        """True or false per row of `columns`, which hold at least those of `constants`; a null matches nothing."""
        return pc.fill_null(self.expression.evaluate(columns), False)


def equalities(text: str, schema: pa.Schema) -> Equalities:
    """Read a condition over the columns of `schema`. Raises ValueError with the reason and how to write it."""
    if not text.strip():
        raise ValueError(f"the condition is empty; {FORM}")
    try:
        expression = parse(text, schema)
    except ValueError as error:
        # what a filter may hold besides is no help here
        reason = str(error).partition("; allowed are ")[0].removesuffix("; write IS NULL or IS NOT NULL")
        raise ValueError(f"{reason}; {FORM}") from None
    constants: dict[str, tuple[Value, ...]] = {}
    for part in _parts(expression.root):
        column, values = _equality(part)
        if column in constants:
            raise ValueError(f"{column} is named twice; name each column once, with IN for several values; {FORM}")
        if "" in values:
            raise ValueError(f"{column} is compared with an empty text, which names nobody; {FORM}")
        constants[column] = values
    return Equalities(expression, constants)


def _parts(root: Node) -> Iterator[Node]:
    if isinstance(root, Junction) and root.op == "AND":
        for part in root.operands:
            yield from _parts(part)
    else:
        yield root


def _equality(node: Node) -> tuple[str, tuple[Value, ...]]:
    if isinstance(node, Comparison) and node.op == "=":
        for one, other in ((node.left, node.right), (node.right, node.left)):
            if isinstance(one, Column) and isinstance(other, Constant):
                return one.name, (other.value,)
    if isinstance(node, Membership) and isinstance(node.operand, Column):
        return node.operand.name, tuple(item.value for item in node.items if isinstance(item, Constant))
    raise ValueError(f"{node.sql()} is no equality of a column with constants; {FORM}")
