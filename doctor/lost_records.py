"""How many of the newest records are dead, late or at an absurd time, and why most likely: what a run warns of, too."""

from dataclasses import dataclass

from dataflow.event.schema import EventSchema
from dataflow.losses.loss import KEPT_BYTES, DeadLetter, LateEvent, Loss, dead_loss, is_much, late_loss, time_loss
from dataflow.losses.time_unit import misread_spans, other_unit
from dataflow.messages import NEVER_MS
from dataflow.pipeline.names import DEAD_LETTERS, EVENTS, LATE_EVENTS, LEDGER
from dataflow.spoken import counted
from doctor.finding import Finding, error, ok, warning
from query.reader import LakeSnapshot
from query.times_ms import columns_in_ms, in_ms

CHECK = "records"
NEWEST_RECORDS = 1_000
"""The newest commits that hold so many records together, whole, are looked at; older ones may be mended already."""

_AMONG = "newest records"
_AUDIT = "tidemill audit compares the ledger with the tables"

_NEWEST = f"""WITH commits AS (SELECT committed_at AS told, sum("read") AS records FROM {LEDGER} GROUP BY ALL),
running AS (SELECT told, sum(records) OVER (ORDER BY told DESC) - records AS newer FROM commits),
newest AS (SELECT "partition", any_value(topic) AS topic, min(start_offset) AS first, sum("read")::BIGINT AS records,
  sum(dead)::BIGINT AS dead, sum(late)::BIGINT AS late, max(max_event_time) AS newest_ms FROM {LEDGER}
  WHERE "read" > 0 AND committed_at >= (SELECT min(told) FROM running WHERE newer < {NEWEST_RECORDS}) GROUP BY ALL)
"""
_OF_NEWEST = 'JOIN newest AS n ON t."partition" = n."partition" AND t."offset" >= n.first'


@dataclass(frozen=True, slots=True)
class _Part:
    """The newest records of one source partition, from offset `first` on."""

    name: str
    topic: str | None
    first: int
    read: int
    dead: int
    late: int
    newest_ms: int | None


def records_finding(snapshot: LakeSnapshot, schema: EventSchema | None, out_of_orderness_ms: int) -> Finding:
    """What became of the newest records. `schema` is the event model's, None where the file cannot be read.

    Dead letters of more than half of them are an error, other losses of more than a tenth a warning. Absurd times are
    looked for where the lake keeps its events.
    """
    parts = [
        _Part(**row)
        for row in snapshot.query(
            f'{_NEWEST} SELECT "partition" AS name, topic, first, records AS "read", dead, late, newest_ms FROM newest'
            " ORDER BY 1"
        ).to_pylist()
    ]
    read, dead, late = (sum(getattr(part, name) for part in parts) for name in ("read", "dead", "late"))
    counts = {"read": read, "dead": dead, "late": late}
    loss: Loss | None = None
    if is_much(dead, read):
        loss = _dead(snapshot, (dead, read), schema)
    elif is_much(late, read):
        loss = _late(snapshot, (late, read), schema, out_of_orderness_ms)
    elif schema is not None:
        loss = _misread(snapshot, parts, read, schema)
    if loss is None:
        told = f"of the newest {counted(read, 'record')} {dead:,} are dead letters and {late:,} late"
        if is_much(dead, read) or is_much(late, read):
            return warning(CHECK, f"{told}, and their tables have no row of them", _AUDIT, **counts)
        return ok(CHECK, told if read else "no record has been read yet", **counts)
    bad = error if loss.sort == "dead" and loss.lost * 2 > loss.of else warning
    return bad(CHECK, f"{loss.said}, {loss.like}", loss.cause.fix, **loss.facts())


def _dead(snapshot: LakeSnapshot, lost: tuple[int, int], schema: EventSchema | None) -> Loss | None:
    rows = snapshot.query(
        f"{_NEWEST} SELECT t.reason, t.field, count(*) AS n FROM {DEAD_LETTERS} AS t {_OF_NEWEST}"
        " GROUP BY ALL ORDER BY n DESC, 1, 2 LIMIT 1"
    ).to_pylist()
    if not rows:
        return None
    kind, commonest = (rows[0]["reason"], rows[0]["field"]), rows[0]["n"]
    example = snapshot.query(
        f'{_NEWEST} SELECT t.topic, t."partition", t."offset", t.value[1:{KEPT_BYTES}] AS value, t.message'
        f" FROM {DEAD_LETTERS} AS t {_OF_NEWEST} WHERE t.reason = ? AND t.field IS NOT DISTINCT FROM ?"
        ' ORDER BY t."offset" DESC, t."partition" LIMIT 1',
        parameters=list(kind),
    ).to_pylist()
    return dead_loss(lost, _AMONG, kind, commonest, DeadLetter(**example[0]), schema)


def _late(
    snapshot: LakeSnapshot, lost: tuple[int, int], schema: EventSchema | None, out_of_orderness_ms: int
) -> Loss | None:
    names = ["topic", "partition", "offset", "event_time", "watermark", "late_by_ms"]
    late = f"(SELECT {columns_in_ms(snapshot.tables[LATE_EVENTS], names)} FROM {LATE_EVENTS})"
    rows = snapshot.query(
        f'{_NEWEST} SELECT t.topic, t."partition", t."offset", t.event_time AS event_time_ms, t.watermark, t.late_by_ms'
        f' FROM {late} AS t {_OF_NEWEST} ORDER BY t.late_by_ms DESC, t."offset" DESC LIMIT 1'
    ).to_pylist()
    if not rows:
        return None
    watermark = rows[0].pop("watermark")
    newest_ms = None if watermark == NEVER_MS else watermark + out_of_orderness_ms
    return late_loss(lost, _AMONG, LateEvent(**rows[0], newest_ms=newest_ms), schema)


def _misread(snapshot: LakeSnapshot, parts: list[_Part], read: int, schema: EventSchema) -> Loss | None:
    time = schema.event_time
    if EVENTS not in snapshot.tables or snapshot.tables[EVENTS].column(time.name) is None:
        return None
    time_ms = in_ms(snapshot.tables[EVENTS], time.name)
    is_other = " OR ".join(f"({time_ms} >= {low} AND {time_ms} < {high})" for low, high in misread_spans(time))
    count, example = 0, None
    for part in parts:
        # the newest of a partition tells whether to look at all
        if part.newest_ms is None or other_unit(time, part.newest_ms) is None:
            continue
        row = snapshot.query(
            f'SELECT count(*) AS n, min("offset") AS first, arg_min({time_ms}, "offset") AS at_ms'
            f' FROM {EVENTS} WHERE "partition" = ? AND "offset" >= ? AND ({is_other})',
            parameters=[part.name, part.first],
        ).to_pylist()[0]
        count += row["n"]
        if row["n"] and example is None:
            example = LateEvent(part.topic, part.name, row["first"], row["at_ms"], None, 0)
    if example is None or not is_much(count, read):
        return None
    return time_loss((count, read), _AMONG, example, schema)
