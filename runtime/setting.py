"""One setting: its default, what it is, and how a value as written becomes a value of its type."""

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, get_args, get_origin

_YES = ("true", "t", "yes", "y", "on", "1")
_NO = ("false", "f", "no", "n", "off", "0")
_INTEGER = re.compile(r"[+-]?[0-9]+")


class Setting(NamedTuple):
    """What is known of a setting. `type` is without None, which `optional` stands for.

    `least`, `most` (inclusive) and `above` (exclusive) limit a number, and `least` the length of a text; a text
    matches `pattern`; `check` raises ValueError for what else is wrong.
    """

    type: Any
    optional: bool
    default: Any
    description: str
    least: float | None = None
    most: float | None = None
    above: float | None = None
    pattern: str | None = None
    check: Callable[[Any], object] | None = None

    @classmethod
    def of(cls, annotation: Any, default: Any) -> "Setting":
        """The setting of a field with this default and an annotation that `told` is in."""
        kind, beside = get_args(annotation)
        optional = isinstance(kind, UnionType)
        return cls(
            next(each for each in get_args(kind) if each is not NoneType) if optional else kind,
            optional,
            default,
            **beside,
        )

    def read(self, written: Any) -> Any:
        """The value that is written: text as in a variable, or of the type already. Raises ValueError with the fix."""
        if written is None and self.optional:
            return None
        value = self._typed(written)
        self._limit(value)
        if self.pattern is not None and not re.fullmatch(self.pattern, value):
            raise ValueError(f"should match {self.pattern}")
        if self.check is not None:
            self.check(value)
        return value

    def _typed(self, written: Any) -> Any:
        if get_origin(self.type) is Literal:
            choices = get_args(self.type)
            if written in choices:
                return written
            *others, last = map(repr, choices)
            raise ValueError(f"should be {', '.join(others)} or {last}")
        reads: Callable[[Any], Any] | None = _READS.get(self.type)
        return written if reads is None else reads(written)

    def _limit(self, value: Any) -> None:
        if isinstance(value, str):
            if self.least and len(value) < self.least:
                raise ValueError("should not be empty")
            return
        if self.least is not None and value < self.least:
            raise ValueError(f"should be greater than or equal to {self.least}")
        if self.above is not None and value <= self.above:
            raise ValueError(f"should be greater than {self.above}")
        if self.most is not None and value > self.most:
            raise ValueError(f"should be less than or equal to {self.most}")


def told(description: str, **limits: Any) -> Mapping[str, Any]:
    """What stands beside a setting's type in `Annotated`; for `limits` see Setting."""
    return {"description": description, **limits}


def _integer(written: Any) -> int:
    if isinstance(written, str) and _INTEGER.fullmatch(written.strip()):
        return int(written)
    if isinstance(written, int) and not isinstance(written, bool):
        return written
    if isinstance(written, float) and written.is_integer():
        return int(written)
    raise ValueError("should be an integer")


def _number(written: Any) -> float:
    if isinstance(written, str | int | float) and not isinstance(written, bool):
        try:
            number = float(written)
        except (ValueError, OverflowError):
            number = math.nan
        if math.isfinite(number):
            return number
    raise ValueError("should be a number")


def _boolean(written: Any) -> bool:
    word = str(written).strip().lower()
    if word not in (*_YES, *_NO):
        raise ValueError("should be a boolean: true or false")
    return word in _YES


def _text(written: Any) -> str:
    if not isinstance(written, str):
        raise ValueError("should be text, in quotes")
    return written


def _path(written: Any) -> Path:
    if not isinstance(written, str | Path):
        raise ValueError("should be a path, in quotes")
    return Path(written)


_READS: dict[Any, Callable[[Any], Any]] = {int: _integer, float: _number, bool: _boolean, str: _text, Path: _path}
