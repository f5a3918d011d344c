"""Alert rules, checked: which rollup each asks, its condition over what that rollup counts, its message."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from string import Formatter
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from dataflow.durations import to_text
from dataflow.filter.expression import ConditionError, Expression
from dataflow.filter.parse import parse
from dataflow.own_columns import WINDOW
from dataflow.pipeline import checks as check
from dataflow.pipeline.alert_rules import DISTINCT_COUNT, SEVERITIES, Threshold
from dataflow.pipeline.checks import Mistakes
from dataflow.pipeline.closed_rules import Compare, Silence
from dataflow.pipeline.comparison import (
    BEFORE,
    SAMPLE,
    Comparison,
    check_comparison,
    check_silence,
    partitions_rollup,
)
from dataflow.pipeline.declaration import Rollup
from dataflow.pipeline.names import ALERT_CHANGES, ALERTS, WEBHOOK_DEAD_LETTERS
from dataflow.pipeline.pair_rules import Pair
from dataflow.spelling import suggest

if TYPE_CHECKING:
    from dataflow.pipeline.plan import AggregatePlan, RollupPlan

RESERVED = frozenset({ALERTS, ALERT_CHANGES, WEBHOOK_DEAD_LETTERS})
"""What no rollup may be called in a pipeline with alert rules."""


Rule = Threshold | Pair
"""A rule as it is declared."""


class Piece(NamedTuple):
    """A part of a message: text, then the column that stands behind it, if one does."""

    text: str
    column: str | None


@dataclass(frozen=True, slots=True)
class AlertPlan:
    """One rule, checked: an alert for each (key, window) of `rollup` for which `having` is true.

    `is_own`: the rollup is the rule's own, of its name. `severity` is one of SEVERITIES. `cool_down_ms` is 0 where
    alerts are never quiet. In place of `having`, None then: a `comparison` of windows, or `silence_ms`, for how long a
    source partition says nothing, whose rollup is the ledger.
    """

    name: str
    rollup: "RollupPlan"
    having: Expression | None
    severity: str
    message: tuple[Piece, ...]
    cool_down_ms: int
    is_own: bool
    comparison: Comparison | None = None
    silence_ms: int | None = None

    @property
    def asks(self) -> str:
        """What it asks, as text: what must not change under its name."""
        if self.comparison is not None:
            return self.comparison.text
        return f"silent for {to_text(self.silence_ms or 0)}" if self.having is None else self.having.sql

    @property
    def holds_rows(self) -> bool:
        """Whether the judge has rows of the rollup in memory."""
        return self.comparison is None and self.silence_ms is None

    @property
    def back_ms(self) -> int:
        """How far back of what can still change rows are held."""
        return 0

    @property
    def is_closed(self) -> bool:
        """Whether a window is judged once it is over, and not with each row."""
        return self.having is None or self.rollup.merges_windows

    @property
    def is_told_early(self) -> bool:
        """Whether an alert can be told before its commit: as soon as a row has come that makes it true."""
        return not self.is_closed

    @property
    def judged(self) -> tuple["AggregatePlan", ...]:
        """The rollup's aggregates whose values can be told as rows come."""
        return tuple(each for each in self.rollup.aggregates if each.kind.told_at_once)


def check_names(mistakes: Mistakes, rules: Sequence[Rule], rollups: Sequence[str]) -> None:
    """Names of rules and of the declared `rollups`: each names one thing, and none of them the alerts."""
    for name in rollups if rules else ():
        if name in RESERVED:
            mistakes.add(f"rollups.{name}.name", name, "reserved for the alerts of rules; choose another name")
    for at, rule in enumerate(rules):
        field, name = f"alerts[{at}].name", rule.name
        if rule.on is None:
            check.check_rollup_name(mistakes, field, name)
        else:
            check.check_name(mistakes, field, name)
        if name in RESERVED:
            mistakes.add(field, name, "reserved for the alerts themselves; choose another name")
        if name in [each.name for each in rules[:at]]:
            mistakes.add(field, name, "another rule has this name; choose another one")
        elif rule.on is not None and name in rollups:
            mistakes.add(field, name, "a rollup has this name; choose another one")


def rollup_of(rule: Threshold) -> Rollup:
    """The rollup of a rule that has its own. What is wrong in it is the rule's mistake."""
    keys: Any = rule.keys
    window: Any = rule.window
    aggregates: Any = rule.aggregates
    return Rollup(rule.name, keys, window, aggregates, rule.where, rule.allowed_lateness, rule.keep)


def asked_by(
    mistakes: Mistakes, rules: Sequence[Rule], declared: Sequence["RollupPlan"], own: Sequence["RollupPlan"]
) -> list[tuple[Rule, "RollupPlan"]]:
    """Each rule with the rollup that it asks: its own, which come in the rules' order, or one that is `declared`."""
    rest, by_name = iter(own), {each.name: each for each in declared}
    found: list[tuple[Rule, RollupPlan]] = []
    for rule in rules:
        where = f"alerts.{rule.name}"
        if rule.is_distinct:
            mistakes.rename(f"{where}.keys[0]", f"{where}.key")
            mistakes.rename(f"{where}.keys", f"{where}.key")
            mistakes.rename(f"{where}.aggregates.{DISTINCT_COUNT}.column", f"{where}.of")
            mistakes.rename(f"{where}.aggregates.{DISTINCT_COUNT}", f"{where}.of")
        if isinstance(rule, Silence):
            mistakes.rename(f"{where}.keys[0]", f"{where}.key")
            mistakes.rename(f"{where}.keys", f"{where}.key")
            if rule.of_partitions:
                found.append((rule, partitions_rollup(rule)))
                continue
        if rule.on is None:
            found.append((rule, next(rest)))
            continue
        for part in ("keys", "window", "aggregates", "where", "allowed_lateness"):
            value = getattr(rule, part)
            if value is not None:
                mistakes.add(f"{where}.{part}", value, f"the rule asks rollup {rule.on}, which says that; leave it out")
        if isinstance(rule.on, str) and rule.on in by_name:
            found.append((rule, by_name[rule.on]))
        else:
            names = list(by_name)
            mistakes.add(f"{where}.on", rule.on, f"no rollup that this pipeline declares{suggest(str(rule.on), names)}")
    return found


def check_rule(mistakes: Mistakes, where: str, rule: Threshold, rollup: "RollupPlan") -> AlertPlan | None:
    """The rule over its rollup; None where something of it is wrong."""
    silence_ms = check_silence(mistakes, where, rule) if isinstance(rule, Silence) else None
    if rule.is_distinct:
        _check_more_than(mistakes, f"{where}.more_than", rule.more_than)
    cool_down_ms = check_told(mistakes, where, rule)
    if isinstance(rule, Compare):
        comparison = check_comparison(mistakes, where, rule, rollup, is_unread=_is_unread(mistakes, rule))
        message = _message(mistakes, f"{where}.message", rule, rollup, "" if comparison is None else comparison.text)
        if comparison is None or message is None:
            return None
        told = (rule.severity, message, cool_down_ms, rule.on is None)
        return AlertPlan(str(rule.name), rollup, None, *told, comparison=comparison)
    if isinstance(rule, Silence) and (rule.of_partitions or silence_ms is None or mistakes.has(f"{where}.at_least")):
        message = _message(mistakes, f"{where}.message", rule, rollup, "")
        if message is None or silence_ms is None or not rule.of_partitions:
            return None
        told = (rule.severity, message, cool_down_ms, False)
        return AlertPlan(str(rule.name), rollup, None, *told, silence_ms=silence_ms)
    having = _having(mistakes, f"{where}.having", rule, rollup)
    message = _message(mistakes, f"{where}.message", rule, rollup, rule.having)
    if having is None or message is None:
        return None
    is_own = rule.on is None
    return AlertPlan(str(rule.name), rollup, having, rule.severity, message, cool_down_ms, is_own)


def check_told(mistakes: Mistakes, where: str, rule: Rule) -> int:
    """Severity and cool-down of a rule; the cool-down in ms."""
    if rule.severity not in SEVERITIES:
        mistakes.add(f"{where}.severity", rule.severity, f"write one of {', '.join(SEVERITIES)}")
    return check.check_duration(mistakes, f"{where}.cool_down", rule.cool_down, optional=True) or 0


def _check_more_than(mistakes: Mistakes, field: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        mistakes.add(field, value, "write a whole number, 0 or more")


def _columns(rollup: "RollupPlan") -> dict[str, pa.DataType]:
    """Keys and aggregates with the types of their values."""
    found = {key.name: key.type for key in rollup.keys}
    for each in rollup.aggregates:
        type_ = each.kind.result(each.column_type)
        if type_ is not None:
            found[each.name] = type_
    return found


def _is_unread(mistakes: Mistakes, rule: Threshold) -> bool:
    """Whether mistakes in what is counted hide some of it."""
    where = f"alerts.{rule.name}" if rule.on is None else f"rollups.{rule.on}"
    return any(
        line.startswith((f"{where}.keys", f"{where}.key ", f"{where}.aggregates", f"{where}.of "))
        for line in mistakes.lines
    )


def _untold(rollup: "RollupPlan") -> dict[str, str]:
    """Aggregates whose value is only told by a query, with their kinds."""
    return {each.name: each.aggregate.kind for each in rollup.aggregates if not each.kind.told_at_once}


def _having(mistakes: Mistakes, field: str, rule: Threshold, rollup: "RollupPlan") -> Expression | None:
    if rule.is_distinct and mistakes.has(field.replace(".having", ".more_than")):
        return None
    known = _columns(rollup)
    try:
        found = parse(rule.having, pa.schema(list(known.items())), unread=lambda _name: _is_unread(mistakes, rule))
    except ConditionError as error:
        for mistake in error.mistakes:
            mistakes.add(field, rule.having, mistake)
        return None
    for name, kind in _untold(rollup).items():
        if name in found.columns:
            mistakes.add(field, rule.having, f"{name} is an {kind}, which takes a query to tell; ask for another value")
    if found.columns <= {key.name for key in rollup.keys}:
        mistakes.add(field, rule.having, "it asks for no aggregate; filter rows with `where`, and ask for a value here")
    return found


def _message(
    mistakes: Mistakes, field: str, rule: Threshold, rollup: "RollupPlan", asked: str
) -> tuple[Piece, ...] | None:
    if rule.message is None:
        names = [key.name for key in rollup.keys]
        before = [f"{rule.name}: {asked}; {name} " if at == 0 else f", {name} " for at, name in enumerate(names)]
        told = tuple(Piece(text, name) for text, name in zip(before, names, strict=True))
        return told or (Piece(f"{rule.name}: {asked}", None),)
    own = (BEFORE, SAMPLE) if isinstance(rule, Compare) else ()
    known = {*_columns(rollup), *(column.name for column in WINDOW), *own}
    untold = _untold(rollup)
    for name in pieces_named(rule.message) & untold.keys():
        fix = f"{name} is an {untold[name]}, which takes a query to tell; leave it out"
        mistakes.add(field, rule.message, fix)
    return check_message(mistakes, field, rule.message, known | untold.keys(), lambda _: _is_unread(mistakes, rule))


def pieces_named(message: object) -> set[str]:
    """What a message names in braces, as far as it can be read."""
    try:
        return {name for _, name, _, _ in Formatter().parse(message) if name} if isinstance(message, str) else set()
    except ValueError:
        return set()


def check_message(
    mistakes: Mistakes, field: str, message: object, known: Collection[str], hides: Callable[[str], bool]
) -> tuple[Piece, ...] | None:
    """The parts of a message that may name what is `known`; None where they cannot be told apart.

    `hides`: whether another mistake, told elsewhere, keeps a name from being known.
    """
    if not isinstance(message, str):
        mistakes.add(field, message, 'not text; write message="... {column} ..."')
        return None
    try:
        parts = list(Formatter().parse(message))
    except ValueError:
        mistakes.add(field, message, "a brace without its other one; write {column}, and {{ for a brace itself")
        return None
    pieces: list[Piece] = []
    for literal, name, form, conversion in parts:
        pieces.append(Piece(literal, name))
        if name is None:
            continue
        if form or conversion:
            mistakes.add(field, message, f"{{{name}}} takes no format; write the name alone")
        if name not in known and not hides(name):
            mistakes.add(field, message, f"{{{name}}} is no column of the rule{suggest(name, sorted(known))}")
    return tuple(pieces)
