"""What was seen at each key of the sampled objects."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from starter.sample import Number

Group = Literal["bool", "number", "text", "list", "object"]
"""What a JSON value is, beside null."""

_GROUPS: dict[type, Group] = {bool: "bool", int: "number", Number: "number", str: "text", list: "list", dict: "object"}


@dataclass(slots=True)
class Seen:
    """All values at one key. `rows[i]` is the record that `values[i]` comes from; nulls are only counted.

    `objects` counts the objects that could have had the key, `present` those that had it, with null or a value.
    `members` are the keys of the values that are objects, in the order in which they were first seen.
    """

    path: tuple[str, ...]
    objects: int = 0
    nulls: int = 0
    rows: list[int] = field(default_factory=list)
    values: list[object] = field(default_factory=list)
    members: dict[str, "Seen"] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The last part of the path."""
        return self.path[-1]

    @property
    def present(self) -> int:
        """How many objects had the key."""
        return self.nulls + len(self.values)

    @property
    def lacking(self) -> int:
        """How many objects had no value there: neither key nor anything but null."""
        return self.objects - len(self.values)

    def groups(self) -> dict[Group, int]:
        """How many values of each group, the commonest first."""
        counts: dict[Group, int] = {}
        for value in self.values:
            group = group_of(value)
            counts[group] = counts.get(group, 0) + 1
        return dict(sorted(counts.items(), key=lambda item: -item[1]))

    def of(self, group: Group) -> list[tuple[int, object]]:
        """(row, value) of the values of one group."""
        return [(row, value) for row, value in zip(self.rows, self.values, strict=True) if group_of(value) == group]

    def walk(self) -> Iterator["Seen"]:
        """Itself and all below it."""
        yield self
        for member in self.members.values():
            yield from member.walk()


def group_of(value: object) -> Group:
    """The group of a value that is not null."""
    return _GROUPS[type(value)]


def observe(objects: Sequence[dict[str, object]]) -> Seen:
    """What was seen in these records, as the member keys of a root without a key."""
    root = Seen((), objects=len(objects))
    _observe(root, [*enumerate(objects)])
    return root


def _observe(node: Seen, objects: Sequence[tuple[int, dict[str, object]]]) -> None:
    below: dict[str, list[tuple[int, dict[str, object]]]] = {}
    for row, members in objects:
        for key, value in members.items():
            seen = node.members.get(key)
            if seen is None:
                seen = node.members[key] = Seen((*node.path, key), objects=len(objects))
            if value is None:
                seen.nulls += 1
                continue
            seen.rows.append(row)
            seen.values.append(value)
            if isinstance(value, dict):
                below.setdefault(key, []).append((row, value))
    for key, found in below.items():
        _observe(node.members[key], found)
