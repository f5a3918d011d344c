"""How Spark's SQL writes the windows of a row: as arithmetic over BIGINT ms."""

from collections.abc import Sequence

from dataflow.windows import Window
from dataflow.windows.assigned import WindowSql, growing, sliding, tumbling


def _exploded(times: Sequence[str]) -> str:
    return f" LATERAL VIEW EXPLODE(ARRAY({', '.join(times)})) `_windows` AS `_in_window`"


def _own_clock(window: Window) -> str | None:
    if window.zone is None:
        return None
    return (
        "the job's windows know no zone's clock; leave out `zone` (then days are of UTC), or the rollup with --rollup"
    )


TUMBLE = WindowSql(tumbling, unfit=_own_clock)
HOP = WindowSql(sliding(_exploded))
CUMULATE = WindowSql(growing(_exploded))
SESSION = WindowSql(None)
