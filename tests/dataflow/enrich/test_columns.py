"""The lazy columns of a batch that rollups read: codes, numbers, hashes, filters."""

import weakref
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from dataflow.columnar.hashing import hash64
from dataflow.enrich.columns import Columns
from dataflow.enrich.lookup import Lookup
from dataflow.filter.parse import parse
from tests.dataflow.enrich.test_lookup import SHOPS


def _rows(**columns: Any) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(columns)


def test_what_is_derived_from_a_column_is_made_once() -> None:
    columns = Columns(_rows(shop=["a", "b"], n=[1, -5]), [Lookup(SHOPS)])
    assert columns.codes("region") is columns.codes("region")
    assert columns.numbers("n") is columns.numbers("n")
    assert columns["tier"] is columns["tier"]


def test_a_column_without_nulls_needs_no_mask() -> None:
    columns = Columns(_rows(n=[1, 2], m=[1, None]), [])
    assert columns.valid("n") is None
    mask = columns.valid("m")
    assert mask is not None
    assert mask.tolist() == [True, False]


def test_a_filter_reads_the_columns_of_a_dimension_and_is_asked_once() -> None:
    batch = _rows(shop=["a", "c", "?", None], n=[1, 2, 3, 4])
    columns = Columns(batch, [Lookup(SHOPS)])
    schema = pa.schema([("shop", pa.string()), ("n", pa.int64()), ("region", pa.string()), ("tier", pa.int64())])
    where = parse("tier = 1 AND n < 2", schema)
    assert columns.mask(where).tolist() == [True, False, False, False]
    assert columns.mask(where) is columns.mask(where)
    assert columns.mask(parse("region IS NULL", schema)).tolist() == [False, True, True, True]


def test_a_filter_that_is_true_everywhere_has_a_value_for_each_row() -> None:
    columns = Columns(_rows(n=[1, 2, 3]), [])
    assert columns.mask(parse("1 = 1", pa.schema([("n", pa.int64())]))).tolist() == [True] * 3


def test_money_falls_into_the_bucket_of_its_amount_and_not_of_its_millionths() -> None:
    batch = pa.RecordBatch.from_arrays(
        [pa.array([Decimal("2.5")], pa.decimal128(18, 6)), pa.array([2.5])], names=["cost", "ratio"]
    )
    columns = Columns(batch, [])
    assert columns.buckets("cost").tolist() == columns.buckets("ratio").tolist()


def test_a_batch_goes_when_its_columns_go() -> None:
    columns = Columns(_rows(n=[1, 2]), [])
    columns.mask(parse("n > 1", pa.schema([("n", pa.int64())])))
    seen = weakref.ref(columns)
    del columns
    assert seen() is None


def test_numbers_of_every_type_are_exact_and_zero_at_nulls() -> None:
    batch = pa.RecordBatch.from_arrays(
        [
            pa.array([None, Decimal("-1.5"), Decimal("2")], pa.decimal128(18, 6)),
            pa.array([None, True, False]),
            pa.array([None, date(1970, 1, 3), date(1969, 12, 31)]),
            pa.array([None, 2**63 - 1, -1]),
            pa.array([None, -0.0, 2.5]),
        ],
        names=["cost", "flag", "day", "amount", "ratio"],
    )
    columns = Columns(batch, [])
    assert columns.numbers("cost").values.tolist() == [0, -1_500_000, 2_000_000]
    assert columns.numbers("flag").values.tolist() == [0, 1, 0]
    assert columns.numbers("day").values.tolist() == [0, 2, -1]
    assert columns.numbers("amount").values.tolist() == [0, 2**63 - 1, -1]
    assert not np.signbit(columns.numbers("ratio").values[1])
    assert columns.valid("ratio") is not None


def test_hashes_by_way_of_codes_are_those_of_the_values() -> None:
    lookups = [Lookup(SHOPS)]
    shops = ["a", "b", "a", "c"]
    columns = Columns(pa.RecordBatch.from_pydict({"shop": shops}), lookups)
    direct = columns.hashes("shop").tolist()
    expected = (hash64(pa.array(["x", "y", "x"])) >> np.uint64(1)).tolist()
    assert columns.hashes("region").tolist()[:3] == expected
    assert direct == (hash64(pa.array(shops)) >> np.uint64(1)).tolist()
