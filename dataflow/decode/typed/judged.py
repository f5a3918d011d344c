"""Columns of a field's own type against its rules: the rows that may break one are marked."""

from collections.abc import Callable
from datetime import date
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dataflow.columnar.buffers import words_in
from dataflow.columnar.types import Int64s
from dataflow.decode.limits import Marks, Whole, mark_patterns
from dataflow.decode.times import TextTimes, strict_times
from dataflow.event.annotations import COMPARE
from dataflow.event.schema import EventField

Judged = Callable[[pa.Array, Marks], pa.Array]
"""A column of one given type to one of the field's; sets the marks of doubtful rows."""

_EPOCH_DAY = date(1970, 1, 1).toordinal()


def text_times(leaf: EventField) -> Judged:
    """The event times that texts are, none of them null."""
    return strict_times if leaf.text is None else TextTimes(leaf.text)


class Texts:
    """Texts (string, null where null is fine) as they are."""

    def __init__(self, leaf: EventField) -> None:
        self._constraints, self._adapter = leaf.constraints, leaf.adapter

    def __call__(self, column: pa.Array, marks: Marks) -> pa.Array:
        """Marks those that break the field's rules, but for its choices."""
        self._mark_lengths(column, marks)
        if self._constraints.patterns and self._adapter is not None:
            mark_patterns(self._adapter, column, marks)
        return column

    def _mark_lengths(self, column: pa.Array, marks: Marks) -> None:
        shortest, longest = self._constraints.min_length, self._constraints.max_length
        if (shortest is None and longest is None) or not len(column):
            return
        ends = words_in(column.buffers()[1], np.int32)[column.offset : column.offset + len(column) + 1]
        lengths: Int64s = np.diff(ends).astype(np.int64)
        if (shortest or 0) > 1 or (longest is not None and int(lengths.max()) > longest):
            # counted in bytes they would do only where none is too long and any text at all is long enough
            lengths = pc.utf8_length(column).fill_null(0).to_numpy()
        bad = lengths < (shortest or 0)
        if longest is not None:
            bad |= lengths > longest
        marks |= bad & column.is_valid().to_numpy(zero_copy_only=False) if column.null_count else bad


class Floats:
    """Finite doubles (float64, null where null is fine)."""

    def __init__(self, leaf: EventField) -> None:
        self._bounds = leaf.constraints.bounds

    def __call__(self, column: pa.Array, marks: Marks) -> pa.Array:
        """With one zero; marks those that break the field's bounds."""
        # Adding turns -0.0 into 0.0, as the contract does.
        column = pc.add(column, pa.scalar(0.0))
        if self._bounds:
            numbers = column.to_numpy(zero_copy_only=False)  # null becomes NaN
            for comparison, bound in self._bounds:
                marks |= ~(COMPARE[comparison](numbers, float(bound)) | np.isnan(numbers))
        return column


class Dates:
    """Days (date32, null where null is fine) as they are."""

    def __init__(self, leaf: EventField) -> None:
        self._whole = Whole(leaf.constraints, lambda day: Fraction(day.toordinal() - _EPOCH_DAY))

    def __call__(self, column: pa.Array, marks: Marks) -> pa.Array:
        """Marks those that break the field's bounds."""
        if not self._whole.free:
            nulls = column.is_null().to_numpy(zero_copy_only=False)
            days = column.cast(pa.int32()).fill_null(0).cast(pa.int64())
            self._whole.mark(days.to_numpy(), nulls, marks)
        return column
