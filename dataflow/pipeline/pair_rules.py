"""Alert rules over pairs of events as a user declares them: one after the other, or one without the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from dataflow.durations import Duration

SIDES = ("first", "then")
"""The two events of a pair, and what their conditions, columns and absence are called."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A question about two events of one key: an alert for each pair (sequence), or each event alone (absence).

    `missing`: which of the two is absent; None of a sequence. `on`: it never asks a rollup that the pipeline declares.
    """

    name: str
    key: str | Sequence[str]
    first: str
    then: str
    within: Duration
    having: str | None = None
    is_absence: bool = False
    missing: Literal["first", "then"] | None = None
    allowed_lateness: Duration | None = None
    severity: str = "medium"
    message: str | None = None
    cool_down: Duration | None = None
    keep: Duration | None = None
    on: ClassVar[None] = None
    is_distinct: ClassVar[bool] = False


def sequence(
    name: str,
    *,
    key: str | Sequence[str],
    first: str,
    then: str,
    within: Duration,
    having: str | None = None,
    allowed_lateness: Duration | None = None,
    severity: str = "medium",
    message: str | None = None,
    cool_down: Duration | None = None,
    keep: Duration | None = None,
) -> Pair:
    """An alert for each event `then` that has an event `first` of its key at most so long before it, by event time.

    Of several, the latest is told for which `having` is true, a condition over first.COLUMN and then.COLUMN. `first`
    and `then` are conditions in the words of `where`. `within`: the two are less than that apart. `message` may name
    the key, first_COLUMN, then_COLUMN, window_start and window_end in braces.
    """
    told = (allowed_lateness, severity, message, cool_down, keep)
    return Pair(name, key, first, then, within, having, False, None, *told)


def absence(
    name: str,
    *,
    key: str | Sequence[str],
    first: str,
    then: str,
    within: Duration,
    missing: Literal["first", "then"] = "then",
    having: str | None = None,
    allowed_lateness: Duration | None = None,
    severity: str = "medium",
    message: str | None = None,
    cool_down: Duration | None = None,
    keep: Duration | None = None,
) -> Pair:
    """An alert for each event `first` that no `then` of its key follows within that time, once that is certain.

    With missing="first", for each event `then` that no `first` comes before. With `having`, only a pair for which it is
    true counts. `message` may name columns of the event that is there.
    """
    told = (allowed_lateness, severity, message, cool_down, keep)
    return Pair(name, key, first, then, within, having, True, missing, *told)
