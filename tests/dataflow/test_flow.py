"""The graph: its ids, which recovery folders know, and the epoch's way to the sink."""

from typing import Any

from bytewax.inputs import DynamicSource, StatelessSourcePartition
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import TestingSink, TestingSource, run_main

from dataflow.flow import LAKE_PART, build
from dataflow.messages import Judged, Parcel, Range


def fold(judged: Judged) -> Parcel:
    return Parcel(Range(judged.partition, judged.topic, judged.start, judged.end), {})


def run(count: int) -> list[tuple[str, Parcel]]:
    out: list[tuple[str, Parcel]] = []
    judged = [Judged("t/0", "t", at, at + 1) for at in range(count)]
    # stand-ins of Bytewax's own, which are no fixed partitions
    source: Any = TestingSource(judged)
    sink: Any = TestingSink(out)
    run_main(build(source, fold, sink))
    return out


def test_ids_that_recovery_folders_know_stay_as_they_are() -> None:
    class Source(DynamicSource[Any]):
        def build(self, *_: Any) -> StatelessSourcePartition[Any]:
            raise AssertionError

    class Sink(DynamicSink[Any]):
        def build(self, *_: Any) -> StatelessSinkPartition[Any]:
            raise AssertionError

    source: Any = Source()
    sink: Any = Sink()
    flow = build(source, fold, sink)
    assert flow.flow_id == "tidemill"
    assert [step.step_id for step in flow.substeps] == [
        f"tidemill.{name}" for name in ("intake", "fold", "epoch", "to_lake", "lake")
    ]
    assert LAKE_PART == "lake"


def test_every_parcel_comes_to_the_one_part_of_the_lake_with_its_epoch() -> None:
    found = run(3)
    assert [(part, parcel.range.start) for part, parcel in found] == [(LAKE_PART, at) for at in range(3)]
    epochs = [parcel.epoch for _, parcel in found]
    assert min(epochs) >= 1
    assert epochs == sorted(epochs)
