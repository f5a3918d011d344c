"""Alert rules that are judged when a window is over, as a user declares them: silences and comparisons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dataflow.aggregates import Aggregate, count
from dataflow.durations import Duration
from dataflow.pipeline.alert_rules import Threshold
from dataflow.pipeline.names import LEDGER
from dataflow.windows import Window, session

SOURCE_PARTITION = "source_partition"
"""The key of a silence that is about source partitions, and what its alerts call them."""

EVENTS = "events"
"""The aggregate of a silence: how many events the key had before."""


@dataclass(frozen=True, slots=True)
class Silence(Threshold):
    """A key, or a source partition, that was there says nothing for `after`; `at_least` so many events before."""

    after: object = None
    at_least: object = 1

    @property
    def of_partitions(self) -> bool:
        """Whether it is about source partitions; such a rule has no rollup."""
        return self.on is not None


@dataclass(frozen=True, slots=True)
class Earlier:
    """The window that began so much earlier."""

    by: object


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean of so many windows before, one behind the other."""

    of: object


@dataclass(frozen=True, slots=True)
class Compare(Threshold):
    """An aggregate's `value` in a window against that of earlier windows of the same key."""

    value: object = None
    against: object = None
    drops_below: object = None
    rises_above: object = None
    at_least: object = 1


def silence(
    name: str,
    *,
    key: str | Sequence[str],
    after: Duration,
    where: str | None = None,
    at_least: int | None = None,
    allowed_lateness: Duration | None = None,
    severity: str = "medium",
    message: str | None = None,
    cool_down: Duration | None = None,
    keep: Duration | None = None,
) -> Silence:
    """An alert for each time that a key, which had `at_least` events, has none for `after` of event time.

    `key`: a column, or several; "source_partition" is about source partitions, which takes no `where` and no
    `at_least`. Else the rule is a rollup of sessions of its name, whose gap is `after`; what was counted is `events`.
    """
    if key == SOURCE_PARTITION:
        own = (None, None, None, where, allowed_lateness)
        said = f"{name}: nothing for {after}; {SOURCE_PARTITION} {{{SOURCE_PARTITION}}}" if message is None else message
        return Silence(name, "", LEDGER, *own, severity, said, cool_down, keep, after=after, at_least=at_least)
    keys = [key] if isinstance(key, str) else key
    if message is None and all(isinstance(each, str) for each in keys):
        message = ", ".join([f"{name}: nothing for {after}", *(f"{each} {{{each}}}" for each in keys)])
        message = message.replace(", ", "; ", 1)
    least = 1 if at_least is None else at_least
    counted: Mapping[str, Aggregate] = {EVENTS: count()}
    told = (keys, session(after), counted, where, allowed_lateness, severity, message, cool_down, keep)
    return Silence(name, f"{EVENTS} >= {least}", None, *told, after=after, at_least=least)


def earlier(by: Duration) -> Earlier:
    """The window that began `by` earlier: `earlier("1d")` is the same hour of yesterday."""
    return Earlier(by)


def mean(of: int) -> Mean:
    """The mean of the `of` windows before, each one size earlier than the next."""
    return Mean(of)


def compare(
    name: str,
    *,
    value: str,
    against: Earlier | Mean,
    drops_below: float | None = None,
    rises_above: float | None = None,
    at_least: int = 1,
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
) -> Compare:
    """An alert for each key and window whose `value` is less than `drops_below` times what it is compared with, or
    more than `rises_above` times that.

    `value`: an aggregate of numbers. `against`: `earlier(...)` or `mean(...)`. `at_least`: how many events must have
    been counted there, of a mean on average. `on`, or `keys` to `allowed_lateness`: as `threshold` has them. `message`
    may name `before`, what it was compared with, and `sample`, how many events that was, as well.
    """
    own = (keys, window, aggregates, where, allowed_lateness)
    asked = (value, against, drops_below, rises_above, at_least)
    return Compare(name, "", on, *own, severity, message, cool_down, keep, False, None, *asked)
