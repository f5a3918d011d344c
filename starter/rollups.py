"""Two rollups to begin with: counts and sums per minute by the best key, and per hour by another one or overall."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from dataflow.event.fields import FieldKind
from dataflow.own_columns import OF_ROLLUPS
from starter.field_type import is_quantity
from starter.model import Leaf, Nested
from starter.python_text import literal, slug
from starter.words import GROUPED, MINOR_UNIT, MONEY, PEOPLE, SUMMED, has, is_id

MINUTE, HOUR = "1m", "1h"
_FEW = 50
_SOME, _MANY, _TOO_MANY = 50, 500, 5_000
_PROSE = 64


@dataclass(frozen=True, slots=True)
class Draft:
    """One rollup as it is to be written: `aggregates` are (name, code), `why` is said in a comment."""

    name: str
    keys: tuple[str, ...]
    size: str
    aggregates: tuple[tuple[str, str], ...]
    why: str


def draft_rollups(model: Nested) -> tuple[Draft, Draft]:
    """By the best two keys; where there is one alone, the hour is counted overall, and without any, both are."""
    leaves = [*model.leaves()]
    scores = [(_score(leaf, model.seen.objects), leaf) for leaf in leaves]
    ranked = [leaf for score, leaf in sorted(scores, key=lambda each: -each[0]) if score > 0]
    keys = [*ranked[:2], None, None][:2]
    return _draft(keys[0], MINUTE, leaves), _draft(keys[1], HOUR, leaves)


def _draft(key: Leaf | None, size: str, leaves: Sequence[Leaf]) -> Draft:
    if key is None:
        return Draft(f"all_{size}", (), size, _aggregates(leaves, None), "overall: one row per window")
    name = f"{slug(key.column, 'by')}_{size}"
    distinct = len(set(key.seen.values))
    why = f"{key.column} has {distinct:,} values in the sample"
    return Draft(name, (key.column,), size, _aggregates(leaves, key), why)


def _score(leaf: Leaf, records: int) -> float:
    """How good a key it makes; 0 or less: none."""
    kind, values, name = leaf.type.kind, leaf.seen.values, leaf.seen.key
    if kind not in (FieldKind.STR, FieldKind.INT) or leaf.column.lower() in OF_ROLLUPS:
        return 0
    distinct = len(set(map(str, values)))
    share = 0.2 if len(values) >= _FEW else 0.7
    if not 2 <= distinct <= min(_TOO_MANY, max(2, share * len(values))):
        return 0
    if kind is FieldKind.STR and max(map(len, map(str, values))) > _PROSE:
        return 0
    # a bare number is a quantity, as a rule
    if kind is FieldKind.INT and not is_id(name) and not has(name, GROUPED):
        return 0
    score = 3.0 if leaf.type.choices else 1.0
    score += 2 if has(name, GROUPED) else 0
    score += 1 if is_id(name) else 0
    score += 2 if distinct <= _SOME else 1 if distinct <= _MANY else -1
    lacking = 1 - len(values) / max(1, records)
    return score - 2 * lacking - 0.1 * leaf.column.count(".")


def _aggregates(leaves: Sequence[Leaf], key: Leaf | None) -> tuple[tuple[str, str], ...]:
    taken = {*OF_ROLLUPS} | (set() if key is None else {key.column.lower()})
    found: list[tuple[str, str]] = []

    def add(stem: str, code: str) -> None:
        name = _name(stem, taken)
        taken.add(name)
        found.append((name, code))

    add("events", "agg.count()")
    money = [leaf for leaf in leaves if _is_money(leaf)]
    summed = [leaf for leaf in leaves if leaf.type.kind is FieldKind.INT and leaf is not key and _adds_up(leaf)]
    for leaf in [*sorted(money, key=lambda each: each.optional)[:2], *summed[:1]]:
        add(f"{slug(leaf.column, 'n')}_sum", f"agg.sum({literal(leaf.column)})")
    for leaf in [each for each in leaves if each.type.kind is FieldKind.FLOAT][: 0 if money else 1]:
        for kind in ("min", "max"):
            add(f"{slug(leaf.column, 'n')}_{kind}", f"agg.{kind}({literal(leaf.column)})")
    for leaf in [each for each in leaves if each is not key and _is_somebody(each)][:1]:
        # approximate: exact counts keep every value
        add(f"distinct_{slug(leaf.column, 'n')}", f"agg.approx_count_distinct({literal(leaf.column)})")
    return tuple(found)


def _is_money(leaf: Leaf) -> bool:
    return leaf.type.kind is FieldKind.MONEY


def _adds_up(leaf: Leaf) -> bool:
    return is_quantity(leaf.seen.key, leaf.seen.values, SUMMED | MONEY | MINOR_UNIT)


def _is_somebody(leaf: Leaf) -> bool:
    is_text = leaf.type.kind is FieldKind.STR and not leaf.type.choices
    return (is_text or leaf.type.kind is FieldKind.INT) and is_id(leaf.seen.key) and has(leaf.column, PEOPLE)


def _name(stem: str, taken: Collection[str]) -> str:
    name, number = stem, 1
    # an aggregate's parts have its name and an ending
    while any(each == name or each.startswith(f"{name}_") for each in taken):
        number += 1
        name = f"{stem}_{number}"
    return name
