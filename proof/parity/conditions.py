"""A checked condition as DuckDB's SQL: the declared text again, with whole numbers that cannot overflow."""

from dataflow.filter.expression import Expression
from dataflow.filter.nodes import (
    Arithmetic,
    Between,
    Column,
    Comparison,
    IsNull,
    Junction,
    Like,
    Membership,
    Negative,
    Node,
    Not,
)
from dataflow.sql import text


def condition(where: Expression | None) -> str:
    """SQL over columns of their own names; TRUE without a condition."""
    return "TRUE" if where is None else _sql(where.root)


def _sql(node: Node) -> str:
    """One operator; operands in parentheses."""
    match node:
        case Arithmetic() | Negative():
            return _number(node)
        case Comparison():
            return f"{_in(node.left)} {node.op} {_in(node.right)}"
        case Between():
            return f"{_in(node.operand)} BETWEEN {_in(node.low)} AND {_in(node.high)}"
        case Membership():
            return f"{_in(node.operand)} IN ({', '.join(map(_sql, node.items))})"
        case Like():
            return f"{_in(node.operand)} LIKE {text(node.pattern)}"
        case IsNull():
            return f"{_in(node.operand)} IS NULL"
        case Not():
            return f"NOT {_in(node.operand)}"
        case Junction():
            return f" {node.op} ".join(map(_in, node.operands))
    return node.sql()


def _number(node: Arithmetic | Negative) -> str:
    as_double = node.kind == "double"
    texts = [f"CAST({_in(each)} AS {'DOUBLE' if as_double else _wide(each)})" for each in node.children()]
    return f"-{texts[0]}" if isinstance(node, Negative) else f"{texts[0]} {node.op} {texts[1]}"


def _wide(node: Node) -> str:
    """The widest exact type: what a column's own would overflow, still is a number."""
    return "HUGEINT" if node.scale == 0 else f"DECIMAL(38, {node.scale})"


def _in(node: Node) -> str:
    return node.sql() if isinstance(node, Column) else f"({_sql(node)})"
