"""The third opinion against the row-by-row model, over random pipelines and streams."""

import random
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from dataflow.pipeline.plan import Plan, make_plan
from proof.parity.compare import compare
from proof.parity.judged import RECORDS
from proof.parity.layout import COUNTS, COUNTS_ROLLUP, layouts
from proof.parity.opinion import opinion
from tests.model import bulk, engine
from tests.model.pipelines import pipelines
from tests.model.spec import PipelineSpec, Record
from tests.model.streams import streams
from tests.small_event import to_pipeline


def table_of(partitions: Mapping[str, list[Record]]) -> pa.Table:
    rows = [
        {"partition": name, "offset": each.offset, "timestamp": each.timestamp, "value": each.value}
        for name, records in partitions.items()
        for each in records
    ]
    return pa.Table.from_pylist(rows, RECORDS)


def modelled(spec: PipelineSpec, plan: Plan, partitions: dict[str, list[Record]]) -> dict[str, pa.Table]:
    """What the model says, in the columns of the layouts."""
    tables = engine.run(spec, partitions)
    found: dict[str, list[dict[str, Any]]] = {}
    for rollup in spec.rollups:
        names = ["window_start", "window_end", *rollup.keys, *rollup.aggregates]
        found[rollup.name] = [
            dict(zip(names, [start, end, *keys, *values], strict=True))
            for start, end, keys, values in tables.rollups[rollup.name]
        ]
    late = ["rollup", "partition", "offset", "event_time", "watermark"]
    found["late_events"] = [dict(zip(late, row, strict=True)) for row in tables.late]
    fields = {(partition, offset): field for partition, offset, field in tables.dead_fields}
    found["dead_letters"] = [
        {"partition": partition, "offset": offset, "reason": reason, "field": fields[partition, offset]}
        for partition, offset, reason in tables.dead
    ]
    found[COUNTS] = [{"partition": name, **vars(counts)} for name, counts in tables.counts.items() if counts.read]
    found[COUNTS_ROLLUP] = [
        {"rollup": rollup, "partition": name, **vars(counts)}
        for (rollup, name), counts in tables.rollup_counts.items()
        if tables.counts[name].read
    ]
    return {
        name: pa.Table.from_pylist(rows, layouts(plan)[name].schema)
        if rows
        else layouts(plan)[name].schema.empty_table()
        for name, rows in found.items()
    }


def require_equal(spec: PipelineSpec, partitions: dict[str, list[Record]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        plan = make_plan(to_pipeline(spec, Path(folder)), Path(folder))
    found = opinion(plan, table_of(partitions))
    result = compare(plan, "model", modelled(spec, plan, partitions), "opinion", found.tables)
    different = "\n".join(each.told() for each in result if not each.is_equal)
    assert not different, different
    assert {each.table for each in result} == set(layouts(plan))


@st.composite
def cases(draw: st.DrawFn) -> tuple[PipelineSpec, dict[str, list[Record]]]:
    spec = draw(pipelines())
    return spec, draw(streams(spec))


@given(cases())
@settings(max_examples=25, phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink])
def test_it_says_what_the_model_says(case: tuple[PipelineSpec, dict[str, list[Record]]]) -> None:
    require_equal(*case)


@pytest.mark.parametrize("seed", range(3))
def test_it_says_so_of_thousands_of_rows(seed: int) -> None:
    rng = random.Random(seed)
    require_equal(bulk.pipeline(rng), bulk.partitions(rng, 1500))
