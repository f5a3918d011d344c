"""Bytes to windowed partials: what a pipeline file imports, and the parts that run it."""

from dataflow.event.fields import EventTime, EventTimeMicros, EventTimeNanos, EventTimeSeconds, EventTimeText, Money
from dataflow.pipeline.declaration import Dimension, Pipeline, Rollup

__all__ = [
    "Dimension",
    "EventTime",
    "EventTimeMicros",
    "EventTimeNanos",
    "EventTimeSeconds",
    "EventTimeText",
    "Money",
    "Pipeline",
    "Rollup",
]
