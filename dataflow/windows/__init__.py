"""Windows as a user declares them, by the names of Flink SQL; `dataflow.windows.kinds` says what each kind is."""

from typing import NamedTuple

from dataflow.durations import Duration, to_ms


class Window(NamedTuple):
    """A window declaration; all times in ms. `kind` is a name in `dataflow.windows.kinds.KINDS`.

    Half open [start, end), aligned to `offset_ms` after 1970. `size_ms` is the whole window (for a session: the gap),
    `slide_ms` the distance of starts (tumble: the size; cumulate: the step by which the end grows; session: the gap).
    `mistake`: what is wrong with the durations as written; such a window never gets into a plan.
    """

    kind: str
    size_ms: int
    slide_ms: int
    offset_ms: int = 0
    mistake: str | None = None


def tumble(size: Duration, offset: Duration = "0s") -> Window:
    """Windows that follow each other without overlap: [k * size + offset, (k + 1) * size + offset)."""
    return _window("tumble", size=size, slide=size, offset=offset)


def hop(size: Duration, every: Duration, offset: Duration = "0s") -> Window:
    """Windows of `size` that start `every` so often; a row counts in each that holds it."""
    return _window("hop", size=size, slide=every, offset=offset)


def cumulate(size: Duration, step: Duration, offset: Duration = "0s") -> Window:
    """Windows [base, base + step), [base, base + 2 step) ... up to `size`."""
    return _window("cumulate", size=size, slide=step, offset=offset)


def session(gap: Duration) -> Window:
    """Activity of a key without a pause longer than `gap`: [first, last + gap)."""
    return _window("session", size=gap, slide=gap, offset="0s")


def _window(kind: str, *, size: Duration, slide: Duration, offset: Duration) -> Window:
    times_ms: list[int] = []
    mistakes: list[str] = []
    for duration in (size, slide, offset):
        try:
            times_ms.append(to_ms(duration))
        except ValueError as error:
            times_ms.append(0)
            mistakes.append(str(error))
    size_ms, slide_ms, offset_ms = times_ms
    return Window(kind, size_ms, slide_ms, offset_ms, "; ".join(dict.fromkeys(mistakes)) or None)
