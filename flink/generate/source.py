"""The records of the topics, judged one by one: statements up to the view of valid events."""

from collections.abc import Iterable, Mapping, Sequence

from dataflow.decode.decoder import beside_of
from dataflow.event.record_part import header_column
from dataflow.formats.frame import HEADER
from dataflow.pipeline.plan import Plan
from flink.contract.table import field_table
from flink.generate.dimensions import Inline
from flink.generate.options import Handover, Options
from flink.generate.words import named, options, text

RECORDS, JUDGED, READ, EVENTS, MARKED = "`_records`", "`_judged`", "`_read`", "`_events`", "`_marked`"
LOOKED_UP = "`_looked_up`"

PLACE = ("`topic`", "`partition`", "`offset`")
"""Where a record stood."""

TIMESTAMP = (
    "CASE WHEN `_timestamp_type` = 'NoTimestampType' THEN CAST(NULL AS BIGINT)"
    " ELSE EXTRACT(EPOCH FROM CAST(`_timestamp` AS TIMESTAMP(3))) * 1000"
    " + MOD(EXTRACT(MILLISECOND FROM CAST(`_timestamp` AS TIMESTAMP(3))), 1000) END"
)
"""The record's timestamp in ms. A cast to BIGINT would give seconds."""


HEADER_COLUMN = "`_header`"
"""A record's header that may name the schema of its value, where records have one (`has_header`)."""

_HEADERS = "`_headers`"
_THE_HEADER = f"{_HEADERS}[{text(HEADER)}]"


def has_header(plan: Plan) -> bool:
    """Whether a record's header may name the schema of its value."""
    return header_column(HEADER) in beside_of(plan)


def records_table(plan: Plan, given: Options, time_columns: str | None = None) -> str:
    """The topics, record by record. No parallelism of its own: rows of a partition would lose their order.

    `time_columns`: a time and its watermark, for windows of Flink's own.
    """
    time = "" if time_columns is None else f",\n{time_columns}"
    headers = f"\n  {_HEADERS} MAP<STRING, BYTES> METADATA FROM 'headers' VIRTUAL," if has_header(plan) else ""
    return f"""CREATE TEMPORARY TABLE {RECORDS} (
  `topic` STRING METADATA VIRTUAL,
  `partition` INT METADATA VIRTUAL,
  `offset` BIGINT METADATA VIRTUAL,
  `_timestamp` TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL,
  `_timestamp_type` STRING METADATA FROM 'timestamp-type' VIRTUAL,{headers}
  `_value` BYTES,
  `_now` AS PROCTIME(){time}
) {options(_connector(given))}"""


def _connector(given: Options) -> dict[str, str]:
    found = {
        "connector": "kafka",
        "topic": ";".join(given.topics),
        "properties.bootstrap.servers": given.brokers,
        "properties.group.id": given.group,
        "properties.isolation.level": "read_committed",
        **{f"properties.{key}": value for key, value in given.kafka.items()},
        "format": "raw",
    }
    if isinstance(given.start, str):
        found["scan.startup.mode"] = f"{given.start}-offset"
    else:
        found |= {
            "scan.startup.mode": "specific-offsets",
            "scan.startup.specific-offsets": _offsets(given.start),
        }
    if given.end is not None:
        found |= {
            "scan.bounded.mode": "specific-offsets",
            "scan.bounded.specific-offsets": _offsets(given.end),
        }
    elif given.bounded:
        found["scan.bounded.mode"] = "latest-offset"
    if given.is_bounded:
        # partitions that come later are none of this run's
        found["scan.topic-partition-discovery.interval"] = "0 ms"
    if given.form == "final":
        # each record's own, in its order, instead of a few a second
        found["scan.watermark.emit.strategy"] = "on-event"
    return found


def _offsets(offsets: Mapping[int, int]) -> str:
    return ";".join(f"partition:{partition},offset:{offset}" for partition, offset in sorted(offsets.items()))


def judged_view(plan: Plan, call: str, *more: str) -> str:
    """Each record with what the event model says of it, asked once. `more`: columns of the records' table besides."""
    if has_header(plan):
        more = (*more, f"{_THE_HEADER} AS {HEADER_COLUMN}")
    columns = ", ".join([*PLACE, "`_value`", "`_now`", *more])
    return f"""CREATE TEMPORARY VIEW {JUDGED} AS SELECT {columns},
  {TIMESTAMP} AS `record_timestamp`,
  {call} AS `_event`
FROM {RECORDS}"""


JUDGE = "strict_event"

NO_FLOOR = -(2**63) + 1
"""Below every watermark."""


def call_of(plan: Plan, given: Options) -> str:
    """The call that judges a record by the event model."""
    return _call(plan, given, None)


def _call(plan: Plan, given: Options, timestamp: str | None) -> str:
    """`timestamp`: the record's, where the function is to guard against the future as well."""
    table = field_table(
        plan.event,
        max_bytes=plan.max_record_bytes,
        max_future_ms=None if timestamp is None else plan.max_future_ms,
        format=plan.format,
        registry=given.registry,
    )
    more = "" if timestamp is None else f", {timestamp}"
    if has_header(plan):
        more = f"{more or ', CAST(NULL AS BIGINT)'}, {_THE_HEADER}"
    return f"{JUDGE}({text(table)}, `_value`{more})"


def time_of_events(plan: Plan, given: Options, refusing: Sequence[Inline]) -> str:
    """The event time out of the columns of the records' table, 0 for records that are no events.

    Here the function guards against the future as well: it is called as seldom as can be.
    """
    call = _call(plan, given, None if plan.max_future_ms is None else _timestamp(plan, TIMESTAMP))
    time = f"COALESCE({call}.{named(plan.event.event_time.name)}, CAST(0 AS BIGINT))"
    for inline in refusing:
        time = f"CASE WHEN {inline.unknown(f'{call}.{named(inline.key)}')} THEN CAST(0 AS BIGINT) ELSE {time} END"
    return time


def looked_up_view(refusing: Sequence[Inline]) -> str:
    """Each record with, per dimension that makes dead letters, whether it has no row for it."""
    fields = "".join(f",\n  {each.unknown(f'`_event`.{named(each.key)}')} AS {each.name}" for each in refusing)
    return f"CREATE TEMPORARY VIEW {LOOKED_UP} AS SELECT *{fields}\nFROM {JUDGED}"


def read_view(plan: Plan, refusing: Sequence[Inline], *more: str) -> str:
    """Each record with the first reason, if any, why it is no event (semantics rules 2, 3 and 9), and the field."""
    reasons = _reasons(plan, refusing)
    if len(reasons) == 1:
        reason, field = "`_event`.`reason`", "`_event`.`field`"
    else:
        reason, field = (_first([(each[0], each[at]) for each in reasons]) for at in (1, 2))
    if has_header(plan):
        more = (*more, HEADER_COLUMN)
    columns = ", ".join([*PLACE, "`record_timestamp`", "`_value`", "`_now`", *more, "`_event`"])
    return f"""CREATE TEMPORARY VIEW {READ} AS SELECT {columns},
  {reason} AS `reason`,
  {field} AS `field`
FROM {LOOKED_UP if refusing else JUDGED}"""


def _reasons(plan: Plan, refusing: Sequence[Inline]) -> list[tuple[str, str, str]]:
    """Per reason in its order: its condition, its name, its field.

    The guard against the future comes last, and after that of dimensions, so it is no part of the function's work.
    """
    time, event = plan.event.event_time.name, "`_event`"
    found = [(f"{event}.`reason` IS NOT NULL", f"{event}.`reason`", f"{event}.`field`")]
    for inline in refusing:
        found.append((inline.name, "'unknown_dimension'", text(inline.key)))
    if plan.max_future_ms is not None:
        future = f"{event}.{named(time)} - {plan.max_future_ms} > {_timestamp(plan, '`record_timestamp`')}"
        found.append((future, "'future_event'", text(time)))
    return found


def _timestamp(plan: Plan, timestamp: str) -> str:
    clock_ms = plan.max_future_clock_ms
    return timestamp if clock_ms is None else f"COALESCE({timestamp}, {clock_ms})"


def _first(cases: Iterable[tuple[str, str]]) -> str:
    whens = "".join(f"\n    WHEN {condition} THEN CAST({value} AS STRING)" for condition, value in cases)
    return f"CASE{whens} END"


def events_view(columns: Iterable[str], *more: str) -> str:
    """The records that are events: these columns of them."""
    own = ", ".join([*PLACE, "`_now`", *more])
    fields = "".join(f",\n  `_event`.{named(name)} AS {named(name)}" for name in columns)
    return f"""CREATE TEMPORARY VIEW {EVENTS} AS SELECT {own}{fields}
FROM {READ} WHERE `reason` IS NULL"""


FIRST_SEEN = "first_seen"
IS_FIRST = "`_is_first`"
"""Whether a row is no duplicate."""


def _by_partition(numbers: Mapping[int, int], otherwise: int) -> str:
    whens = "".join(f" WHEN {number} THEN CAST({value} AS BIGINT)" for number, value in sorted(numbers.items()))
    return f"CASE `partition`{whens} ELSE CAST({otherwise} AS BIGINT) END"


def marked_view(plan: Plan, handover: Handover | None = None) -> str:
    """Each event with its partition's watermark (semantics rule 4).

    The row itself counts in the maximum, which no row's lateness can tell from the rule's, as long as bound + lateness
    is at least 1 ms: a row that is the newest one is late for no window. Rows come in offset order, so `_now`, the time
    of processing, keeps them; ordered by event time, late rows would be dropped.

    Where the pipeline removes duplicates, also whether the row is the first of its id (semantics rule 5), by a function
    that holds the row itself out of its watermark: an id would else be forgotten a row too early. An aggregate over the
    same rows leaves their order, their columns and their time attribute as they are, and is part of the same operator.

    Below where a lake's watermarks stand that is handed over, none falls.
    """
    time, bound_ms = named(plan.event.event_time.name), plan.out_of_orderness_ms
    over = """OVER (
    PARTITION BY `topic`, `partition` ORDER BY `_now`
    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
  )"""
    first = ""
    if plan.dedup_column is not None:
        span = f"CAST({bound_ms + plan.dedup_within_ms} AS BIGINT)"
        first = f",\n  {FIRST_SEEN}({named(plan.dedup_column)}, {time}, {span}) {over} AS {IS_FIRST}"
    watermark = f"MAX({time}) {over} - {bound_ms}"
    if handover is not None and handover.floors:
        watermark = f"GREATEST({watermark}, {_by_partition(handover.floors, NO_FLOOR)})"
    return f"""CREATE TEMPORARY VIEW {MARKED} AS SELECT *,
  {watermark} AS `_watermark`{first}
FROM {EVENTS}"""


def once(plan: Plan, given: Options) -> str:
    """What stands behind FROM for the marked events that are no duplicates, and count."""
    conditions = [] if plan.dedup_column is None else [IS_FIRST]
    conditions += counting(given)
    return f"{MARKED} WHERE {' AND '.join(conditions)}" if conditions else MARKED


def counting(given: Options) -> list[str]:
    """The condition of the records from which on a job counts, where it reads earlier ones; nothing where all do."""
    if given.handover is None or given.start == given.handover.pins:
        return []
    return [f"`offset` >= {_by_partition(given.handover.pins, 0)}"]
