"""Compiled: JSON records to columns in Arrow's own memory; what is not plain is left to others.

Plain is a record that is one JSON object, with each field at most once under a key without escapes, and every value one
of its field's type that can be told exactly here. It accepts nothing that the contract refuses, and gives equal values.
Its tables are passed as addresses: numba's arrays cost more to compile than all else here.
"""

from numba import njit, types

from dataflow.columnar.inner import inner
from dataflow.columnar.memory import (
    Compiled,
    byte_at,
    half_at,
    near_word,
    ones,
    put_byte,
    put_half,
    put_word,
    shift_right,
    word_at,
)
from dataflow.decode.json.absent_kernel import A_GOOD_ONE, AN_ODD_ONE, NO_ROOM, put, put_below, put_missing
from dataflow.decode.json.number_kernel import decimal, double, micros, whole
from dataflow.decode.json.plain_layout import (
    AMOUNT,
    BASES,
    BOOL,
    CHOSEN,
    DATA,
    DATE,
    ENDS,
    EVERY,
    FACTORS,
    FIRST,
    FIRST_MASK,
    FLOAT,
    FOUND,
    FULL,
    GOOD,
    GOOD_AT,
    HIGH,
    INT,
    ITS_FIRST,
    ITS_SECOND,
    JSON,
    KEY,
    KEY_LENGTH,
    KIND,
    LAX,
    LENGTH,
    LEVEL,
    LOCAL,
    LONGEST,
    LOW,
    MONEY,
    MOST_BYTES,
    NAME_BYTES,
    NAMES,
    NAMES_MASK,
    NODE_BYTES,
    NODES,
    NULL_OK,
    OBJECT,
    ODD,
    ODD_AT,
    ORDER,
    OUTPUT_BYTES,
    OUTPUTS,
    OWNER,
    PARENT,
    PLACE,
    POOL,
    ROOM,
    ROW,
    ROWS,
    SECOND,
    SECOND_MASK,
    SEEN,
    SHORT,
    SHORTEST,
    SHORTEST_RECORD,
    SPARE,
    THERE,
    TIME,
    UNIT,
    VALID,
    VALUE_ENDS,
    VALUES,
    VIEWS,
    WANTED,
    WORDS,
    ZONELESS,
)
from dataflow.decode.json.scan_kernel import after_space, after_value, copy, plain_end, text
from dataflow.decode.json.time_kernel import NO_TIME, day, time

_QUOTE, _COMMA, _MINUS, _PLUS, _ZERO, _COLON, _OPEN, _CLOSE = 34, 44, 45, 43, 48, 58, 123, 125
_NULL_N, _NULL, _TRUE, _FALS, _E = 110, 0x6C6C756E, 0x65757274, 0x736C6166, 101
_HALF, _DATE_LENGTH, _INLINE, _VIEW = 0xFFFFFFFF, 10, 12, 16
_ONE, _TWO, _THREE = FACTORS


def _found(frame: int, owner: int, first: int, second: int, length: int, at: int, end: int) -> int:
    names, last = word_at(frame + NAMES), word_at(frame + NAMES_MASK)
    slot = shift_right(first * _ONE ^ second * _TWO ^ (owner << 8 | length & 0xFF) * _THREE, 32) & last
    while True:
        name = names + NAME_BYTES * slot
        number = word_at(name + FOUND)
        if number == 0:
            return 0
        if (
            word_at(name + ITS_FIRST) == first
            and word_at(name + ITS_SECOND) == second
            and word_at(name + LENGTH) == length
            and word_at(name + OWNER) == owner
        ):
            place, known = 16, word_at(frame + POOL) + word_at(name + PLACE)
            while place < length:
                if (near_word(at + place, end) ^ word_at(known + place)) & ones(length - place):
                    break
                place += 8
            if place >= length:
                return number
        slot = (slot + 1) & last


found = inner(_found)
"""found(frame, owner, first, second, length, at, end): what a name is, 0 for none; its first 16 bytes are two words."""


def _number(at: int, end: int, its: int, kind: int, frame: int, to: int) -> int:
    """Behind a number that has been put to its place; 0 where it is odd."""
    minus = byte_at(at) == _MINUS
    at += minus
    start = at
    if kind == INT:
        at, number, used = whole(at, end)
        if at == 0 or used == 0 or number < 0 or (used > 1 and byte_at(start) == _ZERO):
            return 0
    else:
        at, number, scale = decimal(at, end)
        if at == 0:
            return 0
        if kind == FLOAT:
            bits = double(number, scale)
            if bits < 0:
                return 0
            # one zero, as the contract has it
            put_word(to, -0x8000000000000000 | bits if minus and bits else bits)
            return at
        number = micros(number, scale)
        if number < 0:
            return 0
    if minus:
        number = -number
    if number < word_at(its + LOW) or number > word_at(its + HIGH):
        return 0
    put_word(to, number)
    if kind == MONEY:
        put_word(to + 8, number >> 63)
    elif word_at(its + CHOSEN) and not found(frame, word_at(its + CHOSEN), number, 0, 8, at, end):
        return 0
    return at


number = inner(_number)


def _amount(at: int, stop: int, end: int) -> int:
    """Millionths in a text; NO_TIME where it is no amount."""
    minus = byte_at(at) == _MINUS
    at += minus or byte_at(at) == _PLUS
    while stop - at > 1 and byte_at(at) == _ZERO and 0 <= byte_at(at + 1) - _ZERO <= 9:
        at += 1
    after, digits, scale = decimal(at, end)
    found_micros = micros(digits, scale)
    if after != stop or found_micros < 0:
        return NO_TIME
    while at < stop:
        if byte_at(at) | 32 == _E:
            return NO_TIME
        at += 1
    return -found_micros if minus else found_micros


amount = inner(_amount)


def _from_text(at: int, end: int, its: int, kind: int, output: int, row: int) -> int:
    """Behind a date, a time or an amount in a text, that has been put to its place; 0 where it is odd."""
    stop = plain_end(at, end)
    if stop >= end or byte_at(stop) != _QUOTE or stop == at:
        return 0
    to = word_at(output + VALUES)
    there = 1
    if kind == TIME:
        value, is_local = time(at, stop, end, word_at(its + LAX) != 0, word_at(its + UNIT))
        if is_local:
            if not word_at(its + LOCAL):
                return 0
            there = ZONELESS
        put_word(to + 8 * row, value)
    elif kind == DATE:
        value = day(at) if stop - at == _DATE_LENGTH else NO_TIME
        put_half(to + 4 * row, value)
    else:
        value = amount(at, stop, end)
        put_word(to + 16 * row, value)
        put_word(to + 16 * row + 8, value >> 63)
    put_byte(word_at(output + THERE) + row, there)
    if value == NO_TIME or (there == 1 and (value < word_at(its + LOW) or value > word_at(its + HIGH))):
        return 0
    return stop + 1


from_text = inner(_from_text)


def _put_text(at: int, end: int, its: int, level: int, frame: int, output: int, row: int) -> int:
    """Behind a text, or a list or object as it is written, that has been put to its column; 0 where it is odd."""
    ends = word_at(output + ENDS) + 4 * row
    used = half_at(ends)
    to, room = word_at(output + VALUES) + used, word_at(output + ROOM) - SPARE - used
    start, needs = at + 1, end - at
    characters = 0
    is_json = word_at(its + KIND) == JSON
    if is_json:
        start = at
        at = after_value(at, end, level)
        length = needs = at - start
        if at == 0:
            return 0
    else:
        if byte_at(at) != _QUOTE:
            return 0
        at = plain_end(start, end)
        if at >= end:
            return 0
        if byte_at(at) == _QUOTE:
            length = needs = characters = at - start
            at += 1
    if needs > room:
        put_word(frame + FULL, word_at(frame + FULL) | 1)
        put_word(frame + WANTED, needs)
        return 0
    if characters or needs == 0 or is_json:
        copy(start, start + needs, end, to)
    else:
        at, length, characters = text(start, end, to)
        if at == 0:
            return 0
    if not is_json:
        if characters < word_at(its + SHORTEST) or characters > word_at(its + LONGEST):
            return 0
        if word_at(its + CHOSEN):
            first, second = word_at(to) & ones(length), word_at(to + 8) & ones(length - 8)
            if not found(frame, word_at(its + CHOSEN), first, second, length, to, to + length):
                return 0
    put_half(ends + 4, used + length)
    return at


put_text = inner(_put_text)


def _is_key(at: int, end: int, its: int, frame: int) -> bool:
    """Whether a member begins with the key of a node, and its colon right behind it."""
    if (near_word(at, end) ^ word_at(its + FIRST)) & word_at(its + FIRST_MASK):
        return False
    if (near_word(at + 8, end) ^ word_at(its + SECOND)) & word_at(its + SECOND_MASK):
        return False
    length, place = word_at(its + KEY_LENGTH), 16
    while place < length:
        known = word_at(word_at(frame + POOL) + word_at(its + KEY) + place)
        if (near_word(at + place, end) ^ known) & ones(length - place):
            return False
        place += 8
    return True


is_key = inner(_is_key)


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


def compiled() -> Compiled:
    """Compiled once per machine where its cache can be written:

    parse(frame) -> whether all rows were looked at; else a column of texts has no room: called again with more of it,
    it goes on. Plain records' rows go to GOOD_AT and their values to the outputs, in that order; the rows of all
    others to ODD_AT. The values are in DATA where VALUE_ENDS says, or, if that is 0, where Arrow's VIEWS say. Of a
    record of at least SHORTEST_RECORD bytes nothing beside it is read. Behind the pool SPARE bytes can be read. ORDER
    is what stood behind what in the records before: it makes the next ones cheaper, never different.
    """
    signature = types.boolean(types.int64)
    try:
        return njit(signature, nogil=True, cache=True, error_model="numpy")(_parse)
    except RuntimeError:
        # No folder to keep it in can be written.
        return njit(signature, nogil=True, error_model="numpy")(_parse)
