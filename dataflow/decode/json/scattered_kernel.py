"""Compiled: records whose keys come in an order of their own, in two passes.

Where each value is another field's than in the record before, the processor cannot guess how to read it. So the first
pass finds the members, which is the same work for each of them, and the second reads the values in the order of the
model. The first one only guesses: a member begins at a quote behind a comma. If each value ends where the next
member begins, the guess was right, and all of the record has been looked at.
"""

from dataflow.columnar.inner import inner
from dataflow.columnar.memory import (
    byte_at,
    half_at,
    near_same,
    ones_in,
    put_word,
    shift_right,
    trailing_zeros,
    word_at,
)
from dataflow.decode.json.absent_kernel import A_GOOD_ONE, AN_ODD_ONE, NO_ROOM, put_missing
from dataflow.decode.json.key_kernel import is_key
from dataflow.decode.json.member_kernel import put_member
from dataflow.decode.json.plain_layout import (
    COUNT,
    EVERY,
    FACTORS,
    FULL,
    KEYS,
    KEYS_MASK,
    MISSED,
    NODE_BYTES,
    NODES,
    PATH,
    SEEN,
    SPANS,
)

WINDOW = 64
"""Shorter records are not for this."""

_QUOTE, _COMMA, _COLON, _BLANK, _OPEN, _CLOSE = 34, 44, 58, 32, 123, 125
_SHORTEST_KEY = 3
_ONE, _TWO, _THREE = FACTORS
_AT_ONCE = 8
"""So many marks of a window are noted without a look at how many there are."""


def _marks(at: int, end: int, to: int, most: int) -> int:
    """How many places have been noted, by turns: of a quote behind a comma, of a colon behind a quote."""
    count = 0
    quotes = commas = blanks = 0  # of the window before
    while at < end:
        last_quote, last_comma = shift_right(quotes, 63), shift_right(commas, 62)
        last_blank = shift_right(blanks, 63)
        quotes, commas = near_same(at, end, _QUOTE), near_same(at, end, _COMMA)
        blanks = near_same(at, end, _BLANK)
        behind = commas << 1 | last_comma >> 1
        behind |= (commas << 2 | last_comma) & (blanks << 1 | last_blank)
        found = (quotes & behind) | (near_same(at, end, _COLON) & (quotes << 1 | last_quote))
        number = ones_in(found)
        place = to + 8 * count
        count += number
        if count > most:
            return 0
        for _ in range(_AT_ONCE):
            put_word(place, at + trailing_zeros(found))
            place += 8
            found &= found - 1
        while found:
            put_word(place, at + trailing_zeros(found))
            place += 8
            found &= found - 1
        at += WINDOW
    return count


marks = inner(_marks)


def _scattered(at: int, end: int, frame: int) -> int:
    last = end - 1
    if byte_at(at) != _OPEN or byte_at(at + 1) != _QUOTE or byte_at(last) != _CLOSE:
        return AN_ODD_ONE
    nodes, count, spans = word_at(frame + NODES), word_at(frame + COUNT), word_at(frame + SPANS)
    keys, mask = word_at(frame + KEYS), word_at(frame + KEYS_MASK)
    noted = spans + 8 * count
    number = marks(at + 1, end, noted + 8, 2 * count)
    if number & 1 == 0:
        return AN_ODD_ONE
    put_word(noted, at + 1)
    behind = noted + 8 * number
    # as if another member were behind the last one
    put_word(behind + 8, end)
    path = seen = 0
    while noted < behind:
        quote, colon = word_at(noted), word_at(noted + 8)
        length = colon - quote
        if length < _SHORTEST_KEY:
            return AN_ODD_ONE
        first, middle, last = half_at(quote), half_at(quote + (length >> 1) - 1), half_at(colon - 3) + length
        node = word_at(keys + 8 * (shift_right(first * _ONE ^ middle * _TWO ^ last * _THREE, 32) & mask))
        if not is_key(quote, end, nodes + NODE_BYTES * node, frame):
            return AN_ODD_ONE
        seen |= 1 << node
        path = path * 31 + node
        put_word(spans + 8 * node, noted)
        noted += 16
    if 2 * ones_in(seen) != number + 1:
        return AN_ODD_ONE
    put_word(frame + MISSED, 0 if path == word_at(frame + PATH) else count)
    put_word(frame + PATH, path)
    for node in range(1, count):
        if seen >> node & 1:
            noted = word_at(spans + 8 * node)
            value, stop = word_at(noted + 8) + 1, word_at(noted + 16) - 1
            value += byte_at(value) == _BLANK
            stop -= byte_at(stop) == _BLANK
            if put_member(value, end, node, 1, frame) != stop:
                if word_at(frame + FULL):
                    put_word(frame + FULL, node)
                    return NO_ROOM
                return AN_ODD_ONE
    if seen == word_at(word_at(frame + EVERY)):
        return A_GOOD_ONE
    put_word(word_at(frame + SEEN), seen)
    return put_missing(frame)


scattered = inner(_scattered)
"""scattered(at, end, frame): as `record`, of at least WINDOW bytes, but an odd one may be none in fact.

MISSED is 0 then where its keys stand as those of the one before did, else as if all keys were missed.
"""
