"""Delays of the change feed: the first event of each panel and snapshot, while they are counted."""

import asyncio
import json
import os
from pathlib import Path

import pytest

from bench.measure import BenchError
from bench.viewers import Viewer, measure, quantile, rss_mib
from tests.query.lakes import LakeMaker
from tests.serve.process import running
from tests.serve.served_lake import fill


def panel(name: str, number: int) -> bytes:
    return json.dumps({"panel": name, "snapshot": {"id": number, "time": "1970-01-01T00:00:01Z"}}).encode()


def test_the_first_event_of_each_panel_of_a_snapshot_counts() -> None:
    viewer = Viewer("http://127.0.0.1:1", [])
    viewer.take("panel", panel("a", 1), 1_050)
    viewer.is_counted = True
    for name, number, arrived in (("a", 1, 1_060), ("a", 2, 1_070), ("b", 2, 1_080), ("a", 2, 1_900)):
        viewer.take("panel", panel(name, number), arrived)
    assert viewer.delays_ms == [70, 80]


def test_a_problem_ends_the_measurement() -> None:
    with pytest.raises(BenchError, match="told a problem"):
        Viewer("http://127.0.0.1:1", []).take("problem", b"{}", 0)


def test_a_quantile_is_a_value_that_was_met() -> None:
    assert [quantile([3, 1, 2, 4], share) for share in (0.01, 0.5, 0.99, 1)] == [1, 2, 4, 4]


def test_memory_of_a_process_is_read() -> None:
    assert rss_mib(os.getpid()) > 1


def test_many_viewers_of_a_real_server_all_hear_of_what_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the status changes with the clock, so that it has something to tell without a commit
    monkeypatch.setattr("bench.viewers.WARM_UP_S", 0.0)
    with LakeMaker(tmp_path / "lake") as lake:
        fill(lake)
        with running(lake.folder, "--no-serve-sql") as (process, url):
            found = asyncio.run(measure(url, process.pid, 40, 15))
    assert len(found.delays_ms) == 40 * 4
    assert len(found.rss_mib) == 15
