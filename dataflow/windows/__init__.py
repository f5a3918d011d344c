"""Windows as a user declares them, by the names of Flink SQL; `dataflow.windows.kinds` says what each kind is."""

from typing import NamedTuple

from dataflow.durations import Duration, to_ms


class Window(NamedTuple):
    """A window declaration; all times in ms. `kind` is a name in `dataflow.windows.kinds.KINDS`.

    Half open [start, end), aligned to `offset_ms` after 1970. `size_ms` is the whole window (for a session: the gap),
    `slide_ms` the distance of starts (tumble: the size; cumulate: the step by which the end grows; session: the gap).
    `mistake`: what is wrong with the durations as written; such a window never gets into a plan. `zone`: sizes and
    offset are of its wall clock, counted from 1970-01-01 00:00 there; the clock says how long a window really is.
    """

    kind: str
    size_ms: int
    slide_ms: int
    offset_ms: int = 0
    mistake: str | None = None
    zone: str | None = None


WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DAY_MS, WEEK_MS = 86_400_000, 7 * 86_400_000
FIRST_MONDAY_MS = 4 * DAY_MS
"""1970-01-05."""


def tumble(size: Duration, offset: Duration = "0s", *, zone: str | None = None, week: str | None = None) -> Window:
    """Windows that follow each other without overlap: [k * size + offset, (k + 1) * size + offset).

    With `zone` they begin and end by that zone's clock, so a day has 23, 24 or 25 hours: sizes are whole days, or whole
    hours that divide a day. Sizes of whole weeks begin on the day `week`, with a zone on monday unless it says another.
    """
    window = _window("tumble", size=size, slide=size, offset=offset)
    if window.mistake is not None or (zone is None and week is None):
        return window
    weeks = window.size_ms > 0 and window.size_ms % WEEK_MS == 0
    if week is not None and (week not in WEEKDAYS or not weeks):
        mistake = (
            f'week={week!r} is no weekday; write one like "monday"' if weeks else "`week` needs a size of whole weeks"
        )
        return window._replace(mistake=mistake, zone=zone)
    if weeks:
        begin_ms = FIRST_MONDAY_MS + WEEKDAYS.index(week or "monday") * DAY_MS
        window = window._replace(offset_ms=(begin_ms + window.offset_ms) % window.size_ms)
    return window._replace(zone=zone)


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
