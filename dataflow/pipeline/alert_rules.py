"""Alert rules as a user declares them: `from tidemill import alerts`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dataflow.aggregates import Aggregate, count_distinct
from dataflow.durations import Duration
from dataflow.windows import Window

SEVERITIES = ("info", "low", "medium", "high", "critical")
"""How bad a thing can be, from the least on."""

DISTINCT_COUNT = "distinct_count"
"""The aggregate of a rule that `distinct` declares."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A question about a key's events in a window: an alert stands for each (key, window) for which `having` is true.

    Without `on` the rule makes a rollup of its own name from `keys`, `window`, `where`, `aggregates` and
    `allowed_lateness`; with it, it asks about a rollup that the pipeline declares. `more_than` is what `distinct` was
    given.
    """

    name: str
    having: str
    on: str | None = None
    keys: Sequence[str] | None = None
    window: Window | None = None
    aggregates: Mapping[str, Aggregate] | None = None
    where: str | None = None
    allowed_lateness: Duration | None = None
    severity: str = "medium"
    message: str | None = None
    cool_down: Duration | None = None
    keep: Duration | None = None
    is_distinct: bool = False
    more_than: object = None


def threshold(
    name: str,
    *,
    having: str,
    on: str | None = None,
    keys: Sequence[str] | None = None,
    window: Window | None = None,
    aggregates: Mapping[str, Aggregate] | None = None,
    where: str | None = None,
    allowed_lateness: Duration | None = None,
    severity: str = "medium",
    message: str | None = None,
    cool_down: Duration | None = None,
    keep: Duration | None = None,
) -> Threshold:
    """An alert for each key and window for which `having`, a condition over keys and aggregates, is true.

    `on`: the name of a rollup of this pipeline; left out, the rule has one of its own. `message` may name keys,
    aggregates, window_start and window_end in braces. `cool_down`: an alert is quiet if an earlier one of its key ended
    less than that before its window begins. `keep`: how far back in event time the rule's rollup and the alerts reach.
    """
    own = (keys, window, aggregates, where, allowed_lateness)
    return Threshold(name, having, on, *own, severity, message, cool_down, keep)


def distinct(
    name: str,
    *,
    key: str | Sequence[str],
    of: str,
    more_than: int,
    window: Window,
    where: str | None = None,
    allowed_lateness: Duration | None = None,
    severity: str = "medium",
    message: str | None = None,
    cool_down: Duration | None = None,
    keep: Duration | None = None,
) -> Threshold:
    """An alert for each key and window with more than `more_than` distinct values of column `of`, counted exactly.

    `key`: a column, or several. What was counted is called `distinct_count`.
    """
    keys = [key] if isinstance(key, str) else key
    having = f"{DISTINCT_COUNT} > {more_than}"
    own = (keys, window, {DISTINCT_COUNT: count_distinct(of)}, where, allowed_lateness)
    return Threshold(
        name, having, None, *own, severity, message, cool_down, keep, is_distinct=True, more_than=more_than
    )
