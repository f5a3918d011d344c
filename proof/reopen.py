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

    The generator's stream begins when the pipeline was first started; that moment is worked out from a stored row.
    """
    from runtime.sources import open_source

    if settings.source != "generator":
        again = settings._replace(start="earliest", group=f"{settings.group}-check")
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
    from dataflow.sources.generator.adstream import AdStream

    assert isinstance(stream, AdStream)
    snapshot = reader.snapshot()
    for table in ("events", "dead_letters"):
        if table in snapshot.tables:
            rows = snapshot.query(
                f'SELECT "partition", "offset", record_timestamp AS at FROM {table} WHERE record_timestamp IS NOT NULL'
                ' ORDER BY "offset", "partition" LIMIT 1'
            ).to_pylist()
            for row in rows:
                number = int(row["partition"].rpartition("/")[2])
                return int(row["at"]) - int(replace(stream, start_ms=0).timestamps(number, row["offset"], 1)[0])
    raise LakeError(f"{reader.lake_dir} holds no row that tells when the generator's stream began; run it for a moment")
