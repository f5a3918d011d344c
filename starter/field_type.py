"""The type of one field of the event model, from all values that were seen of it."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from dataflow.event.fields import MONEY_DECIMALS, FieldKind, is_date_text, money_micros
from dataflow.event.unit_size import unit_by_size
from dataflow.spoken import counted, listed
from starter.python_text import literal
from starter.sample import Number
from starter.seen import Group, Seen
from starter.words import CLOSED, COUNTED, MEASURES, MINOR_UNIT, MONEY, OPEN, SUMMED, TIME_ENDS, has, is_id, words_of

MAJORITY = 0.9
"""A type is chosen for so large a share of the values; the others are dead letters, and told."""
_ALMOST = 0.99
_FEW = 20

_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
_WORDLIKE = re.compile(r"[A-Za-z][A-Za-z0-9 _./+-]{0,31}")
_MOST_CHOICES = 12
_EACH_CHOICE = 5
"""A value seen so often makes it unlikely that the sample lacks a common one."""
_NAMED_CLOSED, _ANY_CLOSED = 40, 500

_LONGEST = 256
"""Longer text is prose: a limit on it would be a guess."""


@dataclass(frozen=True, slots=True)
class FieldType:
    """A type as it stands in a model: `text` with its constraints, `plain` without; `notes` say what was unsure.

    `choices`: the values of a Literal.
    """

    kind: FieldKind
    text: str
    plain: str
    notes: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Why the model has no such field."""

    why: str


def winner(seen: Seen) -> tuple[Group, tuple[str, ...]] | LeftOut:
    """What nearly all values are, and a note on the others."""
    groups = seen.groups()
    if not groups:
        return LeftOut("is always null")
    group, count = next(iter(groups.items()))
    others = {other: number for other, number in groups.items() if other != group}
    if count < MAJORITY * len(seen.values):
        each = listed([f"{_GROUPS[group]} in {number:,}" for group, number in groups.items()])
        return LeftOut(f"is of several types: {each}")
    huge = sum(isinstance(value, Number) and _is_infinite(value.text) for value in seen.values)
    if huge > (1 - MAJORITY) * len(seen.values):
        return LeftOut(f"is too large for a double in {huge:,} of {len(seen.values):,}")
    if not others:
        return group, ()
    told = listed([f"{_GROUPS[other]} in {counted(number, 'record')}" for other, number in others.items()])
    return group, (f"{told}: a dead letter each",)


_GROUPS: dict[Group, str] = {
    "bool": "true or false",
    "number": "a number",
    "text": "text",
    "list": "a list",
    "object": "an object",
}


def leaf_type(seen: Seen, group: Group, notes: tuple[str, ...] = ()) -> FieldType:
    """The type of a field whose values are of `group` (bool, number or text), of which there are some."""
    values = [value for _, value in seen.of(group)]
    if group == "bool":
        return FieldType(FieldKind.BOOL, "bool", "bool", notes)
    if group == "number":
        return _number(seen.key, values, notes)
    return _text(seen.key, [value for value in values if isinstance(value, str)], notes)


def _number(name: str, values: Sequence[object], notes: tuple[str, ...]) -> FieldType:
    texts = [value.text if isinstance(value, Number) else str(value) for value in values]
    unfit = sum(money_micros(text) is None for text in texts)
    whole = all(type(value) is int for value in values)
    # 1299 cents are whole, and 12 euros only happen to be
    named = has(name, MONEY) and not has(name, MINOR_UNIT) and not is_id(name) and not has(name, MEASURES)
    if whole:
        if named and not unfit:
            return _money((*notes, "only whole numbers were seen; Money takes decimals, too; int if it is a number"))
        numbers = [value for value in values if type(value) is int]
        if min(numbers) >= 0 and is_quantity(name, numbers, COUNTED) and len(numbers) >= _FEW:
            return FieldType(FieldKind.INT, "Annotated[int, Ge(0)]", "int", notes)
        return FieldType(FieldKind.INT, "int", "int", notes)
    if named and unfit <= (1 - _ALMOST) * len(texts):
        told = f"; {unfit:,} of {len(texts):,} with more than 6 decimals, or too large: dead letters" if unfit else ""
        return _money((*notes, f"an exact amount, for it is called like one{told}"))
    decimals = max(map(_decimals, texts))
    if 0 < decimals <= 2 and len(texts) >= _FEW and not has(name, MEASURES):
        return _money((*notes, f"at most {counted(decimals, 'decimal')}, so taken as exact; float if it is a measure"))
    return _float(texts, notes)


def _money(notes: tuple[str, ...]) -> FieldType:
    return FieldType(FieldKind.MONEY, "Money", "Money", notes)


def _float(texts: Sequence[str], notes: tuple[str, ...]) -> FieldType:
    infinite = sum(map(_is_infinite, texts))
    if infinite:
        notes = (*notes, f"{counted(infinite, 'value')} too large for a double: dead letters")
    if not any(char in text for text in texts for char in ".eE"):
        notes = (*notes, "some are beyond int64: a double loses their last digits")
    return FieldType(FieldKind.FLOAT, "float", "float", notes)


def _is_infinite(text: str) -> bool:
    return abs(float(text)) == float("inf")


def _decimals(text: str) -> int:
    """How many decimals the number has by value; more than money has where it does not fit that."""
    micros = money_micros(text)
    if micros is None:
        return MONEY_DECIMALS + 1
    return next(count for count in range(MONEY_DECIMALS + 1) if micros % 10 ** (MONEY_DECIMALS - count) == 0)


def _text(name: str, texts: Sequence[str], notes: tuple[str, ...]) -> FieldType:
    if all(_is_day(text) for text in texts):
        return FieldType(FieldKind.DATE, "date", "date", notes)
    if has(name, MONEY | SUMMED) and all(_NUMBER.fullmatch(text) for text in texts):
        notes = (*notes, "numbers inside strings, which do not add up: have the producer send JSON numbers")
    longest = max(map(len, texts))
    choices, almost = _closed(name, texts)
    if choices:
        note = f"closed, as far as {len(texts):,} values tell: another one is a dead letter; str takes all"
        text = f"Literal[{', '.join(map(literal, choices))}]"
        return FieldType(FieldKind.STR, text, "str", (*notes, note), choices)
    if almost:
        told = ", ".join(map(literal, almost))
        notes = (*notes, f"as good as always one of a few: Literal[{told}] would make dead letters of others")
    if longest > _LONGEST:
        return FieldType(FieldKind.STR, "str", "str", notes)
    limit = 64
    while limit < 4 * longest:
        limit *= 2
    # an id that is empty identifies nothing
    is_never_empty = "" not in texts and (len(texts) >= _FEW or is_id(name))
    constraint = f"Len(1, {limit})" if is_never_empty else f"MaxLen({limit})"
    return FieldType(FieldKind.STR, f"Annotated[str, {constraint}]", "str", notes)


def _closed(name: str, texts: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The values of a set that is closed; or, in second place, of one that may be."""
    counts = Counter(texts)
    common = tuple(sorted(text for text, count in counts.items() if count >= _EACH_CHOICE))
    named = has(name, CLOSED)
    if not 2 <= len(common) <= _MOST_CHOICES or is_id(name) or (has(name, OPEN) and not named):
        return (), ()
    if not all(_WORDLIKE.fullmatch(text) for text in common) or sum(map(len, common)) > _MOST_CHOICES * 6:
        return (), ()
    covered = sum(counts[text] for text in common)
    if covered < _ALMOST * len(texts):
        return (), ()
    if named:
        if len(texts) < _NAMED_CLOSED:
            return (), ()
        return (common, ()) if covered == len(texts) else ((), common)
    # a name that says nothing leaves it open whether the set is closed, and a dead letter is worse than a loose type
    numbered = sum(any(char.isdigit() for char in text) for text in common)
    rare = min(counts[text] for text in common) < 0.01 * len(texts)
    doubtful = numbered * 2 > len(common) or rare or len(texts) < _ANY_CLOSED
    return (), () if doubtful else common


def _is_day(text: str) -> bool:
    if not is_date_text(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def is_quantity(name: str, values: Sequence[object], known: frozenset[str]) -> bool:
    """Whether ints of this name can be added up: they are no mark of something, no measure and no times."""
    if not has(name, known) or is_id(name) or words_of(name)[-1] in MEASURES:
        return False
    return not (has(name, TIME_ENDS) and all(isinstance(each, int) and unit_by_size(each) for each in values))
