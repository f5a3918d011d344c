"""Conditions in Spark's SQL, in its ANSI mode, with Tidemill's answers.

Spark ends the job where a number is divided by zero, takes a backslash for an escape in texts and in LIKE, and cuts
decimals that find no common type within 38 digits. NaN equals itself and is above all else there, too.
"""

from dataflow.filter.engine_sql import INT_DIGITS, MAX_DIGITS, Decimals, EngineSql
from dataflow.filter.nodes import Arithmetic, Column, Constant, Node

_ESCAPED = str.maketrans({"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r"})


def spark_text(value: str) -> str:
    """A string literal, on one line."""
    return "'" + value.translate(_ESCAPED) + "'"


class SparkSql(EngineSql):
    """Spark's conditions."""

    engine = "Spark"

    def doubles(self, op: str, left: Node, right: Node) -> str:
        """Spark's own."""
        return f"{self.double(left)} {op} {self.double(right)}"

    def divided(self, left: Node, right: Node) -> str:
        """As the base says: what is divided by zero is multiplied by what its reciprocal would be."""
        a, b = self.double(left), self.double(right)
        if isinstance(right, Constant) and right.value:
            return f"({a} / {b})"
        infinite = f"CASE WHEN CAST({b} AS STRING) = '-0.0' THEN DOUBLE('-Infinity') ELSE DOUBLE('Infinity') END"
        return f"(CASE WHEN {b} = 0E0 THEN {a} * {infinite} ELSE {a} / {b} END)"

    def text(self, value: str) -> str:
        """With its escapes."""
        return spark_text(value)

    def pattern(self, value: str) -> str:
        """A backslash escapes there, itself as well."""
        return spark_text(value.replace("\\", "\\\\"))

    def digits_to_compare(self, left: Node, right: Node) -> int:
        """Of the one type that both become."""
        a, b = self._typed(left), self._typed(right)
        return max(a.digits - a.scale, b.digits - b.scale) + max(a.scale, b.scale)

    def _typed(self, node: Node) -> Decimals:
        """The digits of the type that Spark gives the value."""
        found = self.digits_of(node)
        if isinstance(node, Column) and found == Decimals(INT_DIGITS, 0):
            # a BIGINT beside a decimal
            return Decimals(INT_DIGITS + 1, 0)
        if isinstance(node, Arithmetic) and node.op == "*":
            return Decimals(min(MAX_DIGITS, found.digits + 1), found.scale)
        return found
