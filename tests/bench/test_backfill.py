"""Backfills are compared over equal answers alone, and the batch query goes by the exact rule."""

from collections import Counter
from pathlib import Path

import duckdb
import msgspec
import pytest

from bench.backfill import APART, BATCH, ONE, PROCESSES, TWO, Bench, added_up, events, facts, fill
from bench.backfill_batch import WINDOW_MS, query
from bench.measure import BenchError, Summary
from bench.peers.told import BOUND_MS, LATENESS_MS

COUNT, KEYS, FILES = 3_000, 7, 2


def by_hand() -> dict[tuple[str, int], int]:
    """Events in time per ad and minute, record by record."""
    counted: Counter[tuple[str, int]] = Counter()
    for file in range(FILES):
        newest: int | None = None
        for line in events(COUNT, KEYS, file, FILES):
            event = msgspec.json.decode(line)
            window_ms = event["event_time"] // WINDOW_MS * WINDOW_MS
            if newest is None or window_ms + WINDOW_MS - 1 + LATENESS_MS > newest - BOUND_MS:
                counted[event["ad_id"], window_ms] += 1
            newest = max(event["event_time"], newest or 0)
    return dict(counted)


def test_the_query_leaves_out_what_is_late_by_the_rows_before(tmp_path: Path) -> None:
    fill(tmp_path / "in", COUNT, KEYS, FILES)
    files = sorted((tmp_path / "in").iterdir())
    assert len(files) == FILES
    with duckdb.connect() as connection:
        rows = connection.execute(query(files)).fetchall()
    assert {(ad, window_ms): count for ad, window_ms, count, _ in rows} == by_hand()
    assert 0 < COUNT - sum(by_hand().values()) < COUNT / 50


def test_another_answer_ends_the_comparison(tmp_path: Path) -> None:
    bench = Bench(tmp_path, tmp_path, 1)
    bench.agree([("a", 0, 1, 2)])
    bench.agree([("a", 0, 1, 2)])
    with pytest.raises(BenchError, match="2 groups are not those of the first answer"):
        bench.agree([("a", 0, 1, 3)])


def test_answers_over_half_of_the_files_each_add_up_to_that_over_all() -> None:
    assert added_up([[("a", 0, 1, 2), ("b", 0, 1, 1)], [("a", 0, 3, 4), ("a", 60, 1, 1)]]) == [
        ("a", 0, 4, 6),
        ("a", 60, 1, 1),
        ("b", 0, 1, 1),
    ]


def test_one_run_two_workers_and_two_runs_apart_agree(tmp_path: Path) -> None:
    fill(tmp_path / "in", COUNT, KEYS, FILES)
    bench = Bench(tmp_path / "in", tmp_path, COUNT)
    for sample in (bench.tidemill(()), bench.tidemill(("-w", "2")), bench.apart()):
        assert sample.events == COUNT
        assert sample.cpu_s > 0


def test_rates_are_held_against_one_worker_and_the_query() -> None:
    def summary(name: str, rate: float, steady: float | None) -> Summary:
        return Summary(name, 5, 100, rate, rate, rate, steady, 1.0, 300.0)

    told = facts(
        [
            summary(ONE, 2.0, 4.0),
            summary(TWO, 3.0, 7.0),
            summary(PROCESSES, 1.0, 6.0),
            summary(APART, 3.5, 8.0),
            summary(BATCH, 4.0, None),
        ]
    )
    assert told == {
        "-w 2 against one worker": "1.50",
        "two processes against one": "0.50",
        "two runs apart, which share nothing, against one: what the machine gives": "1.75",
        "-w 2 against the DuckDB query": "0.75",
        "one worker against the DuckDB query": "0.50",
        "while running, -w 2, two processes and two runs apart against one worker": "1.75, 1.50, 2.00",
    }
