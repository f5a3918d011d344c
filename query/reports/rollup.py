"""The report of a rollup without a file: its newest windows, filtered and ordered as asked."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from dataflow.errors import ConfigError
from dataflow.spelling import suggest
from dataflow.sql import quoted
from dataflow.windows.kinds import start_by_clock
from query.cells import Style, cells
from query.moment import aware, from_ms, to_ms
from query.reader import Bound, LakeSnapshot
from query.reports.report import RollupReport
from query.reports.values import Value
from sinks.lake.tables.definition import RollupDefinition

LEAST_MS = -(2**63) // 1000 + 1_000_000
"""Below every event time there can be, and still a TIMESTAMP."""


class Reach(NamedTuple):
    """Windows that start in [start_ms, end_ms)."""

    start_ms: int
    end_ms: int

    def limits(self) -> tuple[datetime, datetime]:
        """The same as aware times, as far as the calendar goes."""
        return from_ms(self.start_ms), from_ms(self.end_ms)


def bounds_of(rollup: RollupDefinition, tables: Mapping[str, object], start: datetime, end: datetime) -> list[Bound]:
    """What of a rollup's tables is enough for its windows that start in [start, end).

    Nothing can be left out of a rollup of sessions: a partial session of any time may reach into one of the range.
    """
    if rollup.merges_windows:
        return []
    # what is known of an aggregate's kind is asked for last: it has to be imported
    sides = ((f"{rollup.name}_{each.name}_distinct", each) for each in rollup.aggregates)
    names = [name for name, each in sides if name in tables and each.known.keeps_values]
    names += [name for name in (f"{rollup.name}_delta",) if name in tables]
    # beyond the calendar there is no time to compare with
    first = None if start <= from_ms(LEAST_MS) else start
    last = None if end >= from_ms(2**62) else end
    return [Bound(name, "window_start", first, last) for name in names]


def reach_of(snapshot: LakeSnapshot, rollup: RollupDefinition, last: Value, moment: datetime | None) -> Reach:
    """The windows that start within `last` up to `moment`; None is the newest window of the view.

    Up to a moment it is at least as long as a window: the last hour of a rollup by days is the running day.
    """
    assert isinstance(last, timedelta)
    last_ms = last // timedelta(milliseconds=1)
    if last_ms < 1:
        raise ConfigError("--last", "0s", "must be longer than nothing, like 1h")
    if moment is not None and not rollup.merges_windows:
        last_ms = max(last_ms, rollup.window.size_ms, _running_ms(rollup, to_ms(moment)))
    newest_ms = newest_window_ms(snapshot, rollup) if moment is None else to_ms(moment)
    if newest_ms is None:
        return Reach(0, 0)
    return Reach(max(newest_ms - last_ms + 1, LEAST_MS), newest_ms + 1)


def _running_ms(rollup: RollupDefinition, moment_ms: int) -> int:
    """How long the window that holds a moment has been running, where a zone's clock says when it began."""
    if rollup.window.zone is None:
        return 0
    return moment_ms + 1 - start_by_clock(rollup.window.window, moment_ms)


def newest_window_ms(snapshot: LakeSnapshot, rollup: RollupDefinition) -> int | None:
    """The start of the newest window in the rollup's view, ms since 1970; None while there is none."""
    if rollup.merges_windows:
        return _newest(snapshot, f"SELECT max(epoch_ms(window_start)) AS newest FROM {quoted(rollup.name)}", [])
    delta = f"{rollup.name}_delta"
    # rows without a count are not shown: they only say that late events were left out
    sql = f"SELECT max(epoch_ms(window_start)) AS newest FROM {quoted(delta)} WHERE row_count > 0"
    known = [file.bounds.get("window_start") for file in snapshot.bounded_files(Bound(delta, "window_start"))]
    highs = [bounds.high for bounds in known if bounds is not None and isinstance(bounds.high, str)]
    if not highs:
        return _newest(snapshot, sql, [])
    furthest = aware(datetime.fromisoformat(max(highs)))
    # the files that reach furthest, then all that reach as far as what those hold
    found_ms = _newest(snapshot, sql, [Bound(delta, "window_start", furthest)])
    if found_ms is None:
        return _newest(snapshot, sql, [])
    found = from_ms(found_ms)
    if found >= furthest:
        return found_ms
    return _newest(snapshot, sql, [Bound(delta, "window_start", found)] if to_ms(found) == found_ms else [])


def _newest(snapshot: LakeSnapshot, sql: str, bounds: list[Bound]) -> int | None:
    ((newest,),) = snapshot.texts(sql, lambda columns: cells(columns, Style()), bounds=bounds).rows()
    return None if newest is None else int(newest)


def columns_of(rollup: RollupDefinition) -> list[str]:
    """The columns of a rollup's view."""
    aggregates = [aggregate.name for aggregate in rollup.aggregates]
    return [*rollup.key_names, "window_start", "window_end", *aggregates, "late_count", "is_final"]


def statement(snapshot: LakeSnapshot, report: RollupReport, values: Mapping[str, Value]) -> str:
    """The SELECT, with $start_us and $end_us (of window_start) and $limit. Raises ConfigError."""
    rollup = report.rollup
    where = "" if values["where"] is None else f" AND ({condition(snapshot, report, str(values['where']))})"
    return (
        f"SELECT * FROM {quoted(rollup.name)} WHERE window_start >= make_timestamp($start_us)"
        f" AND window_start < make_timestamp($end_us){where}"
        f" ORDER BY {', '.join(_order(rollup, values))} LIMIT $limit"
    )


def order_column(rollup: RollupDefinition, values: Mapping[str, Value]) -> str | None:
    """The column that decides which rows come first; None for the newest windows. Raises ConfigError."""
    if values["by"] is None:
        return rollup.aggregates[0].name if values["top"] is not None else None
    by, columns = str(values["by"]), columns_of(rollup)
    if by not in columns:
        raise ConfigError("--by", by, f"{rollup.name} has no such column{suggest(by, columns)}")
    return by


def _order(rollup: RollupDefinition, values: Mapping[str, Value]) -> list[str]:
    by = order_column(rollup, values)
    keys = [f"{quoted(name)} NULLS LAST" for name in rollup.key_names]
    order = ["window_start DESC", "window_end DESC", *keys]
    if by is None:
        return order
    return [f"{quoted(by)} {'ASC' if by in rollup.key_names else 'DESC'} NULLS LAST", *order]


def condition(snapshot: LakeSnapshot, report: RollupReport, written: str) -> str:
    """The condition as SQL of ours: nothing of the text itself gets into the query."""
    # its parser takes long to import, and most questions have no condition
    from dataflow.filter.parse import parse

    schema = snapshot.query(f"SELECT * FROM {quoted(report.name)} LIMIT 0").schema
    try:
        return parse(written, schema, report.values).sql
    except ValueError as error:
        raise ConfigError("--where", written, str(error)) from None
