"""Changes become delta rows that add up to what the job has counted last."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from dataflow.decode.decoder import decoder_for
from dataflow.errors import LakeError
from dataflow.fold.fold import Fold
from dataflow.fold.merge import merge_rows
from dataflow.intake.judge import Judge
from dataflow.messages import POLL_SCHEMA, Poll
from dataflow.pipeline.tables import rollup_tables
from flink.ingest.changes import Change, ChangeTable, ValueTable, column, whole
from tests.sinks.lake.small import PER_AD, TOTAL, small_plan

(SPEC,) = rollup_tables(small_plan([TOTAL]).rollups[0])
TABLE = ChangeTable(SPEC, SPEC.schema.names, SPEC.keys)


def change(operation: str, clicks: int, spend: str | None, *, window: int = 0, rows: int | None = None) -> Change:
    row: dict[str, Any] = {"window_start": window, "window_end": window + 3_600_000, "clicks": clicks}
    row |= {"spend": None, "row_count": clicks if rows is None else rows, "late_count": 0}
    text = json.dumps({"before": row, "after": row, "op": operation})
    return TABLE.read("t/0", 0, text.replace('"spend": null', f'"spend": {spend or "null"}').encode())


def test_what_is_taken_back_counts_against_what_takes_its_place() -> None:
    changes = [change("c", 1, None), change("d", 1, None), change("c", 3, "0.100000"), change("c", 1, "5.000001")]
    rows = TABLE.rows(changes).to_pylist()
    assert [row["clicks"] for row in rows] == [1, -1, 3, 1]
    assert [row["spend"] for row in rows] == [None, None, Decimal("0.100000"), Decimal("5.000001")]
    assert [row["row_count"] for row in rows] == [1, -1, 3, 1]


def test_a_decimal_beyond_what_a_double_holds_stays_exact() -> None:
    digits = "12345678901234567890123456789012.123456"
    for text in (digits, digits.partition(".")[0]):
        back, there = TABLE.rows([change("d", 1, text), change("c", 1, text)]).to_pylist()
        assert (there["spend"], back["spend"]) == (Decimal(text), Decimal(f"-{text}"))


def test_changes_are_taken_up_to_where_nothing_is_taken_back_alone() -> None:
    pair = [change("d", 1, None), change("c", 2, None)]
    assert whole([]) == 0
    assert whole([change("c", 1, None), *pair]) == 3
    assert whole([change("c", 1, None), pair[0]]) == 1
    other = change("c", 1, None, window=3_600_000)
    assert whole([change("c", 1, None), pair[0], other]) == 1
    assert whole([change("c", 1, None), pair[0], other, pair[1]]) == 4


def test_a_row_of_late_ones_takes_no_place() -> None:
    late = change("c", 0, None, rows=0)
    assert whole([change("d", 1, None), late]) == 0
    assert whole([change("d", 1, None), late, change("c", 2, None)]) == 3


def test_sketches_are_made_of_values_as_of_the_rows_themselves() -> None:
    plan = small_plan([PER_AD], out_of_orderness="1h")
    spec = rollup_tables(plan.rollups[0])[0]
    by_name = {each.name: each for each in plan.rollups[0].aggregates}
    users, half = ValueTable(spec, (), (), by_name["users"]), ValueTable(spec, (), (), by_name["half"])
    scores, ids = [0.5, 0.5, -3.25, 0.0, 0.5], [7, 8, 7, 2**62, 7]
    values = pa.array(
        [json.dumps({"time": 1, "score": a, "user": b}).encode() for a, b in zip(scores, ids, strict=True)]
    )
    judged = Judge(plan, "t/0", "t").judge(
        Poll(
            pa.RecordBatch.from_arrays([pa.array(range(5)), pa.nulls(5, pa.int64()), values], schema=POLL_SCHEMA), 0, 5
        ),
        decoder_for(plan).decode(values),
    )
    (wanted,) = merge_rows(
        spec, pa.Table.from_batches([Fold(plan, events=False).fold(judged).tables[spec.name]])
    ).to_pylist()
    place = {"ad": None, "window_start": 0, "window_end": 60_000}

    def told(operation: str, value: object, count: int) -> Change:
        return Change(0, (value,), {**place, "value": value, "value_count": count}, operation == "d")

    quantile = [told("c", 0.5, 1), told("d", 0.5, 1), told("c", 0.5, 3), told("c", -3.25, 1), told("c", 0, 1)]
    distinct = [told("c", 7, 1), told("d", 7, 1), told("c", 7, 2), told("c", 8, 1), told("c", 2**62, 1)]
    parts = pa.Table.from_batches([users.rows(distinct), half.rows(quantile[:3]), half.rows(quantile[3:])])
    (found,) = merge_rows(spec, parts).to_pylist()
    for name in ("users_kmv", "half_buckets", "half_counts"):
        assert found[name] == wanted[name]
        assert found[name]
    assert (found["row_count"], found["clicks"], found["spend"]) == (0, 0, None)


@pytest.mark.parametrize(
    "value", [None, b"", b"{", b"[]", b'{"op":"u"}', b'{"op":"c","after":null}', b'{"op":"c","after":{"clicks":1}}']
)
def test_another_record_is_told_with_its_place(value: bytes | None) -> None:
    with pytest.raises(LakeError, match="t/3: the record at offset 17 is none of a job"):
        TABLE.read("t/3", 17, value)


def test_values_of_every_type_that_a_table_has_are_read(tmp_path: Path) -> None:
    plan = small_plan()
    types = {field.name: field.type for field in plan.row_schema}
    told = {"day": "2026-03-04", "score": 2, "cost": 7, "flag": True, "user": 5, "ad": "a"}
    assert {name: str(column([value, None], types[name])[0]) for name, value in told.items()} == {
        "day": "2026-03-04",
        "score": "2.0",
        "cost": "7.000000",
        "flag": "True",
        "user": "5",
        "ad": "a",
    }
