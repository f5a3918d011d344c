"""A condition in Flink's SQL, with Tidemill's answers: exact numbers stay exact, division is of doubles, NaN is known.

Flink wraps BIGINT, divides ints as ints, rounds decimals beyond 38 digits, and no comparison with NaN is true there.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import NamedTuple

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
from dataflow.sql import text

MAX_DIGITS = 38
INT_DIGITS = 19


class NotInFlink(ValueError):
    """A condition that Flink would answer otherwise: why, and what to do."""


class Decimals(NamedTuple):
    """The digits of an exact number: in all, and behind the point."""

    digits: int
    scale: int

    @property
    def type(self) -> str:
        """The type that holds it."""
        return f"DECIMAL({self.digits}, {self.scale})"


def condition(root: Node, columns: Mapping[str, str], digits: Mapping[str, Decimals]) -> str:
    """The condition in Flink's SQL. Raises NotInFlink.

    `columns`: how each column is written; `digits`: those of its exact columns.
    """
    return _Writer(columns, digits).boolean(root)


class _Writer:
    def __init__(self, columns: Mapping[str, str], digits: Mapping[str, Decimals]) -> None:
        self.columns = columns
        self.digits = digits

    def boolean(self, node: Node) -> str:
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
                return f"{self.operand(operand)} LIKE {text(pattern)}"
            case IsNull(operand):
                return f"{self.operand(operand)} IS NULL"
            case Not(operand):
                return f"NOT {self.operand(operand)}"
            case Junction(op, operands):
                return f" {op} ".join(self.operand(operand) for operand in operands)
        return self.value(node)

    def member(self, operand: Node, items: tuple[Node, ...]) -> str:
        if operand.kind in ("text", "date"):
            return f"{self.operand(operand)} IN ({', '.join(self.value(item) for item in items)})"
        as_double = any(node.kind == "double" for node in (operand, *items))
        each = (self.compared("=", operand, item, as_double=as_double) for item in items)
        return " OR ".join(f"({one})" for one in each)

    def compared(self, op: str, left: Node, right: Node, *, as_double: bool) -> str:
        if not as_double:
            return f"{self.operand(left)} {op} {self.operand(right)}"
        a, b = self.double(left), self.double(right)
        nan_a, nan_b = (f"CAST({side} AS STRING) = 'NaN'" for side in (a, b))
        may_a, may_b = _may_be_nan(left), _may_be_nan(right)
        if not (may_a or may_b):
            return f"{a} {op} {b}"
        # NaN equals itself and is above all else
        nan_a, nan_b = nan_a if may_a else "FALSE", nan_b if may_b else "FALSE"
        answers = {
            "=": f"({nan_a} AND {nan_b}) OR {a} = {b}",
            "<>": f"NOT (({nan_a} AND {nan_b}) OR {a} = {b})",
            ">": f"({nan_a} AND NOT ({nan_b})) OR {a} > {b}",
            ">=": f"{nan_a} OR {a} >= {b}",
            "<": f"({nan_b} AND NOT ({nan_a})) OR {a} < {b}",
            "<=": f"{nan_b} OR {a} <= {b}",
        }
        return f"CASE WHEN {a} IS NULL OR {b} IS NULL THEN CAST(NULL AS BOOLEAN) ELSE {answers[op]} END"

    def double(self, node: Node) -> str:
        """A number as a double."""
        if node.kind != "double":
            return f"CAST({self.value(node)} AS DOUBLE)"
        if isinstance(node, Arithmetic):
            return f"({self.double(node.left)} {node.op} {self.double(node.right)})"
        if isinstance(node, Negative):
            return f"(-{self.double(node.operand)})"
        return self.value(node)

    def operand(self, node: Node) -> str:
        written = self.value(node) if node.kind != "boolean" else self.boolean(node)
        # arithmetic stands in parentheses already
        return written if isinstance(node, Column | Constant | Arithmetic | Negative) else f"({written})"

    def value(self, node: Node) -> str:
        if isinstance(node, Column):
            return self.columns[node.name]
        if isinstance(node, Constant):
            return _literal(node.value)
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
        written = self.value(node)
        return written if isinstance(node, Arithmetic) else f"CAST({written} AS {self.digits_of(node).type})"

    def digits_of(self, node: Node) -> Decimals:
        """The digits that the largest value of an exact expression can have. Raises NotInFlink for more than 38."""
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
        # Flink counts one digit more than a product can have, and gives up decimals to make room for it
        limit = MAX_DIGITS - 1 if node.op == "*" and scale else MAX_DIGITS
        if digits > limit:
            what = f"{node.sql()} can have {digits} digits, and Flink's decimals have {MAX_DIGITS}"
            raise NotInFlink(f"{what}; compare smaller numbers, or make one side a float by a factor of 1e0")
        return Decimals(digits, scale)


def _literal(value: str | int | Decimal | float | bool | date) -> str:
    if isinstance(value, str):
        return text(value)
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, float):
        written = repr(value)
        return written.upper() if "e" in written else f"{written}E0"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _may_be_nan(node: Node) -> bool:
    """Only arithmetic over doubles makes one: no column and no literal holds any."""
    if isinstance(node, Negative):
        return _may_be_nan(node.operand)
    if not isinstance(node, Arithmetic) or node.kind != "double":
        return False
    if not (_is_finite(node.left) and _is_finite(node.right)):
        return True
    return node.op == "/" and not (isinstance(node.right, Constant) and bool(node.right.value))


def _is_finite(node: Node) -> bool:
    return node.kind == "exact" or isinstance(node, Column | Constant)
