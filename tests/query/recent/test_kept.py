"""Rows in memory: merged, split into runs, joined again, let go of; the view over them stays the same."""

from pathlib import Path
from typing import Any

import pytest

from query.duck import duckdb
from query.engine import Engine
from query.recent import kept as module
from query.recent.kept import Kept, advanced, begun, extended, folded, shortened
from query.recent.shape import Shape, shape_of
from query.recent.store import Store
from query.resolve import Resolver
from sinks.lake.tables.definition import definition_of
from tests.query.lakes import LakeMaker

MINUTE_MS = 60_000


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(Engine(tmp_path))


@pytest.fixture
def shape(lake: LakeMaker) -> Shape:
    resolved = Resolver(lake.folder).resolve(None)
    rollup = definition_of(lake.plan).by_name["ad_clicks_1m"]
    delta = resolved.tables["ad_clicks_1m_delta"]
    found = shape_of(rollup, resolved.views["ad_clicks_1m"].sql, delta, duckdb.connect())
    assert found is not None
    return found


def deltas(*minutes: int) -> str:
    starts = ", ".join(f"({minute * MINUTE_MS})" for minute in minutes)
    return (
        f"SELECT 'a' AS ad_id, epoch_ms(start) AS window_start, epoch_ms(start + {MINUTE_MS}) AS window_end,"
        " 1::BIGINT AS clicks, 1.5::DECIMAL(38,6) AS spend, 1::BIGINT AS row_count, 0::BIGINT AS late_count"
        f" FROM (VALUES {starts}) AS windows(start)"
    )


def shown(store: Store, kept: Kept) -> dict[int, int]:
    """Clicks by minute."""
    rows: list[Any] = store.cursor.execute(
        f"SELECT epoch_ms(window_start) // {MINUTE_MS}, clicks FROM ({kept.view_sql('0::HUGEINT', with_files=False)})"
    ).fetchall()
    assert len(dict(rows)) == len(rows)
    return dict(sorted(rows))


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, rows in {"TAIL_ROWS": 3, "MIDDLE_ROWS": 6, "MOST_DIRTY": 1, "BLOCK_RUNS": 2}.items():
        monkeypatch.setattr(module, name, rows)


def test_old_windows_become_runs_and_neighbours_are_joined(store: Store, shape: Shape) -> None:
    kept = begun(store, shape, 1, deltas(*range(10)), None)
    assert [run.table.rows for run in kept.runs] == [9]
    for number in range(2, 6):
        kept = folded(store, advanced(store, kept, number, deltas(*range(5 * number, 5 * number + 5))))
    assert shown(store, kept) == dict.fromkeys(range(30), 1)
    assert len(kept.runs) < 4
    lows = [run.low_ms for run in kept.runs]
    assert [run.high_ms for run in kept.runs] == [*lows[1:], kept.cut_ms]


def test_late_rows_are_merged_when_asked_and_by_and_by_into_their_runs(store: Store, shape: Shape) -> None:
    kept = begun(store, shape, 1, deltas(*range(10)), None)
    late = advanced(store, kept, 2, deltas(2))
    assert late.dirty == {2 * MINUTE_MS}
    assert shown(store, late)[2] == 2
    later = advanced(store, late, 3, deltas(2, 3))
    clean = folded(store, later)
    assert clean.dirty == frozenset()
    assert shown(store, clean) == {**dict.fromkeys(range(10), 1), 2: 3, 3: 2}
    # the former ones are what they were
    assert (shown(store, kept)[2], shown(store, late)[2]) == (1, 2)


def test_the_oldest_run_goes_and_comes_back(store: Store, shape: Shape) -> None:
    kept = begun(store, shape, 1, deltas(*range(10)), None)
    kept = advanced(store, kept, 2, deltas(1, 9))
    less = shortened(store, kept)
    assert less.border_ms == kept.runs[0].high_ms
    assert shown(store, less) == {9: 2}
    again = extended(store, less, deltas(*range(10), 1, 9), 4 * MINUTE_MS)
    assert shown(store, again) == {**dict.fromkeys(range(4, 10), 1), 9: 2}
    whole = extended(store, again, deltas(*range(10), 1, 9), None)
    assert shown(store, whole) == {**dict.fromkeys(range(10), 1), 1: 2, 9: 2}
    assert whole.rows == 11
