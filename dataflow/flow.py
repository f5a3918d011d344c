"""The whole graph. Left of the fold order matters and lives in the intake; right of it everything commutes."""

from collections.abc import Callable
from typing import TypeVar

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import FixedPartitionedSource
from bytewax.outputs import FixedPartitionedSink

from dataflow.intake.partition import State
from dataflow.messages import Judged, Parcel

SinkState = TypeVar("SinkState")

LAKE_PART = "lake"
"""The one part of the lake sink: its snapshot() is a consistent cut over all workers."""


def build(
    source: FixedPartitionedSource[Judged, State | None],
    fold: Callable[[Judged], Parcel],
    sink: FixedPartitionedSink[Parcel, SinkState],
) -> Dataflow:
    """Join the parts; `runtime/job.py` makes them.

    intake   polls, decodes and judges each source partition; a heartbeat per epoch
    fold     enriches, decides lateness per window, folds rows into partials per (key, window); where one worker does
             it all, few rows wait and are folded together at the epoch's end (`fold/later.py`)
    epoch    stamps each parcel with Bytewax's epoch, which the sink cannot see by itself
    lake     merges the epoch's partials, stages files, publishes once the epoch is durable
    """
    flow = Dataflow("tidemill")
    judged = op.input("intake", flow, source)
    parcels = op.map("fold", judged, fold)
    stamped = op.inspect_debug("epoch", parcels, _stamp)
    keyed = op.map("to_lake", stamped, _to_lake)
    op.output("lake", keyed, sink)
    return flow


def _stamp(_step_id: str, parcel: Parcel, epoch: int, _worker: int) -> None:
    parcel.epoch = epoch


def _to_lake(parcel: Parcel) -> tuple[str, Parcel]:
    return LAKE_PART, parcel
