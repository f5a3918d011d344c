"""Three-valued columns: where surely true, where surely false, and the tests of text that give them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dataflow.columnar.types import Bools

Text = pa.Array | str
"""Values of a text: a column, dictionary encoded or not, or the same for all rows."""

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "=": pc.equal,
    "<>": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}
_MIRROR = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(frozen=True, slots=True)
class Ternary:
    """SQL's three-valued booleans: where surely true, where surely false; unknown elsewhere."""

    true: Bools
    false: Bools


def all_of(values: list[Ternary]) -> Ternary:
    """SQL's AND of all of them."""
    true, false = values[0].true, values[0].false
    for value in values[1:]:
        true, false = true & value.true, false | value.false
    return Ternary(true, false)


def any_of(values: list[Ternary]) -> Ternary:
    """SQL's OR of all of them."""
    true, false = values[0].true, values[0].false
    for value in values[1:]:
        true, false = true | value.true, false & value.false
    return Ternary(true, false)


def from_arrow(array: pa.Array) -> Ternary:
    """A boolean column; null is unknown."""
    true = np.asarray(array.fill_null(False)) if array.null_count else np.asarray(array)
    return Ternary(true, ~true & np.asarray(array.is_valid()) if array.null_count else ~true)


def compare_text(op: str, left: Text, right: Text) -> Ternary:
    """`left op right` by UTF-8 bytes; each an Arrow array (dictionary encoded or not) or one Python string."""
    if isinstance(left, str) and isinstance(right, str):
        true = np.asarray(_COMPARE[op](pa.scalar(left), pa.scalar(right)).as_py())
        return Ternary(true, ~true)
    if isinstance(left, str):
        left, right, op = right, left, _MIRROR[op]
    assert not isinstance(left, str)
    if isinstance(right, str):
        constant = pa.scalar(right, pa.string())
        return on_text(lambda values: _COMPARE[op](values, constant), left)
    return from_arrow(_COMPARE[op](plain(left), plain(right)))


def on_text(test: Callable[[pa.Array], pa.Array], values: pa.Array) -> Ternary:
    """`test` on the distinct values of a dictionary encoded column, taken by its indices; else on all values."""
    if not isinstance(values, pa.DictionaryArray):
        return from_arrow(test(plain(values)))
    if len(values.dictionary) == 0:
        nothing = np.zeros(len(values), np.bool_)
        return Ternary(nothing, nothing)
    distinct = from_arrow(test(plain(values.dictionary)))
    indices = values.indices
    taken = np.asarray(indices.fill_null(0) if indices.null_count else indices)
    true = distinct.true.take(taken)
    false = ~true if (distinct.true | distinct.false).all() else distinct.false.take(taken)
    if indices.null_count:
        valid = np.asarray(indices.is_valid())
        true, false = true & valid, false & valid
    return Ternary(true, false)


def plain(values: pa.Array) -> pa.Array:
    """A text column without a dictionary."""
    return values if values.type == pa.string() else values.cast(pa.string())


def like_regex(pattern: str) -> str:
    """The regular expression (RE2) of a LIKE pattern: % any characters, _ one, everything else itself."""
    return r"(?s)\A" + "".join(_regex_of(character) for character in pattern) + r"\z"


def _regex_of(character: str) -> str:
    if character == "%":
        return ".*"
    if character == "_":
        return "."
    return character if character.isalnum() or ord(character) > 127 else f"\\x{{{ord(character):x}}}"
