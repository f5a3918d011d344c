"""What an epoch has counted and added up is what merging all of its rows with those before them gives."""

from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from dataflow import aggregates as agg
from dataflow.alerts.epoch_sums import EpochSums
from dataflow.alerts.judge import RuleJudge
from dataflow.alerts.telling import CHANGE
from dataflow.alerts.totals import Totals
from dataflow.fold.merge import merge_rows
from tests.dataflow.alerts.rules import Memory, clicks, delta

LINES = st.tuples(st.sampled_from(["u", "v", None]), st.integers(1, 2), st.integers(0, 2), st.integers(0, 3))
PARTS = st.lists(st.lists(LINES, min_size=1, max_size=6), min_size=1, max_size=5)


def judge() -> RuleJudge:
    rule = clicks()
    return RuleJudge(rule, Memory(rule))


def nothing_before(rows: pa.Table) -> Any:
    return Totals(judge().spec).known(rows)


def plain(rows: pa.Table) -> list[Any]:
    return sorted(list(map(str, row.values())) for row in rows.to_pylist())


@given(st.lists(LINES, max_size=6), PARTS)
def test_a_row_per_key_has_all_of_the_epoch_and_all_before(before: list[Any], parts: list[Any]) -> None:
    known, of = Totals(judge().spec), judge()
    held = merge_rows(of.spec, of.extended(delta(*before)))
    known.replace(known.joined(held))
    sums = EpochSums(of.spec, known.known)
    seen = [held]
    for part in parts:
        rows = of.extended(delta(*part))
        seen.append(rows)
        told = sums.joined(rows)
        assert told is not None
        told.validate(full=True)
        assert told.schema == of.spec.schema
        whole = merge_rows(of.spec, pa.concat_tables(seen))
        keys = {
            tuple(map(str, row)) for row in zip(*(rows.column(name).to_pylist() for name in of.spec.keys), strict=True)
        }
        places = list(zip(*(whole.column(name).to_pylist() for name in of.spec.keys), strict=True))
        touched = whole.filter(pa.array([tuple(map(str, place)) in keys for place in places], pa.bool_()))
        assert plain(told) == plain(touched)


def test_a_sum_beyond_64_bits_keeps_every_digit() -> None:
    of = judge()
    rows = of.extended(delta(("u", 1, 0, 1)))
    place = rows.schema.get_field_index("spend")
    for amount in ("99999999999999999999999999999999.000001", "-99999999999999999999999999999999.000001"):
        sums = EpochSums(of.spec, nothing_before)
        large = rows.set_column(place, rows.schema.field(place), pa.array([Decimal(amount)], rows.schema.types[place]))
        told = sums.joined(large)
        assert told is not None
        assert told.column("spend").to_pylist() == [Decimal(amount)]


def test_what_is_told_counts_for_the_rows_that_come_after() -> None:
    of = judge()
    sums = EpochSums(of.spec, nothing_before)
    told = sums.joined(of.extended(delta(("u", 1, 0, 1), ("v", 1, 0, 1))))
    assert told is not None
    sums.add(told, CHANGE, [told.column("user").to_pylist().index("v")])
    again = sums.joined(of.extended(delta(("v", 1, 0, 1), ("u", 1, 0, 1), ("v", 1, 0, 1))))
    assert again is not None
    found = dict(zip(again.column("user").to_pylist(), again.column(CHANGE).to_pylist(), strict=True))
    assert found == {"u": 0, "v": 1}
    assert sorted(again.column("clicks").to_pylist()) == [2, 3]


def test_where_keys_cannot_be_told_apart_nothing_is_joined() -> None:
    of = judge()
    assert EpochSums(of.spec, lambda _: None).joined(of.extended(delta(("u", 1, 0, 1)))) is None


def test_counts_and_exact_sums_fit_and_nothing_else() -> None:
    assert EpochSums.fits(judge().spec)
    rule = clicks(aggregates={"clicks": agg.count(), "low": agg.min("cost")})
    assert not EpochSums.fits(RuleJudge(rule, Memory(rule)).spec)
