"""What the lake itself remembers of a way out: how far it has come, and what a webhook did not take."""

from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from dataflow.pipeline.names import WEBHOOK_DEAD_LETTERS
from emit.position import Position
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.deliveries import deliveries, note_delivery
from sinks.lake.catalog.sqlite import told
from sinks.lake.fault import Fault, no_fault
from sinks.lake.files import write_file
from sinks.lake.names import SinkFile, sink_file_name, unique_name


class LakeLedger:
    """Of the way out `name`, which sends `source`, for run `incarnation` of `pipeline`; for one thread at a time."""

    def __init__(
        self,
        lake: Path,
        name: str,
        source: str,
        *,
        pipeline: str,
        incarnation: int,
        clock: Callable[[], datetime],
        fault: Fault = no_fault,
    ) -> None:
        self._lake = lake
        self._name, self._source = name, source
        self._pipeline, self._incarnation = pipeline, incarnation
        self._clock = clock
        self._fault = fault

    def position(self) -> Position | None:
        """How far it has come, as far as the lake knows; None where it has sent nothing yet."""
        with closing(Catalog.look(self._lake)) as catalog, told(catalog.path, catalog.busy_ms):
            known = deliveries(catalog.connection).get(self._name)
        return None if known is None else Position.of(known)

    def is_ours(self) -> bool:
        """Whether no other run has taken the lake over."""
        with closing(Catalog.look(self._lake)) as catalog:
            return catalog.incarnation(self._pipeline) == self._incarnation

    def remember(self, position: Position, dead: pa.Table | None = None) -> None:
        """In one transaction: the position, and the rows of table webhook_dead_letters that came on the way.

        Raises Fenced where another run has taken the lake over, and as a commit does.
        """
        with closing(Catalog.open(self._lake)) as catalog:
            files = []
            if dead is not None:
                layout = catalog.tables()[WEBHOOK_DEAD_LETTERS]
                name = sink_file_name(SinkFile(self._pipeline, 0, self._incarnation), unique_name())
                files.append(write_file(catalog.folder, layout, dead, name, fault=self._fault))
            with catalog.transaction() as connection:
                catalog.require_incarnation(self._pipeline, self._incarnation)
                if files:
                    catalog.append(files, self._clock(), message="webhook dead letters")
                note_delivery(connection, self._name, position.delivered(self._source))
            self._fault("after_remember")
