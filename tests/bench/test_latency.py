"""A record's latency ends with the first answer that lies beyond its offset."""

import numpy as np
import pytest

from bench.latency import DELTA, Seen, as_markdown, commit_ms, latencies_ms, waited, waited_ms
from bench.measure import BenchError
from bench.stations import STATIONS


def records(offsets: list[int], times: list[float]) -> tuple[np.ndarray, np.ndarray]:
    return np.array(offsets, np.int64), np.array(times, np.float64)


def test_a_record_is_seen_when_the_end_lies_above_its_offset() -> None:
    seen: dict[str, Seen] = {"t/0": [(1, 100.0), (3, 250.0)]}
    assert latencies_ms({"t/0": records([0, 1, 2], [10, 20, 30])}, seen, 0).tolist() == [90, 230, 220]


def test_records_of_the_warm_up_do_not_count() -> None:
    seen: dict[str, Seen] = {"t/0": [(3, 5_000.0)], "t/1": [(1, 6_000.0)]}
    arrived = {"t/0": records([0, 2], [1_000, 4_500]), "t/1": records([0], [5_500])}
    assert sorted(latencies_ms(arrived, seen, 2).tolist()) == [500, 500]


def test_a_record_that_never_shows_is_an_error() -> None:
    with pytest.raises(BenchError, match="t/0: the lake never showed offset 5"):
        latencies_ms({"t/0": records([5], [0])}, {"t/0": [(5, 1.0)]}, 0)


def test_a_commit_takes_what_its_steps_take_at_the_mean() -> None:
    told = """# TYPE tidemill_commit_seconds histogram
tidemill_commit_seconds_bucket{le="0.001",step="stage"} 1.0
tidemill_commit_seconds_count{step="stage"} 4.0
tidemill_commit_seconds_sum{step="stage"} 0.02
tidemill_commit_seconds_count{step="publish"} 2.0
tidemill_commit_seconds_sum{step="publish"} 0.003
tidemill_commits_total 4.0
"""
    assert commit_ms(told) == pytest.approx({"stage": 5, "publish": 1.5})


def test_records_of_the_warm_up_wait_for_nothing_that_counts() -> None:
    commit = {"ends": {"t/0": 2}, "stage": [3_020.0, 3_024.0], "publish": [3_027.0, 3_029.0]}
    trace = {"polls": {"t/0": [[2, 3_012.0, 3_015.0]]}, "commits": [commit]}
    waits = waited_ms(trace, {"t/0": records([0, 1], [1_000, 3_010])}, 2)
    assert {name: each.tolist() for name, each in waits.items()} == {
        "read": [2],
        "delta": [3],
        "epoch": [5],
        "stage": [4],
        "recovery": [3],
        "publish": [2],
    }


def test_the_page_tells_epochs_stations_and_delta_rows() -> None:
    row = dict.fromkeys(("p50", "p90", "p99", "max", "query", "stage", "publish", "publish_p50"), 1.0)
    epoch = {**row, **{waited(name): 2.0 for name in STATIONS}}
    told = as_markdown({"100": epoch, DELTA: {**row, "p50": 3.0}})
    assert "| 100 | 1.0 | 1.0 | 1.0 | 1.0 | 1.0 | 1.0 | 1.0 | 1.0 |" in told
    assert "| 100 | 2.0 | 2.0 | 2.0 | 2.0 | 2.0 | 2.0 | 2.0 |" in told
    assert told.endswith("| in the process | 3.0 | 1.0 | 1.0 |\n")
