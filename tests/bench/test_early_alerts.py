"""An alert's latency is that of the event that raised it, from its first record, whoever tells it."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from bench.alert_peers import SETTINGS, quix_command, statements
from bench.alert_watch import Arrivals, LakeWatch, Told, alerted, event_of, latencies_ms, quantiles
from bench.early_alerts import as_markdown, line
from bench.measure import BenchError
from bench.names import early_alerts
from sinks.lake.catalog.sqlite import CATALOG_NAME


class Record:
    """A message of Kafka's client."""

    def __init__(self, value: bytes, at_ms: int, offset: int = 0) -> None:
        self._value, self._at_ms, self._offset = value, at_ms, offset

    def value(self) -> bytes:
        return self._value

    def timestamp(self) -> tuple[int, int]:
        return 2, self._at_ms

    def topic(self) -> str:
        return "t"

    def partition(self) -> int:
        return 3

    def offset(self) -> int:
        return self._offset


def test_the_time_from_a_record_to_its_alert_counts_after_the_warm_up() -> None:
    records = {"a": 1_000.0, "b": 4_000.0, "c": 5_000.0}
    assert latencies_ms(records, {"a": 1_900.0, "b": 4_007.0, "x": 9.0}, 2.0).tolist() == [7.0]
    with pytest.raises(BenchError, match="no alert came"):
        latencies_ms(records, {"a": 1_900.0}, 2.0)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (b'{"event_id": "e-1200"}', "e-1200"),
        (b'{"event_id": "e-1201", "user_id": "u00"}', None),
        (b'{"event_id": "e-1200"', None),
        (b"[]", None),
    ],
)
def test_only_events_of_the_rule_are_looked_for(value: bytes, name: str | None) -> None:
    assert event_of(value) == name


def test_the_first_record_of_an_event_and_its_first_alert_count() -> None:
    arrivals, told = Arrivals(), Told()
    for offset, at_ms in ((5, 200), (6, 100), (7, 300)):
        arrivals.see(Record(b'{"event_id": "e-00"}', at_ms, offset))  # type: ignore[arg-type]
    assert (arrivals.at_ms, arrivals.places) == ({"e-00": 100.0}, {"e-00": ("t/3", 6)})
    for at_ms in (104, 250):
        told.see(Record(b'{"rule": "sampled", "key": "e-00"}', at_ms))  # type: ignore[arg-type]
    assert (told.records, told.at_ms) == (2, {"e-00": 104.0})
    assert line(arrivals, told.at_ms, 0.0) == {
        **dict.fromkeys(("p50", "p90", "p99", "max"), 4.0),
        "alerts": 1,
        "events": 1,
    }


def test_an_alert_names_its_event_whoever_told_it() -> None:
    assert alerted(b'{"rule": "sampled", "key": {"event_id": "e-00"}}') == "e-00"
    assert alerted(b'{"rule": "sampled", "key": "e-00"}') == "e-00"
    assert alerted(b'{"rule": "busy_ad", "key": "a"}') is None
    assert alerted(None) is None


def test_a_commit_is_seen_when_the_catalog_has_the_offset(tmp_path: Path) -> None:
    watch = LakeWatch(tmp_path)
    watch.start()
    with closing(sqlite3.connect(tmp_path / CATALOG_NAME, isolation_level=None)) as catalog:
        catalog.execute("PRAGMA journal_mode=WAL")
        catalog.execute('CREATE TABLE own_offset("partition" TEXT PRIMARY KEY, next INTEGER)')
        for end in (3, 7):
            catalog.execute("REPLACE INTO own_offset VALUES ('t/0', ?)", (end,))
            deadline = time.monotonic() + 30
            while watch.seen.get("t/0", [(0, 0.0)])[-1][0] != end and time.monotonic() < deadline:
                time.sleep(0.001)
        watch.stop()
    (_, first_ms), (_, second_ms) = watch.seen["t/0"]
    places = {"a": ("t/0", 2), "b": ("t/0", 3), "c": ("t/0", 7), "d": ("t/1", 0)}
    assert watch.moments(places) == {"a": first_ms, "b": second_ms}


def test_each_way_to_tell_an_alert_has_a_line() -> None:
    told = quantiles(np.arange(101.0))
    assert told == {"p50": 50.0, "p90": 90.0, "p99": 99.0, "max": 100.0}
    lines = as_markdown({early_alerts(250): told, "Flink SQL": told}).splitlines()
    names = ("Tidemill, told early, epochs of 250 ms", "Flink SQL")
    assert lines[2:] == [f"| {name} | 50.0 | 90.0 | 99.0 | 100.0 |" for name in names]


def test_the_peers_are_asked_for_the_same_without_anything_that_waits() -> None:
    *_, source, sink, job = statements("b:1", "events", "told")
    assert "'topic' = 'events'" in source
    assert "'topic' = 'told'" in sink
    assert "'properties.linger.ms' = '0'" in sink
    assert "LIKE '%00'" in job
    assert SETTINGS["execution.buffer-timeout.interval"] == "0 ms"
    assert list(quix_command("b:1", "events", "told", Path("work")))[2:] == [
        *("bench.peers.run_quix_alerts", "--brokers", "b:1", "--topic", "events", "--alerts", "told", "--work", "work")
    ]
