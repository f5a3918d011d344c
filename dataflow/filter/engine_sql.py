"""A condition in the SQL of an engine that folds rows itself: exact numbers stay exact, division is of doubles.

What is one engine's own stands in its subclass of EngineSql; what it would answer otherwise is refused.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import NamedTuple

import pyarrow as pa

from dataflow.filter.nodes import (
    Arithmetic,
    Between,
    Column,
    Comparison,
    Constant,
    IsNull,
    Junction,
    Like,
    Membership,
    Negative,
    Node,
    Not,
)

MAX_DIGITS = 38
INT_DIGITS = 19


class NotInEngine(ValueError):
    """A condition that the engine would answer otherwise: why, and what to do."""


class Decimals(NamedTuple):
    """The digits of an exact number: in all, and behind the point."""

    digits: int
    scale: int

    @property
    def type(self) -> str:
        """The type that holds it."""
        return f"DECIMAL({self.digits}, {self.scale})"


def digits_of(columns: Iterable[pa.Field]) -> dict[str, Decimals]:
    """Of the exact ones among the columns, how many digits they have."""
    found = {}
    for column in columns:
        if pa.types.is_decimal(column.type):
            found[column.name] = Decimals(column.type.precision, column.type.scale)
        elif pa.types.is_integer(column.type):
            found[column.name] = Decimals(INT_DIGITS, 0)
    return found


class EngineSql(ABC):
    """One engine's conditions. Raises NotInEngine.

    `columns`: how each column is written; `digits`: those of its exact columns.
    """

    engine: str

    def __init__(self, columns: Mapping[str, str], digits: Mapping[str, Decimals]) -> None:
        self.columns = columns
        self.digits = digits

    @abstractmethod
    def doubles(self, op: str, left: Node, right: Node) -> str:
        """A comparison of doubles, where NaN equals itself and is above all else."""

    @abstractmethod
    def divided(self, left: Node, right: Node) -> str:
        """A quotient of doubles: by zero it is infinite, or NaN."""

    @abstractmethod
    def text(self, value: str) -> str:
        """A string literal."""

    @abstractmethod
    def pattern(self, value: str) -> str:
        """A LIKE pattern, in which a backslash is a plain character."""

    def digits_to_compare(self, left: Node, right: Node) -> int:
        """How many digits the type has in which two exact numbers are compared; 0 where any are."""
        return 0

    def require_comparable(self, left: Node, right: Node) -> None:
        """Raises NotInEngine where two exact numbers need a common type that the engine does not have."""
        digits = self.digits_to_compare(left, right)
        if digits > MAX_DIGITS:
            what = (
                f"to compare {left.sql()} with {right.sql()} takes {digits} digits, and {self.engine}'s decimals have"
            )
            fix = "compare smaller numbers, or make one side a float by a factor of 1e0"
            raise NotInEngine(f"{what} {MAX_DIGITS}; {fix}")

    def boolean(self, node: Node) -> str:
        """A condition."""
        match node:
            case Comparison(op, left, right):
                return self.compared(op, left, right, as_double="double" in (left.kind, right.kind))
            case Between(operand, low, high):
                as_double = any(child.kind == "double" for child in node.children())
                above = self.compared(">=", operand, low, as_double=as_double)
                return f"({above}) AND ({self.compared('<=', operand, high, as_double=as_double)})"
            case Membership(operand, items):
                return self.member(operand, items)
            case Like(operand, pattern):
                return f"{self.operand(operand)} LIKE {self.pattern(pattern)}"
            case IsNull(operand):
                return f"{self.operand(operand)} IS NULL"
            case Not(operand):
                return f"NOT {self.operand(operand)}"
            case Junction(op, operands):
                return f" {op} ".join(self.operand(operand) for operand in operands)
        return self.value(node)

    def member(self, operand: Node, items: tuple[Node, ...]) -> str:
        """Operand IN (items)."""
        if operand.kind in ("text", "date"):
            return f"{self.operand(operand)} IN ({', '.join(self.value(item) for item in items)})"
        as_double = any(node.kind == "double" for node in (operand, *items))
        each = (self.compared("=", operand, item, as_double=as_double) for item in items)
        return " OR ".join(f"({one})" for one in each)

    def compared(self, op: str, left: Node, right: Node, *, as_double: bool) -> str:
        """Left op right."""
        if as_double:
            return self.doubles(op, left, right)
        if left.kind == right.kind == "exact":
            self.require_comparable(left, right)
        return f"{self.operand(left)} {op} {self.operand(right)}"

    def double(self, node: Node) -> str:
        """A number as a double."""
        if node.kind != "double":
            return f"CAST({self.value(node)} AS DOUBLE)"
        if isinstance(node, Arithmetic):
            if node.op == "/":
                return self.divided(node.left, node.right)
            return f"({self.double(node.left)} {node.op} {self.double(node.right)})"
        if isinstance(node, Negative):
            return f"(-{self.double(node.operand)})"
        return self.value(node)

    def operand(self, node: Node) -> str:
        """A value or condition as an operand, in parentheses where it needs them."""
        written = self.value(node) if node.kind != "boolean" else self.boolean(node)
        # arithmetic stands in parentheses already
        return written if isinstance(node, Column | Constant | Arithmetic | Negative) else f"({written})"

    def value(self, node: Node) -> str:
        """A value."""
        if isinstance(node, Column):
            return self.columns[node.name]
        if isinstance(node, Constant):
            return self.literal(node.value)
        if node.kind == "double":
            return self.double(node)
        if node.kind == "exact":
            return self.exact(node)
        return self.boolean(node)

    def exact(self, node: Node) -> str:
        """Exact arithmetic over decimals that are wide enough for every result."""
        if isinstance(node, Negative):
            return f"(-{self.decimal(node.operand)})"
        assert isinstance(node, Arithmetic)
        self.digits_of(node)
        return f"({self.decimal(node.left)} {node.op} {self.decimal(node.right)})"

    def decimal(self, node: Node) -> str:
        """An exact number in a type that holds it."""
        written = self.value(node)
        return written if isinstance(node, Arithmetic) else f"CAST({written} AS {self.digits_of(node).type})"

    def digits_of(self, node: Node) -> Decimals:
        """The digits that the largest value of an exact expression can have. Raises NotInEngine for more than 38."""
        if isinstance(node, Column):
            return self.digits[node.name]
        if isinstance(node, Constant):
            assert isinstance(node.value, int | Decimal)
            units = abs(int(Decimal(node.value).scaleb(node.scale)))
            return Decimals(max(len(str(units)), node.scale + 1), node.scale)
        if isinstance(node, Negative):
            return self.digits_of(node.operand)
        assert isinstance(node, Arithmetic)
        left, right = self.digits_of(node.left), self.digits_of(node.right)
        scale = left.scale + right.scale if node.op == "*" else max(left.scale, right.scale)
        if node.op == "*":
            digits = left.digits + right.digits
        else:
            digits = max(left.digits - left.scale, right.digits - right.scale) + scale + 1
        # both engines count one digit more than a product can have, and give up decimals to make room for it
        limit = MAX_DIGITS - 1 if node.op == "*" and scale else MAX_DIGITS
        if digits > limit:
            what = f"{node.sql()} can have {digits} digits, and {self.engine}'s decimals have {MAX_DIGITS}"
            raise NotInEngine(f"{what}; compare smaller numbers, or make one side a float by a factor of 1e0")
        return Decimals(digits, scale)

    def literal(self, value: str | int | Decimal | float | bool | date) -> str:
        """A constant."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, bool):
            return "TRUE" if value else "FALSE"
        if isinstance(value, date):
            return f"DATE '{value.isoformat()}'"
        if isinstance(value, float):
            written = repr(value)
            return written.upper() if "e" in written else f"{written}E0"
        return f"{value:f}" if isinstance(value, Decimal) else str(value)
