"""The product without Bytewax: decoder, judge, fold, lake and dump in one process, under any cuts.

A restart is a crash: what the epochs that were not snapshot had read is read again, and the lake's writer starts
from the last snapshot's state, as Bytewax would have it.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from dataflow.decode.decoder import decoder_for
from dataflow.enrich.joins import Joins, Kept, nothing_kept
from dataflow.fold.fold import Fold
from dataflow.intake.judge import Held, Judge
from dataflow.messages import POLL_SCHEMA, Judged, Parcel, Poll
from dataflow.pipeline.declaration import Pipeline
from dataflow.pipeline.plan import Plan, make_plan
from dataflow.pipeline.tables import tables_of
from dataflow.rules import Mark
from proof.dump import dump
from query.reader import LakeReader
from sinks.lake.alerting import alerting
from sinks.lake.tables.prepare import open_lake
from sinks.lake.writer import LakeWriter
from tests.model.spec import Record
from tests.model.streams import Cuts

NOW = datetime(2026, 1, 1, tzinfo=UTC)

Lost = Sequence[tuple[int, int]]
"""Offsets [start, end) of a source partition that are gone before they are read (semantics rule 14)."""


class _Partition:
    """One source partition's intake."""

    def __init__(
        self, plan: Plan, name: str, records: list[Record], folder: Path, marks: Sequence[Mark], kept: Kept
    ) -> None:
        self.plan = plan
        self.marks = marks
        self.kept = kept
        self.name = name
        self.topic = _topic_of(name)
        self.records = records
        self.lost: dict[int, int] = {}
        self.folder = folder
        self.decoder = decoder_for(plan)
        self.state: tuple[int, int, Any] = (0, 0, None)
        self.judge: Judge | None = None
        self.judged_by: dict[int, int] = {}
        self.start()

    def lose(self, lost: Lost) -> None:
        """These offsets are gone."""
        self.records = [each for each in self.records if not any(start <= each.offset < end for start, end in lost)]
        self.lost = dict(lost)

    def start(self) -> None:
        """Go on where the last snapshot was."""
        if self.judge is not None:
            self.judge.close()
        self.at, self.next, judge = self.state
        self.judge = Judge(
            self.plan,
            self.name,
            self.topic,
            folder=self.folder,
            state=judge,
            held=Held(self.marks, joins=Joins(self.plan, self.kept)),
        )

    def poll(self, count: int, rules: int = 0) -> list[Judged]:
        """Read and judge up to `count` records, by the rules of that number."""
        assert self.judge is not None
        taken = self.records[self.at : self.at + count]
        # what is gone is told with the first records behind it, or by itself
        start, behind = self.next, self.lost.get(self.next, self.next)
        border = min((each for each in self.lost if each > start), default=None)
        taken = [record for record in taken if border is None or record.offset < border]
        # what is read again after a crash is judged by the rules that hold then
        self.judged_by.update((record.offset, rules) for record in taken)
        self.at += len(taken)
        self.next = taken[-1].offset + 1 if taken else behind
        columns = [
            pa.array([record.offset for record in taken], pa.int64()),
            pa.array([record.timestamp for record in taken], pa.int64()),
            pa.array([record.value for record in taken], pa.binary()),
        ]
        records = pa.RecordBatch.from_arrays(columns, schema=POLL_SCHEMA)
        pieces = self.judge.pieces(Poll(records, start, self.next, lost=behind - start))
        return [self.judge.judge(piece, self.decoder.decode(piece.records.column("value"))) for piece in pieces]

    def read_on(self) -> bool:
        """Whether there is more to poll."""
        return self.at < len(self.records) or self.next in self.lost

    def heartbeat(self, *, finished: bool) -> Judged:
        """What the intake says once an epoch."""
        assert self.judge is not None
        return self.judge.nothing(self.next, finished=finished, final=finished)

    def snapshot(self) -> None:
        """The epoch ends here."""
        assert self.judge is not None
        self.state = (self.at, self.next, self.judge.snapshot())


class Product:
    """A run of a pipeline over in-memory source partitions into a lake under `folder`."""

    def __init__(
        self,
        pipeline: Pipeline,
        pipeline_folder: Path,
        partitions: dict[str, list[Record]],
        folder: Path,
        others: Sequence[Pipeline] = (),
        marks: Mapping[str, Sequence[Mark]] | None = None,
        kept: Kept = nothing_kept,
    ) -> None:
        """`others`: the same pipeline with other rules, for steps that change them; numbered from 1. `marks`: by source
        partition the rules that it goes by instead, as a replay does; `kept`: the dimension files that these name.
        """
        self.plans = [make_plan(each, pipeline_folder) for each in (pipeline, *others)]
        self.rules = 0
        self.plan = self.plans[0]
        self.folder = folder
        self.partitions = [
            _Partition(self.plan, name, records, folder / f"recovery-{number}", (marks or {}).get(name, ()), kept)
            for number, (name, records) in enumerate(partitions.items())
        ]
        self.kept = kept
        self.now = NOW
        self.epoch = 1
        self.workers = 1
        self.waiting: list[tuple[int, Judged]] = []
        self.sink_state: dict[str, Any] | None = None
        self.start()

    def lose(self, lost: Mapping[str, Lost]) -> None:
        """By source partition what is gone, before anything is read; each range begins behind a record, or at 0."""
        for partition in self.partitions:
            partition.lose(lost.get(partition.name, ()))

    def start(self) -> None:
        """Build all parts from the last snapshot."""
        catalog = open_lake(self.folder / "lake", self.plan, NOW, events=True)
        self.writer = LakeWriter(
            catalog, tables_of(self.plan, events=True), pipeline=self.plan.name, lineage="one", clock=lambda: self.now
        )
        self.writer.alerts = alerting(catalog, self.plan)
        self.writer.resume(self.sink_state)
        joins = Joins(self.plan, self.kept)
        self.folds = [Fold(self.plan, events=True, joins=joins) for _ in range(self.workers)]
        self.waiting = []
        for partition in self.partitions:
            partition.start()
        self.beat(finished=False)

    def beat(self, *, finished: bool) -> None:
        """Every source partition sends a heartbeat."""
        for number, partition in enumerate(self.partitions):
            self.waiting.append((number, partition.heartbeat(finished=finished)))

    def poll(self, number: int, count: int) -> None:
        """One source partition reads."""
        if number < len(self.partitions):
            self.waiting += [(number, judged) for judged in self.partitions[number].poll(count, self.rules)]

    def end_epoch(self, *, finished: bool = False) -> None:
        """Fold on each worker, hand over in the workers' order, snapshot everything."""
        parcels: list[Parcel] = []
        for worker in range(self.workers):
            for number, judged in self.waiting:
                if number % self.workers == worker:
                    parcels.append(self.folds[worker].fold(judged))
        for parcel in parcels:
            parcel.epoch = self.epoch
        self.writer.write(parcels)
        for partition in self.partitions:
            partition.snapshot()
        self.sink_state = self.writer.snapshot()
        self.epoch += 1
        self.waiting = []
        self.beat(finished=finished)

    def restart(self, workers: int) -> None:
        """Crash, and go on with another number of workers."""
        self.writer.close()
        self.workers = workers
        self.start()

    def change_rules(self, number: int) -> None:
        """Crash, and go on with other rules."""
        self.rules, self.plan = number, self.plans[number]
        for partition in self.partitions:
            partition.plan = self.plan
        self.restart(self.workers)

    def run(self, cuts: Cuts) -> None:
        """Take the steps of `cuts`, then read what is left, and end as --bounded --final does."""
        for what, number, count in cuts.steps:
            if what == "poll":
                self.poll(number, count)
            elif what == "epoch":
                self.end_epoch()
            elif what == "rules":
                self.change_rules(number)
            else:
                self.restart(number)
        for number, partition in enumerate(self.partitions):
            while partition.read_on():
                self.poll(number, 1_000_000)
        self.beat(finished=True)
        for _ in range(3):
            self.end_epoch(finished=True)
        self.close()

    def close(self) -> None:
        """Let go of the lake and of the partitions' memory, wherever it stands."""
        self.writer.close()
        for partition in self.partitions:
            assert partition.judge is not None
            partition.judge.close()

    def texts(self) -> dict[str, str]:
        """What dump writes: file name -> text."""
        target = self.folder / "dump"
        with LakeReader(self.folder / "lake") as reader:
            return {path.name: path.read_bytes().decode() for path in dump(reader.snapshot(), target)}


def _topic_of(partition: str) -> str | None:
    return partition.rpartition("/")[0] or None


def run(
    pipeline: Pipeline, pipeline_folder: Path, partitions: dict[str, list[Record]], folder: Path, cuts: Cuts
) -> dict[str, str]:
    """Run to the end and dump."""
    product = Product(pipeline, pipeline_folder, partitions, folder)
    product.run(cuts)
    return product.texts()
