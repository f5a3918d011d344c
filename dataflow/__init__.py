"""Bytes to windowed partials: what a pipeline file imports, and the parts that run it."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataflow.event.fields import (
        EventTime,
        EventTimeMicros,
        EventTimeNanos,
        EventTimeSeconds,
        Money,
        MoneyText,
    )
    from dataflow.event.record_part import KafkaHeader, KafkaKey, KafkaKeyField, KafkaTimestamp, KafkaTopic
    from dataflow.event.text_time import EventTimeText
    from dataflow.formats.declared import avro, json, protobuf
    from dataflow.pipeline.declaration import Dimension, Pipeline, Rollup
    from dataflow.pipeline.targets import kafka, webhook

__all__ = [
    "Dimension",
    "EventTime",
    "EventTimeMicros",
    "EventTimeNanos",
    "EventTimeSeconds",
    "EventTimeText",
    "KafkaHeader",
    "KafkaKey",
    "KafkaKeyField",
    "KafkaTimestamp",
    "KafkaTopic",
    "Money",
    "MoneyText",
    "Pipeline",
    "Rollup",
    "avro",
    "json",
    "kafka",
    "protobuf",
    "webhook",
]

_PLACES = {
    **dict.fromkeys(("Dimension", "Pipeline", "Rollup"), ".pipeline.declaration"),
    **dict.fromkeys(("avro", "json", "protobuf"), ".formats.declared"),
    **dict.fromkeys(("kafka", "webhook"), ".pipeline.targets"),
    "EventTimeText": ".event.text_time",
    **dict.fromkeys(("KafkaHeader", "KafkaKey", "KafkaKeyField", "KafkaTimestamp", "KafkaTopic"), ".event.record_part"),
}


def __getattr__(name: str) -> object:
    """A name of a pipeline file, imported when one asks for it: commands without a pipeline start without pydantic."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    place = _PLACES.get(name, ".event.fields")
    module = import_module(place, __name__)
    found: object = getattr(module, name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
