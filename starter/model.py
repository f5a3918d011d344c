"""The event model as it is to be written: fields and nested objects, with names, types and what was unsure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from dataflow.event.fields import FieldKind
from dataflow.event.model_reader import is_readable_key
from dataflow.spoken import listed
from starter.event_time import DECLARED, EventTimeField
from starter.field_type import FieldType, LeftOut, leaf_type, winner
from starter.python_text import class_name, field_name, plain
from starter.seen import Group, Seen

MOST_FIELDS = 200
MOST_DEPTH = 6
_LONGEST_KEY = 48
_RARE, _RARE_OF = 0.002, 1_000
"""A key in fewer of so many records comes from broken ones, as a rule."""
_FEW_LACKING = 0.01
"""So few may be broken records."""
_MAP_KEYS, _MAP_SHARE = 30, 0.2


@dataclass(slots=True)
class Leaf:
    """A field that is a column. `lacking` of the `objects` around it had no value."""

    name: str
    column: str
    type: FieldType
    seen: Seen
    optional: bool
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Nested:
    """A JSON object as a model of its own. `left_out` are (key, why) of what it has no field for."""

    name: str
    class_name: str
    seen: Seen
    optional: bool
    children: list["Leaf | Nested"] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def leaves(self) -> Iterator[Leaf]:
        """The leaf fields below, in order."""
        for child in self.children:
            if isinstance(child, Leaf):
                yield child
            else:
                yield from child.leaves()

    def nested(self) -> Iterator["Nested"]:
        """The models below, each after those that it uses."""
        for child in self.children:
            if isinstance(child, Nested):
                yield from child.nested()
                yield child

    def always(self) -> Iterator[Leaf]:
        """The leaf fields that every event has, in order."""
        for child in self.children:
            if isinstance(child, Leaf) and not child.optional:
                yield child
            elif isinstance(child, Nested) and not child.optional:
                yield from child.always()


EVENT = "Event"
"""The model's class."""


def build_model(root: Seen, time: EventTimeField) -> Nested:
    """The model of the objects that were seen at `root`, all of which have the event time."""
    return _Builder(time).build(root)


class _Builder:
    def __init__(self, time: EventTimeField) -> None:
        self._time = time
        self._classes = {EVENT}
        self._names: set[str] = set()
        self._room = MOST_FIELDS

    def build(self, root: Seen) -> Nested:
        node = Nested("", EVENT, root, optional=False)
        self._fill(node, root, ())
        return node

    def _fill(self, node: Nested, seen: Seen, above: tuple[str, ...]) -> None:
        names: set[str] = set()
        decided = [(key, member, self._decide(member, seen)) for key, member in seen.members.items()]
        # the event time has its name first, and a class is not hidden by a field
        decided.sort(key=lambda each: not self._leads_to_time(each[1]))
        order = {key: at for at, key in enumerate(seen.members)}
        for key, member, found in decided:
            if isinstance(found, LeftOut):
                node.left_out.append((key, found.why))
                continue
            if len(key) > _LONGEST_KEY or not is_readable_key(key):
                why = "has too long a name" if is_readable_key(key) else "has a name that no field can read"
                node.left_out.append((key[:_LONGEST_KEY], why))
                continue
            name = field_name(key, names, self._classes, top=not above)
            self._names.add(name)
            child = self._child(name, member, found, above)
            if isinstance(child, LeftOut):
                node.left_out.append((key, child.why))
                continue
            names.add(name.lower())
            node.children.append(child)
        node.children.sort(key=lambda child: order[child.seen.key])
        node.left_out.sort(key=lambda each: order.get(each[0], len(order)))
        _note_kinds(node)

    def _leads_to_time(self, seen: Seen) -> bool:
        return self._time.path[: len(seen.path)] == seen.path

    def _decide(self, seen: Seen, parent: Seen) -> tuple[Group, tuple[str, ...]] | LeftOut:
        if self._leads_to_time(seen):
            return ("text" if seen.path == self._time.path else "object"), ()
        if parent.objects >= _RARE_OF and seen.present < _RARE * parent.objects:
            return LeftOut(f"is in {seen.present:,} of {parent.objects:,} records only")
        found = winner(seen)
        if isinstance(found, LeftOut):
            return found
        if found[0] == "list":
            return LeftOut("is a list: no column holds one")
        return found

    def _child(
        self, name: str, seen: Seen, found: tuple[Group, tuple[str, ...]], above: tuple[str, ...]
    ) -> Leaf | Nested | LeftOut:
        group, notes = found
        column = ".".join((*above, name))
        optional = seen.lacking > 0 and not self._leads_to_time(seen)
        if seen.path == self._time.path:
            declared = DECLARED[self._time.unit]
            return Leaf(name, column, FieldType(FieldKind.EVENT_TIME, declared, declared), seen, optional=False)
        if group == "object":
            return self._nested(name, seen, (*above, name), notes, optional=optional)
        if self._room <= 0:
            return LeftOut(f"comes after the first {MOST_FIELDS} fields")
        self._room -= 1
        type_ = leaf_type(seen, group, notes)
        leaf = Leaf(name, column, type_, seen, optional, [*type_.notes])
        if optional:
            leaf.notes.append(_lacking(seen))
        return leaf

    def _nested(
        self, name: str, seen: Seen, above: tuple[str, ...], notes: tuple[str, ...], *, optional: bool
    ) -> Nested | LeftOut:
        keys = len(seen.members)
        objects = len(seen.of("object"))
        if not self._leads_to_time(seen):
            if len(above) >= MOST_DEPTH:
                return LeftOut(f"is nested deeper than {MOST_DEPTH} levels")
            if keys > _MAP_KEYS and sum(each.present for each in seen.members.values()) < _MAP_SHARE * keys * objects:
                return LeftOut(f"is an object whose keys differ from record to record ({keys:,} of them)")
        # a field that is called like a class would hide it from the fields behind
        made = class_name(seen.key, self._classes | self._names)
        self._classes.add(made)
        node = Nested(name, made, seen, optional, notes=[*notes])
        if optional:
            node.notes.append(_lacking(seen))
        self._fill(node, seen, above)
        if not node.children:
            self._classes.discard(made)
            inside = listed([plain(key) for key, _ in node.left_out])
            return LeftOut(f"is an object without a field that a column holds{f' ({inside})' if inside else ''}")
        return node


def _lacking(seen: Seen) -> str:
    how = "null" if seen.lacking == seen.nulls else "absent" if not seen.nulls else "absent or null"
    told = f"{how} in {seen.lacking:,} of {seen.objects:,}"
    return (
        f"{told}, which would be dead letters if it were required"
        if seen.lacking < _FEW_LACKING * seen.objects
        else told
    )


def _note_kinds(node: Nested) -> None:
    """Where a field is there for some values of another one alone, say for which."""
    tellers = [
        child for child in node.children if isinstance(child, Leaf) and child.type.choices and not child.optional
    ]
    for child in node.children:
        if not child.optional:
            continue
        for teller in tellers:
            values = _values_with(teller, child.seen.rows)
            if values is not None and len(values) < len(teller.type.choices):
                child.notes[-1] = f"there where {teller.name} is {_or(sorted(values))}, and only there"
                break


def _values_with(teller: Leaf, rows: Sequence[int]) -> set[str] | None:
    """The values of `teller` in those rows, if all rows with one of these values are among them."""
    there = set(rows)
    values = {str(value) for row, value in zip(teller.seen.rows, teller.seen.values, strict=True) if row in there}
    with_these = {row for row, value in zip(teller.seen.rows, teller.seen.values, strict=True) if value in values}
    return values if with_these == there else None


def _or(values: Sequence[str]) -> str:
    *first, last = map(repr, values)
    return f"{', '.join(first)} or {last}" if first else last
