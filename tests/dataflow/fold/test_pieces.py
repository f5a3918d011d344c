"""Many windows a row in little memory: pieces of groups, and what is gathered of them."""

import subprocess
import sys
from itertools import chain, pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow.enrich.columns import Columns
from dataflow.enrich.lookup import Lookup
from dataflow.fold import pieces as made
from dataflow.fold.merge import merge_rows
from dataflow.fold.pieces import Gathered, pieces
from dataflow.fold.rollup import RollupFold, Times
from dataflow.pipeline.tables import rollup_tables
from tests.dataflow.hot_path import Row, batch_of, plan

ROOT = Path(__file__).parents[3]
PLAN = plan()
MANY = [rollup for rollup in PLAN.rollups if rollup.window.kind in ("hop", "cumulate")]


@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(1, 40)), min_size=1, max_size=60), st.integers(1, 50))
def test_every_group_is_in_one_piece_and_pieces_are_small(groups: list[tuple[int, int]], most: int) -> None:
    times, weights = (np.array(column, np.int64) for column in zip(*groups, strict=True))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(made, "PIECE_ROWS", most)
        found = [piece.tolist() for piece in pieces(times, weights)]
    assert sorted(chain.from_iterable(found)) == list(range(len(groups)))
    for before, after in pairwise(found):
        assert max(times[before]) <= min(times[after])
    for piece in found:
        assert piece == sorted(piece)
        assert weights[piece].sum() < most + weights[piece].max()


def _row(time: int, shop: str, member: bool) -> Row:
    nothing = dict.fromkeys(("event_id", "amount", "ratio", "cost", "day"))
    return {**nothing, "kind": "view", "shop": shop, "member": member, "event_time": time}


rows = st.lists(st.builds(_row, st.integers(-60, 60), st.sampled_from("abc"), st.booleans()), min_size=1, max_size=40)


@pytest.mark.parametrize("rollup", MANY, ids=[rollup.name for rollup in MANY])
@given(rows, st.lists(st.integers(-60, 60), min_size=40, max_size=40), st.integers(1, 12))
@settings(deadline=None, max_examples=12)
def test_pieces_give_what_all_at_once_gives(rollup: object, found: list[Row], watermarks: list[int], most: int) -> None:
    plan_ = next(each for each in MANY if each is rollup)
    columns = Columns(batch_of(found, PLAN.event.arrow), [Lookup(each) for each in PLAN.dimensions])
    times = Times(
        np.array([row["event_time"] for row in found], np.int64), np.array(watermarks[: len(found)], np.int64)
    )
    specs = {spec.name: spec for spec in rollup_tables(plan_)}

    def folded() -> tuple[dict[str, pa.Table], object, list[int]]:
        delta = RollupFold(plan_).fold(columns, times)
        tables = {name: merge_rows(specs[name], pa.Table.from_batches([it])) for name, it in delta.tables.items()}
        return tables, delta.count, delta.late_at.tolist()

    whole = folded()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(made, "PIECE_ROWS", most)
        parts = folded()
    assert parts[1:] == whole[1:]
    assert parts[0].keys() == whole[0].keys()
    for name, table in whole[0].items():
        assert parts[0][name].equals(table), name


def test_what_is_gathered_is_merged() -> None:
    (spec, *_) = rollup_tables(MANY[0])
    columns = Columns(batch_of([_row(5, "a", True)], PLAN.event.arrow), [Lookup(each) for each in PLAN.dimensions])
    one = RollupFold(MANY[0]).fold(columns, Times(np.array([5]), np.array([0]))).tables
    gathered = Gathered({spec.name: spec for spec in rollup_tables(MANY[0])})
    for _ in range(5):
        gathered.add(one)
    delta = gathered.tables()[spec.name]
    assert delta.num_rows == one[spec.name].num_rows
    assert set(delta.column("row_count").to_pylist()) == {5}


PEAK = """
import sys
import numpy as np, pyarrow as pa
from pydantic import BaseModel
from dataflow import EventTime, Pipeline, Rollup, aggregates as agg
from dataflow.decode.json.plain import json_decoder
from dataflow.enrich.columns import Columns
from dataflow.fold.merge import merge_rows
from dataflow.fold.rollup import RollupFold, Times
from dataflow.pipeline.plan import make_plan
from dataflow.pipeline.tables import rollup_tables
from dataflow.windows import hop, tumble

class Event(BaseModel):
    t: EventTime

window = eval(sys.argv[1])
rollup = Rollup("r", keys=[], window=window, aggregates={"n": agg.count(), "last": agg.max("t")})
plan = make_plan(Pipeline(name="p", event=Event, rollups=[rollup]), ".")
fold, (spec,) = RollupFold(plan.rollups[0]), rollup_tables(plan.rollups[0])
decoder = json_decoder(plan.event)
for start in range(0, 4_000, 2_000):
    times = 1_772_359_200_000 + (start + np.arange(2_000)) * 60_000
    batch = decoder.decode(pa.array([b'{"t":%d}' % time for time in times.tolist()], pa.binary())).events
    table = fold.fold(Columns(batch, []), Times(times, np.full(2_000, -(2**63)))).tables["r_delta"]
    merged = merge_rows(spec, pa.Table.from_batches([table]))
assert sum(merged.column("row_count").to_pylist()) == 2_000 * (window.size_ms // window.slide_ms)
print(next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def _peak_kib(window: str) -> int:
    done = subprocess.run([sys.executable, "-c", PEAK, window], cwd=ROOT, capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peaks are read from /proc")
def test_a_day_every_minute_takes_about_the_memory_of_a_day() -> None:
    """From records to merged rows; with all windows at once it took some 200 MiB more."""
    assert _peak_kib('hop("1d", every="1m")') <= _peak_kib('tumble("1d")') + 40 * 1024
