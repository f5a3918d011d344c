"""Quix Streams: two thresholds, told with each record that leaves one true; runs until it is ended."""

import argparse
import json
from pathlib import Path
from typing import Any

from quixstreams import Application
from quixstreams.dataframe.windows import Count

GRACE_MS = 65_000
"""Events up to 5 s out of order, and a minute more: as long as the pipeline takes them."""
FUTURE_MS = 300_000
"""An event that is further ahead of its record is none, as in the pipeline: it would close all windows."""


def read(value: bytes, _key: Any, timestamp: int, _headers: Any) -> dict[str, Any] | None:
    """The fields that the rules ask for; None of what is no event."""
    try:
        event = json.loads(value)
        found = {name: event[name] for name in ("event_id", "event_time", "event_type", "ad_id")}
    except (ValueError, KeyError, TypeError):
        return None
    if not isinstance(found["event_id"], str) or not isinstance(found["event_time"], int):
        return None
    return found if 0 <= found["event_time"] <= timestamp + FUTURE_MS else None


def told(rule: str) -> Any:
    """What makes an alert's value."""

    def make(value: Any, key: Any, _timestamp: int, _headers: Any) -> dict[str, Any]:
        name = key.decode() if isinstance(key, bytes) else key
        return {"rule": rule, "key": name, "window_ms": value["start"], "n": value["n"]}

    return make


def main() -> None:
    """Read a topic from its beginning."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--brokers", "--topic", "--alerts"):
        parser.add_argument(name, required=True)
    parser.add_argument("--work", type=Path, required=True)
    given = parser.parse_args()
    app = Application(
        broker_address=given.brokers,
        consumer_group=given.work.name,
        auto_offset_reset="earliest",
        state_dir=given.work / "state",
        loglevel="WARNING",
        commit_interval=1.0,
        producer_extra_config={"linger.ms": 0},
    )
    alerts = app.topic(given.alerts, key_serializer="str", value_serializer="json")
    frame = app.dataframe(app.topic(given.topic, value_deserializer="bytes", key_deserializer="bytes"))
    frame = frame.apply(read, metadata=True)
    frame = frame[frame.apply(lambda event: event is not None)]
    frame = frame.set_timestamp(lambda event, *_: event["event_time"])
    sampled = frame[frame.apply(lambda event: event["event_id"].endswith("00"))].group_by("event_id", name="sampled")
    clicks = frame[frame.apply(lambda event: event["event_type"] == "click")].group_by("ad_id", name="clicks")
    for rule, rows, window_ms, least in (("sampled", sampled, 10_000, 1), ("busy_ad", clicks, 60_000, 21)):
        counted = rows.tumbling_window(window_ms, grace_ms=GRACE_MS, name=rule).agg(n=Count()).current()
        counted = counted[counted["n"] >= least]
        counted.apply(told(rule), metadata=True).to_topic(alerts)
    app.run()


if __name__ == "__main__":
    main()
