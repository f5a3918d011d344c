"""Engines are compared over equal answers alone, and their events' ages by one measure."""

from pathlib import Path
from typing import cast

import numpy as np
import pytest

from bench.engines import HERE, JOBS, TOTALS, Bench, ratios
from bench.engines_feed import record, spread
from bench.engines_latency import Watched, latencies
from bench.engines_pipeline import Click
from bench.measure import BenchError, Summary
from flink.cluster.cluster import FlinkCluster
from flink.generate.generate import generate
from flink.generate.options import Options


def summary(name: str, rate: float, steady: float | None, cpu_s: float) -> Summary:
    return Summary(name, 5, 100, rate, rate, rate, steady, cpu_s, 300.0)


def test_ratios_say_what_the_first_has_over_each_other() -> None:
    here = summary("here", 300.0, 600.0, 1.0)
    assert ratios([here, summary("a", 100.0, 150.0, 4.0), summary("b", 150.0, None, 2.0)]).splitlines() == [
        "- here over a: 3.0 times, start and stop included, 4.0 times while running; 4.0 times less CPU time per event",
        "- here over b: 2.0 times, start and stop included; 2.0 times less CPU time per event",
    ]


def test_every_engine_can_say_the_pipelines() -> None:
    for name, jobs in JOBS.items():
        plan = Bench.plan(name)
        rollup, count = TOTALS[name]
        assert [each for each in plan.rollups if each.name == rollup for sum_ in each.aggregates if sum_.name == count]
        for asked in jobs:
            assert generate(plan, Options(form=asked.form, bounded=True, parallelism=asked.parallelism)).topics


def test_engines_that_count_differently_are_not_compared() -> None:
    bench = Bench("127.0.0.1:1", cast(FlinkCluster, None), Path(), 4)
    bench.agree("one", HERE, 10)
    bench.agree("two", "Flink", 11)
    with pytest.raises(BenchError, match=r"one: tidemill run, one worker has counted 10, Flink has counted 11"):
        bench.agree("one", "Flink", 11)


def test_an_event_is_seen_by_the_first_answer_that_counts_it() -> None:
    arrived = np.array([0.0, 10.0, 20.0, 30.0])
    found = latencies(Watched(arrived, ((1, 5.0), (3, 25.0), (4, 130.0))), warm_up_s=0)
    assert found == {"p50": 10.0, "p90": pytest.approx(74.5), "p99": pytest.approx(97.45), "max": 100.0, "events": 4.0}
    assert latencies(Watched(arrived, ((1, 5.0), (3, 25.0), (4, 130.0))), warm_up_s=0.02)["events"] == 2


def test_events_that_were_never_counted_are_told() -> None:
    with pytest.raises(BenchError, match="counted 3 of 4"):
        latencies(Watched(np.zeros(4), ((3, 25.0),)))
    with pytest.raises(BenchError, match="counted 0 of 4"):
        latencies(Watched(np.zeros(4), ()))


def test_the_feed_is_what_its_pipeline_takes() -> None:
    events = [Click.model_validate_json(each, strict=True) for each in spread(100, 7, 1_700_000_000_000, 60_000)]
    assert len({event.ad_id for event in events}) == 7
    times = [int(event.event_time) for event in events]
    assert times == sorted(times)
    assert (times[0], times[-1]) == (1_700_000_000_000, 1_700_000_059_400)
    assert 120 <= len(record(1, 1_700_000_000_000, 1, 1)) <= 160
