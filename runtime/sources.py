"""From settings to a source: the one place that knows them all."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from dataflow.durations import to_text
from dataflow.errors import ConfigError
from dataflow.pipeline.plan import Plan
from dataflow.sources.source import Source
from dataflow.spoken import counted, listed
from runtime.settings import Settings

if TYPE_CHECKING:
    from dataflow.sources.files.content_print import Known
    from dataflow.sources.kafka.direct.access import Access


def open_source(
    settings: Settings,
    plan: Plan,
    clock: Callable[[], datetime],
    stopping: Callable[[], bool] = lambda: False,
    *,
    known: "Mapping[str, Known | None] | None" = None,
) -> Source:
    """The source that `settings` name, cut to `settings.ranges`, opened far enough to know its partitions.

    `known`: what is known of files by source partition; without it, what lake and recovery folder of the settings say.
    `clock` paces the generator; once `stopping()` is true, nothing is waited for any longer than need be.
    Raises ConfigError or SourceError, before anything is read.
    """
    if settings.ranges is None:
        return _open_whole(settings, plan, clock, stopping, known)
    from dataflow.sources.files.content_print import known_of
    from dataflow.sources.ranged import RangedSource, read_ranges

    ranges = read_ranges(settings.ranges)
    told = {name: None if part.content is None else known_of(part.content) for name, part in ranges.items()}
    return RangedSource(_open_whole(settings, plan, clock, stopping, told), ranges)


def open_to_look(settings: Settings) -> Source:
    """The source that `settings` name, for who looks at its records before there is a pipeline, and leaves no trace.

    Of files, those of NDJSON alone: rows of Parquet become records by an event model. Raises what `open_source` does.
    """
    if settings.source == "files":
        from dataflow.sources.files.source import FilesSource

        return FilesSource(settings.require_input(), None)
    from dataflow.sources.kafka.source import KafkaSource

    return KafkaSource(settings.brokers, settings.topics, group=None, properties=settings.require_kafka())


def not_read(settings: Settings) -> str | None:
    """What lies in the folder of files and is not read, in words; None where everything is. Raises InputMissing."""
    from dataflow.sources.files.folder import look

    folder = settings.require_input()
    return look(folder).told(folder)


def copies(settings: Settings, source: Source) -> str | None:
    """Which of the files of `settings` are not read because all that they hold was read before, in words; or None."""
    if settings.source != "files":
        return None
    # with the libraries of all forms of files, which no other source waits for
    from dataflow.sources.files.source import FilesSource

    if not isinstance(source, FilesSource) or not source.copies:
        return None
    one = len(source.copies) == 1
    held = f"{counted(len(source.copies), 'file')} {'holds' if one else 'hold'} nothing but what was read before"
    return f"{held}, and {'is' if one else 'are'} not read again: {listed(source.copies)}"


def _open_whole(
    settings: Settings,
    plan: Plan,
    clock: Callable[[], datetime],
    stopping: Callable[[], bool],
    known: "Mapping[str, Known | None] | None",
) -> Source:
    if settings.source != "kafka":
        _require_no_record(settings.source, plan)
    if settings.source == "files":
        return _open_files(settings, plan, known)
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
    from dataflow.decode.decoder import beside_of
    from dataflow.sources.kafka.source import KafkaSource
    from sinks.lake.ended import was_read_to_end

    access = _direct_access(settings)
    source = KafkaSource(
        settings.brokers,
        replace(settings.topics, may_lack=partial(was_read_to_end, settings.lake)),
        group=settings.group,
        start=settings.start,
        properties=settings.require_kafka(),
        stopping=stopping,
    )
    # ranges are of what a lake has read before, so nothing more may be left out there
    if settings.accept_gap and settings.ranges is None:
        source.accept_gap()
    source.ask_for(beside_of(plan))
    if access is not None:
        source.fetch_directly(access)
    return source


def _direct_access(settings: Settings) -> "Access | None":
    """How brokers are reached where Tidemill fetches itself. Raises ConfigError where it cannot."""
    if settings.fetch != "direct":
        return None
    from dataflow.sources.kafka.direct.access import Access

    return Access.of(settings.require_kafka())


def require_record_times(source: str, plan: Plan) -> None:
    """Raises ConfigError where `max_future` would refuse nothing: records of files have no time that it counts from.

    Those of Kafka and of the generator have one. To read again what a lake has (audit, replay) it is no matter.
    """
    if source == "files" and plan.max_future_ms is not None and plan.max_future_clock_ms is None:
        raise ConfigError(
            "max_future",
            to_text(plan.max_future_ms),
            "counts from a record's timestamp, and records of files have none, so that no event would be refused; say "
            'in the pipeline file what it counts from there, like max_future_clock="2100-01-01T00:00:00Z", or leave '
            "max_future out",
        )


def _open_files(settings: Settings, plan: Plan, known: "Mapping[str, Known | None] | None") -> Source:
    from dataflow.sources.files.source import FilesSource
    from runtime.known_files import known_files
    from runtime.recovery_folder import RecoveryFolder

    return FilesSource(
        settings.require_input(),
        plan.event,
        whole=settings.bounded,
        known=known_files(settings.lake, RecoveryFolder(settings.recovery)) if known is None else known,
        max_record_bytes=plan.max_record_bytes,
    )


def _require_no_record(source: str, plan: Plan) -> None:
    """Raises ConfigError where a field must come from a Kafka record, of which this source has none."""
    for leaf in plan.event.fields:
        if leaf.record is not None and leaf.required and not leaf.null_ok:
            fix = (
                f"field {leaf.name} is the {leaf.record.column} of a Kafka record, which {source} do not have; "
                "make it Optional or give it a default, or read from Kafka"
            )
            raise ConfigError("source", source, fix)
