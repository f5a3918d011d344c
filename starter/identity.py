"""Which field identifies an event, so that a producer's retries count once."""

from collections.abc import Sequence
from dataclasses import dataclass

from dataflow.event.fields import FieldKind
from starter.model import Leaf, Nested
from starter.sample import Parsed
from starter.tolerances import nice
from starter.words import is_id, words_of

FEW = 20
"""Of fewer events, being different says nothing."""
_OWN = frozenset({"event", "message", "msg", "record"})
_LEAST_WITHIN, _MOST_WITHIN = "10m", "1d"


@dataclass(frozen=True, slots=True)
class Identity:
    """The column for `deduplicate_by`, for how long it is remembered, and why."""

    column: str
    within: str
    why: str


def find_identity(model: Nested, parsed: Sequence[Parsed], times: Sequence[int], name: str) -> Identity | None:
    """The field called like an id whose values differ from event to event; None if there is none.

    A value may come again in a record of the same bytes: that is what a retry looks like. `name` is the pipeline's.
    """
    if len(parsed) < FEW:
        return None
    found = [(leaf, repeats) for leaf in model.leaves() if (repeats := _repeats(leaf, parsed)) is not None]
    if not found:
        return None
    leaf, rows = max(found, key=lambda each: _score(each[0], name))
    furthest_ms = max((abs(times[second] - times[first]) for first, second in rows), default=0)
    within = nice(2 * furthest_ms, _LEAST_WITHIN, _MOST_WITHIN)
    seen = len(leaf.seen.values)
    why = f"all {seen:,} values differ" if not rows else f"{len(rows):,} of {seen:,} came again, as equal records"
    return Identity(leaf.column, within, why)


def _repeats(leaf: Leaf, parsed: Sequence[Parsed]) -> list[tuple[int, int]] | None:
    """(row, row) of records that are there twice; None if the field identifies none."""
    if leaf.type.kind not in (FieldKind.STR, FieldKind.INT) or leaf.type.choices or not is_id(leaf.seen.key):
        return None
    if leaf.optional and len(leaf.seen.values) < 0.9 * len(parsed):
        return None
    first: dict[object, int] = {}
    rows: list[tuple[int, int]] = []
    others = 0
    for row, value in zip(leaf.seen.rows, leaf.seen.values, strict=True):
        before = first.setdefault(value, row)
        if before == row:
            continue
        if parsed[before].taken.value == parsed[row].taken.value:
            rows.append((before, row))
        else:
            others += 1
    # the same id in another record now and then: a broken record, or one that was sent again with a change
    enough = len(first) >= 0.8 * len(leaf.seen.values) and others <= 0.002 * len(leaf.seen.values)
    return rows if enough else None


def _score(leaf: Leaf, name: str) -> float:
    words = words_of(leaf.seen.key)
    own = {*words_of(name), *(word.removesuffix("s") for word in words_of(name))} | _OWN
    depth = leaf.column.count(".")
    exact = len(words) == 1 and words[0] in ("id", "uuid", "guid")
    return (3 if not own.isdisjoint(words) else 0) + (2 if exact else 0) - 2 * depth - (1 if leaf.optional else 0)
