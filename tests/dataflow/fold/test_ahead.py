"""What some rollups have of rows that are looked at first is what the fold makes of them afterwards."""

from hypothesis import given
from hypothesis import strategies as st

from dataflow.fold.ahead import FoldAhead
from dataflow.messages import Parcel
from dataflow.pipeline.tables import rollup_tables
from tests.dataflow.fold.test_fold import merged, watermarked
from tests.dataflow.fold.test_later import FOLD, reads
from tests.dataflow.hot_path import ROWS, Row, plan

CHOSEN = plan().rollups[:2]
AHEAD = FoldAhead(plan(), {rollup.name for rollup in CHOSEN})


@given(st.lists(ROWS, min_size=1, max_size=8), st.lists(st.integers(1, 7)))
def test_what_is_folded_ahead_are_the_rows_of_its_rollups_and_no_others(rows: list[Row], cuts: list[int]) -> None:
    parts = [*reads(watermarked(rows), cuts), *reads(watermarked(rows), [], "t/1")]
    whole = [FOLD(part) for part in parts]
    found = [Parcel(whole[0].range, dict(tables)) for tables in AHEAD.tables(parts)]
    wanted = {spec.name for rollup in CHOSEN for spec in rollup_tables(rollup)}
    assert {name for parcel in found for name in parcel.tables} <= wanted
    for name in wanted:
        assert merged(found, name) == merged(whole, name)
