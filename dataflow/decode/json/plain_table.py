"""An event's fields as the compiled pass over its records reads them."""

from collections.abc import Iterator

import numpy as np

from dataflow.columnar.buffers import SPARE_BYTES
from dataflow.columnar.types import Int64s, UInt8s
from dataflow.decode.json import plain_layout as layout
from dataflow.decode.limits import Whole, days_of, ints_of, money_of
from dataflow.event.fields import EVENT_TIME_LIMIT_MS, INT64_MAX, INT64_MIN, FieldKind, TimeUnit, Value, to_micros
from dataflow.event.schema import EventField, EventObject, EventSchema

_KINDS = {
    FieldKind.STR: layout.TEXT,
    FieldKind.INT: layout.INT,
    FieldKind.EVENT_TIME: layout.INT,
    FieldKind.BOOL: layout.BOOL,
    FieldKind.MONEY: layout.MONEY,
    FieldKind.FLOAT: layout.FLOAT,
    FieldKind.DATE: layout.DATE,
    FieldKind.LIST: layout.JSON,
    FieldKind.JSON: layout.JSON,
}
_UNITS = {TimeUnit.SECONDS: 0, TimeUnit.MILLIS: 1, TimeUnit.MICROS: 2, TimeUnit.NANOS: 3}
_WORD = (1 << 64) - 1
_EPOCH_DAY = 719_163
_MOST_PLACES = 32
"""The table of names has at most about so many places a name."""
_Name = tuple[int, bytes | int, int]
"""Who owns a name, the name, what it is."""


class Table:
    """A schema's nodes, names, defaults and texts. Raises UnknownValueError for a default that has no form here.

    `leaves` are its fields, `at` their nodes, `rules` their limits where they have whole numbers. `keys` has
    the node of each key where its hash says, or is None: there is an object in the event, or too many fields, or keys
    that are written in more than one way, or two of one hash.
    """

    def __init__(self, schema: EventSchema) -> None:
        self._pool = bytearray()
        self._defaults: list[tuple[int, int]] = []
        self._names: list[_Name] = []
        self._rows: list[dict[int, int]] = []
        self.leaves: list[EventField] = []
        self.at: list[int] = []
        self.rules: list[Whole | None] = []
        self._object(schema.root, 0, 1)
        self.keys = self._keys()
        for child, its in zip(_nodes(schema.root), self._rows[1:], strict=True):
            if isinstance(child, EventObject) and not child.required and child.default is not None:
                its[layout.DEFAULTS] = len(self._defaults)
                below = list(_nodes(child))
                self._defaults += [
                    (0, 0) if isinstance(each, EventObject) else self._default(each, child.default[each.name])
                    for each in below
                ]
        columns = range(0, layout.NODE_BYTES, 8)
        self.nodes: Int64s = np.array([[_signed(row.get(column, 0)) for column in columns] for row in self._rows])
        self.defaults: Int64s = np.array([*self._defaults, (0, 0)], np.int64)
        self.names = self._hashed()
        self.pool: UInt8s = np.frombuffer(bytes(self._pool) + bytes(SPARE_BYTES), np.uint8)
        every = [0] * (len(self._rows) // 64 + 1)
        for node in range(1, len(self._rows)):
            every[node >> 6] |= 1 << (node & 63)
        self.every: Int64s = np.array([_signed(bits) for bits in every], np.int64)

    def _place(self, text: bytes) -> int:
        self._pool.extend(text)
        return len(self._pool) - len(text)

    def _object(self, node: EventObject, parent: int, level: int) -> None:
        at = len(self._rows)
        row = {
            layout.KIND: layout.OBJECT,
            layout.PARENT: parent,
            layout.LEVEL: level,
            layout.REQUIRED: node.required,
            layout.NULL_OK: node.null_ok,
            layout.DEFAULTS: -1,
        }
        self._rows.append(row)
        if node.path:
            self._key(row, node.path[-1], parent, at)
        for child in node.children:
            if isinstance(child, EventObject):
                self._object(child, at, level + 1)
            else:
                self._leaf(child, at)
        row[layout.BEHIND] = len(self._rows)

    def _key(self, row: dict[int, int], key: str, parent: int, node: int) -> None:
        name = _encoded(key)
        written = b'"' + name + b'":'
        row[layout.KEY], row[layout.KEY_LENGTH] = self._place(written), len(written)
        for place, column, mask in ((0, layout.FIRST, layout.FIRST_MASK), (8, layout.SECOND, layout.SECOND_MASK)):
            row[column], row[mask] = _word(written[place:]), _word(b"\xff" * len(written[place : place + 8]))
        self._names.append((parent + 1, name, node))

    def _leaf(self, leaf: EventField, parent: int) -> None:
        node = len(self._rows)
        limits = leaf.constraints
        rule = _rule(leaf)
        kind = _KINDS[leaf.kind]
        low, high = (INT64_MIN, INT64_MAX) if rule is None else (rule.low, rule.high)
        if leaf.unit is TimeUnit.TEXT:
            kind = layout.TIME
            low, high = (-EVENT_TIME_LIMIT_MS, EVENT_TIME_LIMIT_MS) if leaf.text is None else leaf.text.bounds
        elif leaf.is_amount_text:
            kind = layout.AMOUNT
        row = {
            layout.KIND: kind,
            layout.PARENT: parent,
            layout.BEHIND: node + 1,
            layout.REQUIRED: leaf.required,
            layout.NULL_OK: leaf.null_ok,
            layout.SHORTEST: limits.min_length or 0,
            layout.LONGEST: INT64_MAX if limits.max_length is None else limits.max_length,
            layout.LOW: min(max(low, INT64_MIN), INT64_MAX),
            layout.HIGH: min(max(high, INT64_MIN), INT64_MAX),
            layout.UNIT: 1 if leaf.text is None else _UNITS[leaf.text.ticks],
            layout.LAX: leaf.text is not None,
            layout.LOCAL: leaf.text is not None and leaf.text.zone is not None,
        }
        if low > high or low > INT64_MAX or high < INT64_MIN:
            row[layout.LOW], row[layout.HIGH] = INT64_MAX, INT64_MIN
        self._rows.append(row)
        self._key(row, leaf.path[-1], parent, node)
        row[layout.HAS_DEFAULT], row[layout.DEFAULT] = self._default(leaf, leaf.default)
        if leaf.choices is not None:
            # no object owns these
            row[layout.CHOSEN] = -node
            choices: tuple[str | int, ...] = leaf.choices
            self._names += [
                (-node, _encoded(choice) if isinstance(choice, str) else choice, at)
                for at, choice in enumerate(choices, 1)
            ]
        self.leaves.append(leaf)
        self.at.append(node)
        self.rules.append(rule)

    def _default(self, leaf: EventField, value: Value) -> tuple[int, int]:
        """Whether there is one, and which, as the kernel has it."""
        if value is None:
            return 0, 0
        match leaf.kind:
            case FieldKind.STR | FieldKind.JSON | FieldKind.LIST:
                text = _encoded("[]" if leaf.kind is FieldKind.LIST else str(value))
                return 1, self._place(text) << 32 | len(text)
            case FieldKind.MONEY:
                micros = to_micros(value)  # type: ignore[arg-type]  # the schema has made it one
                if micros is None:
                    raise UnknownValueError
                return 1, micros
            case FieldKind.DATE:
                return 1, value.toordinal() - _EPOCH_DAY  # type: ignore[union-attr]  # likewise
            case FieldKind.FLOAT:
                return 1, int(np.array([value], np.float64).view(np.int64)[0])
        return 1, int(value)  # type: ignore[arg-type]  # likewise

    def _keys(self) -> Int64s | None:
        keys = [leaf.path[-1] for leaf in self.leaves]
        if len(keys) < len(self._rows) - 1 or not 0 < len(keys) < 64 or not all(map(_is_plain, keys)):
            return None
        at = [layout.key_hash_of(f'"{key}":'.encode()) for key in keys]
        size = 8
        while len({each & size - 1 for each in at}) < len(at):
            size *= 2
            if size > _MOST_PLACES * len(at):
                return None
        # where no key is stands any of them: what is found there is compared in any case
        found = np.full(size, self.at[0], np.int64)
        found[[each & size - 1 for each in at]] = self.at
        return found

    def _hashed(self) -> Int64s:
        rows = [(_row_of(owner, name), name, number) for owner, name, number in self._names]
        at = [layout.hash_of(*key) for key, _, _ in rows]
        size = 8
        # best no two names at one place, so that what is found there is nearly always the name that is looked for
        while size < 3 * len(rows) or (
            size < _MOST_PLACES * len(rows) and len({each & size - 1 for each in at}) < len(at)
        ):
            size *= 2
        names = np.zeros((size, layout.NAME_BYTES // 8), np.int64)
        taken = [False] * size
        for slot, ((owner, first, second, length), name, number) in zip(at, rows, strict=True):
            slot &= size - 1
            while taken[slot]:
                slot = (slot + 1) % size
            taken[slot] = True
            values = {
                layout.OWNER: owner, layout.ITS_FIRST: first, layout.ITS_SECOND: second, layout.LENGTH: length,
                layout.PLACE: self._place(name) if isinstance(name, bytes) else 0, layout.FOUND: number,
            }  # fmt: skip
            names[slot] = [_signed(values[column]) for column in range(0, layout.NAME_BYTES, 8)]
        return names


class UnknownValueError(Exception):
    """A name or a default has no form in the table."""


def _is_plain(key: str) -> bool:
    return key != "" and key.isascii() and key.isprintable() and '"' not in key and "\\" not in key


def _row_of(owner: int, name: bytes | int) -> tuple[int, int, int, int]:
    """Who owns a name, its first and second word, its length."""
    if isinstance(name, bytes):
        return owner, _word(name), _word(name[8:]), len(name)
    return owner, name & _WORD, 0, 8


def _rule(leaf: EventField) -> Whole | None:
    if leaf.unit is TimeUnit.TEXT:
        return None
    match leaf.kind:
        case FieldKind.INT | FieldKind.EVENT_TIME:
            return ints_of(leaf)
        case FieldKind.MONEY:
            return money_of(leaf)
        case FieldKind.DATE:
            return days_of(leaf)
    return None


def _nodes(node: EventObject) -> Iterator[EventField | EventObject]:
    """All below an object, each before what is in it."""
    for child in node.children:
        yield child
        if isinstance(child, EventObject):
            yield from _nodes(child)


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise UnknownValueError from None


def _word(text: bytes) -> int:
    return int.from_bytes(text[:8], "little")


def _signed(word: int) -> int:
    """A number of 64 bits as int64 has it."""
    word = int(word)
    return word - (1 << 64) if word > INT64_MAX else word
