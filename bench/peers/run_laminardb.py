"""LaminarDB: a source over the topic with a watermark, a stream of tumbling windows, rows once a window is closed."""

import time

import laminardb

from bench.peers.told import BOUND_MS, LATENESS_MS, WINDOW_MS, Progress, ask, write_rows

STALLED_S = 30.0
POLL_MS = 100


def main() -> None:
    """Read the topic until all windows that are compared are closed, or no row comes any more."""
    given = ask(__doc__)
    progress = Progress()
    rows: list[tuple[str, int, int, float]] = []
    window = f"TUMBLE(event_time, INTERVAL '{WINDOW_MS // 1000}' SECOND)"
    connection = laminardb.open(":memory:")
    connection.execute(
        "CREATE SOURCE events (event_time BIGINT, ad_id VARCHAR, cost DOUBLE, WATERMARK FOR event_time AS "
        f"event_time - INTERVAL '{(BOUND_MS + LATENESS_MS) // 1000}' SECOND) WITH (connector = 'kafka', "
        f"'bootstrap.servers' = '{given.brokers}', 'topic' = '{given.topic}', 'group.id' = '{given.work.name}', "
        "'auto.offset.reset' = 'earliest', 'format' = 'json')"
    )
    connection.execute(
        f"CREATE STREAM windows AS SELECT ad_id, {window} AS at, count(*) AS n, sum(cost) AS spend "
        f"FROM events GROUP BY ad_id, {window} EMIT ON WINDOW CLOSE"
    )
    subscription = connection.subscribe_stream("windows")
    progress.begins()
    connection.start()
    last_s = time.monotonic()
    counted = 0
    while counted < given.compared and time.monotonic() - last_s < STALLED_S:
        try:
            batch = subscription.next_timeout(POLL_MS)
        except laminardb.SubscriptionError:  # nothing in this time
            continue
        if batch is None:
            continue
        last_s = time.monotonic()
        closed = batch.fetchall()
        progress.saw(sum(count for *_, count, _ in closed))
        counted += sum(count for window_ms, *_, count, _ in closed if window_ms < given.end_ms)
        rows += [(key, window_ms, count, total) for window_ms, _, key, _, count, total in closed]
    write_rows(given.out, rows)
    if counted == given.compared:
        # those whose windows nothing closes, all read but for the last second of them
        progress.saw(given.records - progress.records)
    progress.tell("laminardb")
    connection.close()


if __name__ == "__main__":
    main()
