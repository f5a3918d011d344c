"""The lake of `bench.day`: real writer, compaction and readers under a clock that is made up."""

import copy
import shutil
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.stream_day import Fed, epoch_parcels, totals_of
from dataflow.pipeline.plan import Plan, make_plan
from dataflow.pipeline.tables import TableSpec, tables_of
from pipelines.ads import pipeline
from query.reader import LakeReader
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.tables.prepare import open_lake
from sinks.lake.upkeep.compact import CompactionReport, compact
from sinks.lake.upkeep.expire import Retention
from sinks.lake.writer import LakeWriter

EPOCH = timedelta(milliseconds=250)
COMPACT_EVERY = 120
"""Commits between two compactions: 30 s, as `tidemill run` does."""
COMMITS_PER_HOUR = 14_400
START = datetime(2026, 1, 1, tzinfo=UTC)


class SimulatedClock:
    """UTC time that moves on only when told to."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """The time now."""
        return self.now


class Day:
    """A lake in `folder`, its writer, and what has been fed into it so far: nothing, or `fed` in `epoch` epochs."""

    def __init__(self, folder: Path, epoch: int = 0, fed: Fed | None = None) -> None:
        self.folder = folder
        self.clock = SimulatedClock(START + epoch * EPOCH)
        self.plan: Plan = make_plan(pipeline, pipeline_folder())
        self.specs: list[TableSpec] = tables_of(self.plan, events=False)
        self.catalog = open_lake(folder, self.plan, self.clock(), events=False)
        self.writer = LakeWriter(
            self.catalog,
            self.specs,
            pipeline=self.plan.name,
            lineage="day",
            clock=self.clock,
        )
        self.writer.resume(None)
        self.fed = fed or Fed()
        self.epoch = epoch
        self._compacting = Catalog.open(folder)

    def close(self) -> None:
        """Close the writer and the compactor's catalog."""
        self.writer.close()
        self._compacting.close()

    def copied_to(self, folder: Path) -> "Day":
        """The same day in another folder, from where it goes on by itself; what waits is published first."""
        self.finish()
        # without what SQLite makes anew from the log beside it
        shutil.copytree(self.folder, folder, ignore=shutil.ignore_patterns("*-shm"))
        return Day(folder, self.epoch, copy.deepcopy(self.fed))

    def commit(self) -> float:
        """Feed one epoch, which publishes the one before it as a running pipeline does; seconds that it took."""
        self.epoch += 1
        self.clock.now += EPOCH
        parcels = epoch_parcels(self.plan, self.specs, self.epoch, self.clock.now, self.fed)
        started = time.perf_counter()
        self.writer.write(parcels)
        self.writer.snapshot()
        return time.perf_counter() - started

    def compact(self, retention: Retention | None = None) -> CompactionReport:
        """What `tidemill run` does beside the pipeline every 30 s, with its default retention unless told."""
        return compact(self._compacting, self.specs, clock=self.clock, retention=retention)

    def finish(self) -> None:
        """Publish the last epoch."""
        self.writer.publish_now()

    def require_exact(self) -> dict[str, int]:
        """The totals of every table and view; raises SystemExit when one is not what was fed."""
        with LakeReader(self.folder) as reader:
            found = totals_of(reader, self.plan)
        if found != self.fed.totals():
            raise SystemExit(f"the lake holds {found}, but {self.fed.totals()} was fed")
        return found


def pipeline_folder() -> Path:
    """Where the shipped pipeline's files are."""
    return Path(__file__).resolve().parent.parent / "pipelines"
