"""Whether the raw bytes of a dead letter hold values that were asked for: by their field, or anywhere as a word."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, TypeAlias

Value: TypeAlias = str | int | Decimal | float | bool | date
How = Literal["field", "bytes"]

_DECODER = json.JSONDecoder(strict=False)
_WORD = rb"[0-9A-Za-z_]"
_NUMBER = rb"[0-9A-Za-z_.+-]"


class RawMatch:
    """Finds bytes in which every column of `constants` has one of its values. `paths`: columns -> their JSON keys."""

    def __init__(self, constants: Mapping[str, Sequence[Value]], paths: Mapping[str, Sequence[str]]) -> None:
        self._constants = constants
        self._paths = {name: tuple(paths.get(name, name.split("."))) for name in constants}
        self._words = {name: _pattern(values) for name, values in constants.items()}

    def matched(self, value: bytes | None) -> How | None:
        """How `value` matches; "field" when each column is found as such, "bytes" when one is only somewhere."""
        if not value:
            return None
        document = _parsed(value)
        how: How = "field"
        for name, wanted in self._constants.items():
            if any(_same(found, each) for found in _found(document, self._paths[name]) for each in wanted):
                continue
            pattern = self._words[name]
            if pattern is None or pattern.search(value) is None:
                return None
            how = "bytes"
        return how


def _parsed(value: bytes) -> Any:
    """The JSON value that the bytes begin with, taken leniently; None if there is none."""
    try:
        return _DECODER.raw_decode(value.decode("utf-8", errors="replace").lstrip("\ufeff \t\r\n"))[0]
    except (ValueError, RecursionError):
        return None


def _found(document: Any, path: Sequence[str]) -> Iterator[Any]:
    """What stands at `path`, and at its last key beside it, as in a record of a wrong form."""
    at = document
    for key in path:
        at = at.get(key) if isinstance(at, dict) else None
    yield at
    if isinstance(document, dict):
        yield document.get(path[-1])


def _same(found: Any, wanted: Value) -> bool:
    """Equal, also where one is written as a number and the other as text."""
    if found is None or isinstance(found, dict | list):
        return False
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    if isinstance(wanted, int | float | Decimal):
        try:
            return Decimal(str(found)) == Decimal(str(wanted))
        except InvalidOperation:
            return False
    return str(found) == str(wanted)


def _pattern(values: Sequence[Value]) -> re.Pattern[bytes] | None:
    """The values' texts as words; None where one is a boolean, whose text says nothing."""
    if any(isinstance(value, bool) for value in values):
        return None
    return re.compile(b"|".join(_word(value, text) for value in values for text in _texts(value)))


def _texts(value: Value) -> set[bytes]:
    """The bytes in which a value can be written."""
    if isinstance(value, str):
        escaped = (json.dumps(value, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False))
        return {each.encode("utf-8", errors="surrogatepass") for each in (value, *escaped)}
    return {str(value).encode()}


def _word(value: Value, text: bytes) -> bytes:
    """`text` with nothing before and behind it that would make it a part of another word or number."""
    kind = _WORD if isinstance(value, str | date) else _NUMBER
    before = b"(?<!" + kind + b")" if re.match(kind, text) else b""
    behind = b"(?!" + kind + b")" if re.match(kind, text[-1:]) else b""
    return before + re.escape(text) + behind
