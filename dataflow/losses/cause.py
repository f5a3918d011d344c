"""The likely cause of many losses, in words, with what to do about it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cause:
    """`what` is a sentence without its full stop; `fix` says what to do."""

    what: str
    fix: str
