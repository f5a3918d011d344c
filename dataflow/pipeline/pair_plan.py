"""Alert rules over pairs of events, checked: the rows that are their evidence, their conditions, their message."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa

from dataflow.aggregates import count
from dataflow.durations import Duration, to_text
from dataflow.filter.expression import ConditionError, Expression, kind_of
from dataflow.filter.nodes import Column, IsNull, Junction, Not
from dataflow.filter.parse import parse
from dataflow.own_columns import EVENT_PLACE, WINDOW
from dataflow.pipeline import alert_plan
from dataflow.pipeline import checks as check
from dataflow.pipeline.alert_plan import AlertPlan, Piece, Rule, check_message, check_told, pieces_named
from dataflow.pipeline.checks import Mistakes
from dataflow.pipeline.columns import Columns
from dataflow.pipeline.declaration import Rollup
from dataflow.pipeline.pair_rules import SIDES, Pair
from dataflow.windows import tumble

if TYPE_CHECKING:
    from dataflow.pipeline.plan import RollupPlan

IS_SIDE = {side: f"is_{side}" for side in SIDES}
"""By side the aggregate that is 1 where an event is one, and else 0."""

_FIRST, _THEN = SIDES
_WORD = re.compile(r"""('(?:[^']|'')*'|"(?:[^"]|"")*")|\bthen(?=\s*\.)""", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Evidence(Rollup):
    """The rollup of such a rule, which has a row per event. `carried`: columns of the event beside the key."""

    carried: tuple[str, ...] = ()
    within: Duration = "0s"


@dataclass(frozen=True, slots=True)
class PairPlan:
    """One rule, checked: an alert for pairs of events of one key less than `within_ms` apart, or for lack of one.

    `rollup` has a row per event that is a side of it, its window the event's own millisecond: `keys`, then the
    `carried` columns, then the event's place. `missing`: the absent side; None of a sequence. `time`: the event time's
    name, by which conditions and message may call it.
    """

    name: str
    rollup: "RollupPlan"
    keys: tuple[pa.Field, ...]
    first: Expression
    then: Expression
    within_ms: int
    having: Expression | None
    missing: str | None
    severity: str
    message: tuple[Piece, ...]
    cool_down_ms: int
    time: str
    is_own: bool = True
    comparison: ClassVar[None] = None
    silence_ms: ClassVar[None] = None
    is_closed: ClassVar[bool] = False
    holds_rows: ClassVar[bool] = True

    @property
    def carried(self) -> tuple[pa.Field, ...]:
        """Columns of the evidence that the condition and the message ask for, beside the key."""
        return self.rollup.keys[len(self.keys) : -len(EVENT_PLACE)]

    @property
    def told(self) -> tuple[str, ...]:
        """The sides of which an alert tells."""
        return tuple(side for side in SIDES if side != self.missing)

    @property
    def is_told_early(self) -> bool:
        """Pairs are judged with their commit."""
        return False

    @property
    def asks(self) -> str:
        """What makes an alert, as one says it."""
        first, then, within = self.first.sql, self.then.sql, to_text(self.within_ms)
        having = "" if self.having is None else f", where {self.having.sql}"
        if self.missing is None:
            return f"{then} within {within} after {first}{having}"
        if self.missing == _THEN:
            return f"{first} without {then} within {within} after it{having}"
        return f"{then} without {first} within {within} before it{having}"

    @property
    def back_ms(self) -> int:
        """How far back of what can still change rows are held."""
        return self.within_ms

    @property
    def held_ms(self) -> int:
        """How far back of the watermark events are held."""
        return self.within_ms + self.rollup.allowed_lateness_ms


Plans = tuple[AlertPlan | PairPlan, ...]
"""Rules that are checked."""


def told_early(rules: Plans) -> tuple[str, ...]:
    """The rules whose alerts can be told before their commit, by name."""
    return tuple(rule.name for rule in rules if rule.is_told_early)


def rollup_of(rule: Rule, columns: Columns) -> Rollup:
    """The rollup of a rule that has its own. What is wrong in it is the rule's mistake."""
    if not isinstance(rule, Pair):
        return alert_plan.rollup_of(rule)
    keys: Any = [rule.key] if isinstance(rule.key, str) else rule.key
    aggregates = {IS_SIDE[side]: count(where=getattr(rule, side)) for side in SIDES}
    own = (None, rule.allowed_lateness, rule.keep)
    return Evidence(
        rule.name, keys, tumble("1ms"), aggregates, *own, carried=_carried(rule, keys, columns), within=rule.within
    )


def placed(declared: Rollup, plan: "RollupPlan", columns: Columns) -> "RollupPlan":
    """The plan of evidence: a row per event that has the whole key and is one of the sides. Others as they are."""
    if not isinstance(declared, Evidence):
        return plan
    carried = [columns.schema.field(name) for name in declared.carried]
    within_ms = check.check_duration(Mistakes(), "within", declared.within) or 0
    return replace(plan, where=_either(plan), keys=(*plan.keys, *carried, *EVENT_PLACE), within_ms=within_ms)


def check_rules(mistakes: Mistakes, asked: "Sequence[tuple[Rule, RollupPlan]]", columns: Columns) -> Plans:
    """The rules over their rollups, but for those of which something is wrong."""
    plans = [
        _check_pair(mistakes, f"alerts.{rule.name}", rule, rollup, columns)
        if isinstance(rule, Pair)
        else alert_plan.check_rule(mistakes, f"alerts.{rule.name}", rule, rollup)
        for rule, rollup in asked
    ]
    return tuple(plan for plan in plans if plan is not None)


def _check_pair(mistakes: Mistakes, where: str, rule: Pair, rollup: "RollupPlan", columns: Columns) -> PairPlan | None:
    mistakes.rename(f"{where}.keys", f"{where}.key")
    for at in range(len(rule.key) if isinstance(rule.key, list | tuple) else 1):
        mistakes.rename(f"{where}.keys[{at}]", f"{where}.key" if isinstance(rule.key, str) else f"{where}.key[{at}]")
    sides = {}
    for side, aggregate in zip(SIDES, rollup.aggregates, strict=True):
        mistakes.rename(f"{where}.aggregates.{IS_SIDE[side]}.where", f"{where}.{side}")
        sides[side] = aggregate.where
        if getattr(rule, side) is None:
            mistakes.add(f"{where}.{side}", None, "write the condition of that event, like \"event_type = 'click'\"")
    within_ms = check.check_duration(mistakes, f"{where}.within", rule.within, least_ms=1)
    if rule.is_absence and rule.missing not in SIDES:
        mistakes.add(f"{where}.missing", rule.missing, 'write "then", an event that does not follow, or "first"')
    cool_down_ms = check_told(mistakes, where, rule)
    having = None if rule.having is None else _having(mistakes, f"{where}.having", rule, columns)
    keys = rollup.keys[: len(rollup.keys) - len(EVENT_PLACE) - len(_carried(rule, _keys(rule), columns))]
    message = _message(mistakes, f"{where}.message", rule, [key.name for key in keys], columns)
    first, then = sides[_FIRST], sides[_THEN]
    if first is None or then is None or within_ms is None or message is None:
        return None
    told = (rule.severity, message, cool_down_ms, next(iter(columns.times), ""))
    return PairPlan(str(rule.name), rollup, keys, first, then, within_ms, having, rule.missing, *told)


def _keys(rule: Pair) -> Any:
    return [rule.key] if isinstance(rule.key, str) else rule.key


def _either(plan: "RollupPlan") -> Expression | None:
    """One side or the other, with the whole key: a missing key is nobody's."""
    wheres = [each.where for each in plan.aggregates if each.where is not None]
    if len(wheres) < len(SIDES):
        return None
    whole = [(key, kind_of(key.type)) for key in plan.keys if key.nullable]
    there = [Not(IsNull(Column(key.name, *kind))) for key, kind in whole if kind is not None]
    sides = Junction("OR", tuple(each.root for each in wheres))
    root = Junction("AND", (sides, *there)) if there else sides
    columns = {key.name for key, _ in whole}.union(*(each.columns for each in wheres))
    return Expression(root, root.sql(), frozenset(columns))


def _readable(having: Any) -> Any:
    """With `then` in quotes where it stands before a column, since it is a word of SQL."""
    if not isinstance(having, str):
        return having
    return _WORD.sub(lambda found: found[1] or '"then"', having)


def _both(columns: Columns) -> pa.Schema:
    return pa.schema([pa.field(f"{side}.{each.name}", each.type) for side in SIDES for each in columns.schema])


def _of(name: str) -> str:
    """The column that a side's column is."""
    return name.partition(".")[2]


def _carried(rule: Pair, keys: Any, columns: Columns) -> tuple[str, ...]:
    """Columns that `having` and `message` name, in the order of the event's, but for the key and the event time."""
    found = set()
    try:
        if isinstance(rule.having, str):
            found = {_of(name) for name in parse(_readable(rule.having), _both(columns)).columns}
    except ConditionError:
        pass
    named = pieces_named(rule.message)
    for column in columns.schema:
        if any(f"{side}_{column.name}" in named for side in SIDES):
            found.add(column.name)
    found -= {*keys, *columns.times} if isinstance(keys, list | tuple) else columns.times
    return tuple(name for name in columns.schema.names if name in found)


def _having(mistakes: Mistakes, field: str, rule: Pair, columns: Columns) -> Expression | None:
    values = {f"{side}.{name}": each for side in SIDES for name, each in columns.values.items()}
    try:
        found = parse(_readable(rule.having), _both(columns), values, unread=lambda name: columns.hides(_of(name)))
    except ConditionError as error:
        for mistake in error.mistakes:
            mistakes.add(field, rule.having, f"{mistake}; its columns are first.COLUMN and then.COLUMN")
        return None
    return found


def _message(
    mistakes: Mistakes, field: str, rule: Pair, keys: Sequence[str], columns: Columns
) -> tuple[Piece, ...] | None:
    if rule.message is None:
        within = to_text(check.check_duration(Mistakes(), "within", rule.within) or 0)
        start = {
            None: f"{rule.name}: {rule.then} within {within} after {rule.first}",
            _THEN: f"{rule.name}: {rule.first} without {rule.then} within {within} after it",
            _FIRST: f"{rule.name}: {rule.then} without {rule.first} within {within} before it",
        }.get(rule.missing, "")
        before = [f"{start}; {name} " if at == 0 else f", {name} " for at, name in enumerate(keys)]
        return tuple(Piece(text, name) for text, name in zip(before, keys, strict=True)) or (Piece(start, None),)
    sides = [side for side in SIDES if side != rule.missing]
    known = {f"{side}_{name}" for side in sides for name in columns.schema.names}
    known |= {*keys, *(column.name for column in WINDOW)}
    return check_message(
        mistakes, field, rule.message, known, lambda name: columns.hides(name.partition("_")[2]) or columns.hides(name)
    )
