"""Filters: one SQL boolean expression, parsed once and checked against column types."""

from collections.abc import Callable

import pyarrow as pa

from dataflow.filter.expression import ConditionError, Expression, Values, names_in
from dataflow.filter.plain import read_plainly


def parse(
    text: str, schema: pa.Schema, values: Values | None = None, *, unread: Callable[[str], bool] = lambda _name: False
) -> Expression:
    """Parse and check one filter over the columns of `schema`, some of which hold `values` and no others.

    Raises ConditionError with every mistake: the place ("at character 7, near ...") and the reason. `unread` knows
    columns of which nothing is known, because a mistake that is told elsewhere stands in the way.
    """
    if not isinstance(text, str):
        raise ConditionError(f"{text!r} is not text; write one SQL condition, like \"event_type = 'click'\"")
    root = read_plainly(text, schema, values or {})
    if root is None:
        # without its parser, which most conditions need not, a run starts sooner
        from dataflow.filter.reading import read

        root = read(text, schema, values or {}, unread)
    return Expression(root, root.sql(), frozenset(names_in(root)))
