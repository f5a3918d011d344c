"""The likely cause of late events: another unit of time, a watermark from the future, or too much disorder."""

from dataflow.event.schema import EventSchema
from dataflow.losses.cause import Cause
from dataflow.losses.time_unit import other_unit, unit_cause
from dataflow.spoken import moment, span

BY_ROLLUP = "SELECT rollup, approx_quantile(late_by_ms, 0.99)::BIGINT AS late_by_ms FROM late_events GROUP BY rollup"

MUCH_MS = 3_600_000
"""Nobody's events come so late by disorder alone."""


def late_cause(schema: EventSchema | None, event_time_ms: int, newest_ms: int | None, late_by_ms: int) -> Cause:
    """The likely cause, from one late event: its time, the newest one before it in its source partition (None where
    that is not known), and by how much it was late for its last window.
    """
    found = None if schema is None else unit_cause(schema.event_time, event_time_ms)
    if found is not None:
        return found
    if schema is not None and newest_ms is not None and other_unit(schema.event_time, newest_ms) is not None:
        cause = unit_cause(schema.event_time, newest_ms)
        assert cause is not None
        return Cause(
            f"an event of another unit of time moved the watermark to {moment(newest_ms)}: {cause.what}",
            f"{cause.fix}; if it was one event alone, set max_future in the pipeline, which makes it a dead letter",
        )
    if late_by_ms > MUCH_MS and newest_ms is not None:
        return Cause(
            f"either an event from the future moved the watermark (one of {moment(newest_ms)} came before), or old "
            "records are sent again",
            "tidemill doctor names an event from the future by its offset, and max_future in the pipeline makes such "
            "events dead letters; old records belong into a lake of their own",
        )
    return Cause(
        f"events come further out of order than out_of_orderness and allowed_lateness allow (the example by "
        f"{span(late_by_ms)} too late)",
        f'see how late they are: tidemill query "{BY_ROLLUP}"; raise out_of_orderness or allowed_lateness in the '
        "pipeline file by so much, in a new lake",
    )
