"""How long each table stays, how far it has left by now, and what holds it back."""

from dataflow.durations import to_text
from dataflow.spoken import moment
from doctor.finding import Finding, ok
from query.reader import LakeReader
from sinks.lake.catalog.left import left, seen
from sinks.lake.tables.definition import Definition
from sinks.lake.tables.finality import watermark_ms
from sinks.lake.upkeep.keeping import keeps_of, now_ms

CHECK = "retention"


def retention_finding(reader: LakeReader, definition: Definition) -> Finding:
    """One finding for all tables; none of it is a fault, since what may not leave yet only stays longer."""
    catalog = reader.resolver.catalog()
    keeps = keeps_of(definition)
    catalog.begin()
    try:
        # a lake that an earlier version made, and no run has opened since, keeps all and does not tell the latter
        gone, partitions = left(catalog.connection), seen(catalog.connection) if keeps else []
    finally:
        catalog.end()
    disorder = definition.out_of_orderness_ms
    marks = [mark for each in partitions if (mark := watermark_ms(each.max_event_time_ms, disorder)) is not None]
    told: list[str] = []
    details: dict[str, object] = {}
    for keep in keeps:
        known, reached = gone.get(keep.name), now_ms(partitions, disorder, keep.keep_ms)
        what = "nothing has left" if known is None else f"left up to {moment(known.before_ms)}"
        if reached is None:
            what += ", and nothing may before every source partition has had an event or was silent for so long"
        elif max(marks) - reached >= keep.keep_ms:
            what += f", held back by a source partition that stands at {moment(reached)}"
        told.append(f"{keep.name} stays for {to_text(keep.keep_ms)} ({what})")
        details[keep.name] = {
            "keep_ms": keep.keep_ms,
            "before_ms": None if known is None else known.before_ms,
            "counted_back_from_ms": reached,
        }
    names = {keep.name for keep in keeps}
    told += [
        f"{name} has left up to {moment(each.before_ms)} and stays from there on"
        for name, each in gone.items()
        if name not in names
    ]
    return ok(CHECK, "; ".join(told) or "everything stays for ever", tables=details)
