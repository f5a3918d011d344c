"""Windows as a user declares them, with the names of Flink SQL's table functions."""

from dataclasses import dataclass
from typing import Literal

from dataflow.durations import Duration, to_ms


@dataclass(frozen=True, slots=True)
class Window:
    """A window declaration; all times in ms. Half open [start, end), aligned to `offset_ms` after 1970.

    `size_ms` is the whole window (for a session: the gap). `slide_ms` is the distance of starts
    (tumble: the size; cumulate: the step by which the end grows; session: the gap).
    """

    kind: Literal["tumble", "hop", "cumulate", "session"]
    size_ms: int
    slide_ms: int
    offset_ms: int = 0


def tumble(size: Duration, offset: Duration = "0s") -> Window:
    """Windows that follow each other without overlap: [k * size + offset, (k + 1) * size + offset)."""
    return Window("tumble", to_ms(size), to_ms(size), to_ms(offset))


def hop(size: Duration, every: Duration, offset: Duration = "0s") -> Window:
    """Windows of `size` that start `every` so often; a row counts in each that holds it."""
    return Window("hop", to_ms(size), to_ms(every), to_ms(offset))


def cumulate(size: Duration, step: Duration, offset: Duration = "0s") -> Window:
    """Windows [base, base + step), [base, base + 2 step) ... up to `size`."""
    return Window("cumulate", to_ms(size), to_ms(step), to_ms(offset))


def session(gap: Duration) -> Window:
    """Activity of a key without a pause longer than `gap`: [first, last + gap)."""
    return Window("session", to_ms(gap), to_ms(gap), 0)
