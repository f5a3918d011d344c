"""A lake of the small pipeline in which other clients work, too."""

import sqlite3
from datetime import timedelta
from pathlib import Path

from dataflow.pipeline.tables import tables_of
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.upkeep.compact import CompactionReport, compact
from sinks.lake.upkeep.expire import Retention
from sinks.lake.writer import commit
from tests.ducklake_client import ducklake_query
from tests.sinks.lake.small import Clock, event_row, parcel, per_ad_row, small_plan, writer_for

PLAN = small_plan()
SPECS = tables_of(PLAN, events=True)
ROWS = 7


class Lake:
    """A lake that is written epoch by epoch, each with a writer of its own: every epoch is a start of the pipeline."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = Clock()
        self.epoch = 0

    def run(self, epochs: int = 1) -> None:
        writer = writer_for(self.folder, PLAN, clock=self.clock, lineage=f"store-{self.epoch}")
        for _ in range(epochs):
            self.epoch += 1
            start = (self.epoch - 1) * ROWS
            rows = {
                "events": [event_row(offset) for offset in range(start, start + ROWS)],
                "per_ad_delta": [per_ad_row("a", 1, self.epoch), per_ad_row("b", 1, self.epoch + 100)],
            }
            commit(writer, [parcel(PLAN, 0, start, start + ROWS, tables=rows)], self.epoch)
        writer.close()

    def compact(self, **retention: timedelta) -> CompactionReport:
        catalog = Catalog.open(self.folder)
        try:
            return compact(catalog, SPECS, clock=self.clock, retention=Retention(**retention))
        finally:
            catalog.close()

    def clean(self) -> None:
        """Everything that removes anything, long after."""
        self.clock.now += timedelta(days=30)
        self.compact(grace=timedelta(0), orphan_age=timedelta(0))
        self.compact(grace=timedelta(0), orphan_age=timedelta(0))

    def theirs(self, *sqls: str) -> None:
        """What the official client does in it."""
        ducklake_query(self.folder, sqls, writable=True)

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        """Straight from the catalog."""
        with sqlite3.connect(self.folder / "catalog.sqlite") as connection:
            return connection.execute(sql).fetchall()


def clicks(epochs: int) -> int:
    """The clicks of so many epochs."""
    return sum(2 * epoch + 100 for epoch in range(1, epochs + 1))
