"""What sqlglot reads of a condition, as nodes with types; imported where there is a condition to read."""

import re
from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from functools import partial
from typing import NoReturn, TypeAlias

import pyarrow as pa
import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError

from dataflow.filter.expression import ConditionError, Values, kind_of
from dataflow.filter.nodes import (
    Arithmetic,
    Between,
    Column,
    Comparison,
    Constant,
    IsNull,
    Junction,
    Kind,
    Like,
    Membership,
    Negative,
    Node,
    Not,
)
from dataflow.spelling import suggest
from dataflow.sql import text as text_literal

ALLOWED = "comparisons, AND, OR, NOT, IN, BETWEEN, LIKE, IS NULL, + - * / and literals"

_COMPARISONS: dict[type, str] = {exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="}
_ARITHMETIC: dict[type, str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/"}
Tree: TypeAlias = "exp.Expr"
"""Some part of what sqlglot read."""
_MAX_DIGITS = 38
_WORDS: dict[Kind, str] = {
    "text": "text",
    "exact": "a number",
    "double": "a number",
    "boolean": "a boolean",
    "date": "a date",
}


def read(text: str, schema: pa.Schema, values: Values, unread: Callable[[str], bool]) -> Node:
    """The condition that `text` says, as `dataflow.filter.parse.parse` takes it. Raises ConditionError."""
    try:
        tree = sqlglot.parse_one(text, dialect="duckdb", into=exp.Condition)
        return _Reader(text, schema, values, unread).condition(tree)
    except ParseError as error:
        raise ConditionError(_syntax_message(text, error)) from None
    except SqlglotError as error:
        told = f"not a SQL condition ({str(error).splitlines()[0]}); check quotes and parentheses"
        raise ConditionError(told) from None
    except RecursionError:
        raise ConditionError("nested too deeply; split the condition or use IN") from None


class _Reader:
    """Turns sqlglot's tree into typed nodes, refusing whatever is not allowed."""

    def __init__(self, text: str, schema: pa.Schema, values: Values, unread: Callable[[str], bool]) -> None:
        self.text = text
        self.schema = schema
        self.values = values
        self.unread = unread

    def each(self, reads: Iterable[Callable[[], Node]]) -> list[Node]:
        """All these parts, or all that is wrong with them: one mistake hides none beside it."""
        nodes: list[Node] = []
        errors: list[ConditionError] = []
        for read in reads:
            try:
                nodes.append(read())
            except ConditionError as error:
                errors.append(error)
        if errors:
            raise ConditionError(*dict.fromkeys(mistake for error in errors for mistake in error.mistakes))
        return nodes

    def fail(self, tree: Tree, reason: str) -> NoReturn:
        starts = [
            part.meta["start"]
            for part in tree.walk()
            if isinstance(part.meta.get("start"), int) and part.meta.get("line")
        ]
        snippet = tree.sql(dialect="duckdb", comments=False)
        place = f"at character {min(starts) + 1}, near {snippet}" if starts else f"near {snippet}"
        raise ConditionError(f"{place}: {reason}")

    def condition(self, tree: Tree) -> Node:
        node = self.read(tree)
        if node.kind != "boolean":
            self.fail(
                tree, f"this is {_WORDS[node.kind]}, but a condition must be true or false; compare it with something"
            )
        return node

    def operand(self, tree: Tree) -> Node:
        """An operand of a comparison: a boolean operator there needs parentheses, dialects read it differently."""
        if isinstance(tree, (*_COMPARISONS, exp.Is, exp.In, exp.Between, exp.Like, exp.Not, exp.And, exp.Or)):
            self.fail(tree, "ambiguous next to another operator; put it in parentheses")
        return self.read(tree)

    def number(self, tree: Tree, op: str) -> Node:
        node = self.operand(tree)
        if node.kind not in ("exact", "double"):
            self.fail(tree, f"{op} needs numbers, this is {_WORDS[node.kind]}")
        return node

    def read(self, tree: Tree) -> Node:
        if isinstance(tree, exp.Paren):
            return self.read(tree.this)
        if isinstance(tree, exp.Column):
            return self.column(tree)
        if isinstance(tree, exp.Literal | exp.Boolean | exp.Cast):
            return self.literal(tree)
        if isinstance(tree, exp.And | exp.Or):
            return self.junction(tree)
        if isinstance(tree, exp.Not):
            return Not(self.condition(tree.this))
        if type(tree) in _COMPARISONS:
            left, right = self.each(partial(self.operand, part) for part in (tree.this, tree.expression))
            return self.comparison(tree, _COMPARISONS[type(tree)], left, right)
        if type(tree) in _ARITHMETIC or isinstance(tree, exp.Neg):
            return self.arithmetic(tree)
        if isinstance(tree, exp.Is) and isinstance(tree.expression, exp.Null):
            return IsNull(self.operand(tree.this))
        if isinstance(tree, exp.Between) and not tree.args.get("symmetric"):
            operand, low, high = self.each(partial(self.operand, tree.args[part]) for part in ("this", "low", "high"))
            self.comparison(tree, ">=", operand, low)
            self.comparison(tree, "<=", operand, high)
            return Between(operand, low, high)
        if isinstance(tree, exp.In) and not any(tree.args.get(part) for part in ("query", "unnest", "field")):
            return self.membership(tree)
        if type(tree) is exp.Like:
            return self.like(tree)
        self.refuse(tree)

    def refuse(self, tree: exp.Expr) -> NoReturn:
        if isinstance(tree, exp.Null):
            self.fail(tree, "comparing with NULL is never true; write IS NULL or IS NOT NULL")
        if isinstance(tree, exp.Block):
            self.fail(tree, "more than one statement; write one condition")
        self.fail(tree, f"not allowed in a filter; allowed are {ALLOWED}")

    def column(self, tree: exp.Column) -> Node:
        name = ".".join(part.name for part in tree.parts)
        if name not in self.schema.names and not isinstance(tree.this, exp.Star) and self.unread(name):
            raise ConditionError
        if isinstance(tree.this, exp.Star) or name not in self.schema.names:
            self.fail(tree, f"unknown column {name}{suggest(name, self.schema.names)}")
        kind = kind_of(self.schema.field(name).type)
        if kind is None:
            self.fail(tree, f"a column of type {self.schema.field(name).type} cannot be used in a filter")
        return Column(name, *kind)

    def literal(self, tree: exp.Literal | exp.Boolean | exp.Cast) -> Node:
        if isinstance(tree, exp.Cast):
            inner = tree.this
            if type(tree) is exp.Cast and tree.to.this == exp.DType.DATE and inner.is_string:
                try:
                    return Constant(date.fromisoformat(inner.this), "date")
                except ValueError:
                    self.fail(tree, "not a date; write DATE 'YYYY-MM-DD'")
            self.fail(tree, f"casts are not allowed in a filter; allowed are {ALLOWED}")
        if isinstance(tree, exp.Boolean):
            return Constant(bool(tree.this), "boolean")
        text = str(tree.this)
        if tree.is_string:
            return Constant(text, "text")
        if re.fullmatch(r"\d*\.?\d*[eE][+-]?\d+", text):
            value = float(text)
            if value in (float("inf"), float("-inf")):
                self.fail(tree, "this number is too large")
            return Constant(value, "double")
        digits = re.fullmatch(r"(\d*)\.?(\d*)", text)
        if digits is None or not text.strip("."):
            self.fail(tree, "not a number")
        if len(digits[1].lstrip("0")) + len(digits[2]) > _MAX_DIGITS:
            self.fail(tree, f"a number has at most {_MAX_DIGITS} digits")
        return Constant(Decimal(text), "exact", len(digits[2])) if digits[2] else Constant(int(digits[1]), "exact")

    def junction(self, tree: exp.And | exp.Or) -> Node:
        kind, parts, rest = type(tree), list[Tree](), [tree]
        while rest:  # A chain of ANDs is a deep tree to the left; here it becomes one flat list.
            part = rest.pop()
            if type(part) is kind:
                rest += [part.expression, part.this]
            else:
                parts.append(part)
        conditions = self.each(partial(self.condition, part) for part in parts)
        return Junction("AND" if kind is exp.And else "OR", tuple(conditions))

    def comparison(self, tree: Tree, op: str, left: Node, right: Node) -> Node:
        family = {kind: "number" if kind in ("exact", "double") else kind for kind in (left.kind, right.kind)}
        if family[left.kind] != family[right.kind]:
            hint = "; write DATE 'YYYY-MM-DD'" if {left.kind, right.kind} == {"date", "text"} else ""
            reason = f"{left.sql()} is {_WORDS[left.kind]} and {right.sql()} is {_WORDS[right.kind]}"
            self.fail(tree, f"{reason}; both sides must be of one type{hint}")
        if left.kind == "boolean" and op not in ("=", "<>"):
            self.fail(tree, "booleans have no order; use =, <>, AND, OR, NOT")
        if op in ("=", "<>"):
            self.require_possible(tree, left, right)
            self.require_possible(tree, right, left)
        return Comparison(op, left, right)

    def require_possible(self, tree: Tree, column: Node, constant: Node) -> None:
        """Refuse a constant that the column, if it is one, can never equal: it is misspelt, or of an older model."""
        if not isinstance(column, Column) or not isinstance(constant, Constant):
            return
        values = self.values.get(column.name)
        if values is not None and constant.value not in values:
            hint = suggest(str(constant.value), list(map(str, values)), shown=_as_value(constant))
            self.fail(tree, f"{column.name} is never {constant.sql()}{hint}")

    def arithmetic(self, tree: Tree) -> Node:
        if isinstance(tree, exp.Neg):
            operand = self.number(tree.this, "-")
            if isinstance(operand, Constant):
                return Constant(-operand.value, operand.kind, operand.scale)  # type: ignore[operator]  # a number
            return Negative(operand, operand.kind, operand.scale)
        op = _ARITHMETIC[type(tree)]
        left, right = self.each(partial(self.number, part, op) for part in (tree.this, tree.expression))
        if op == "/" or "double" in (left.kind, right.kind):
            return Arithmetic(op, left, right, "double", 0)
        scale = left.scale + right.scale if op == "*" else max(left.scale, right.scale)
        if scale > _MAX_DIGITS:
            self.fail(tree, f"the product has {scale} decimals, at most {_MAX_DIGITS} are possible")
        return Arithmetic(op, left, right, "exact", scale)

    def membership(self, tree: exp.In) -> Node:
        if not tree.expressions:
            self.fail(tree, "IN needs at least one value")
        reads = [partial(self.operand, tree.this), *(partial(self.item, item) for item in tree.expressions)]
        operand, *items = self.each(reads)
        self.each(partial(self.comparison, tree, "=", operand, item) for item in items)
        return Membership(operand, tuple(items))

    def item(self, tree: Tree) -> Node:
        node = self.operand(tree)
        if not isinstance(node, Constant):
            self.fail(tree, "IN takes literals only; compare columns with = and OR")
        return node

    def like(self, tree: exp.Like) -> Node:
        operand, pattern = self.operand(tree.this), tree.expression
        if operand.kind != "text":
            self.fail(tree, f"LIKE needs text, {operand.sql()} is {_WORDS[operand.kind]}")
        if not (isinstance(pattern, exp.Literal) and pattern.is_string):
            self.fail(tree, "LIKE needs a literal pattern, like 'ad-%'")
        like = Like(operand, str(pattern.this))
        return Not(like) if tree.args.get("negate") else like


def _as_value(constant: Constant) -> Callable[[str], str]:
    return text_literal if constant.kind == "text" else str


def _syntax_message(text: str, error: ParseError) -> str:
    if not text.strip():
        return "the condition is empty; leave `where` out to take every row"
    details = error.errors[0] if error.errors else {}
    highlight = str(details.get("highlight") or "")
    before = str(details.get("start_context") or "")
    place = text.find(before + highlight) + len(before) + 1 if before + highlight else 1
    near = f", near {highlight}" if highlight else ""
    reason = "something is missing" if "Required keyword" in str(details.get("description")) else "not a SQL condition"
    return f"at character {place}{near}: {reason}; allowed are {ALLOWED}"
