"""Rows in memory equal all rows merged at once, whatever is replaced, cleaned away or of one code."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow.alerts import totals
from dataflow.alerts.totals import SPARE_ROWS, Totals, key_codes
from dataflow.fold.merge import merge_rows
from dataflow.pipeline.tables import rollup_tables
from tests.dataflow.alerts.rules import clicks, delta

SPEC = rollup_tables(clicks().rollup)[0]
ROW = st.tuples(st.sampled_from(("a", "b", "ü", "", None)), st.integers(0, 3), st.integers(-1, 2), st.integers(0, 4))

ALL = {(10_000 * number, 10_000 * number + 10_000) for number in range(-1, 3)}


def merged(*batches: pa.Table) -> pa.Table:
    return merge_rows(SPEC, pa.concat_tables([SPEC.schema.empty_table(), *batches]))


def all_of(held: Totals) -> pa.Table:
    """Every key with what is known of it: asked for by rows that count nothing."""
    keys = merged(
        delta(*((user, ad, at, 0) for user in ("a", "b", "ü", "", None) for ad in range(4) for at in range(-1, 3)))
    )
    found = held.joined(keys).rows
    return found.filter(pa.array([count > 0 for count in found.column("row_count").to_pylist()], pa.bool_()))


def counted(rows: pa.Table) -> pa.Table:
    return rows.filter(pa.array([count > 0 for count in rows.column("row_count").to_pylist()], pa.bool_()))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(ROW, min_size=1, max_size=12), max_size=8), st.sampled_from((64, 2, 1)), st.booleans())
def test_what_is_held_is_the_sum_of_all_batches(batches: list[list[Any]], codes: int, cleans: bool) -> None:
    """With `codes` few, several keys have one code."""

    def coarse(rows: pa.Table, names: tuple[str, ...]) -> Any:
        return key_codes(rows, names) % np.uint64(codes) if codes < 64 else key_codes(rows, names)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(totals, "key_codes", coarse)
        held = Totals(SPEC)
        tables = [merged(delta(*batch)) for batch in batches]
        for at, table in enumerate(tables):
            joined = held.joined(table)
            known = merged(*tables[: at + 1])
            # what was asked for is there with all that was counted so far
            wanted = {tuple(row[name] for name in SPEC.keys) for row in table.to_pylist()}
            found = {tuple(row[name] for name in SPEC.keys): row for row in joined.rows.to_pylist()}
            expected = {tuple(row[name] for name in SPEC.keys): row for row in known.to_pylist()}
            assert {key: found[key] for key in wanted} == {key: expected[key] for key in wanted}
            held.replace(joined)
            if cleans:
                held.clean(ALL)
        assert all_of(held).to_pylist() == counted(merged(*tables)).to_pylist()
        assert held.rows == merged(*tables).num_rows


def test_windows_that_are_over_are_forgotten() -> None:
    held = Totals(SPEC)
    held.replace(held.joined(merged(delta(("a", 1, 0, 2), ("a", 1, 1, 3), ("b", 1, 2, 4)))))
    held.clean({(20_000, 30_000)})
    assert held.rows == 1
    assert all_of(held).column("clicks").to_pylist() == [4]
    held.clean(set())
    assert (held.rows, held.held_rows) == (0, 0)
    held.replace(held.joined(merged(delta(("a", 1, 0, 5)))))
    assert all_of(held).column("clicks").to_pylist() == [5]


def test_rows_that_are_replaced_are_cleaned_away_once_they_are_many() -> None:
    held = Totals(SPEC)
    batch = merged(delta(*((None, ad, 0, 1) for ad in range(1000))))
    rounds = SPARE_ROWS // 1000 + 2
    for _ in range(rounds):
        held.replace(held.joined(batch))
        if held.is_full:
            held.clean(ALL)
    assert held.held_rows < SPARE_ROWS + 3_000
    assert held.rows == 1000
    assert set(held.joined(batch).rows.column("clicks").to_pylist()) == {rounds + 1}


def test_keys_that_differ_in_a_null_or_in_one_column_have_other_codes() -> None:
    rows = delta(("a", 1, 0, 1), (None, 1, 0, 1), ("", 1, 0, 1), ("a", 2, 0, 1), ("a", 1, 1, 1))
    assert len(set(key_codes(rows, SPEC.keys).tolist())) == 5
    longer = rows.set_column(4, "x", rows.column("window_end")).slice(0, 1)
    end = longer.schema.get_field_index("window_end")
    longer = longer.set_column(end, "window_end", rows.column("window_end").slice(4, 1))
    assert key_codes(longer, SPEC.keys)[0] not in key_codes(rows, SPEC.keys)
