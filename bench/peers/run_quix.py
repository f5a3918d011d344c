"""Quix Streams: JSON, its tumbling window with a grace period, rows once a partition's window is closed."""

from typing import Any

from quixstreams import Application
from quixstreams.dataframe.windows import Count, Sum

from bench.peers.told import BOUND_MS, LATENESS_MS, WINDOW_MS, Progress, ask, write_rows


def main() -> None:
    """Read the topic until so many records have been seen; its end is no thing that the library tells."""
    given = ask(__doc__)
    progress = Progress()
    rows: list[tuple[str, int, int, float]] = []
    app = Application(
        broker_address=given.brokers,
        consumer_group=given.work.name,
        auto_offset_reset="earliest",
        state_dir=given.work / "state",
        loglevel="WARNING",
    )

    def seen(_value: Any) -> None:
        progress.saw(1)
        if progress.records == given.records:
            app.stop()

    def kept(value: Any, key: Any, _timestamp: int, _headers: Any) -> None:
        rows.append((key, value["start"], value["count"], value["sum"]))

    frame = app.dataframe(app.topic(given.topic, value_deserializer="json", key_deserializer="str"))
    frame = frame.update(seen)
    window = frame.tumbling_window(WINDOW_MS, grace_ms=BOUND_MS + LATENESS_MS)
    closed = window.agg(count=Count(), sum=Sum(column="cost")).final(closing_strategy="partition")
    closed.update(kept, metadata=True)
    app.run()
    write_rows(given.out, rows)
    progress.tell("quixstreams")


if __name__ == "__main__":
    main()
