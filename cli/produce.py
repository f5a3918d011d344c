"""`tidemill produce`: fill a Kafka topic with the made-up ad stream."""

import signal
import sys
import time
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import BrokersFlag, KafkaFlag, TopicFlag, kafka_properties, settings_with_logs

if TYPE_CHECKING:
    from dataflow.sources.generator.adstream import AdStream
    from deploy.topic_filler import Filled

DEFAULT_RATE = 10_000.0


def produce(
    brokers: BrokersFlag = None,
    topic: TopicFlag = None,
    kafka: KafkaFlag = None,
    partitions: Annotated[
        int | None, typer.Option(min=1, help="Partitions of a topic that is made now (default 4).")
    ] = None,
    count: Annotated[int | None, typer.Option(min=1, help="Records to write; without it, until stopped.")] = None,
    rate: Annotated[
        float | None,
        typer.Option(min=0, help="Mean records per second; 0 = as fast as possible, the default with --count."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds and start times give equal records.")] = 0,
    start_time: Annotated[
        str | None, typer.Option(help="First event: RFC 3339, or ms since 1970 (default: so that the last is now).")
    ] = None,
    speed: Annotated[float, typer.Option(min=0.001, help="Event time runs so many times as fast as the clock.")] = 1.0,
    transactional: Annotated[bool, typer.Option("--transactional", help="Write in transactions.")] = False,
    abort_every: Annotated[
        int, typer.Option(min=0, help="Abort every Nth transaction, then write it again (0 = none).")
    ] = 0,
) -> None:
    """Write a seeded ad stream, as JSON records, to a topic; the topic is made when it is missing."""
    from dataflow.sources.generator.adstream import AdStream
    from deploy.topic_filler import TopicFiller, ensure_topic

    settings = settings_with_logs({"brokers": brokers, "topic": topic, "kafka": kafka_properties(kafka)})
    properties = settings.require_kafka()
    name = settings.require_topic()
    there = ensure_topic(settings.brokers, name, partitions, properties)
    if rate is None:
        rate = DEFAULT_RATE if count is None else 0.0
    # As fast as possible, a second of event time holds as many records as at the default rate.
    stream = AdStream(seed, there, (rate or DEFAULT_RATE) / speed, 0)
    if start_time is not None:
        stream = replace(stream, start_ms=start_at_ms(start_time))
    else:
        stream = _ending_now(stream, count if rate == 0 else None)
    stopper = _Stopper()
    filler = TopicFiller(
        settings.brokers,
        name,
        stream,
        properties,
        transactional_id=f"tidemill-produce-{name}-{seed}" if transactional or abort_every else None,
        abort_every=abort_every,
        progress=_Progress(name, count),
        stopping=lambda: stopper.asked,
    )
    _tell(filler.fill(count, None if rate == 0 else speed), f"{name} ({there} partitions)")


def _ending_now(stream: "AdStream", count: int | None) -> "AdStream":
    """The stream whose `count` records end now; without a count, the one that begins now."""
    now_ms = time.time_ns() // 1_000_000
    whole_ms = 0 if count is None else int(stream.timestamps(0, stream.counts(count)[0], 1)[0])
    return replace(stream, start_ms=now_ms - whole_ms)


def _tell(filled: "Filled", where: str) -> None:
    aborted = f", and {filled.aborted_records:,} aborted" if filled.aborted_records else ""
    typer.echo(
        f"wrote {filled.records:,} records{aborted} to {where}: "
        f"{filled.size_bytes / 1e6:,.1f} MB in {filled.seconds:.1f} s, {filled.records / filled.seconds:,.0f} records/s"
    )


class _Stopper:
    """Turns ^C and SIGTERM into a wish to stop."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)

    def _ask(self, number: int, frame: object) -> None:
        self.asked = True


class _Progress:
    """A line of progress on standard error: rewritten every half second on a terminal, every 10 s elsewhere."""

    def __init__(self, topic: str, count: int | None) -> None:
        self._topic = topic
        self._of = "" if count is None else f" of {count:,}"
        self._terminal = sys.stderr.isatty()
        self._every_seconds = 0.5 if self._terminal else 10.0
        self._told_seconds = 0.0
        self._told_records = 0

    def __call__(self, filled: "Filled") -> None:
        passed = filled.seconds - self._told_seconds
        if passed < self._every_seconds:
            return
        rate = (filled.records - self._told_records) / passed
        self._told_seconds, self._told_records = filled.seconds, filled.records
        line = f"{self._topic}: {filled.records:,}{self._of} records, {rate:,.0f} records/s"
        print(f"\r{line:<78}" if self._terminal else line, end="\r" if self._terminal else "\n", file=sys.stderr)


def start_at_ms(text: str) -> int:
    """The time of --start-time as ms since 1970; raises ConfigError where it is neither of both forms."""
    from dataflow.errors import ConfigError
    from dataflow.event.fields import text_to_ms

    try:
        return text_to_ms(text)
    except ValueError:
        pass
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1000)
    except ValueError:
        fix = 'write RFC 3339 like "2026-01-31T00:00:00Z", or milliseconds since 1970'
        raise ConfigError("--start-time", text, fix) from None
