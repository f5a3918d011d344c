"""Paging by the last row: rows in a total order, and the condition for those behind one of them."""

from collections.abc import Sequence
from typing import NamedTuple

from dataflow.sql import text

KEY = "_row_key"
"""The hidden column; no column of an event begins with `_`."""


class Ordered(NamedTuple):
    """One part of an order: SQL of a value, and of the text that stands for it in a cursor, with its type.

    Nulls come last in either direction.
    """

    sql: str
    type: str
    descending: bool = False

    def order(self) -> str:
        """As ORDER BY has it."""
        return f"{self.sql} {'DESC' if self.descending else 'ASC'} NULLS LAST"

    def _value(self, last: str | None) -> str:
        return f"CAST({'NULL' if last is None else text(last)} AS {self.type})"

    def same(self, last: str | None) -> str:
        """Whether a row has the value of the last one."""
        return f"{self.sql} IS NOT DISTINCT FROM {self._value(last)}"

    def behind(self, last: str | None) -> str:
        """Whether a row comes after the last one, by this part."""
        if last is None:
            return "false"
        return f"({self.sql} {'<' if self.descending else '>'} {self._value(last)} OR {self.sql} IS NULL)"


def key_sql(order: Sequence[Ordered]) -> str:
    """The texts of a row's place in the order, as a JSON list."""
    return f"to_json([{', '.join(f'CAST({part.sql} AS VARCHAR)' for part in order)}])::VARCHAR"


def after_sql(order: Sequence[Ordered], last: Sequence[str | None]) -> str:
    """The condition of rows behind the last one. Its values are literals; both lists are of one length."""
    ways = []
    for at, part in enumerate(order):
        same = [earlier.same(value) for earlier, value in zip(order[:at], last[:at], strict=True)]
        ways.append(" AND ".join([*same, part.behind(last[at])]))
    return "(" + " OR ".join(f"({way})" for way in ways) + ")"


def order_sql(order: Sequence[Ordered]) -> str:
    """What stands behind ORDER BY."""
    return ", ".join(part.order() for part in order)
