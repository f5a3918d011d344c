"""A record's latency ends with the first answer that lies beyond its offset."""

import numpy as np
import pytest

from bench.latency import Seen, commit_ms, latencies_ms
from bench.measure import BenchError


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
