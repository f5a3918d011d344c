"""Compiled: the value of a JSON record's member, put to the column of its field.

As the pass over plain records does it, which has no call to spare for it.
"""

from dataflow.columnar.inner import inner
from dataflow.columnar.memory import byte_at, near_word, put_byte, word_at
from dataflow.decode.json.absent_kernel import put
from dataflow.decode.json.plain_layout import (
    AMOUNT,
    BOOL,
    FLOAT,
    GOOD,
    JSON,
    KIND,
    MONEY,
    NODE_BYTES,
    NODES,
    NULL_OK,
    OUTPUT_BYTES,
    OUTPUTS,
    THERE,
    VALUES,
)
from dataflow.decode.json.value_kernel import from_text, number, put_text

_QUOTE, _HALF = 34, 0xFFFFFFFF
_NULL_N, _NULL, _TRUE, _FALS, _E = 110, 0x6C6C756E, 0x65757274, 0x736C6166, 101


def _put_member(at: int, end: int, node: int, level: int, frame: int) -> int:
    its, output = word_at(frame + NODES) + NODE_BYTES * node, word_at(frame + OUTPUTS) + OUTPUT_BYTES * node
    row, kind = word_at(frame + GOOD), word_at(its + KIND)
    first = byte_at(at)
    if first == _NULL_N:
        if not word_at(its + NULL_OK) or near_word(at, end) & _HALF != _NULL or not put(frame, node, 0, 0):
            return 0
        return at + 4
    if kind <= JSON:
        at = put_text(at, end, its, level, frame, output, row)
    elif kind == BOOL:
        word = near_word(at, end)
        is_true = word & _HALF == _TRUE
        if not is_true and (word & _HALF != _FALS or word >> 32 & 0xFF != _E):
            return 0
        put_byte(word_at(output + VALUES) + row, is_true)
        at += 5 - is_true
    elif kind <= FLOAT:
        at = number(at, end, its, kind, frame, word_at(output + VALUES) + (16 if kind == MONEY else 8) * row)
    else:
        at = from_text(at + 1, end, its, kind, output, row) if first == _QUOTE else 0
    if at and kind < AMOUNT:
        put_byte(word_at(output + THERE) + row, 1)
    return at


put_member = inner(_put_member)
"""put_member(at, end, node, level, frame): what is behind the value of a field; 0 where it is odd, or has no room.

FULL is not 0 where it has none.
"""
