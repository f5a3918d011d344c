"""One event of the stream, and what is known of it."""

import json
from dataclasses import dataclass

SECOND_MS = 1_000
MINUTE_MS = 60_000
ADS = 500
USERS = 50_000
"""Honest people have the lower half of the numbers; who defrauds has one of the upper half, in the same form."""


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody did at `at_ms`; `kind` and `scheme` say which fraud it is part of, None where it is honest.

    `scheme` numbers what one fraudster does: events of one scheme belong together.
    """

    at_ms: int
    event_type: str
    user: int
    ad: int
    kind: str | None = None
    scheme: int | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One record: its text as JSON, when it arrived (the record's timestamp), and its label, which the text lacks."""

    arrived_ms: int
    value: bytes
    event_id: str
    user: int
    kind: str | None
    scheme: int | None


def record(event_id: str, act: Act, heard_ms: int) -> bytes:
    """The JSON text. The event time is the ad server's, when it heard of it; the device has its own clock."""
    fields = {
        "event_id": event_id,
        "event_time": heard_ms,
        "device_ms": act.at_ms,
        "event_type": act.event_type,
        "user_id": f"user-{act.user:05d}",
        "ad_id": f"ad-{act.ad:04d}",
    }
    return json.dumps(fields, separators=(",", ":")).encode()
