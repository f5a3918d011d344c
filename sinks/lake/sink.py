"""The lake as a Bytewax sink: one part, so that its snapshot is a consistent cut over all workers."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from pathlib import Path

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from dataflow.messages import Parcel
from dataflow.pipeline.plan import Plan
from dataflow.pipeline.tables import tables_of
from sinks.lake.catalog.judged import judged
from sinks.lake.catalog.sqlite import told
from sinks.lake.commit_stats import CommitStats
from sinks.lake.fault import Fault, no_fault
from sinks.lake.manifest import State
from sinks.lake.tables.prepare import open_lake
from sinks.lake.writer import PART, LakeWriter


def open_writer(
    folder: Path,
    plan: Plan,
    *,
    lineage: str,
    clock: Callable[[], datetime],
    events: bool = True,
    on_commit: Callable[[CommitStats], None] | None = None,
    fault: Fault = no_fault,
) -> LakeWriter:
    """A writer on the lake of `plan` in `folder`, which is made where it is not there; to be resumed.

    `lineage` identifies the recovery store; `events`: keep accepted rows.
    """
    catalog = open_lake(folder, plan, clock(), events=events)
    writer = LakeWriter(
        catalog,
        tables_of(plan, events=events),
        pipeline=plan.name,
        lineage=lineage,
        clock=clock,
        on_commit=on_commit,
        fault=fault,
    )
    with told(catalog.path, catalog.busy_ms):
        has_judged = judged(catalog.connection)
    if plan.alerts or has_judged:
        # a pipeline that has and had no rules goes without all their kinds
        from sinks.lake.alerting import alerting

        writer.alerts = alerting(catalog, plan)
    return writer


class LakePart(StatefulSinkPartition[Parcel, State]):
    """Bytewax's calls, handed to a LakeWriter."""

    def __init__(self, writer: LakeWriter, guard: Callable[[], AbstractContextManager[None]] = nullcontext) -> None:
        self._writer = writer
        self._guard = guard

    def write_batch(self, values: list[Parcel]) -> None:
        """Buffer parcels; publish earlier epochs when a later one begins."""
        with self._guard():
            self._writer.write(values)

    def snapshot(self) -> State:
        """Stage the epoch's files; the state is all that is not published yet."""
        with self._guard():
            return self._writer.snapshot()

    def close(self) -> None:
        """Release the catalog. Publishes nothing: this also runs when the epoch is not durable."""
        self._writer.close()


class LakeSink(FixedPartitionedSink[Parcel, State]):
    """Items are ("lake", Parcel) with the epoch stamped.

    Building the part takes the lake over: any run before it is fenced out.
    """

    def __init__(
        self,
        open_writer: Callable[[], LakeWriter],
        guard: Callable[[], AbstractContextManager[None]] = nullcontext,
        resumed: Callable[[LakeWriter], None] = lambda _writer: None,
    ) -> None:
        """`open_writer()` opens the lake for writing; `guard()` surrounds everything that may raise.

        `resumed(writer)` is called once the lake stands where this run goes on.
        """
        self._open_writer = open_writer
        self._guard = guard
        self._told = resumed

    def list_parts(self) -> list[str]:
        """The single part."""
        return [PART]

    def part_fn(self, item_key: str) -> int:
        """Everything goes to the single part."""
        return 0

    def build_part(self, step_id: str, for_part: str, resume_state: State | None) -> LakePart:
        """Open (or make) the lake, take it over, and publish what the resumed epoch proves durable."""
        with self._guard():
            return LakePart(self._resumed(resume_state), self._guard)

    def _resumed(self, resume_state: State | None) -> LakeWriter:
        writer = self._open_writer()
        try:
            writer.resume(resume_state)
            self._told(writer)
        except BaseException:
            writer.close()
            raise
        return writer
