"""Pathway: a table over the topic as it is, its tumbling windows by key with a cutoff, rows as it corrects them."""

from typing import Any

import pathway as pw

from bench.peers.told import BOUND_MS, LATENESS_MS, WINDOW_MS, Progress, ask, write_rows


def main() -> None:
    """Read the topic to the end it has at the start."""
    given = ask(__doc__)
    progress = Progress()
    current: dict[tuple[str, int], tuple[int, float]] = {}
    settings = {"bootstrap.servers": given.brokers, "group.id": given.work.name, "auto.offset.reset": "earliest"}
    schema = pw.schema_from_types(event_time=int, ad_id=str, cost=float)
    events = pw.io.kafka.read(settings, topic=given.topic, schema=schema, format="json", mode="static")
    windows = events.windowby(
        events.event_time,
        window=pw.temporal.tumbling(duration=WINDOW_MS),
        instance=events.ad_id,
        behavior=pw.temporal.common_behavior(cutoff=BOUND_MS + LATENESS_MS),
    )
    counted = windows.reduce(
        key=pw.this._pw_instance,
        window_ms=pw.this._pw_window_start,
        count=pw.reducers.count(),
        sum=pw.reducers.sum(pw.this.cost),
    )

    def changed(key: pw.Pointer[Any], row: dict[str, Any], time: int, is_addition: bool) -> None:
        at = row["key"], row["window_ms"]
        if is_addition:
            progress.saw(row["count"] - current.get(at, (0, 0.0))[0])
            current[at] = row["count"], row["sum"]

    pw.io.subscribe(counted, changed)
    progress.begins()
    pw.run(monitoring_level=pw.MonitoringLevel.NONE)
    write_rows(given.out, ((*at, *state) for at, state in current.items()))
    progress.tell("pathway")


if __name__ == "__main__":
    main()
