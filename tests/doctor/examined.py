"""A pipeline whose lake, recovery folder and input are made by hand, to be examined by the doctor."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dataflow.messages import RollupCount
from dataflow.pipeline.load import load
from dataflow.pipeline.plan import Plan
from dataflow.pipeline.tables import tables_of
from dataflow.rules import Rules
from doctor.examination import diagnose
from doctor.finding import Finding, Severity
from query.moment import to_ms
from runtime.recovery_folder import RecoveryFolder
from runtime.settings import Settings, load_settings
from sinks.lake.tables.prepare import open_lake
from sinks.lake.writer import LakeWriter
from tests.sinks.lake.small import parcel

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)

JOB = """
from pydantic import BaseModel
from dataflow import EventTime, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.windows import session, tumble

class Click(BaseModel):
    ad: str
    time: EventTime

pipeline = Pipeline("small", Click, [
    Rollup("per_ad", ["ad"], tumble("1m"), {"clicks": agg.count()}, allowed_lateness="10s"),
    Rollup("visits", ["ad"], session("10s"), {"clicks": agg.count()}),
], out_of_orderness="5s", idle_timeout="30s")
"""


def at(minute: int, second: int = 0) -> datetime:
    """So much after noon."""
    return NOON + timedelta(minutes=minute, seconds=second)


class World:
    """A pipeline file, an input folder, a recovery folder and a lake that was filled from it.

    Rollups in `absent` take no part in what is read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "job.py").write_text(JOB)
        self.absent: set[str] = set()
        (folder / "in").mkdir()
        self.settings: Settings = load_settings(
            {
                "pipeline": str(folder / "job.py"),
                "source": "files",
                "input": folder / "in",
                "lake": folder / "lake",
                "recovery": folder / "recovery",
            },
            {},
            folder,
        )
        self.plan: Plan = load(self.settings.pipeline)
        self.now = NOON
        self.recovery = RecoveryFolder(self.settings.recovery)
        lineage = self.recovery.create()
        catalog = open_lake(self.settings.lake, self.plan, NOON)
        specs = tables_of(self.plan, events=True)
        self.writer = LakeWriter(catalog, specs, pipeline=self.plan.name, lineage=lineage, clock=lambda: self.now)
        self.writer.resume(None)
        self.epoch = 0
        self.next: dict[str, int] = {}

    def read(
        self,
        partition: str,
        times: Sequence[datetime | None],
        *,
        ad: str = "a",
        finished: bool = False,
        final: bool = False,
        rules: Rules | None = None,
    ) -> None:
        """Commit events of these times (None: a dead letter), one record each; what is `final` is finished, too.

        The ledger's line tells `rules`, or none, as one of an earlier version.
        """
        if self.settings.source == "files":
            (self.folder / "in" / f"{partition}.ndjson").touch()
        start = self.next.get(partition, 0)
        self.next[partition] = start + len(times)
        self.epoch += 1
        events, deltas = [], []
        for offset, time in enumerate(times, start):
            if time is None:
                continue
            at = to_ms(time)
            events.append({"partition": partition, "offset": offset, "ad": ad, "time": at})
            begin = time.replace(second=0, microsecond=0, tzinfo=None)
            minute = {"window_start": begin, "window_end": begin + timedelta(minutes=1)}
            deltas.append({"ad": ad, **minute, "clicks": 1, "row_count": 1, "late_count": 0})
        valid = [to_ms(time) for time in times if time is not None]
        dead = len(times) - len(valid)
        self.writer.write(
            [
                parcel(
                    self.plan,
                    self.epoch,
                    start,
                    start + len(times),
                    partition=partition,
                    tables={"events": events, "per_ad_delta": deltas},
                    topic=partition.rpartition("/")[0] or None,
                    accepted=len(valid),
                    dead=dead,
                    max_event_time=max(valid, default=None),
                    finished=finished or final,
                    final=final,
                    rules=rules,
                    rollups={
                        rollup.name: RollupCount(0, len(valid), 0)
                        for rollup in self.plan.rollups
                        if rollup.name not in self.absent
                    },
                )
            ]
        )
        self.writer.snapshot()
        # Bytewax has a state of each partition before the lake has its records
        self.recovery.write_seed({name: {"version": 1, "next": place} for name, place in self.next.items()})
        self.writer.publish_now()

    def use(self, **settings: Any) -> None:
        """Other settings."""
        self.settings = self.settings._replace(**settings)

    def after(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)

    def findings(self, **options: Any) -> dict[str, Finding]:
        """The examination, by check."""
        found = diagnose(self.settings, lambda: self.now, **options)
        assert len({finding.check for finding in found}) == len(found)
        for finding in found:
            assert (finding.fix is None) == (finding.severity is Severity.OK), finding
        return {finding.check: finding for finding in found}

    def delta_file(self) -> Path:
        """One data file of the rollup."""
        return sorted((self.settings.lake / "main" / "per_ad_delta").iterdir())[0]
