"""What a record waits for, station by station, comes to what it waited for on the whole."""

import numpy as np
import pytest

from bench.measure import BenchError
from bench.stations import STATIONS, Stations, published_ms, waits_ms

TRACE = {
    "polls": {"t/0": [[2, 12.0, 15.0], [3, 30.0, 31.0]]},
    "commits": [
        {"ends": {"t/0": 2}, "stage": [20.0, 24.0], "publish": [27.0, 29.0]},
        {"ends": {"t/1": 9}, "stage": [30.0, 31.0], "publish": [32.0, 33.0]},
        {"ends": {"t/0": 3}, "stage": [40.0, 41.0], "publish": [44.0, 47.0]},
    ],
}


def test_a_record_waits_at_each_station_for_what_took_it_on() -> None:
    waits = waits_ms(TRACE, "t/0", np.array([0, 1, 2]), np.array([10.0, 11.0, 16.0]))
    assert (*waits, "seen") == STATIONS
    told = {name: each.tolist() for name, each in waits.items()}
    assert told == {
        "read": [2, 1, 14],
        "delta": [3, 3, 1],
        "epoch": [5, 5, 9],
        "stage": [4, 4, 1],
        "recovery": [3, 3, 3],
        "publish": [2, 2, 3],
    }
    assert sum(waits.values()).tolist() == [29 - 10, 29 - 11, 47 - 16]  # type: ignore[union-attr]
    assert published_ms(TRACE).tolist() == [2, 1, 3]


def test_a_record_that_never_came_through_is_an_error() -> None:
    with pytest.raises(BenchError, match="t/0: offset 3 never came through the run"):
        waits_ms(TRACE, "t/0", np.array([3]), np.array([50.0]))


class Parts:
    """A clock that goes on by one with each look, and a run's parts as far as they are asked for."""

    def __init__(self) -> None:
        self.at = 0.0
        self.partition, self._partition, self.start, self.end = "t/0", "t/0", 0, 5
        self.epoch, self.ranges = 7, (self,)

    def now_ms(self) -> float:
        self.at += 1
        return self.at


def test_notes_are_taken_by_the_clock_and_change_nothing() -> None:
    parts = Parts()
    stations = Stations(parts.now_ms)
    assert stations._reading(lambda: "read", parts) == "read"
    assert stations._folding(lambda: "parcel", None, parts) == "parcel"
    assert stations._staging(lambda: {"epoch": 7}, None) == {"epoch": 7}
    assert stations._publishing(lambda: 3, None, parts) == 3
    trace = stations.trace()
    assert trace["polls"] == {"t/0": [(5, 1.0, 2.0)]}
    assert trace["commits"] == [{"ends": {"t/0": 5}, "stage": (3.0, 4.0), "publish": (5.0, 6.0)}]
