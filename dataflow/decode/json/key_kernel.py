"""Compiled: the key that a member of a JSON record begins with."""

from dataflow.columnar.inner import inner
from dataflow.columnar.memory import near_word, ones, word_at
from dataflow.decode.json.plain_layout import FIRST, FIRST_MASK, KEY, KEY_LENGTH, POOL, SECOND, SECOND_MASK


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
