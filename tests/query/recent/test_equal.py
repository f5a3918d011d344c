"""Whatever happens to a lake, a reader that stays answers exactly as one that reads the files of the same snapshot."""

from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from query.reader import Bound, LakeReader
from query.recent import RecentReader, kept
from query.recent.keeper import Limits
from tests.query.lakes import T0
from tests.query.recent.growing import STEPS, Growing

QUESTIONS = (
    "SELECT * FROM per_ad ORDER BY ALL",
    "SELECT * FROM hours ORDER BY ALL",
    "SELECT * FROM hopping ORDER BY ALL",
    "SELECT * FROM mixed ORDER BY ALL",
    "SELECT * FROM visits ORDER BY ALL",
    "SELECT campaign_id, sum(n) AS n, sum(spend) AS spend, max(mean) AS mean FROM mixed GROUP BY ALL ORDER BY ALL",
    "SELECT window_start, people, middle FROM mixed ORDER BY ALL",
    "SELECT count(*) AS n, sum(clicks) AS clicks FROM per_ad JOIN hours ON per_ad.window_start = hours.window_start",
    "SELECT count(*) AS rows, sum(clicks) AS clicks FROM per_ad_delta",
    "SELECT (SELECT sum(n) FROM hopping) AS n, (SELECT count(*) FROM events) AS events",
    "SELECT CASE WHEN n > 2 THEN ads END AS ads FROM mixed ORDER BY ALL",
)


RANGED = ("per_ad", "hours", "hopping", "mixed")


def require_equal(cached: RecentReader, folder: Path, turn: int, minute: int) -> None:
    """A few of the questions in each turn, and one with a range that the files are chosen by."""
    held = cached.snapshot()
    with LakeReader(folder) as plain:
        there = plain.snapshot()
        assert held.id == there.id
        for sql in [QUESTIONS[(turn * 3 + more) % len(QUESTIONS)] for more in range(3)]:
            assert held.query(sql).equals(there.query(sql)), sql
        name = RANGED[turn % len(RANGED)]
        at_least = T0 + timedelta(minutes=minute)
        bounds = [Bound(f"{name}_delta", "window_start", at_least)]
        sql = f"SELECT * FROM {name} WHERE window_start >= $low ORDER BY ALL"
        low = {"low": at_least.replace(tzinfo=None)}
        found = held.query(sql, parameters=low, bounds=bounds)
        assert found.equals(there.query(sql, parameters=low, bounds=bounds)), sql


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables so small that all that happens to large ones happens to them."""
    for name, rows in {"TAIL_ROWS": 3, "MIDDLE_ROWS": 6, "MOST_DIRTY": 2, "BLOCK_RUNS": 2}.items():
        monkeypatch.setattr(kept, name, rows)


actions = st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 3)), min_size=3, max_size=8)


@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 10**6), steps=actions, small_memory=st.booleans())
@example(seed=1, steps=[(step, 1) for step in ("commit", *STEPS, "commit")], small_memory=False)
@example(seed=2, steps=[(step, 2) for step in ("commit", *STEPS[::-1], "commit")], small_memory=True)
def test_it_answers_as_the_files_do(seed: int, steps: list[tuple[str, int]], small_memory: bool) -> None:
    with TemporaryDirectory() as folder:
        lake = Growing(Path(folder) / "lake", seed)
        lake.commit()
        limits = Limits(most_bytes=1) if small_memory else Limits()
        with RecentReader(lake.folder, limits=limits, clock=lambda: lake.now) as cached:
            for turn, (step, rounds) in enumerate([*steps, *[("commit", 0)] * 4]):
                lake.do(step)
                for _ in range(rounds):
                    cached.tend()
                require_equal(cached, lake.folder, turn + seed, lake.minute - 30)
        lake.close()
