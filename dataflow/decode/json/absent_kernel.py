"""Compiled: what a JSON record does not have, or has as null, put to its columns."""

from dataflow.columnar.inner import inner
from dataflow.columnar.memory import half_at, put_byte, put_half, put_word, word_at
from dataflow.decode.json.plain_layout import (
    AMOUNT,
    BEHIND,
    BOOL,
    COUNT,
    DATE,
    DEFAULT,
    DEFAULT_TABLE,
    DEFAULTS,
    ENDS,
    FULL,
    GOOD,
    HAS_DEFAULT,
    JSON,
    KIND,
    MONEY,
    NODE_BYTES,
    NODES,
    OBJECT,
    OUTPUT_BYTES,
    OUTPUTS,
    POOL,
    REQUIRED,
    ROOM,
    SEEN,
    SPARE,
    TEXT,
    THERE,
    VALUES,
    WANTED,
)
from dataflow.decode.json.scan_kernel import copy

AN_ODD_ONE, A_GOOD_ONE, NO_ROOM = 0, 1, 2
"""What became of a record: the last, if a column of texts is to grow first."""


def _put(frame: int, node: int, has: int, value: int) -> bool:
    """A value that is not in the record itself, or null; whether there was room."""
    output, row = word_at(frame + OUTPUTS) + OUTPUT_BYTES * node, word_at(frame + GOOD)
    kind = word_at(word_at(frame + NODES) + NODE_BYTES * node + KIND)
    at = word_at(output + VALUES)
    if kind == TEXT or kind == JSON:
        ends = word_at(output + ENDS) + 4 * row
        start = half_at(ends)
        length = value & 0xFFFFFFFF if has else 0
        if start + length + SPARE > word_at(output + ROOM):
            put_word(frame + FULL, node)
            put_word(frame + WANTED, length)
            return False
        source = word_at(frame + POOL) + (value >> 32)
        copy(source, source + length, source + length + SPARE, at + start)
        put_half(ends + 4, start + length)
    elif kind == BOOL:
        put_byte(at + row, value)
    elif kind == DATE:
        put_half(at + 4 * row, value)
    elif kind == MONEY or kind == AMOUNT:
        put_word(at + 16 * row, value)
        put_word(at + 16 * row + 8, value >> 63)
    elif kind != OBJECT:
        put_word(at + 8 * row, value)
    if kind != OBJECT:
        put_byte(word_at(output + THERE) + row, has)
    return True


put = inner(_put)


def _put_below(frame: int, node: int, first: int) -> bool:
    """All that is in an object which is null or absent: nulls, or its defaults from row `first` on."""
    seen, defaults = word_at(frame + SEEN), word_at(frame + DEFAULT_TABLE) + 16 * first
    below = node + 1
    while below < word_at(word_at(frame + NODES) + NODE_BYTES * node + BEHIND):
        bits = seen + 8 * (below >> 6)
        put_word(bits, word_at(bits) | 1 << (below & 63))
        has = value = 0
        if first >= 0:
            has, value = word_at(defaults), word_at(defaults + 8)
        if not put(frame, below, has, value):
            return False
        defaults += 16
        below += 1
    return True


put_below = inner(_put_below)


def _put_missing(frame: int) -> int:
    """What the record does not have."""
    its = word_at(frame + NODES)
    for node in range(1, word_at(frame + COUNT)):
        its += NODE_BYTES
        if word_at(word_at(frame + SEEN) + 8 * (node >> 6)) >> (node & 63) & 1:
            continue
        if word_at(its + REQUIRED):
            return AN_ODD_ONE
        if word_at(its + KIND) == OBJECT:
            if not put_below(frame, node, word_at(its + DEFAULTS)):
                return NO_ROOM
        elif not put(frame, node, word_at(its + HAS_DEFAULT), word_at(its + DEFAULT)):
            return NO_ROOM
    return A_GOOD_ONE


put_missing = inner(_put_missing)
