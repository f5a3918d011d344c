"""The unit of a number that is a time of our days, told by its size."""

from dataflow.event.fields import TimeUnit

OUR_DAYS_FROM_S, OUR_DAYS_TO_S = 946_684_800, 4_102_444_800
"""2000-01-01 to 2100-01-01: a time in there is meant; in another unit the same number lies far outside."""

PER_SECOND = {
    TimeUnit.SECONDS: 1,
    TimeUnit.MILLIS: 1_000,
    TimeUnit.MICROS: 1_000_000,
    TimeUnit.NANOS: 1_000_000_000,
}
"""How many of each unit a second has."""

NOUNS = {
    TimeUnit.SECONDS: "seconds",
    TimeUnit.MILLIS: "milliseconds",
    TimeUnit.MICROS: "microseconds",
    TimeUnit.NANOS: "nanoseconds",
}

DECLARED = {
    TimeUnit.SECONDS: "EventTimeSeconds",
    TimeUnit.MILLIS: "EventTime",
    TimeUnit.MICROS: "EventTimeMicros",
    TimeUnit.NANOS: "EventTimeNanos",
}
"""How a model declares the event time as an int of each unit."""


def unit_by_size(ticks: int) -> TimeUnit | None:
    """The unit in which `ticks` since 1970 lies between 2000 and 2100; None if there is none."""
    for unit, per_second in PER_SECOND.items():
        if OUR_DAYS_FROM_S * per_second <= ticks < OUR_DAYS_TO_S * per_second:
            return unit
    return None
