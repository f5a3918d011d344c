"""How the windows of a row are written in Flink's SQL: as arithmetic over BIGINT ms, or by its own functions."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from dataflow.windows import DAY_MS, Window


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


@dataclass(frozen=True, slots=True)
class WindowSql:
    """One kind of window in Flink's SQL.

    `assigned`: its windows by arithmetic, of the column of event times; None where only the function gives them.
    `function`: a call that gives rows of a view, in time order of the column `ts`, their windows, by key columns.
    `unfit`: why neither can say it, and what to do instead; None = one can. `unfit_function`: the same of the function.
    """

    assigned: Callable[[Window, str], Assigned] | None
    function: Callable[[Window, str, str, str], str]
    unfit: Callable[[Window], str | None] = lambda _window: None
    unfit_function: Callable[[Window], str | None] = lambda _window: None


MAX_INTERVAL_MS = 1_000 * DAY_MS - 1
"""Flink takes three digits of days."""


def interval(duration_ms: int) -> str:
    """A duration of at most MAX_INTERVAL_MS as a literal, exact to the millisecond."""
    days, rest_ms = divmod(duration_ms, DAY_MS)
    hours, rest_ms = divmod(rest_ms, 3_600_000)
    minutes, rest_ms = divmod(rest_ms, 60_000)
    seconds, rest_ms = divmod(rest_ms, 1_000)
    return f"INTERVAL '{days} {hours:02}:{minutes:02}:{seconds:02}.{rest_ms:03}' DAY(3) TO SECOND(3)"


def floored(time: str, size_ms: int, offset_ms: int) -> str:
    """The last border at or before `time`, floored for times before 1970 as well: MOD has the sign of the time."""
    shifted = f"{time} - {offset_ms}" if offset_ms else time
    return f"{time} - MOD(MOD({shifted}, {size_ms}) + {size_ms}, {size_ms})"


def _tumbling(window: Window, time: str) -> Assigned:
    start = floored(time, window.size_ms, window.offset_ms)
    end = f"{start} + {window.size_ms}"
    return Assigned(start, end, end)


def _sliding(window: Window, time: str) -> Assigned:
    # each earlier window is the last one of a time that lies a slide before
    slide_ms = window.slide_ms
    back = ", ".join(f"{time} - {behind}" if behind else time for behind in range(0, window.size_ms, slide_ms))
    start = floored("`_in_window`", slide_ms, window.offset_ms)
    end = f"{start} + {window.size_ms}"
    last_end = f"{floored(time, slide_ms, window.offset_ms)} + {window.size_ms}"
    # where the slide does not divide the size, the earliest may have ended
    taken = f"{end} > {time}" if window.size_ms % slide_ms else None
    return Assigned(start, end, last_end, _unnested(back), taken)


def _growing(window: Window, time: str) -> Assigned:
    # each longer window of the same base ends with the step of a time that lies a step later
    size_ms, step_ms, offset_ms = window.size_ms, window.slide_ms, window.offset_ms
    on = ", ".join(f"{time} + {after}" if after else time for after in range(0, size_ms, step_ms))
    base = floored(time, size_ms, offset_ms)
    end = f"{floored('`_in_window`', step_ms, offset_ms)} + {step_ms}"
    return Assigned(base, end, f"{base} + {size_ms}", _unnested(on), f"{end} <= {base} + {size_ms}")


def _unnested(times: str) -> str:
    return f" CROSS JOIN UNNEST(ARRAY[{times}]) AS `_windows` (`_in_window`)"


def _called(name: str, durations_ms: Callable[[Window], tuple[int, ...]]) -> Callable[[Window, str, str, str], str]:
    def function(window: Window, view: str, ts: str, _keys: str) -> str:
        times = [interval(each) for each in durations_ms(window)]
        if window.offset_ms:
            times.append(interval(window.offset_ms))
        return f"{name}(TABLE {view}, DESCRIPTOR({ts}), {', '.join(times)})"

    return function


def _session(window: Window, view: str, ts: str, keys: str) -> str:
    by = f" PARTITION BY ({keys})" if keys else ""
    return f"SESSION(TABLE {view}{by}, DESCRIPTOR({ts}), {interval(window.size_ms)})"


def _own_clock(window: Window) -> str | None:
    if window.zone is None:
        return None
    return "Flink's windows know no zone's clock; leave out `zone` (then days are of UTC), or the rollup with --rollup"


def _uneven(window: Window) -> str | None:
    if window.size_ms % window.slide_ms == 0:
        return None
    return "Flink's HOP needs a size that is a multiple of `every`; choose one that divides it, or the form upsert"


TUMBLE = WindowSql(_tumbling, _called("TUMBLE", lambda window: (window.size_ms,)), _own_clock)
HOP = WindowSql(_sliding, _called("HOP", lambda window: (window.slide_ms, window.size_ms)), unfit_function=_uneven)
CUMULATE = WindowSql(_growing, _called("CUMULATE", lambda window: (window.slide_ms, window.size_ms)))
SESSION = WindowSql(None, _session)
