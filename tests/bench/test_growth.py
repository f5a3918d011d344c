"""Each point of a curve differs from the others in one thing, and its run counts what the exact rule counts."""

from pathlib import Path

import msgspec
import pytest

from bench.growth import CURVES, LATE_MS, PLAIN, QUICK, START_MS, Bench, Point, events, point, table
from bench.growth_pipeline import with_rollups
from bench.measure import BenchError, Summary
from dataflow.pipeline.load import load

COUNT = 2_000


def test_a_point_differs_in_what_its_curve_is_about() -> None:
    assert point("keys", 7) == Point(keys=7)
    assert point("late", 5).topic == "-1000-4-5"
    assert point("rollups", 2).topic == point("keys", 1_000).topic
    assert point("keys", 7).pipeline == PLAIN


def test_every_pipeline_of_a_curve_is_there() -> None:
    for curve in (CURVES, QUICK):
        for count in curve["rollups"]:
            assert len(load(point("rollups", count).pipeline).rollups) == count
    assert [each.keys for each in with_rollups(3).rollups] == [["ad_id"], ["event_type"], []]


def test_so_many_events_of_a_hundred_are_late() -> None:
    times = [msgspec.json.decode(value)["event_time"] for value in events(10_000, 10, 20)]
    late = sum(at < START_MS + number * 60 - 1 for number, at in enumerate(times))
    assert late / 10_000 == pytest.approx(0.2, abs=0.02)
    assert min(times) >= START_MS - LATE_MS


def test_a_line_of_the_table_names_its_point() -> None:
    rows = [(1_000_000, Summary("a", 5, 100, 2.0, 1.0, 3.0, None, 1.5, 300.0))]
    assert table("keys", rows).splitlines()[2] == "| 1,000,000 | 2 | 1 - 3 |  | 1.50 | 300 |"


@pytest.mark.kafka
def test_a_run_with_late_events_counts_what_the_query_counts(kafka: str, tmp_path: Path) -> None:
    bench = Bench(kafka, tmp_path, COUNT)
    places = [Point(keys=5, partitions=2, late=20), Point(keys=5, partitions=2, late=20, rollups=2)]
    for place in places:
        bench.fill(place)
    assert bench.run(places[0]).events == COUNT
    bench._right[places[1].topic] += 1
    with pytest.raises(BenchError, match="events were counted, not"):
        bench.run(places[1])
