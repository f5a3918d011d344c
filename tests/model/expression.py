"""`where` texts: a tiny SQL parser and its evaluation in three-valued logic, on one row at a time."""

import math
import re
from collections.abc import Callable
from datetime import date
from decimal import Context, Decimal, localcontext
from typing import Any

Row = dict[str, Any]
Node = Callable[[Row], Any]
"""A parsed expression: give it a row, get the value; None is SQL's NULL."""

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)"
    r"|(?P<text>'(?:[^']|'')*')"
    r'|(?P<quoted>"(?:[^"]|"")*")'
    r"|(?P<word>[A-Za-z_][A-Za-z_0-9]*)"
    r"|(?P<mark><>|!=|<=|>=|[=<>+\-*/(),.]))"
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: bool(a == b),
    "<>": lambda a, b: bool(a != b),
    "!=": lambda a, b: bool(a != b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
}
_WIDE = Context(prec=200)
_RESERVED = {"AND", "OR", "NOT", "IN", "BETWEEN", "LIKE", "IS", "NULL", "TRUE", "FALSE"}


def parse(text: str) -> Node:
    """Parse a whole `where` text; ValueError for what the grammar does not hold."""
    parser = _Parser(text)
    node = parser.any_of()
    if parser.at != len(parser.tokens):
        raise ValueError(f"{text!r}: {parser.peek()!r} is not expected here")
    return node


def is_true(node: Node | None, row: Row) -> bool:
    """A filter passes only TRUE: neither FALSE nor NULL. No filter passes everything."""
    return node is None or node(row) is True


def _and(left: bool | None, right: bool | None) -> bool | None:
    if left is False or right is False:
        return False
    return None if left is None or right is None else True


def _or(left: bool | None, right: bool | None) -> bool | None:
    if left is True or right is True:
        return True
    return None if left is None or right is None else False


def _not(value: bool | None) -> bool | None:
    return None if value is None else not value


def _compare(mark: str, left: Any, right: Any) -> bool | None:
    if left is None or right is None:
        return None
    left, right = _same(left, right)
    if left != left or right != right:  # SQL has one NaN, equal to itself and above everything.
        left, right = left != left, right != right
    return _COMPARE[mark](left, right)


def _same(left: Any, right: Any) -> tuple[Any, Any]:
    """A double beside an exact number makes both doubles."""
    if isinstance(left, float) or isinstance(right, float):
        return as_double(left), as_double(right)
    return left, right


def _calculate(mark: str, left: Any, right: Any) -> Any:
    if left is None or right is None:
        return None
    left, right = _same(left, right)
    with localcontext() as context:
        context.prec = 200
        if mark == "+":
            return left + right
        if mark == "-":
            return left - right
        if mark == "*":
            return left * right
    return _divide(as_double(left), as_double(right))


def _divide(left: float, right: float) -> float:
    """Doubles divide as IEEE 754 says: by zero gives an infinity or NaN."""
    if right != 0:
        return left / right
    return math.nan if left == 0 or left != left else math.copysign(math.inf, left) * math.copysign(1, right)


def as_double(value: Any) -> float:
    """SQL's cast to a double: decimals whose digits do not fit 53 bits are cast in two parts."""
    if not isinstance(value, Decimal):
        return float(value)
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    scale = max(0, -exponent)
    units = int(abs(value).scaleb(scale, _WIDE))
    if units <= 2**53 or scale == 0:
        double = units / 10**scale
    else:
        double = float(units // 10**scale) + (units % 10**scale) / 10**scale
    return -double if value < 0 else double


def _like(value: str | None, pattern: str | None) -> bool | None:
    """% is any text, _ one character; upper and lower case differ."""
    if value is None or pattern is None:
        return None
    form = "".join(".*" if char == "%" else "." if char == "_" else re.escape(char) for char in pattern)
    return re.fullmatch(form, value, re.DOTALL) is not None


class _Parser:
    """Precedence climbing, loosest first: OR, AND, NOT, predicates, + -, * /, sign, atoms."""

    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        self.at = 0
        position = 0
        while text[position:].strip():
            match = _TOKEN.match(text, position)
            if match is None or match.lastgroup is None:
                raise ValueError(f"{text!r}: cannot read {text[position:]!r}")
            kind, part = match.lastgroup, match[match.lastgroup]
            if kind == "word" and part.upper() in _RESERVED:
                kind, part = "mark", part.upper()
            self.tokens.append((kind, part))
            position = match.end()

    def peek(self) -> str:
        """The next mark or keyword; "" at the end and before values."""
        if self.at == len(self.tokens) or self.tokens[self.at][0] != "mark":
            return ""
        return self.tokens[self.at][1]

    def take(self, *marks: str) -> str:
        """Step over the next token if it is one of `marks`."""
        mark = self.peek()
        if mark and mark in marks:
            self.at += 1
            return mark
        return ""

    def need(self, mark: str) -> None:
        """Step over `mark`, which must stand here."""
        if not self.take(mark):
            raise ValueError(f"{mark} is missing at token {self.at}")

    def any_of(self) -> Node:
        node = self.all_of()
        while self.take("OR"):
            node = _two(_or, node, self.all_of())
        return node

    def all_of(self) -> Node:
        node = self.negation()
        while self.take("AND"):
            node = _two(_and, node, self.negation())
        return node

    def negation(self) -> Node:
        if self.take("NOT"):
            return _one(_not, self.negation())
        return self.predicate()

    def predicate(self) -> Node:
        node = self.sum()
        mark = self.take(*_COMPARE)
        if mark:
            return _comparison(mark, node, self.sum())
        if self.take("IS"):
            negated = bool(self.take("NOT"))
            self.need("NULL")
            return _is_null(node, negated)
        negated = bool(self.take("NOT"))
        if self.take("IN"):
            node = self.membership(node)
        elif self.take("BETWEEN"):
            low = self.sum()
            self.need("AND")
            node = _two(_and, _comparison(">=", node, low), _comparison("<=", node, self.sum()))
        elif self.take("LIKE"):
            node = _two(_like, node, self.sum())
        elif negated:
            raise ValueError("NOT must stand before IN, BETWEEN or LIKE")
        return _one(_not, node) if negated else node

    def membership(self, node: Node) -> Node:
        """X IN (a, b) is x = a OR x = b."""
        self.need("(")
        found = _comparison("=", node, self.any_of())
        while self.take(","):
            found = _two(_or, found, _comparison("=", node, self.any_of()))
        self.need(")")
        return found

    def sum(self) -> Node:
        node = self.product()
        while mark := self.take("+", "-"):
            node = _arithmetic(mark, node, self.product())
        return node

    def product(self) -> Node:
        node = self.signed()
        while mark := self.take("*", "/"):
            node = _arithmetic(mark, node, self.signed())
        return node

    def signed(self) -> Node:
        if self.take("-"):
            return _arithmetic("-", _constant(0), self.signed())
        if self.take("+"):
            return self.signed()
        return self.atom()

    def atom(self) -> Node:
        if self.take("("):
            node = self.any_of()
            self.need(")")
            return node
        word = self.take("TRUE", "FALSE", "NULL")
        if word:
            return _constant({"TRUE": True, "FALSE": False, "NULL": None}[word])
        if self.at == len(self.tokens) or self.peek():
            raise ValueError(f"a value is missing at token {self.at}")
        kind, part = self.tokens[self.at]
        self.at += 1
        if kind == "number":
            return _constant(_number(part))
        if kind == "text":
            return _constant(part[1:-1].replace("''", "'"))
        if (
            kind == "word"
            and part.upper() == "DATE"
            and self.at < len(self.tokens)
            and self.tokens[self.at][0] == "text"
        ):
            day = self.tokens[self.at][1][1:-1]
            self.at += 1
            return _constant(date.fromisoformat(day))
        name = _name(kind, part)
        while self.take("."):
            name += "." + _name(*self.tokens[self.at])
            self.at += 1
        return _column(name)


def _number(text: str) -> Any:
    if "e" in text.lower():
        return float(text)
    return Decimal(text) if "." in text else int(text)


def _name(kind: str, part: str) -> str:
    return part[1:-1].replace('""', '"') if kind == "quoted" else part


def _constant(value: Any) -> Node:
    return lambda row: value


def _column(name: str) -> Node:
    return lambda row: row[name]


def _one(function: Callable[[Any], Any], node: Node) -> Node:
    return lambda row: function(node(row))


def _two(function: Callable[[Any, Any], Any], left: Node, right: Node) -> Node:
    return lambda row: function(left(row), right(row))


def _comparison(mark: str, left: Node, right: Node) -> Node:
    return lambda row: _compare(mark, left(row), right(row))


def _arithmetic(mark: str, left: Node, right: Node) -> Node:
    return lambda row: _calculate(mark, left(row), right(row))


def _is_null(node: Node, negated: bool) -> Node:
    return lambda row: (node(row) is None) != negated
