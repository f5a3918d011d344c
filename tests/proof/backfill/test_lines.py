"""The pieces of the ledger that a rollup has not seen."""

from pathlib import Path

import numpy as np
import pytest

from dataflow.messages import NEVER_MS
from proof.backfill import lines as module
from proof.backfill.lines import Lines, lines_without
from query.reader import LakeReader
from sinks.lake.catalog.backfills import Backfilled
from tests.proof.audited import pipeline
from tests.proof.backfill.worlds import grown, only


def pieces(*edges: tuple[int, int]) -> Lines:
    start, end = (np.array([edge[at] for edge in edges], np.int64) for at in (0, 1))
    same = end - start
    return Lines("t/0", "t", start, end, *[same] * 9)


def test_pieces_are_those_without_counts_in_order_with_the_times_around_them(tmp_path: Path) -> None:
    lake = grown(tmp_path, only("per_ad"), pipeline())
    with LakeReader(lake.lake) as reader:
        snapshot = reader.snapshot()
        assert lines_without(snapshot, "per_ad", ()) == []
        left, right = lines_without(snapshot, "moving", ())
        mark = Backfilled("left", 0, 12, None, None, 0, 0, 0, 0, 0)
        shorter, _ = lines_without(snapshot, "moving", [mark])
    assert (left.partition, right.partition, left.topic) == ("left", "right", None)
    assert left.start.tolist() == [0, 6, 12, 18]
    assert left.end.tolist() == [6, 12, 18, 24]
    assert left.newest_before.tolist() == [NEVER_MS, *left.newest[:-1].tolist()]
    assert (np.diff(left.newest) >= 0).all()
    assert shorter.start.tolist() == [12, 18]


def test_neighbours_stay_together_and_long_ones_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = pieces((0, 4), (4, 8), (10, 12), (12, 20))
    assert [(run.start[0], run.end[-1]) for run in lines.runs()] == [(0, 8), (10, 20)]
    assert list(pieces().runs()) == []
    monkeypatch.setattr(module, "CHUNK_ROWS", 5)
    assert [(each.start.tolist()) for each in pieces((0, 4), (4, 8), (8, 9), (9, 10)).chunks()] == [[0, 4], [8, 9]]
