"""Conditions in Flink's SQL, with Tidemill's answers.

Flink wraps BIGINT, divides ints as ints, rounds decimals beyond 38 digits, and no comparison with NaN is true there.
"""

from dataflow.filter.engine_sql import EngineSql
from dataflow.filter.nodes import Arithmetic, Column, Constant, Negative, Node
from dataflow.sql import text


class FlinkSql(EngineSql):
    """Flink's conditions."""

    engine = "Flink"

    def doubles(self, op: str, left: Node, right: Node) -> str:
        """As the base says: no comparison with NaN is true in Flink, so it is asked for."""
        a, b = self.double(left), self.double(right)
        nan_a, nan_b = (f"CAST({side} AS STRING) = 'NaN'" for side in (a, b))
        may_a, may_b = _may_be_nan(left), _may_be_nan(right)
        if not (may_a or may_b):
            return f"{a} {op} {b}"
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

    def divided(self, left: Node, right: Node) -> str:
        """Flink's own."""
        return f"({self.double(left)} / {self.double(right)})"

    def text(self, value: str) -> str:
        """As in standard SQL."""
        return text(value)

    def pattern(self, value: str) -> str:
        """A backslash is plain there."""
        return text(value)


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
