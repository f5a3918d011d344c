"""The likely cause of dead letters, from the commonest reason, its field and one record of that kind."""

from collections.abc import Mapping

import msgspec

from dataflow.event.schema import EventSchema
from dataflow.formats.frame import json_body
from dataflow.losses.cause import Cause
from dataflow.losses.frame import frame_of
from dataflow.losses.missing import missing_cause
from dataflow.losses.time_unit import written_cause

_NO_OBJECT = ("invalid_utf8", "malformed", "not_object")
_OF_TIME = ("wrong_type", "constraint", "future_event")

_BY_REASON = {
    "tombstone": Cause(
        "the records have no value, as the deletions in a compacted topic",
        "look whether --topic names a topic of events; the deletions themselves may stay dead letters",
    ),
    "empty": Cause("the records have no bytes", "look at their producer; in files, remove the empty lines"),
    "too_large": Cause("the records are larger than the pipeline's max_record_bytes", "raise it in the pipeline file"),
    "unknown_schema": Cause(
        "the schema registry has no schema of the pipeline's format under the numbers that the records name",
        "look whether schema.registry.url names the registry that the producers use, and at the format that they write",
    ),
    "unknown_dimension": Cause(
        "the events name keys that the dimension's file lacks",
        'add the keys to the file and start again, or declare unknown="null" for the dimension',
    ),
    "future_event": Cause(
        "the events claim times that are further ahead of their record's timestamp than max_future",
        "look at the clock of the producers, or raise max_future in the pipeline file",
    ),
}


def dead_cause(schema: EventSchema | None, reason: str, field: str | None, value: bytes | None) -> Cause | None:
    """The likely cause; None if nothing tells one. `schema` is the event model's, None where it is not known."""
    if reason in _NO_OBJECT:
        return None if value is None else frame_of(value)
    record = None if value is None else _object(value)
    found: Cause | None = None
    if schema is not None and record is not None:
        if reason == "missing_field":
            found = missing_cause(schema, record)
        elif reason in _OF_TIME and field == schema.event_time.name:
            found = written_cause(schema.event_time, _at(record, schema.event_time.path))
    return found or _BY_REASON.get(reason)


def _object(value: bytes) -> Mapping[str, object] | None:
    try:
        found = msgspec.json.decode(json_body(value))
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return None
    return found if isinstance(found, Mapping) else None


def _at(record: Mapping[str, object], path: tuple[str, ...]) -> object:
    value: object = record
    for name in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value
