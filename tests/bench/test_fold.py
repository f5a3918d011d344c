"""Rates are of all rows, for each number of keys; the memory is as large as its ids."""

from bench.engines_pipeline import one
from bench.fold import ROWS, batches, fold_rates, id_memory
from dataflow.fold.fold import Fold
from dataflow.pipeline.plan import make_plan


def test_batches_have_rows_that_the_fold_takes() -> None:
    (judged,) = batches(10, 1)
    parcel = Fold(make_plan(one, "."), events=False).fold(judged)
    assert parcel.range.accepted == ROWS
    assert parcel.tables["ads_1m_delta"].num_rows == 10


def test_each_number_of_keys_has_its_rate() -> None:
    rates = fold_rates(1, 2, (10, 100))
    assert rates.keys() == {10, 100}
    assert min(rates.values()) > 0


def test_ids_take_memory_and_time() -> None:
    held = id_memory(40_000)
    assert held["mb"] > 40_000 * 20 / 1e6
    assert held["ns"] > 0
