"""The windows of a row as arithmetic over BIGINT ms, as Flink's SQL and Spark's both read it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from dataflow.windows import Window


class Assigned(NamedTuple):
    """The windows of a row as expressions over its event time, in ms.

    `joined`: what the rows are joined with, so that there is a row per window. `start` and `end` of that window; it is
    none of the row's own where `taken` is not true. `last_end`: the end of the row's last window, without the join.
    """

    start: str
    end: str
    last_end: str
    joined: str = ""
    taken: str | None = None


class WindowSql(NamedTuple):
    """One kind of window in an engine's SQL.

    `assigned`: its windows by arithmetic, of the column of event times; None where arithmetic does not give them.
    `function`: a call that gives rows of a view, in time order of the column `ts`, their windows, by key columns; None
    where the engine has none. `unfit`: why neither can say it, and what to do instead; None = one can.
    `unfit_function`: the same of the function.
    """

    assigned: Callable[[Window, str], Assigned] | None
    function: Callable[[Window, str, str, str], str] | None = None
    unfit: Callable[[Window], str | None] = lambda _window: None
    unfit_function: Callable[[Window], str | None] = lambda _window: None


def floored(time: str, size_ms: int, offset_ms: int) -> str:
    """The last border at or before `time`, floored for times before 1970 as well: MOD has the sign of the time."""
    shifted = f"{time} - {offset_ms}" if offset_ms else time
    return f"{time} - MOD(MOD({shifted}, {size_ms}) + {size_ms}, {size_ms})"


def tumbling(window: Window, time: str) -> Assigned:
    """One window of each time."""
    start = floored(time, window.size_ms, window.offset_ms)
    end = f"{start} + {window.size_ms}"
    return Assigned(start, end, end)


def sliding(unnested: Callable[[Sequence[str]], str]) -> Callable[[Window, str], Assigned]:
    """Hopping windows; `unnested` joins rows with the column `_in_window` of these expressions."""

    def assigned(window: Window, time: str) -> Assigned:
        # each earlier window is the last one of a time that lies a slide before
        slide_ms = window.slide_ms
        back = [f"{time} - {behind}" if behind else time for behind in range(0, window.size_ms, slide_ms)]
        start = floored("`_in_window`", slide_ms, window.offset_ms)
        end = f"{start} + {window.size_ms}"
        last_end = f"{floored(time, slide_ms, window.offset_ms)} + {window.size_ms}"
        # where the slide does not divide the size, the earliest may have ended
        taken = f"{end} > {time}" if window.size_ms % slide_ms else None
        return Assigned(start, end, last_end, unnested(back), taken)

    return assigned


def growing(unnested: Callable[[Sequence[str]], str]) -> Callable[[Window, str], Assigned]:
    """Cumulating windows; `unnested` as for `sliding`."""

    def assigned(window: Window, time: str) -> Assigned:
        # each longer window of the same base ends with the step of a time that lies a step later
        size_ms, step_ms, offset_ms = window.size_ms, window.slide_ms, window.offset_ms
        on = [f"{time} + {after}" if after else time for after in range(0, size_ms, step_ms)]
        base = floored(time, size_ms, offset_ms)
        end = f"{floored('`_in_window`', step_ms, offset_ms)} + {step_ms}"
        return Assigned(base, end, f"{base} + {size_ms}", unnested(on), f"{end} <= {base} + {size_ms}")

    return assigned
