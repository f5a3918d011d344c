"""The operators of a filter as typed nodes: each knows its canonical SQL and evaluates whole columns."""

# ruff: noqa: D102 - the contract of every method is the one of Node.

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dataflow.columnar import numbers as numeric
from dataflow.columnar.numbers import Numbers
from dataflow.columnar.types import Bools
from dataflow.filter import ternary
from dataflow.filter.ternary import Ternary, Text, all_of, any_of, compare_text, like_regex, on_text, plain
from dataflow.sql import quoted, text

Kind = Literal["text", "exact", "double", "boolean", "date"]

_EPOCH_DAY = date(1970, 1, 1)


class Frame:
    """The columns of one batch, turned into what the operators need, each once."""

    def __init__(self, columns: Mapping[str, pa.Array], rows: int) -> None:
        self.rows = rows
        self._columns = columns
        self._numbers: dict[str, Numbers] = {}

    def array(self, name: str) -> pa.Array:
        """The column as it is."""
        return self._columns[name]

    def numbers(self, name: str) -> Numbers:
        """A number or date column."""
        if name not in self._numbers:
            self._numbers[name] = numeric.from_arrow(self._columns[name])
        return self._numbers[name]


class Node(ABC):
    """A typed SQL expression. `scale`: decimals of an exact number."""

    kind: Kind
    scale: int

    @abstractmethod
    def sql(self) -> str:
        """Canonical SQL, with parentheses wherever an operator is an operand."""

    @abstractmethod
    def children(self) -> tuple["Node", ...]:
        """The operands."""

    def numbers(self, frame: Frame) -> Numbers:
        """Its values, of a number or date."""
        raise TypeError(f"{self.sql()} is no number")

    def text(self, frame: Frame) -> Text:
        """Its values, of a text: an Arrow array (dictionary encoded or not) or one Python string."""
        raise TypeError(f"{self.sql()} is no text")

    def ternary(self, frame: Frame) -> Ternary:
        """Its values, of a boolean."""
        raise TypeError(f"{self.sql()} is no boolean")


@dataclass(frozen=True)
class Column(Node):
    """A column by its name."""

    name: str
    kind: Kind
    scale: int = 0

    def sql(self) -> str:
        return quoted(self.name)

    def children(self) -> tuple[Node, ...]:
        return ()

    def numbers(self, frame: Frame) -> Numbers:
        return frame.numbers(self.name)

    def text(self, frame: Frame) -> pa.Array:
        return frame.array(self.name)

    def ternary(self, frame: Frame) -> Ternary:
        return ternary.from_arrow(frame.array(self.name))


@dataclass(frozen=True)
class Constant(Node):
    """A literal: str, int, Decimal (digits as written), float, bool or date."""

    value: str | int | Decimal | float | bool | date
    kind: Kind
    scale: int = 0

    def sql(self) -> str:
        if isinstance(self.value, str):
            return text(self.value)
        if isinstance(self.value, bool):
            return "TRUE" if self.value else "FALSE"
        if isinstance(self.value, date):
            return f"DATE '{self.value.isoformat()}'"
        if isinstance(self.value, float):
            written = repr(self.value)
            return written if "e" in written else written + "e0"
        return f"{self.value:f}" if isinstance(self.value, Decimal) else str(self.value)

    def children(self) -> tuple[Node, ...]:
        return ()

    def numbers(self, frame: Frame) -> Numbers:
        assert not isinstance(self.value, str)
        return numeric.constant((self.value - _EPOCH_DAY).days if isinstance(self.value, date) else self.value)

    def text(self, frame: Frame) -> Text:
        assert isinstance(self.value, str)
        return self.value

    def ternary(self, frame: Frame) -> Ternary:
        return Ternary(np.asarray(self.value is True), np.asarray(self.value is False))


@dataclass(frozen=True)
class Arithmetic(Node):
    """left + - * / right."""

    op: str
    left: Node
    right: Node
    kind: Kind
    scale: int

    def sql(self) -> str:
        return f"{_operand(self.left)} {self.op} {_operand(self.right)}"

    def children(self) -> tuple[Node, ...]:
        return (self.left, self.right)

    def numbers(self, frame: Frame) -> Numbers:
        return numeric.arithmetic(self.op, self.left.numbers(frame), self.right.numbers(frame))


@dataclass(frozen=True)
class Negative(Node):
    """-operand."""

    operand: Node
    kind: Kind
    scale: int

    def sql(self) -> str:
        return f"-{_operand(self.operand)}"

    def children(self) -> tuple[Node, ...]:
        return (self.operand,)

    def numbers(self, frame: Frame) -> Numbers:
        return numeric.negate(self.operand.numbers(frame))


class Condition(Node):
    """A node that is true, false or unknown."""

    kind: Kind = "boolean"
    scale: int = 0


@dataclass(frozen=True)
class Comparison(Condition):
    """left op right, both of comparable kinds."""

    op: str
    left: Node
    right: Node

    def sql(self) -> str:
        return f"{_operand(self.left)} {self.op} {_operand(self.right)}"

    def children(self) -> tuple[Node, ...]:
        return (self.left, self.right)

    def ternary(self, frame: Frame) -> Ternary:
        return _compare(self.op, self.left, self.right, frame)


@dataclass(frozen=True)
class Between(Condition):
    """operand BETWEEN low AND high: both ends belong to it. One double makes all three doubles."""

    operand: Node
    low: Node
    high: Node

    def sql(self) -> str:
        return f"{_operand(self.operand)} BETWEEN {_operand(self.low)} AND {_operand(self.high)}"

    def children(self) -> tuple[Node, ...]:
        return (self.operand, self.low, self.high)

    def ternary(self, frame: Frame) -> Ternary:
        as_double = any(child.kind == "double" for child in self.children())
        return all_of(
            [
                _compare(">=", self.operand, self.low, frame, as_double=as_double),
                _compare("<=", self.operand, self.high, frame, as_double=as_double),
            ]
        )


@dataclass(frozen=True)
class Membership(Condition):
    """operand IN (constants). One double makes all of them doubles."""

    operand: Node
    items: tuple[Node, ...]

    def sql(self) -> str:
        return f"{_operand(self.operand)} IN ({', '.join(item.sql() for item in self.items)})"

    def children(self) -> tuple[Node, ...]:
        return (self.operand, *self.items)

    def ternary(self, frame: Frame) -> Ternary:
        if self.operand.kind == "text" and isinstance(self.operand, Column):
            wanted = pa.array([item.text(frame) for item in self.items], pa.string())

            def test(values: pa.Array) -> pa.Array:
                return pc.if_else(values.is_valid(), pc.is_in(values, value_set=wanted), pa.scalar(None, pa.bool_()))

            return on_text(test, self.operand.text(frame))
        as_double = any(child.kind == "double" for child in self.children())
        return any_of([_compare("=", self.operand, item, frame, as_double=as_double) for item in self.items])


@dataclass(frozen=True)
class Like(Condition):
    """operand LIKE pattern: case-sensitive, % any characters, _ one character, no escape."""

    operand: Node
    pattern: str

    def sql(self) -> str:
        return f"{_operand(self.operand)} LIKE {Constant(self.pattern, 'text').sql()}"

    def children(self) -> tuple[Node, ...]:
        return (self.operand,)

    def ternary(self, frame: Frame) -> Ternary:
        regex = like_regex(self.pattern)
        values = self.operand.text(frame)
        if isinstance(values, str):
            values = pa.array([values])
            matched = on_text(lambda array: pc.match_substring_regex(array, regex), values)
            return Ternary(matched.true[0], matched.false[0])
        return on_text(lambda array: pc.match_substring_regex(array, regex), values)


@dataclass(frozen=True)
class IsNull(Condition):
    """operand IS NULL, of any kind."""

    operand: Node

    def sql(self) -> str:
        return f"{_operand(self.operand)} IS NULL"

    def children(self) -> tuple[Node, ...]:
        return (self.operand,)

    def ternary(self, frame: Frame) -> Ternary:
        valid: Bools | None
        if self.operand.kind == "boolean":
            known = self.operand.ternary(frame)
            valid = known.true | known.false
        elif self.operand.kind == "text":
            values = self.operand.text(frame)
            valid = None if isinstance(values, str) else np.asarray(plain(values).is_valid())
        else:
            valid = self.operand.numbers(frame).valid
        if valid is None:
            return Ternary(np.asarray(False), np.asarray(True))
        return Ternary(~valid, valid)


@dataclass(frozen=True)
class Not(Condition):
    """NOT operand."""

    operand: Node

    def sql(self) -> str:
        return f"NOT {_operand(self.operand)}"

    def children(self) -> tuple[Node, ...]:
        return (self.operand,)

    def ternary(self, frame: Frame) -> Ternary:
        value = self.operand.ternary(frame)
        return Ternary(value.false, value.true)


@dataclass(frozen=True)
class Junction(Condition):
    """All operands AND, or any of them OR."""

    op: Literal["AND", "OR"]
    operands: tuple[Node, ...]

    def sql(self) -> str:
        return f" {self.op} ".join(_operand(operand) for operand in self.operands)

    def children(self) -> tuple[Node, ...]:
        return self.operands

    def ternary(self, frame: Frame) -> Ternary:
        values = [operand.ternary(frame) for operand in self.operands]
        return all_of(values) if self.op == "AND" else any_of(values)


def _operand(node: Node) -> str:
    return node.sql() if isinstance(node, Column | Constant) else f"({node.sql()})"


def _compare(op: str, left: Node, right: Node, frame: Frame, *, as_double: bool = False) -> Ternary:
    if left.kind == "text":
        return compare_text(op, left.text(frame), right.text(frame))
    if left.kind == "boolean":
        a, b = left.ternary(frame), right.ternary(frame)
        equal, unequal = (a.true & b.true) | (a.false & b.false), (a.true & b.false) | (a.false & b.true)
        return Ternary(equal, unequal) if op == "=" else Ternary(unequal, equal)
    x, y = left.numbers(frame), right.numbers(frame)
    true, valid = numeric.compare(op, x, y, as_double=as_double), numeric.both_valid(x.valid, y.valid)
    return Ternary(true, ~true) if valid is None else Ternary(true & valid, ~true & valid)
