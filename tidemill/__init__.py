"""What a pipeline file imports, in the project's tree and where Tidemill is installed alike."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataflow import (
        Dimension,
        EventTime,
        EventTimeMicros,
        EventTimeNanos,
        EventTimeSeconds,
        EventTimeText,
        KafkaHeader,
        KafkaKey,
        KafkaKeyField,
        KafkaTimestamp,
        KafkaTopic,
        Money,
        MoneyText,
        Pipeline,
        Rollup,
        avro,
        json,
        kafka,
        protobuf,
        webhook,
    )

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


def __getattr__(name: str) -> object:
    """A declaration, imported when one asks for it: commands without a pipeline start without pydantic."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import dataflow as declarations

    return getattr(declarations, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
