"""The alerts that stand equal the model's: random rules, streams and cuts, restarts, and a memory that forgets."""

import csv
import io
import json
import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow.alerts import judge, totals
from dataflow.pipeline.tables import tables_of
from query.reader import LakeReader
from sinks.lake import alerting
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.stored_windows import StoredWindows
from sinks.lake.upkeep import tiers
from sinks.lake.upkeep.compact import compact
from sinks.lake.upkeep.expire import Retention
from tests import harness
from tests.harness import Product
from tests.model import alerts, bulk, dump, engine, pipelines, streams
from tests.model.alerts import Standing
from tests.model.spec import AggregateSpec, PipelineSpec, Record, RollupSpec
from tests.model.streams import Cuts
from tests.small_event import to_pipeline
from tests.test_equality import FEW, rounded


@st.composite
def runs(draw: st.DrawFn) -> tuple[PipelineSpec, dict[str, list[Record]], Cuts]:
    spec = draw(alerts.rules(draw(pipelines.pipelines())))
    return spec, draw(streams.streams(spec)), draw(streams.cuts())


@contextmanager
def forgetting(epochs: int) -> Iterator[None]:
    """What is over leaves the memory with each epoch, by the partitions of so many epochs alone, as do most rows."""
    few = patch.object(totals, "SPARE_ROWS", 0), patch.object(judge, "MOST_ROWS", 4 * epochs)
    with few[0], few[1], patch.object(alerting, "RECENT_EPOCHS", epochs):
        yield


class Compacted(Product):
    """A product whose lake is compacted behind each epoch, with nothing kept for readers of older snapshots."""

    def end_epoch(self, *, finished: bool = False) -> None:
        super().end_epoch(finished=finished)
        catalog = Catalog.open(self.folder / "lake")
        try:
            specs = tables_of(self.plan, events=True)
            soon = Retention(keep=timedelta(0), grace=timedelta(0))
            compact(catalog, specs, clock=lambda: harness.NOW + timedelta(days=self.epoch), retention=soon)
        finally:
            catalog.close()


def stand_in(lake: Path) -> dict[Standing, bool]:
    """The raised alerts of a lake, and whether each is quiet."""
    with LakeReader(lake) as reader:
        rows = reader.snapshot().query(
            "SELECT rule, key, epoch_ms(window_start) AS first, epoch_ms(window_end) AS last, quiet FROM alerts"
            " WHERE state = 'raised'"
        )
    found = {
        Standing(row["rule"], key_of(row["key"]), row["first"], row["last"]): row["quiet"] for row in rows.to_pylist()
    }
    assert len(found) == rows.num_rows
    return found


def dumped(text: str) -> dict[Standing, bool]:
    """The same from a dump."""
    rows = list(csv.DictReader(io.StringIO(text)))
    return {
        Standing(row["rule"], key_of(row["key"]), int(row["window_start"]), int(row["window_end"])): row["quiet"]
        == "true"
        for row in rows
    }


def key_of(text: str) -> tuple[Any, ...]:
    """The key's values; numbers with a point are Decimals."""
    return tuple(json.loads(text, parse_float=Decimal).values())


def expected(spec: PipelineSpec, partitions: dict[str, list[Record]]) -> dict[Standing, bool]:
    found = alerts.standing(spec, engine.run(spec, partitions))
    return {each._replace(key=tuple(map(alerts.plain, each.key))): quiet for each, quiet in found.items()}


def assert_equal_alerts(
    spec: PipelineSpec, partitions: dict[str, list[Record]], cuts: Cuts, kind: type[Product] = Product
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        product = kind(to_pipeline(spec, folder), folder, partitions, folder)
        product.run(cuts)
        if spec.alerts:
            assert stand_in(folder / "lake") == expected(spec, partitions)
        # the rules' own rollups are as any other
        tables = dump.texts_of(spec, engine.run(spec, partitions), events=True)
        found = product.texts()
        if spec.alerts:
            assert dumped(found.pop("alerts.csv")) == expected(spec, partitions)
    assert {name: rounded(text) for name, text in found.items()} == {
        name: rounded(text) for name, text in tables.items()
    }


@settings(FEW, max_examples=30)
@given(run=runs())
def test_alerts_are_a_function_of_the_log(run: tuple[PipelineSpec, dict[str, list[Record]], Cuts]) -> None:
    assert_equal_alerts(*run)


@settings(FEW, max_examples=30)
@given(run=runs(), epochs=st.sampled_from((1, 1, 2, 5)))
def test_what_is_not_in_memory_is_read_from_the_lake(
    run: tuple[PipelineSpec, dict[str, list[Record]], Cuts], epochs: int
) -> None:
    with forgetting(epochs):
        assert_equal_alerts(*run)


@settings(FEW, max_examples=20)
@given(run=runs())
def test_compaction_beside_it_changes_no_alert(run: tuple[PipelineSpec, dict[str, list[Record]], Cuts]) -> None:
    with forgetting(1), patch.object(tiers, "FAN_IN", 2):
        assert_equal_alerts(*run, kind=Compacted)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_long_streams_with_alerts_that_come_and_go(seed: int) -> None:
    rng = random.Random(seed)
    spec, partitions, cuts = alerts.busy(rng), bulk.partitions(rng, 700), alerts.busy_cuts(rng, 60)
    read_back: list[int] = []
    rows = StoredWindows.rows

    def counted(*given: Any) -> pa.Table:
        found = rows(*given)
        read_back.append(found.num_rows)
        return found

    with forgetting(3), patch.object(StoredWindows, "rows", counted), tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        Product(to_pipeline(spec, folder), folder, partitions, folder).run(cuts)
        assert stand_in(folder / "lake") == expected(spec, partitions)
        with LakeReader(folder / "lake") as reader:
            states = reader.snapshot().query("SELECT max(change) AS most, count(*) AS all FROM alerts").to_pylist()
    # what this is about took place
    assert sum(read_back) > 100
    assert states[0]["most"] >= 2
    assert states[0]["all"] > 50


@pytest.mark.parametrize("seed", [11, 12])
def test_one_query_over_the_raw_events_says_the_same(seed: int) -> None:
    """A second opinion, of DuckDB over the table `events`, with so much lateness that all of them count."""
    rng = random.Random(seed)
    spec = alerts.busy(rng)
    spec = replace(spec, rollups=tuple(replace(rollup, lateness=10**9) for rollup in spec.rollups))
    raised = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        partitions, cuts = bulk.partitions(rng, 500), alerts.busy_cuts(rng, 40)
        Product(to_pipeline(spec, folder), folder, partitions, folder).run(cuts)
        with LakeReader(folder / "lake") as reader:
            for rule in spec.alerts:
                rollup = next(each for each in spec.rollups if each.name == rule.rollup)
                keys = ", ".join(f"{key} := {key}" for key in rollup.keys) or "x := 1"
                sql = asked(rollup, rule.having)
                rows = reader.query(f"SELECT to_json(struct_pack({keys})) AS key, first, last FROM ({sql})")
                found = reader.query(
                    "SELECT key, epoch_ms(window_start) AS first, epoch_ms(window_end) AS last FROM alerts"
                    f" WHERE state = 'raised' AND rule = '{rule.name}'"
                )
                assert counted(found) == counted(rows, empty=not rollup.keys)
                raised += found.num_rows
    assert raised > 50


def asked(rollup: RollupSpec, having: str) -> str:
    """The windows of a rollup with their keys, of accepted rows, for which `having` is true."""
    window = rollup.window
    step = window.size if window.kind == "cumulate" else window.slide
    last = f"CAST(floor((time - {window.offset})::DOUBLE / {step}) AS BIGINT) * {step} + {window.offset}"
    if window.kind == "cumulate":
        ends = f"range({last} + {window.slide}, {last} + {window.size} + 1, {window.slide})"
        spread = f"SELECT *, {last} AS first, unnest({ends}) AS last FROM counted"
    else:
        starts = f"range({last}, time - {window.size}, -{window.slide})"
        spread = f"SELECT *, unnest({starts}) AS first, first + {window.size} AS last FROM counted"
    values = ", ".join(f"{value_sql(each)} AS {name}" for name, each in rollup.aggregates.items())
    groups = ", ".join([*rollup.keys, "first", "last"])
    return (
        "WITH counted AS (SELECT * REPLACE (epoch_ms(time) AS time) FROM events),"
        f" spread AS ({spread}),"
        f" grouped AS (SELECT {groups}, {values} FROM spread WHERE time >= first AND time < last GROUP BY {groups})"
        f" SELECT * FROM grouped WHERE {having}"
    )


def value_sql(aggregate: AggregateSpec) -> str:
    kind, column = aggregate.kind, aggregate.column
    if kind in ("min", "max") and column in ("user", "time"):
        return f"{kind}({column})::HUGEINT"
    if kind == "avg":
        return f"CAST(CAST(sum({column}) AS VARCHAR) AS DOUBLE) / nullif(count({column}), 0)"
    if kind.endswith("count_distinct"):
        return f"count(DISTINCT {column})"
    return f"{kind}({column or '*'})"


def counted(rows: pa.Table, *, empty: bool = False) -> Counter[tuple[Any, ...]]:
    """(key, start, end) of each row; `empty`: the key has no columns."""
    return Counter((() if empty else key_of(row["key"]), row["first"], row["last"]) for row in rows.to_pylist())
