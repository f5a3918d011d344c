"""Bytewax as its own guide writes it: Kafka input, one Python object a record, its windowing, one worker."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import bytewax.operators as op
import bytewax.operators.windowing as win
from bytewax.connectors.kafka import KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.run import cli_main

from bench.peers.told import BOUND_MS, LATENESS_MS, WINDOW_MS, Progress, ask, write_rows

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Row = tuple[str, int, int, float]


class _Kept(StatelessSinkPartition[Row]):
    def __init__(self, rows: list[Row]) -> None:
        self._rows = rows

    def write_batch(self, items: list[Row]) -> None:
        self._rows.extend(items)


class _Rows(DynamicSink[Row]):
    def __init__(self, rows: list[Row]) -> None:
        self._rows = rows

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Kept:
        return _Kept(self._rows)


def main() -> None:
    """Read the topic to its end."""
    given = ask(__doc__)
    progress = Progress()
    rows: list[Row] = []

    def parsed(message: Any) -> tuple[str, dict[str, Any]]:
        progress.saw(1)
        event = json.loads(message.value)
        return event["ad_id"], event

    def timed(event: dict[str, Any]) -> datetime:
        return EPOCH + timedelta(milliseconds=event["event_time"])

    def added(state: tuple[int, float], event: dict[str, Any]) -> tuple[int, float]:
        return state[0] + 1, state[1] + event["cost"]

    def merged(one: tuple[int, float], other: tuple[int, float]) -> tuple[int, float]:
        return one[0] + other[0], one[1] + other[1]

    def row(keyed: tuple[str, tuple[int, tuple[int, float]]]) -> Row:
        key, (window, (count, total)) = keyed
        return key, window * WINDOW_MS, count, total

    flow = Dataflow("peer")
    messages = op.input("kafka", flow, KafkaSource(given.brokers.split(","), [given.topic], tail=False))
    events = op.map("parse", messages, parsed)
    clock = win.EventClock(timed, timedelta(milliseconds=BOUND_MS + LATENESS_MS))
    windower = win.TumblingWindower(timedelta(milliseconds=WINDOW_MS), EPOCH)
    windows = win.fold_window("window", events, clock, windower, lambda: (0, 0.0), added, merged, ordered=False)
    op.output("out", op.map("row", windows.down, row), _Rows(rows))
    cli_main(flow, workers_per_process=1)
    write_rows(given.out, rows)
    progress.tell("bytewax")


if __name__ == "__main__":
    main()
