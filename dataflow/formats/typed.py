"""Values of binary formats that plain Python has no type for."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stamp:
    """An instant: `ticks` since 1970 UTC, of which a second has `per_second`."""

    ticks: int
    per_second: int


@dataclass(frozen=True, slots=True)
class Days:
    """A day: so many after 1970-01-01."""

    days: int


@dataclass(frozen=True, slots=True)
class Other:
    """A value that no field takes, as bytes or a list are; `what` is what a message calls it."""

    what: str
