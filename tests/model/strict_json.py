"""A strict JSON parser that keeps numbers as their text: RFC 8259, nothing more."""

from dataclasses import dataclass
from typing import Any

_SPACE = " \t\n\r"
_DIGITS = "0123456789"
_HEX = "0123456789abcdefABCDEF"
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None}


class NotJson(Exception):
    """The text is not exactly one JSON value."""


@dataclass(frozen=True)
class Number:
    """A JSON number, kept as written."""

    text: str

    @property
    def is_integer(self) -> bool:
        """Written without fraction and exponent."""
        return not any(mark in self.text for mark in ".eE")


def parse(text: str, max_depth: int) -> Any:
    """The value of `text`: None, bool, str, Number, list or dict (of a repeated key the last value counts)."""
    value, at = _value(text, _skip(text, 0), max_depth)
    at = _skip(text, at)
    if at != len(text):
        raise NotJson(f"trailing characters at {at}")
    return value


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at


def _value(text: str, at: int, depth_left: int) -> tuple[Any, int]:
    if at == len(text):
        raise NotJson("the text ends where a value should stand")
    char = text[at]
    if char in "[{" and depth_left == 0:
        raise NotJson("too deep")
    if char == "{":
        return _object(text, at + 1, depth_left - 1)
    if char == "[":
        return _array(text, at + 1, depth_left - 1)
    if char == '"':
        return _string(text, at + 1)
    if char == "-" or char in _DIGITS:
        return _number(text, at)
    for word, value in _WORDS.items():
        if text.startswith(word, at):
            return value, at + len(word)
    raise NotJson(f"no value starts with {char!r}")


def _object(text: str, at: int, depth_left: int) -> tuple[dict[str, Any], int]:
    members: dict[str, Any] = {}
    at = _skip(text, at)
    if text.startswith("}", at):
        return members, at + 1
    while True:
        if not text.startswith('"', at):
            raise NotJson("a key must be a string")
        key, at = _string(text, at + 1)
        at = _skip(text, at)
        if not text.startswith(":", at):
            raise NotJson("a colon is missing")
        members[key], at = _value(text, _skip(text, at + 1), depth_left)
        at = _skip(text, at)
        if text.startswith("}", at):
            return members, at + 1
        if not text.startswith(",", at):
            raise NotJson("a comma is missing")
        at = _skip(text, at + 1)


def _array(text: str, at: int, depth_left: int) -> tuple[list[Any], int]:
    items: list[Any] = []
    at = _skip(text, at)
    if text.startswith("]", at):
        return items, at + 1
    while True:
        item, at = _value(text, at, depth_left)
        items.append(item)
        at = _skip(text, at)
        if text.startswith("]", at):
            return items, at + 1
        if not text.startswith(",", at):
            raise NotJson("a comma is missing")
        at = _skip(text, at + 1)


def _string(text: str, at: int) -> tuple[str, int]:
    units: list[str] = []
    while True:
        if at == len(text):
            raise NotJson("a string does not end")
        char = text[at]
        if char == '"':
            return "".join(units), at + 1
        if char < " ":
            raise NotJson("a raw control character in a string")
        if char != "\\":
            units.append(char)
            at += 1
            continue
        escape = text[at + 1 : at + 2]
        if escape in _ESCAPES:
            units.append(_ESCAPES[escape])
            at += 2
        elif escape == "u":
            unit, at = _unit(text, at + 2)
            if 0xDC00 <= unit < 0xE000:
                raise NotJson("a low surrogate on its own")
            if 0xD800 <= unit < 0xDC00:
                if not text.startswith("\\u", at):
                    raise NotJson("a high surrogate on its own")
                low, at = _unit(text, at + 2)
                if not 0xDC00 <= low < 0xE000:
                    raise NotJson("a high surrogate on its own")
                unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00)
            units.append(chr(unit))
        else:
            raise NotJson(f"unknown escape {escape!r}")


def _unit(text: str, at: int) -> tuple[int, int]:
    digits = text[at : at + 4]
    if len(digits) != 4 or any(digit not in _HEX for digit in digits):
        raise NotJson("four hexadecimal digits are missing")
    return int(digits, 16), at + 4


def _number(text: str, start: int) -> tuple[Number, int]:
    at = start + 1 if text[start] == "-" else start
    if text.startswith("0", at):
        at += 1
    else:
        at = _some_digits(text, at)
    if text.startswith(".", at):
        at = _some_digits(text, at + 1)
    if text[at : at + 1] in ("e", "E"):
        at += 1
        if text[at : at + 1] in ("+", "-"):
            at += 1
        at = _some_digits(text, at)
    return Number(text[start:at]), at


def _some_digits(text: str, at: int) -> int:
    first = at
    while at < len(text) and text[at] in _DIGITS:
        at += 1
    if at == first:
        raise NotJson("a digit is missing")
    return at
