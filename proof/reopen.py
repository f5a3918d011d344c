"""Reading a lake's own source once more, for the commands that compare the two."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from dataflow.errors import LakeError

if TYPE_CHECKING:
    from dataflow.pipeline.plan import Plan
    from dataflow.sources.files.content_print import Known
    from dataflow.sources.source import Source
    from query.reader import LakeReader
    from runtime.settings import Settings


def reopen(settings: "Settings", plan: "Plan", reader: "LakeReader", clock: Callable[[], datetime]) -> "Source":
    """The source that filled the lake, from its oldest record on, without touching the pipeline's consumer group.

    Where several did, all that the settings name: files by `input`, topics of the lake once brokers or a topic are
    named; what is of the others is left out. The generator's stream begins when the pipeline was first started; that
    moment is worked out from a stored row.
    """
    from dataflow.sources.joined import JoinedSource
    from runtime.same_source import is_of

    others = [each for each in settings_of(settings, reader) if not is_of(settings, (each.source, each.topic))]
    first = _reopen(settings, plan, reader, clock)
    if not others:
        return first
    sources = [first]
    try:
        sources += [_reopen(each, plan, reader, clock) for each in others]
    except BaseException:
        JoinedSource(sources).close()
        raise
    return JoinedSource(sources)


def settings_of(settings: "Settings", reader: "LakeReader") -> "list[Settings]":
    """Settings for each source of a lake that these settings name, in a stable order; these alone where it has one."""
    from runtime.same_source import Kept

    topics = dict(reader.resolver.catalog().connection.execute('SELECT "partition", topic FROM own_offset'))
    kept = Kept(settings.lake, settings.recovery, topics, None)
    origins = sorted({kept.origin(name) for name in topics})
    if len(origins) <= 1:
        return [settings]
    named = settings.source == "kafka" or {"brokers", "topic"} & settings.places.keys()
    found = []
    for kind, topic in origins:
        if kind == "files" and settings.input is not None:
            found.append(settings._replace(source="files"))
        elif (kind == "kafka" and named) or (kind == "generator" and settings.source == "generator"):
            found.append(settings._replace(source="kafka" if topic else "generator", topic=topic or settings.topic))
    return found


def _reopen(settings: "Settings", plan: "Plan", reader: "LakeReader", clock: Callable[[], datetime]) -> "Source":
    from runtime.sources import open_source

    if settings.source != "generator":
        again = settings._replace(start="earliest", group=f"{settings.group}-check", accept_gap=False)
        return open_source(again, plan, clock, known=_known(reader))
    from dataflow.sources.generator.adstream import AdStream
    from dataflow.sources.generator.source import GeneratorSource

    stream = AdStream(settings.generator_seed, settings.generator_partitions, settings.generator_rate)
    started = replace(stream, start_ms=generator_start(stream, reader))
    return GeneratorSource(started, now_ms=lambda: 0, paced=False, total=None, seconds=None)


def _known(reader: "LakeReader") -> "dict[str, Known | None]":
    """What the lake says of the files that filled it."""
    from runtime.known_files import known_in
    from sinks.lake.catalog.contents import contents

    connection = reader.resolver.catalog().connection
    topics = dict(connection.execute('SELECT "partition", topic FROM own_offset'))
    return known_in(topics, contents(connection))


def generator_start(stream: object, reader: "LakeReader") -> int:
    """When the generator's stream began, in ms, from one row of the lake. Raises LakeError if there is none."""
    from dataflow.sources.generator import NAME
    from dataflow.sources.generator.adstream import AdStream

    assert isinstance(stream, AdStream)
    snapshot = reader.snapshot()
    for table in ("events", "dead_letters"):
        if table in snapshot.tables:
            rows = snapshot.query(
                f'SELECT "partition", "offset", record_timestamp AS at FROM {table} WHERE record_timestamp IS NOT NULL'
                f" AND starts_with(\"partition\", '{NAME}/')"
                ' ORDER BY "offset", "partition" LIMIT 1'
            ).to_pylist()
            for row in rows:
                number = int(row["partition"].rpartition("/")[2])
                return int(row["at"]) - int(replace(stream, start_ms=0).timestamps(number, row["offset"], 1)[0])
    raise LakeError(f"{reader.lake_dir} holds no row that tells when the generator's stream began; run it for a moment")
