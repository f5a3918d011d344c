"""How Flink's SQL writes the windows of a row: as arithmetic over BIGINT ms, or by functions of its own."""

from collections.abc import Callable, Sequence

from dataflow.windows import DAY_MS, Window
from dataflow.windows.assigned import WindowSql, growing, sliding, tumbling

MAX_INTERVAL_MS = 1_000 * DAY_MS - 1
"""Flink takes three digits of days."""


def interval(duration_ms: int) -> str:
    """A duration of at most MAX_INTERVAL_MS as a literal, exact to the millisecond."""
    days, rest_ms = divmod(duration_ms, DAY_MS)
    hours, rest_ms = divmod(rest_ms, 3_600_000)
    minutes, rest_ms = divmod(rest_ms, 60_000)
    seconds, rest_ms = divmod(rest_ms, 1_000)
    return f"INTERVAL '{days} {hours:02}:{minutes:02}:{seconds:02}.{rest_ms:03}' DAY(3) TO SECOND(3)"


def _unnested(times: Sequence[str]) -> str:
    return f" CROSS JOIN UNNEST(ARRAY[{', '.join(times)}]) AS `_windows` (`_in_window`)"


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


TUMBLE = WindowSql(tumbling, _called("TUMBLE", lambda window: (window.size_ms,)), _own_clock)
HOP = WindowSql(
    sliding(_unnested), _called("HOP", lambda window: (window.slide_ms, window.size_ms)), unfit_function=_uneven
)
CUMULATE = WindowSql(growing(_unnested), _called("CUMULATE", lambda window: (window.slide_ms, window.size_ms)))
SESSION = WindowSql(None, _session)
