"""Rows of the lake's own tables, newest first and page by page: dead letters, late events, the ledger."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, NamedTuple

from dataflow.pipeline.names import DEAD_LETTERS, LATE_EVENTS, LEDGER
from dataflow.sql import quoted, text
from query.moment import from_ms, to_ms
from query.reader import Bound
from serve.ask.cursor import Cursor, digest, read_cursor
from serve.ask.keyset import KEY, Ordered, after_sql, key_sql, order_sql
from serve.ask.parameters import Pairs, Parameter, read
from serve.ask.question import AS_OF, CURSOR, END, START, ZONE, Asking, Document, Found, limit
from serve.ask.rollup_question import last_key
from serve.ask.rows import ARROW, Reading
from serve.lake import LakeAt, ServedLake
from serve.problem import wrong_parameter

SHOWN_CHARACTERS = 10_000
"""So much of a raw value is sent; its length is told."""

_VALUE = f"""left(coalesce(TRY(decode(value)), to_base64(value)), {SHOWN_CHARACTERS}) AS value,
 (value IS NOT NULL AND TRY(decode(value)) IS NULL) AS value_is_base64, octet_length(value) AS value_bytes"""


class Lines(NamedTuple):
    """One table as it is shown. `time`: its column of times, TIMESTAMP or milliseconds (`is_ms`).

    `chosen`: what is selected of it; `filters`: parameters that are compared with a column of that name.
    """

    table: str
    chosen: str
    order: Sequence[Ordered]
    time: str
    is_ms: bool
    filters: Sequence[Parameter]


_PARTITION = Parameter("partition", "text", "Only of this source partition, like ads/3.")
_TOPIC = Parameter("topic", "text", "Only of this topic.")
_OFFSET = Parameter("offset", "integer", "Only of this offset.", None, 0, 2**63 - 1)
_PLACE = [Ordered('"partition"', "VARCHAR"), Ordered('"offset"', "BIGINT", True)]

LINES: Mapping[str, Lines] = {
    "dead-letters": Lines(
        DEAD_LETTERS,
        f'topic, "partition", "offset", record_timestamp, reason, field, message, {_VALUE}',
        [Ordered("record_timestamp", "BIGINT", True), *_PLACE],
        "record_timestamp",
        True,
        [Parameter("reason", "text", "Only of this reason."), _TOPIC, _PARTITION, _OFFSET],
    ),
    "late": Lines(
        LATE_EVENTS,
        "*",
        [Ordered("event_time", "TIMESTAMP", True), *_PLACE, Ordered("rollup", "VARCHAR")],
        "event_time",
        False,
        [Parameter("rollup", "text", "Only late for this rollup."), _TOPIC, _PARTITION, _OFFSET],
    ),
    "ledger": Lines(
        LEDGER,
        "*",
        [Ordered("committed_at", "TIMESTAMP", True), _PLACE[0], Ordered("start_offset", "BIGINT", True)],
        "committed_at",
        False,
        [_TOPIC, _PARTITION],
    ),
}


class Source(NamedTuple):
    """What rows are selected from: SQL behind FROM, the files that are enough, tables whose history it names."""

    sql: str
    bounds: Sequence[Bound] = ()
    histories: Sequence[str] = ()


class LinesQuestion:
    """A page of rows of one of those tables."""

    parameters: ClassVar[Sequence[Parameter]] = ()
    lines: ClassVar[Lines]
    is_table = True
    is_slow = False

    def __init__(self, pairs: Pairs) -> None:
        values = read(pairs, self.parameters)
        self.values: dict[str, Any] = values
        self.cursor: Cursor | None = read_cursor(values["cursor"])
        self.digest = digest(self.lines.table, sorted(pair for pair in pairs if pair[0] != "cursor"))
        if self.cursor is not None:
            self.cursor.require_same(self.digest)
        if values["start"] and values["end"] and values["end"] <= values["start"]:
            raise wrong_parameter("end", values["end"].isoformat(), "must be after start")

    @property
    def as_of(self) -> str | int | None:
        """The cursor's snapshot, or what was asked for."""
        return self.values["as_of"] if self.cursor is None else self.cursor.snapshot

    def facts(self, at: LakeAt) -> object:
        """Nothing: rows never change."""
        return None

    def answer(self, lake: ServedLake, at: LakeAt, asking: Asking) -> Found | Document:
        """A page of rows."""
        lines, rows = self.lines, self.values["limit"]
        conditions = [f"{quoted(name)} = {_literal(value)}" for name, value in self._filters()]
        for name, sign in (("start", ">="), ("end", "<")):
            if self.values[name] is not None:
                conditions.append(f"{lines.time} {sign} {self._time(self.values[name])}")
        source = self.source(lake, at)
        if self.cursor is not None:
            self.cursor.require_here(at.token)
            if len(self.cursor.last) != len(lines.order):
                raise wrong_parameter("cursor", None, "is no cursor of this answer; leave it out to begin anew")
            conditions.append(after_sql(lines.order, self.cursor.last))
        # chosen last, so that only what is sent is made into text
        sql = (
            f"SELECT {lines.chosen}, {key_sql(lines.order)} AS {quoted(KEY)} FROM (SELECT * FROM {source.sql}"
            f" WHERE {' AND '.join(conditions) or 'true'} ORDER BY {order_sql(lines.order)} LIMIT {rows + 1})"
            f" AS chosen ORDER BY {order_sql(lines.order)}"
        )
        zone = None if self.values["tz"] is None else lake.zone(self.values["tz"])
        reading = Reading(asking.way, rows, asking.timeout_s, None if asking.way == ARROW else zone, hidden=True)
        found = reading.read(at.snapshot, sql, bounds=source.bounds, histories=source.histories)
        onward = None
        if found.more and asking.has_pages:
            lake.keep(at)
            sent = (0 if self.cursor is None else self.cursor.rows) + rows
            last = last_key(found.last)
            onward = Cursor(self.digest, at.snapshot.id, at.token, to_ms(at.now), sent, last).written()
        return Found(found, None, onward)

    def source(self, lake: ServedLake, at: LakeAt) -> Source:
        """What the rows are selected from."""
        if not (self.values["start"] or self.values["end"]):
            return Source(self.lines.table)
        bound = Bound(self.lines.table, self.lines.time, self._bound("start"), self._bound("end"))
        return Source(self.lines.table, [bound])

    def _filters(self) -> list[tuple[str, Any]]:
        given = [(parameter.name, self.values[parameter.name]) for parameter in self.lines.filters]
        return [(name, value) for name, value in given if value is not None]

    def _time(self, moment: datetime) -> str:
        return str(to_ms(moment)) if self.lines.is_ms else f"make_timestamp({to_ms(moment) * 1000})"

    def _bound(self, name: str) -> datetime | int | None:
        moment: datetime | None = self.values[name]
        if moment is None or not self.lines.is_ms:
            return moment
        return to_ms(moment)


def _literal(value: object) -> str:
    return str(value) if isinstance(value, int) else text(str(value))


def kind_of(name: str) -> type[LinesQuestion]:
    """The kind of question about one of LINES."""
    lines = LINES[name]
    common = (AS_OF, *lines.filters, START, END, ZONE, limit(100, 10_000), CURSOR)
    return type(f"{lines.table}_question", (LinesQuestion,), {"lines": lines, "parameters": common})


class ReasonsQuestion:
    """How many dead letters there are by reason and field."""

    parameters: ClassVar[Sequence[Parameter]] = (AS_OF, START, END)
    is_table = True
    is_slow = False

    def __init__(self, pairs: Pairs) -> None:
        self.values = read(pairs, self.parameters)

    @property
    def as_of(self) -> str | int | None:
        """What was asked for."""
        as_of: str | None = self.values["as_of"]
        return as_of

    def facts(self, at: LakeAt) -> object:
        """Nothing: rows never change."""
        return None

    def answer(self, lake: ServedLake, at: LakeAt, asking: Asking) -> Found | Document:
        """Reasons, most records first."""
        conditions, bounds = ["true"], []
        start, end = (None if self.values[name] is None else to_ms(self.values[name]) for name in ("start", "end"))
        conditions += [] if start is None else [f"record_timestamp >= {start}"]
        conditions += [] if end is None else [f"record_timestamp < {end}"]
        if start is not None or end is not None:
            bounds = [Bound(DEAD_LETTERS, "record_timestamp", start, end)]
        sql = (
            "SELECT reason, field, count(*) AS records, max(record_timestamp) AS newest_record_timestamp"
            f" FROM {DEAD_LETTERS} WHERE {' AND '.join(conditions)} GROUP BY reason, field"
            " ORDER BY records DESC, reason, field"
        )
        return Found(Reading(asking.way, 10_000, asking.timeout_s).read(at.snapshot, sql, bounds=bounds))


def shown_ms(moment_ms: int | None) -> str | None:
    """Milliseconds since 1970 as ISO 8601."""
    if moment_ms is None:
        return None
    return from_ms(moment_ms).astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
