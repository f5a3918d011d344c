"""Columns called like the lake's own, where the two never meet in one table"""

from pydantic import BaseModel, Field

from dataflow import EventTime, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.windows import session, tumble


class Event(BaseModel):
    """One line of the input."""

    event_time: EventTime
    value: str | None
    rollup: int
    watermark: int
    committed_at: str
    window_start: int
    is_final: bool
    row_count: int
    late_count: int
    read: int = 0
    late_by_ms: int = 0
    reason: str = ""
    timestamp: int = 0
    snapshot: int = 0
    event_offset: int = Field(alias="offset")
    event_partition: str = Field("none", alias="partition")


pipeline = Pipeline(
    name="names",
    event=Event,
    deduplicate_by="event_offset",
    deduplicate_within="1s",
    rollups=[
        Rollup(
            "per_value",
            keys=["value", "rollup", "watermark", "snapshot"],
            window=tumble("10ms"),
            where="window_start >= 0 AND event_offset < 100 AND reason = ''",
            aggregates={
                "n": agg.count(),
                "committed_at": agg.max("committed_at"),
                "late": agg.sum("late_count"),
                "partition": agg.min("event_partition"),
                "offset": agg.max("event_offset"),
            },
        ),
        Rollup(
            "visits",
            keys=["rollup", "committed_at"],
            window=session("5ms"),
            aggregates={"value": agg.count_distinct("value"), "watermark": agg.count(where="is_final")},
        ),
    ],
)
