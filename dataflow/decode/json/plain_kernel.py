"""Compiled: JSON records to columns in Arrow's own memory; what is not plain is left to others.

Plain is a record that is one JSON object, with each field at most once under a key without escapes, and every value one
of its field's type that can be told exactly here. It accepts nothing that the contract refuses, and gives equal values.
Its tables are passed as addresses: numba's arrays cost more to compile than all else here.
"""

from numba import types

from dataflow.columnar.inner import inner
from dataflow.columnar.loop import Loop
from dataflow.columnar.memory import byte_at, half_at, near_word, ones, put_byte, put_word, word_at
from dataflow.decode.json.absent_kernel import A_GOOD_ONE, AN_ODD_ONE, NO_ROOM, put, put_below, put_missing
from dataflow.decode.json.key_kernel import is_key
from dataflow.decode.json.plain_layout import (
    AMOUNT,
    BASES,
    BOOL,
    DATA,
    EVERY,
    FLOAT,
    FULL,
    GOOD,
    GOOD_AT,
    JSON,
    KEY_LENGTH,
    KEYS,
    KIND,
    LEVEL,
    MISSED,
    MONEY,
    MOST_BYTES,
    NODE_BYTES,
    NODES,
    NULL_OK,
    OBJECT,
    ODD,
    ODD_AT,
    ORDER,
    OUTPUT_BYTES,
    OUTPUTS,
    PARENT,
    ROW,
    ROWS,
    SEEN,
    SHORT,
    SHORTEST_RECORD,
    THERE,
    VALID,
    VALUE_ENDS,
    VALUES,
    VIEWS,
    WORDS,
)
from dataflow.decode.json.scan_kernel import after_space, after_value, plain_end, text
from dataflow.decode.json.scattered_kernel import WINDOW, scattered
from dataflow.decode.json.value_kernel import found, from_text, number, put_text

_QUOTE, _COMMA, _COLON, _OPEN, _CLOSE = 34, 44, 58, 123, 125
_NULL_N, _NULL, _TRUE, _FALS, _E = 110, 0x6C6C756E, 0x65757274, 0x736C6166, 101
_HALF, _INLINE, _VIEW = 0xFFFFFFFF, 12, 16
_FEW, _REST = 2, 64
"""Keys of a record that did not stand where they did before, and records that are read in one pass after an odd one."""


def _named(at: int, end: int, owner: int, frame: int) -> tuple[int, int]:
    """Where the value of a member begins, 0 where it is odd, and the node of its key, 0 where none has it."""
    if at >= end or byte_at(at) != _QUOTE:
        return 0, 0
    start = at + 1
    stop = plain_end(start, end)
    if stop >= end:
        return 0, 0
    if byte_at(stop) != _QUOTE:
        behind, length, _ = text(start, end, 0)
        # decoded, a key with escapes is shorter: it may be any
        if behind == 0 or length != behind - 1 - start:
            return 0, 0
        stop = behind - 1
    length = stop - start
    first, second = near_word(start, end) & ones(length), near_word(start + 8, end) & ones(length - 8)
    node = found(frame, owner, first, second, length, start, end)
    at = after_space(stop + 1, end)
    if at >= end or byte_at(at) != _COLON:
        return 0, 0
    return after_space(at + 1, end), node


named = inner(_named)


def _record(at: int, end: int, frame: int) -> int:
    nodes, order, row = word_at(frame + NODES), word_at(frame + ORDER), word_at(frame + GOOD)
    seen, outputs = word_at(frame + SEEN), word_at(frame + OUTPUTS)
    for word in range(word_at(frame + WORDS)):
        put_word(seen + 8 * word, 0)
    at = after_space(at, end)
    if at >= end or byte_at(at) != _OPEN:
        return AN_ODD_ONE
    at = after_space(at + 1, end)
    holder = 0  # the object that is read
    before = order  # where it stands what followed the member before, or the beginning of the object
    is_fresh = True
    while True:
        if not (is_fresh and at < end and byte_at(at) == _CLOSE):
            node = word_at(before)
            its = nodes + NODE_BYTES * node
            if node and is_key(at, end, its, frame):
                at += word_at(its + KEY_LENGTH)
                if at < end and byte_at(at) <= 32:
                    at = after_space(at, end)
            else:
                at, node = named(at, end, holder + 1, frame)
                if at == 0:
                    return AN_ODD_ONE
                its = nodes + NODE_BYTES * node
                if node:
                    put_word(before, node)
                    put_word(frame + MISSED, word_at(frame + MISSED) + 1)
            if at >= end:
                return AN_ODD_ONE
            if node == 0:
                at = after_value(at, end, word_at(nodes + NODE_BYTES * holder + LEVEL))
                if at == 0:
                    return AN_ODD_ONE
            else:
                bits = seen + 8 * (node >> 6)
                if word_at(bits) >> (node & 63) & 1:
                    return AN_ODD_ONE
                put_word(bits, word_at(bits) | 1 << (node & 63))
                kind = word_at(its + KIND)
                output = outputs + OUTPUT_BYTES * node
                first = byte_at(at)
                if first == _NULL_N:
                    if not word_at(its + NULL_OK) or near_word(at, end) & _HALF != _NULL:
                        return AN_ODD_ONE
                    at += 4
                    if not put(frame, node, 0, 0) or (kind == OBJECT and not put_below(frame, node, -1)):
                        return NO_ROOM
                elif kind == OBJECT:
                    if first != _OPEN:
                        return AN_ODD_ONE
                    at = after_space(at + 1, end)
                    holder = node
                    before = order + 16 * node
                    is_fresh = True
                    continue
                else:
                    if kind <= JSON:
                        level = word_at(nodes + NODE_BYTES * holder + LEVEL)
                        at = put_text(at, end, its, level, frame, output, row)
                    elif kind == BOOL:
                        word = near_word(at, end)
                        is_true = word & _HALF == _TRUE
                        if not is_true and (word & _HALF != _FALS or word >> 32 & 0xFF != _E):
                            return AN_ODD_ONE
                        put_byte(word_at(output + VALUES) + row, is_true)
                        at += 5 - is_true
                    elif kind <= FLOAT:
                        to = word_at(output + VALUES) + (16 if kind == MONEY else 8) * row
                        at = number(at, end, its, kind, frame, to)
                    else:
                        at = from_text(at + 1, end, its, kind, output, row) if first == _QUOTE else 0
                    if at == 0:
                        if word_at(frame + FULL):
                            put_word(frame + FULL, node)
                            return NO_ROOM
                        return AN_ODD_ONE
                    if kind < AMOUNT:
                        put_byte(word_at(output + THERE) + row, 1)
                before = order + 16 * node + 8
        is_fresh = False
        while True:
            if at < end and byte_at(at) <= 32:
                at = after_space(at, end)
            if at >= end:
                return AN_ODD_ONE
            byte = byte_at(at)
            at += 1
            if byte == _COMMA:
                if at < end and byte_at(at) <= 32:
                    at = after_space(at, end)
                break
            if byte != _CLOSE:
                return AN_ODD_ONE
            if holder == 0:
                if after_space(at, end) != end:
                    return AN_ODD_ONE
                for word in range(word_at(frame + WORDS)):
                    if word_at(seen + 8 * word) != word_at(word_at(frame + EVERY) + 8 * word):
                        return put_missing(frame)
                return A_GOOD_ONE
            before = order + 16 * holder + 8
            holder = word_at(nodes + NODE_BYTES * holder + PARENT)


record = inner(_record)


def _parse(frame: int) -> bool:
    data, ends, views = word_at(frame + DATA), word_at(frame + VALUE_ENDS), word_at(frame + VIEWS)
    valid, rows, most = word_at(frame + VALID), word_at(frame + ROWS), word_at(frame + MOST_BYTES)
    beside = word_at(frame + SHORT) + 2 * SHORTEST_RECORD
    row, good, odd = word_at(frame + ROW), word_at(frame + GOOD), word_at(frame + ODD)
    keys, rest = word_at(frame + KEYS), 0
    put_word(frame + FULL, 0)
    while row < rows:
        if ends:
            start = half_at(ends + 4 * row)
            at, length = data + start, half_at(ends + 4 * row + 4) - start
        else:
            view = views + _VIEW * row
            at, length = view + 4, half_at(view)
            if length > _INLINE:
                at = word_at(word_at(frame + BASES) + 8 * half_at(view + 8)) + half_at(view + 12)
        became = AN_ODD_ONE
        if 0 < length <= most and (valid == 0 or byte_at(valid + row)):
            if length < SHORTEST_RECORD:
                for place in range(length):
                    put_byte(beside - length + place, byte_at(at + place))
                at = beside - length
            put_word(frame + GOOD, good)
            if word_at(frame + MISSED) > _FEW and keys and length >= WINDOW:
                if rest:
                    rest -= 1
                else:
                    became = scattered(at, at + length, frame)
                    if became == AN_ODD_ONE:
                        rest = _REST
            if became == AN_ODD_ONE:
                put_word(frame + MISSED, 0)
                became = record(at, at + length, frame)
        if became == NO_ROOM:
            break
        if became == A_GOOD_ONE:
            put_word(word_at(frame + GOOD_AT) + 8 * good, row)
            good += 1
        else:
            put_word(word_at(frame + ODD_AT) + 8 * odd, row)
            odd += 1
        row += 1
    put_word(frame + ROW, row)
    put_word(frame + GOOD, good)
    put_word(frame + ODD, odd)
    return row == rows


LOOPS = (Loop(types.boolean(types.int64), _parse, "numpy"),)
"""parse(frame) -> whether all rows were looked at; else a column of texts has no room: called again with more of it, it
goes on. Plain records' rows go to GOOD_AT and their values to the outputs, in that order; the rows of all others to
ODD_AT. The values are in DATA where VALUE_ENDS says, or, if that is 0, where Arrow's VIEWS say. Of a record of at least
SHORTEST_RECORD bytes nothing beside it is read. Behind the pool SPARE bytes can be read. ORDER is what stood behind
what in the records before: it makes the next ones cheaper, never different. So does MISSED.
"""
