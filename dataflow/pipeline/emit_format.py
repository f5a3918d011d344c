"""The format of values that leave the lake, checked: JSON, or by a schema made of the columns and registered."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from dataflow.formats.avro import SchemaError
from dataflow.formats.avro_schema import avro_schema
from dataflow.formats.declared import Format
from dataflow.pipeline.checks import Mistakes
from dataflow.pipeline.targets import Kafka

if TYPE_CHECKING:
    from dataflow.pipeline.emit_plan import EmitPlan

AVRO, PROTOBUF = "avro", "protobuf"
REGISTERED = {AVRO: "Avro", PROTOBUF: "Protobuf"}
"""Formats whose schema goes to a registry, as they are spoken of."""


def check_format_name(mistakes: Mistakes, field: str, declared: object) -> None:
    """That `declared` is one of the formats in which things leave, with nothing that follows from the columns."""
    if not isinstance(declared, Format):
        mistakes.add(field, declared, "write json(), avro() or protobuf()")
    elif declared != Format(declared.name):
        what = f"write {declared.name}() with nothing in it"
        fix = f"the schema is made of the columns and registered as subject TOPIC-value; {what}"
        mistakes.add(field, f"{declared.name}(...)", fix)


def check_columns(mistakes: Mistakes, field: str, declared: object, columns: pa.Schema) -> None:
    """That the format has a name and a type for each of the columns."""
    if not isinstance(declared, Format) or declared.name not in REGISTERED:
        return
    try:
        if declared.name == AVRO:
            avro_schema("checked", "checked", columns)
        else:
            from dataflow.formats.protobuf_schema import MessageSchema

            MessageSchema("checked", "checked", columns).make()
    except SchemaError as error:
        mistakes.add(field, f"{declared.name}()", f"{error}; call the column otherwise, or write json()")


def check_subjects(mistakes: Mistakes, emits: Sequence["EmitPlan"]) -> None:
    """That a topic whose values are by a registered schema takes nothing else: subject TOPIC-value has one schema."""
    told = set()
    for each in emits:
        topic = each.target.topic if isinstance(each.target, Kafka) else None
        others = [
            other.name
            for other in emits
            if other is not each and isinstance(other.target, Kafka) and other.target.topic == topic
        ]
        if each.is_registered and others and topic not in told:
            told.add(topic)
            fix = f"{others[0]} goes to the same topic, and subject {topic}-value has one schema; name another topic"
            mistakes.add(each.field, f"kafka({topic!r})", fix)
