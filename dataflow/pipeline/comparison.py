"""Alert rules that are judged when a window is over, checked: what a comparison compares, how long a silence is."""

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa

from dataflow.durations import to_text
from dataflow.pipeline import checks as check
from dataflow.pipeline.checks import Mistakes
from dataflow.pipeline.closed_rules import SOURCE_PARTITION, Compare, Earlier, Mean, Silence
from dataflow.pipeline.names import LEDGER
from dataflow.spelling import suggest
from dataflow.windows import Window, session
from dataflow.windows.kinds import kind_of

if TYPE_CHECKING:
    from dataflow.pipeline.plan import AggregatePlan, RollupPlan

BEFORE, SAMPLE = "before", "sample"
"""What a comparison tells beside its rollup's columns: what a value is compared with, of how many events that is."""

MOST_BEFORE = 1_000
"""So many windows a mean is made of at most: each of them is read back."""

_MOST_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Comparison:
    """A value of a window against that of the windows that began `back_ms` earlier: their sum, over how many they are.

    An alert stands where the value is less than `drops_below` times that, or more than `rises_above` times, and at
    least `at_least` events a window were counted there.
    """

    value: "AggregatePlan"
    back_ms: tuple[int, ...]
    drops_below: Decimal | None
    rises_above: Decimal | None
    at_least: int
    against: str

    @property
    def is_counting(self) -> bool:
        """Whether a window without a row has the value 0."""
        return self.value.kind.counts

    @property
    def reach_ms(self) -> int:
        """How long before a window the first one begins that it is compared with."""
        return max(self.back_ms)

    @property
    def text(self) -> str:
        """As a condition, for people and to tell whether it has changed."""
        name = self.value.name
        below = [f"{name} < {self.drops_below:f} * {BEFORE}"] if self.drops_below is not None else []
        above = [f"{name} > {self.rises_above:f} * {BEFORE}"] if self.rises_above is not None else []
        either = " OR ".join([*below, *above])
        both = f"({either})" if len(below) + len(above) > 1 else either
        return f"{both} AND {SAMPLE} >= {self.at_least}, {BEFORE}: {self.against}"


def check_comparison(
    mistakes: Mistakes, where: str, rule: Compare, rollup: "RollupPlan", *, is_unread: bool
) -> Comparison | None:
    """What a rule compares; None where something of it is wrong. `is_unread`: mistakes elsewhere hide aggregates."""
    before = len(mistakes.lines)
    value = _value(mistakes, f"{where}.value", rule, rollup, is_unread=is_unread)
    for name in (BEFORE, SAMPLE):
        if name in [*(key.name for key in rollup.keys), *(each.name for each in rollup.aggregates)]:
            field = f"{where}.{'aggregates' if rule.on is None else 'on'}"
            mistakes.add(field, name, f"a comparison has a column {name} of its own; choose another name")
    backs = _backs(mistakes, where, rule, rollup)
    below = _factor(mistakes, f"{where}.drops_below", rule.drops_below)
    above = _factor(mistakes, f"{where}.rises_above", rule.rises_above)
    if rule.drops_below is None and rule.rises_above is None:
        mistakes.add(f"{where}.drops_below", None, "write drops_below=0.5, or rises_above=2.0, or both")
    elif below is not None and above is not None and above < below:
        mistakes.add(f"{where}.rises_above", rule.rises_above, f"less than drops_below {below:f}, so always true")
    least = rule.at_least
    if not isinstance(least, int) or isinstance(least, bool) or least < 1:
        mistakes.add(f"{where}.at_least", least, "write a whole number of events, 1 or more")
    if value is None or backs is None or len(mistakes.lines) > before or not isinstance(least, int):
        return None
    return Comparison(value, backs[0], below, above, least, backs[1])


def check_silence(mistakes: Mistakes, where: str, rule: Silence) -> int | None:
    """How long a key or a source partition says nothing, in ms; what is wrong with it is told once."""
    after_ms = check.check_duration(mistakes, f"{where}.after", rule.after, least_ms=1)  # type: ignore[arg-type]  # what a file declares may be anything
    # what else is said of a window that is wrong, its user has not written
    mistakes.lines = [line for line in mistakes.lines if not line.startswith(f"{where}.window")]
    least = rule.at_least
    if rule.of_partitions:
        for part, given in (("where", rule.where), ("at_least", least), ("allowed_lateness", rule.allowed_lateness)):
            if given is not None:
                mistakes.add(f"{where}.{part}", given, "a silence of source partitions is about all records; leave out")
    elif not isinstance(least, int) or isinstance(least, bool) or least < 1:
        mistakes.add(f"{where}.at_least", least, "write a whole number of events, 1 or more")
    return after_ms


def partitions_rollup(rule: Silence) -> "RollupPlan":
    """What a silence of source partitions asks, in the form of a rollup: the ledger, a row per partition."""
    from dataflow.pipeline.plan import RollupPlan

    return RollupPlan(LEDGER, (pa.field(SOURCE_PARTITION, pa.string()),), session(rule.after), None, (), 0)  # type: ignore[arg-type]  # a wrong one makes a window with a mistake


def _value(
    mistakes: Mistakes, field: str, rule: Compare, rollup: "RollupPlan", *, is_unread: bool
) -> "AggregatePlan | None":
    by_name = {each.name: each for each in rollup.aggregates}
    found = by_name.get(rule.value) if isinstance(rule.value, str) else None
    if found is None:
        if not is_unread:
            mistakes.add(field, rule.value, f"no aggregate of the rule{suggest(str(rule.value), list(by_name))}")
        return None
    if not found.kind.told_at_once:
        fix = f"{rule.value} is an {found.aggregate.kind}, which takes a query to tell; compare another value"
        mistakes.add(field, rule.value, fix)
        return None
    type_ = found.kind.result(found.column_type)
    if type_ is None:
        return None
    if not (pa.types.is_integer(type_) or pa.types.is_decimal(type_) or pa.types.is_floating(type_)):
        mistakes.add(field, rule.value, f"{type_} is no number; compare a count, a sum or another number")
        return None
    return found


def _backs(mistakes: Mistakes, where: str, rule: Compare, rollup: "RollupPlan") -> tuple[tuple[int, ...], str] | None:
    window: object = rollup.window
    field = f"{where}.window" if rule.on is None else f"{where}.on"
    value = "session(...)" if rule.on is None else rule.on
    if not isinstance(window, Window) or window.mistake or window.size_ms < 1 or window.slide_ms < 1:
        return None
    if rollup.merges_windows:
        mistakes.add(field, value, "no session has an earlier one of its size; take tumble, hop or cumulate")
        return None
    if window.zone is not None:
        fix = "windows by a zone's clock differ in length, so none is a fixed time earlier; leave out the zone"
        mistakes.add(field, rule.on or window.zone, fix)
        return None
    step_ms = window.size_ms if kind_of(window).anchored else window.slide_ms
    if isinstance(rule.against, Earlier):
        by_ms = check.check_duration(mistakes, f"{where}.against.by", rule.against.by, least_ms=1)  # type: ignore[arg-type]  # what a file declares may be anything
        if by_ms is None:
            return None
        if by_ms % step_ms:
            fix = f"no window of {rollup.name} begins so much earlier; write a multiple of {to_text(step_ms)}"
            mistakes.add(f"{where}.against.by", rule.against.by, fix)
            return None
        return (by_ms,), f"{to_text(by_ms)} earlier"
    if isinstance(rule.against, Mean):
        of = rule.against.of
        if not isinstance(of, int) or isinstance(of, bool) or not 1 <= of <= MOST_BEFORE:
            mistakes.add(f"{where}.against.of", of, f"write a whole number of windows from 1 to {MOST_BEFORE}")
            return None
        if window.size_ms % step_ms:
            fix = f"no window of {rollup.name} ends where the next begins; make its size a multiple of `every`"
            mistakes.add(f"{where}.against", rule.against, fix)
            return None
        return tuple(number * window.size_ms for number in range(1, of + 1)), f"mean of the {of} windows before"
    mistakes.add(f"{where}.against", rule.against, 'write alerts.earlier("1d") or alerts.mean(of=24)')
    return None


def _factor(mistakes: Mistakes, field: str, value: object) -> Decimal | None:
    """As it is written: 0.1 is a tenth, not the nearest double."""
    if value is None:
        return None
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        factor = Decimal(str(value))
        exponent = factor.as_tuple().exponent
        if factor.is_finite() and 0 < factor < 10**_MOST_DIGITS and isinstance(exponent, int):
            factor = factor.normalize() if exponent < 0 else factor
            if -factor.as_tuple().exponent <= _MOST_DIGITS:  # type: ignore[operator]  # it is finite
                return factor
    mistakes.add(field, value, f"write a number above 0, with at most {_MOST_DIGITS} digits on each side of the point")
    return None
