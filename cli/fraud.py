"""`tidemill fraud`: a made-up ad stream with labelled fraud, as a file or into a Kafka topic."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import BrokersFlag, KafkaFlag, kafka_properties, settings_with_logs

if TYPE_CHECKING:
    from dataflow.sources.generator.fraud.stream import FraudStream

EVENTS, LABELS = "events.ndjson", "labels.csv"


def fraud(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help=f"Folder for {EVENTS} and {LABELS}.", show_default=False)
    ],
    minutes: Annotated[int, typer.Option(min=1, help="How long the stream is, in event time.")] = 120,
    rate: Annotated[float, typer.Option(min=0.1, help="Events of honest people per second, about.")] = 15.0,
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds, lengths, rates and start times: equal streams.")] = 0,
    start_time: Annotated[
        str | None, typer.Option(help="Its begin: RFC 3339, or ms since 1970 (default 2026-03-01T11:00:00Z).")
    ] = None,
    topic: Annotated[
        str | None, typer.Option(help=f"Write the events to this Kafka topic, instead of {EVENTS}.")
    ] = None,
    partitions: Annotated[
        int | None, typer.Option(min=1, help="Partitions of a topic that is made now (default 4).")
    ] = None,
    brokers: BrokersFlag = None,
    kafka: KafkaFlag = None,
) -> None:
    """Write an ad stream in which it is known which events are fraud, and the labels in a file of their own.

    Honest people are in it, click farms, clicks by a timer, clicks within milliseconds of an impression or of a
    conversion, conversions without a click, and slow drips. pipelines/fraud.py reads it. labels.csv has a line for
    each event that is fraud: its event_id, the kind, and the number of the scheme that it is part of.
    """
    from cli.produce import start_at_ms
    from dataflow.errors import ConfigError
    from dataflow.sources.generator.fraud.stream import START_MS, FraudStream

    for name in (LABELS,) if topic else (EVENTS, LABELS):
        if (folder / name).exists():
            raise ConfigError("DIR", str(folder), f"it has {name} already; name another folder, or remove it")
    begin_ms = START_MS if start_time is None else start_at_ms(start_time)
    stream = FraudStream(seed, begin_ms, minutes, rate)
    if topic is None:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / EVENTS).open("wb") as file:
            file.writelines(event.value + b"\n" for event in stream.events)
    else:
        stream = _fill(stream, topic, partitions, brokers, kafka)
        folder.mkdir(parents=True, exist_ok=True)
    labels = list(stream.labels())
    (folder / LABELS).write_text("".join(f"{line}\n" for line in labels), encoding="utf-8")
    where = folder / EVENTS if topic is None else f"topic {topic}"
    typer.echo(f"wrote {len(stream.events):,} records to {where}, and {len(labels) - 1:,} labels to {folder / LABELS}")


def _fill(
    stream: "FraudStream", topic: str, partitions: int | None, brokers: str | None, kafka: list[str] | None
) -> "FraudStream":
    """Write all records to the topic; the stream as it stands there."""
    from dataclasses import replace

    from deploy.topic_filler import TopicFiller, ensure_topic

    settings = settings_with_logs({"brokers": brokers, "topic": topic, "kafka": kafka_properties(kafka)})
    properties = settings.require_kafka()
    there = ensure_topic(settings.brokers, topic, partitions, properties)
    stream = replace(stream, partitions=there)
    filler = TopicFiller(
        settings.brokers, topic, stream, properties, progress=lambda _filled: None, stopping=lambda: False
    )
    filler.fill(len(stream.events), None)
    return stream
