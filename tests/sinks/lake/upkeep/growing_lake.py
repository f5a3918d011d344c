"""A lake of one row per table and epoch that grows, and what each snapshot held when it was new."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from dataflow.pipeline.tables import tables_of
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.reader import open_readonly
from sinks.lake.upkeep.compact import CompactionReport, compact
from sinks.lake.upkeep.expire import Retention
from sinks.lake.writer import LakeWriter, commit
from tests.sinks.lake.reading import rows_of
from tests.sinks.lake.small import Clock, at, event_row, parcel, per_ad_row, small_plan, writer_for

PLAN = small_plan()


SPECS = tables_of(PLAN, events=True)


NOW = Retention(grace=timedelta(0))


TABLES = ("events", "per_ad_delta", "visits_delta", "ledger")


class Lake:
    """A lake of one row per table and epoch, and what each snapshot held when it was new."""

    def __init__(self, folder: Path, epochs: int) -> None:
        self.folder = folder
        self.clock = Clock()
        self.writer: LakeWriter = writer_for(folder, PLAN, clock=self.clock)
        self.end = 0
        self.grow(epochs)

    def grow(self, epochs: int) -> None:
        for _ in range(epochs):
            number = self.end
            session = {"window_start": at(number * 4000), "window_end": at(number * 4000 + 10_000)}
            visit = {"ad": "a", **session, "clicks": 1, "half_buckets": [], "half_counts": []}
            tables = {
                "events": [event_row(number)],
                "per_ad_delta": [per_ad_row("a", number // 8, 1, users=[number])],
                "visits_delta": [{**visit, "row_count": 1, "late_count": 0}],
            }
            self.end += 1
            commit(self.writer, [parcel(PLAN, 0, number, number + 1, tables=tables)], self.end)

    def content(self) -> dict[int, dict[str, list[dict[str, Any]]]]:
        """Rows per table at every snapshot."""
        with open_readonly(self.folder) as reader:
            numbers = [snapshot.id for snapshot in reader.snapshots() if snapshot.id >= 1]
        return {number: {name: rows_of(self.folder, name, number) for name in TABLES} for number in numbers}

    def compact(self, retention: Retention = NOW, **options: Any) -> CompactionReport:
        catalog = Catalog.open(self.folder)
        try:
            return compact(catalog, SPECS, clock=self.clock, retention=retention, **options)
        finally:
            catalog.close()

    def files(self, table: str) -> set[str]:
        return {path.name for path in self.folder.glob(f"main/{table}/*.parquet")}

    def listed(self, table: str) -> set[str]:
        with open_readonly(self.folder) as reader:
            number = reader.latest().id
            return {file.path.name for file in reader.files(reader.tables(number)[table], number)}
