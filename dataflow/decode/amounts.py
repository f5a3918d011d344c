"""Money from text, whole columns at once."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dataflow.columnar.buffers import words_in
from dataflow.decode.limits import Marks, Whole, money_of
from dataflow.event.schema import EventField

MONEY = pa.decimal128(18, 6)
PLAIN_MONEY = r"^-?\d{1,12}(\.\d{1,6}0*)?$"


class MoneyTexts:
    """Amounts in texts, or in their Python strings."""

    def __init__(self, leaf: EventField) -> None:
        self.whole = money_of(leaf)

    def __call__(self, values: list[Any] | pa.Array, marks: Marks) -> pa.Array:
        """One amount per text, null for null; the texts that may be none are marked."""
        column = only(PLAIN_MONEY, pa.array(values, pa.string()), marks).cast(MONEY)
        mark_money(column, self.whole, marks)
        return column


def mark_money(column: pa.Array, whole: Whole, marks: Marks) -> None:
    """Mark the amounts that break the rules, but for nulls."""
    if whole.free:
        return
    nulls = column.is_null().to_numpy(zero_copy_only=False)
    # 18 digits fit into the low 8 of each value's 16 bytes.
    first = 2 * column.offset
    whole.mark(words_in(column.buffers()[1], np.int64)[first : first + 2 * len(column) : 2], nulls, marks)


def only(pattern: str, texts: pa.Array, marks: Marks) -> pa.Array:
    """`texts` with those that do not match `pattern` marked and replaced by "0"; null stays null."""
    fit = pc.match_substring_regex(texts, pattern).fill_null(True)
    marks |= ~fit.to_numpy(zero_copy_only=False)
    return pc.if_else(fit, texts, "0")
