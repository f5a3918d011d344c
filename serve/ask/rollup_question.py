"""Any rollup by its name: a range of windows, keys, a condition, the largest first, put together or page by page."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, NamedTuple

import msgspec

from dataflow.spelling import suggest
from dataflow.sql import quoted, text
from query.moment import from_ms, to_ms
from query.reader import Bound
from query.reports import RollupReport
from query.reports import rollup as windows
from serve.ask.cursor import Cursor
from serve.ask.keyset import KEY, Ordered, after_sql, key_sql, order_sql
from serve.ask.parameters import Pairs, Parameter, read
from serve.ask.question import AS_OF, CURSOR, END, START, ZONE, limit
from serve.ask.regroup import regrouped, require_apart
from serve.ask.spans import Spans, spans_of
from serve.lake import LakeAt
from serve.problem import wrong_parameter
from sinks.lake.tables.definition import RollupDefinition

KEY_PREFIX = "key."
NULL = "\\N"
"""A key's value that is NULL, as `tidemill dump` writes it."""

PARAMETERS: Sequence[Parameter] = (
    AS_OF,
    START,
    END,
    Parameter(
        "last", "duration", "Windows that start so long before the newest, or later; 1h where no range is given."
    ),
    Parameter("at", "text", "What counts as the newest with `last`: latest (the newest window), now, or a UTC time."),
    ZONE,
    Parameter("where", "text", "One condition over the columns, as in a pipeline file."),
    Parameter("by", "text", "Column to order by: aggregates from the largest, keys from the smallest."),
    Parameter("top", "integer", "Only so many rows: the first by `by`.", None, 1, 100_000),
    Parameter("every", "duration", "Put windows together by spans of time, like 5m; days are those of `tz`."),
    Parameter("total", "boolean", "One row per key over the whole range.", False),
    Parameter("group", "text", "Put keys together: only these stay, with a comma between; empty is none."),
    limit(1_000, 100_000),
    CURSOR,
)

_HOUR_MS = 3_600_000


class Statement(NamedTuple):
    """What is asked of a snapshot: SQL whose last column is the hidden key, and the range by which files are chosen."""

    sql: str
    start: datetime
    end: datetime
    note: str
    order: int


class RollupQuestion:
    """One question about a rollup. Made for a definition; asked of any snapshot that has it."""

    parameters: ClassVar[Sequence[Parameter]] = PARAMETERS

    def __init__(self, report: RollupReport, pairs: Pairs) -> None:
        self.report = report
        self.rollup: RollupDefinition = report.rollup
        keys = [(name, value) for name, value in pairs if name.startswith(KEY_PREFIX)]
        values = read([pair for pair in pairs if not pair[0].startswith(KEY_PREFIX)], PARAMETERS)
        self.values: dict[str, Any] = values
        self._written = dict(pairs)
        self.keys: dict[str, list[str]] = {}
        for name, value in keys:
            column = name.removeprefix(KEY_PREFIX)
            if column not in self.rollup.key_names:
                raise wrong_parameter(name[:100], value, f"{report.name} has no such key{_others(self.rollup, column)}")
            self.keys.setdefault(column, []).append(value)
        self.group = self._group()
        self._check()

    def _group(self) -> list[str]:
        names = self.rollup.key_names
        if self.values["group"] is None:
            return names
        chosen = [name for name in self.values["group"].split(",") if name]
        for name in chosen:
            if name not in names:
                why = f"{self.rollup.name} has no such key{_others(self.rollup, name)}"
                raise wrong_parameter("group", self.values["group"], why)
        return [name for name in names if name in chosen]

    def _check(self) -> None:
        values, rollup = self.values, self.rollup
        if values["every"] is not None and values["total"]:
            raise wrong_parameter("total", "true", "goes without `every`: leave one of them out")
        for name in ("every", "total"):
            if values[name]:
                require_apart(rollup, name, self._written[name])
        if values["every"] is not None:
            spans_of(rollup, values["every"], None, self._written["every"])
        if rollup.merges_windows and self.group != rollup.key_names and not values["total"] and not values["every"]:
            raise wrong_parameter(
                "group", values["group"], "sessions of several keys do not go together; add total=true"
            )
        if values["last"] is not None and (values["start"] or values["end"]):
            raise wrong_parameter("last", None, "goes without start and end: leave one of them out")
        if values["start"] and values["end"] and values["end"] <= values["start"]:
            raise wrong_parameter("end", self._written["end"], "must be after start")

    @property
    def is_regrouped(self) -> bool:
        """Whether rows are more than one window of one key."""
        return bool(self.values["every"] or self.values["total"]) or self.group != self.rollup.key_names

    def facts(self, at: LakeAt) -> object:
        """The clock where it decides the range, and which source partitions are active."""
        moment = at.now.isoformat() if (self.values["at"] or "").strip().lower() == "now" else None
        return (moment, at.active(), self.rollup)

    def statement(self, at: LakeAt, zone: str | None, rows: int, cursor: Cursor | None) -> Statement:
        """What to ask, of at most `rows` rows. Raises Problem, ConfigError or QueryError."""
        start_ms, end_ms = self._range(at)
        order = self._order(at)
        conditions = ["true"] if cursor is None else [after_sql(order, self._last(cursor, order))]
        spans = self._spans(zone)
        first_ms = start_ms if spans is None or start_ms <= windows.LEAST_MS else spans.first_ms(start_ms)
        source = self._source(at, first_ms, end_ms, spans)
        sql = (
            f"SELECT *, {key_sql(order)} AS {quoted(KEY)} FROM ({source}) AS answer WHERE {conditions[0]}"
            f" ORDER BY {order_sql(order)} LIMIT {rows}"
        )
        note = self._note(start_ms, end_ms, spans)
        return Statement(sql, from_ms(first_ms), from_ms(end_ms), note, len(order))

    def _spans(self, zone: str | None) -> Spans | None:
        every = self.values["every"]
        return None if every is None else spans_of(self.rollup, every, zone)

    def bounds(self, at: LakeAt, statement: Statement) -> list[Bound]:
        """The files that can hold its windows."""
        return windows.bounds_of(self.rollup, at.snapshot.tables, statement.start, statement.end)

    def _last(self, cursor: Cursor, order: Sequence[Ordered]) -> list[str | None]:
        if len(cursor.last) != len(order):
            raise wrong_parameter("cursor", None, "is no cursor of this answer; leave it out to begin anew")
        return cursor.last

    def _range(self, at: LakeAt) -> tuple[int, int]:
        """The windows that start in [start, end) ms."""
        values = self.values
        if values["start"] or values["end"]:
            start = windows.LEAST_MS if values["start"] is None else to_ms(values["start"])
            end = 2**53 if values["end"] is None else to_ms(values["end"])
            return start, end
        asked = (values["at"] or "latest").strip().lower()
        moment = None if asked == "latest" else (at.now if asked == "now" else _moment(values["at"]))
        last = timedelta(milliseconds=values["last"] or _HOUR_MS)
        reach = windows.reach_of(at.snapshot, self.rollup, last, moment)
        return reach.start_ms, reach.end_ms

    def _source(self, at: LakeAt, start_ms: int, end_ms: int, spans: Spans | None) -> str:
        rollup = self.rollup
        conditions = [
            f"window_start >= make_timestamp({start_ms * 1000})",
            f"window_start < make_timestamp({end_ms * 1000})",
        ]
        conditions += [self._key_sql(at, name, values) for name, values in self.keys.items()]
        if self.values["where"] is not None:
            conditions.append(f"({windows.condition(at.snapshot, self.report, self.values['where'])})")
        rows = f"FROM {quoted(rollup.name)} WHERE {' AND '.join(conditions)}"
        if not self.is_regrouped:
            return f"SELECT * {rows}"
        return self._regrouped(rows, spans)

    def _regrouped(self, rows: str, spans: Spans | None) -> str:
        keys = [quoted(name) for name in self.group]
        aggregates = [f"{sql} AS {quoted(name)}" for name, sql in regrouped(self.rollup).together]
        more = ["CAST(sum(late_count) AS BIGINT) AS late_count", "bool_and(is_final) AS is_final"]
        if self.values["total"]:
            # without a key there is a row even of no window at all
            return f"SELECT {', '.join([*keys, *aggregates, *more])} {rows}{_grouped(keys)} HAVING count(*) > 0"
        span = ["window_start", "window_end"]
        if spans is None:
            chosen = ", ".join([*keys, *span, *aggregates, *more])
            return f"SELECT {chosen} {rows}{_grouped([*keys, *span])}"
        start = "_bucket"
        chosen = ", ".join(
            [
                *keys,
                f"{start} AS window_start",
                f"{spans.end_sql(start)} AS window_end",
                *aggregates,
                *more,
            ]
        )
        placed = f"SELECT *, {spans.start_sql('window_start')} AS {start} {rows}"
        return f"SELECT {chosen} FROM ({placed}) AS placed{_grouped([*keys, start])}"

    def _key_sql(self, at: LakeAt, name: str, values: Sequence[str]) -> str:
        column = at.snapshot.tables[f"{self.rollup.name}_delta"].column(name)
        type_ = "VARCHAR" if column is None else column.duckdb
        ways = [
            f"{quoted(name)} IS NULL" if value == NULL else f"{quoted(name)} = CAST({text(value)} AS {type_})"
            for value in values
        ]
        return f"({' OR '.join(ways)})"

    def _order(self, at: LakeAt) -> list[Ordered]:
        rollup = self.rollup
        delta = at.snapshot.tables[f"{rollup.name}_delta"]
        types = {column.name: column.duckdb for column in delta.columns}
        keys = [Ordered(quoted(name), types.get(name, "VARCHAR")) for name in self.group]
        span = [Ordered(name, "TIMESTAMP", True) for name in ("window_start", "window_end")]
        rest = keys if self.values["total"] else [*span, *keys]
        by = self._by()
        if by is None:
            return rest
        if by in self.group:
            return [Ordered(quoted(by), types.get(by, "VARCHAR")), *rest]
        # values of aggregates are compared as texts of DuckDB's own make, whatever their type
        return [Ordered(quoted(by), self._type(at, by), True), *rest]

    def _by(self) -> str | None:
        together = [name for name, _ in regrouped(self.rollup).together]
        aggregates = together if self.is_regrouped else [each.name for each in self.rollup.aggregates]
        span = [] if self.values["total"] else ["window_start", "window_end"]
        columns = [*self.group, *span, *aggregates, "late_count", "is_final"]
        by: str | None = self.values["by"]
        if by is None:
            first = self.values["top"] is not None or self.values["total"]
            return aggregates[0] if first and aggregates else None
        if by not in columns:
            raise wrong_parameter("by", by, f"{self.rollup.name} has no such column here{suggest(by, columns)}")
        return by

    def _type(self, at: LakeAt, by: str) -> str:
        """The SQL type of a view's column."""
        if by in ("window_start", "window_end"):
            return "TIMESTAMP"
        known = {"late_count": "BIGINT", "is_final": "BOOLEAN"}
        if by in known:
            return known[by]
        return at.types(self.rollup.name)[by]

    def _note(self, start_ms: int, end_ms: int, spans: Spans | None) -> str:
        start, end = from_ms(max(start_ms, windows.LEAST_MS)), from_ms(end_ms)
        parts = []
        if self.values["start"] or self.values["end"]:
            told = [] if self.values["start"] is None else [f"from {start:%Y-%m-%d %H:%M:%S}"]
            told += [] if self.values["end"] is None else [f"before {end:%Y-%m-%d %H:%M:%S}"]
            parts.append(f"windows that start {' and '.join(told)} UTC")
        elif start_ms == end_ms:
            parts.append("the rollup has no window yet")
        else:
            first, last = start - timedelta(milliseconds=1), end - timedelta(milliseconds=1)
            parts.append(f"windows that start after {first:%Y-%m-%d %H:%M:%S} and up to {last:%Y-%m-%d %H:%M:%S} UTC")
        by = self._by()
        parts += [f"by {by}"] if by is not None else []
        if spans is not None and spans.refused is not None:
            parts.append(f"by days of UTC, since windows of {self.rollup.name} lie across those of {spans.refused}")
        left_out = regrouped(self.rollup).left_out if self.is_regrouped else ()
        if left_out:
            parts.append(f"without {', '.join(left_out)}, which do not add up over windows or keys")
        return ", ".join(parts)


def _grouped(columns: Sequence[str]) -> str:
    return f" GROUP BY {', '.join(columns)}" if columns else ""


def _others(rollup: RollupDefinition, name: str) -> str:
    return suggest(name, rollup.key_names) if rollup.key_names else "; it has none"


def _moment(written: str) -> datetime:
    from query.moment import parse_time

    return parse_time(written, "latest, now or a UTC time like 2026-11-25T12:05:00")


def last_key(hidden: str | None) -> list[str | None]:
    """The texts of the hidden column."""
    return [] if hidden is None else msgspec.json.decode(hidden, type=list[str | None])
