"""The share of dead letters that a run may have: how it is written, and when it is passed."""

import re

JUDGED_FROM_RECORDS = 1_000
"""Fewer records say little about a share."""

_WRITTEN = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,4}))?%")
_PARTS = 10_000
"""A percent is counted in so many parts, so that no comparison depends on a float."""


class DeadShare:
    """A percentage of the records read; `text` is how it was written."""

    def __init__(self, text: str) -> None:
        """Raises ValueError with the fix where `text` is no percentage from 0% to below 100%."""
        match = _WRITTEN.fullmatch(text)
        self._parts = -1 if match is None else int(match[1]) * _PARTS + int((match[2] or "").ljust(4, "0"))
        if not 0 <= self._parts < 100 * _PARTS:
            raise ValueError("should be a percentage from 0% to below 100%, like 10% or 0.5%")
        self.text = text

    def is_passed(self, dead: int, read: int) -> bool:
        """True when more than this share of `read` records is dead."""
        return dead * 100 * _PARTS > self._parts * read
