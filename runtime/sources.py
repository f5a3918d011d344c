"""From settings to a source: the one place that knows them all."""

from collections.abc import Callable
from datetime import datetime

from dataflow.pipeline.plan import Plan
from dataflow.sources.source import Source
from runtime.settings import Settings


def open_source(
    settings: Settings, plan: Plan, clock: Callable[[], datetime], stopping: Callable[[], bool] = lambda: False
) -> Source:
    """The source that `settings` name, cut to `settings.ranges`, opened far enough to know its partitions.

    `clock` paces the generator; once `stopping()` is true, nothing is waited for any longer than need be.
    Raises ConfigError or SourceError, before anything is read.
    """
    if settings.ranges is None:
        return _open_whole(settings, plan, clock, stopping)
    from dataflow.sources.ranged import RangedSource, read_ranges

    ranges = read_ranges(settings.ranges)
    return RangedSource(_open_whole(settings, plan, clock, stopping), ranges)


def open_to_look(settings: Settings) -> Source:
    """The source that `settings` name, for who looks at its records before there is a pipeline, and leaves no trace.

    Of files, those of NDJSON alone: rows of Parquet become records by an event model. Raises what `open_source` does.
    """
    if settings.source == "files":
        from dataflow.sources.files.source import FilesSource

        return FilesSource(settings.require_input(), None)
    from dataflow.sources.kafka.source import KafkaSource

    return KafkaSource(settings.brokers, [settings.topic], group=None, properties=settings.require_kafka())


def _open_whole(settings: Settings, plan: Plan, clock: Callable[[], datetime], stopping: Callable[[], bool]) -> Source:
    if settings.source == "files":
        from dataflow.sources.files.source import FilesSource

        return FilesSource(settings.require_input(), plan.event)
    if settings.source == "generator":
        from dataflow.sources.generator.adstream import AdStream
        from dataflow.sources.generator.source import GeneratorSource

        return GeneratorSource(
            AdStream(settings.generator_seed, settings.generator_partitions, settings.generator_rate),
            now_ms=lambda: int(clock().timestamp() * 1000),
            paced=settings.generator_paced,
            total=settings.generator_records,
            seconds=settings.generator_seconds,
        )
    from dataflow.sources.kafka.source import KafkaSource

    return KafkaSource(
        settings.brokers,
        [settings.topic],
        group=settings.group,
        start=settings.start,
        properties=settings.require_kafka(),
        stopping=stopping,
    )
