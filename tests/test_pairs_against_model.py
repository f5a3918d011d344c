"""Alerts over pairs of events equal the model's: random rules, streams, cuts and restarts, and a short memory."""

import json
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow.alerts import candidates, pair_judge, pairing
from query.reader import LakeReader
from sinks.lake import alerting
from tests.harness import Product
from tests.model import alerts, bulk, dump, engine, pairs, pipelines, small, streams
from tests.model.pairs import Standing
from tests.model.spec import PairSpec, PipelineSpec, Record
from tests.model.streams import Cuts
from tests.small_event import to_pipeline
from tests.test_alerts_against_model import Compacted
from tests.test_equality import FEW, rounded


@st.composite
def runs(draw: st.DrawFn) -> tuple[PipelineSpec, dict[str, list[Record]], Cuts]:
    spec = draw(pairs.rules(draw(pipelines.pipelines())))
    return spec, draw(streams.streams(spec)), draw(streams.cuts())


@contextmanager
def forgetting() -> Iterator[None]:
    """What is over leaves the memory with each epoch, old stretches are short, and few pairs are looked at at once."""
    with (
        patch.object(candidates, "SPARE_ROWS", 0),
        patch.multiple(pair_judge, MOST_ROWS=0, BLOCK_MS=1, DUE_ROWS=2),
        patch.object(pairing, "PAIRS", 2),
        patch.object(alerting, "RECENT_EPOCHS", 1),
    ):
        yield


def stand_in(lake: Path) -> set[Standing]:
    """The raised alerts of a lake."""
    with LakeReader(lake) as reader:
        rows = reader.snapshot().query(
            "SELECT rule, key, epoch_ms(window_start) AS first, epoch_ms(window_end) AS last, values FROM alerts"
            " WHERE state = 'raised'"
        )
    found = [
        Standing(row["rule"], key_of(row["key"]), row["first"], row["last"], *places(row["values"]))
        for row in rows.to_pylist()
    ]
    assert len(set(found)) == len(found)
    return set(found)


def places(text: str) -> tuple[pairs.Place | None, ...]:
    """Where the first and the then event of an alert stand, as far as they are there."""
    values = json.loads(text)
    return tuple(
        (values[f"{side}_partition"], values[f"{side}_offset"]) if f"{side}_offset" in values else None
        for side in ("first", "then")
    )


def key_of(text: str) -> tuple[Any, ...]:
    return tuple(json.loads(text, parse_float=Decimal).values())


def expected(spec: PipelineSpec, partitions: dict[str, list[Record]], time: str = "time") -> set[Standing]:
    found = pairs.standing(spec, engine.run(spec, partitions), time)
    return {each._replace(key=tuple(map(alerts.plain, each.key))) for each in found}


def assert_equal(
    spec: PipelineSpec, partitions: dict[str, list[Record]], cuts: Cuts, kind: type[Product] = Product
) -> set[Standing]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        product = kind(to_pipeline(spec, folder), folder, partitions, folder)
        product.run(cuts)
        found = stand_in(folder / "lake")
        assert found == expected(spec, partitions)
        # the evidence is as any other rollup
        tables = dump.texts_of(spec, engine.run(spec, partitions), events=True)
        texts = {name: text for name, text in product.texts().items() if name != "alerts.csv"}
    assert {name: rounded(text) for name, text in texts.items()} == {
        name: rounded(text) for name, text in tables.items()
    }
    return found


@settings(FEW, max_examples=40)
@given(run=runs())
def test_alerts_are_a_function_of_the_log(run: tuple[PipelineSpec, dict[str, list[Record]], Cuts]) -> None:
    assert_equal(*run)


@settings(FEW, max_examples=40)
@given(run=runs())
def test_what_is_not_in_memory_is_read_from_the_lake(run: tuple[PipelineSpec, dict[str, list[Record]], Cuts]) -> None:
    with forgetting():
        assert_equal(*run)


@settings(FEW, max_examples=10)
@given(run=runs())
def test_compaction_beside_it_changes_no_alert(run: tuple[PipelineSpec, dict[str, list[Record]], Cuts]) -> None:
    with forgetting():
        assert_equal(*run, kind=Compacted)


def busy(rng: random.Random) -> PipelineSpec:
    """Rules of each kind over keys with many events."""
    made = []
    for at, missing in enumerate((None, None, "then", "first")):
        key = rng.choice((("ad",), ("kind",), ("flag", "day")))
        having = rng.choice((None, "then.cost >= first.cost", "first.kind <> then.kind"))
        sides = (f"user IN ({rng.choice((1, 2, 3))})", rng.choice(("kind = 'b'", "cost > 500000", "score < 1")))
        within = rng.choice((3, 20, 200))
        made.append(PairSpec(f"pair_{at}", key, *sides, within, having, missing, 2000, pairs.carried(having, key)))
    plain = PipelineSpec(small.FIELDS, (), bound=500, dimensions=(small.dimension(unknown_is_dead=False),))
    return pairs.with_pairs(plain, *made)


@pytest.mark.parametrize("seed", [1, 2])
def test_long_streams_whose_alerts_come_and_go(seed: int) -> None:
    rng = random.Random(seed)
    spec, partitions, cuts = busy(rng), bulk.partitions(rng, 500), alerts.busy_cuts(rng, 40)
    with forgetting():
        found = assert_equal(spec, partitions, cuts)
    assert {each.rule for each in found} == {"pair_0", "pair_1", "pair_2", "pair_3"}


@pytest.mark.parametrize("seed", [11, 12])
def test_one_query_over_the_raw_events_says_the_same(seed: int) -> None:
    """A second opinion, of DuckDB over the table `events`, with so much lateness that all of them count."""
    rng = random.Random(seed)
    spec = busy(rng)
    spec = pairs.with_pairs(replace(spec, rollups=()), *(replace(pair, lateness=10**9) for pair in spec.pairs))
    raised = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        partitions, cuts = bulk.partitions(rng, 400), alerts.busy_cuts(rng, 30)
        Product(to_pipeline(spec, folder), folder, partitions, folder).run(cuts)
        found = stand_in(folder / "lake")
        with LakeReader(folder / "lake") as reader:
            for pair in spec.pairs:
                rows = reader.query(asked(pair)).to_pylist()
                told = {(place(row, "first"), place(row, "then")) for row in rows}
                assert {(each.first, each.then) for each in found if each.rule == pair.name} == told
                raised += len(told)
    assert raised > 50


def place(row: dict[str, Any], side: str) -> pairs.Place | None:
    return None if row[f"{side}_offset"] is None else (row[f"{side}_partition"], row[f"{side}_offset"])


def asked(pair: PairSpec) -> str:
    """The alerts of a rule by the places of their events, of accepted rows that are never late."""
    columns = 'e.*, epoch_ms(e.time) AS ms, e."partition" AS p, e."offset" AS o'
    same = " AND ".join([f"first.{key} = next.{key}" for key in pair.key] or ["true"])
    having = (pair.having or "true").replace("then.", "next.")
    whole = " AND ".join([f"{key} IS NOT NULL" for key in pair.key] or ["true"])
    meet = (
        f"{same} AND first.ms <= next.ms AND next.ms < first.ms + {pair.within}"
        f" AND (first.p, first.o) <> (next.p, next.o) AND ({having})"
    )
    sides = (
        f"WITH first AS (SELECT {columns} FROM events e WHERE ({pair.first}) AND {whole}),"
        f" next AS (SELECT {columns} FROM events e WHERE ({pair.then}) AND {whole})"
    )
    there, none = "{0}.p AS {0}_partition, {0}.o AS {0}_offset", "NULL AS {0}_partition, NULL AS {0}_offset"
    if pair.missing == "then":
        shown = f"{there.format('first')}, {none.format('then')}"
        return f"{sides} SELECT {shown} FROM first WHERE NOT EXISTS (SELECT 1 FROM next WHERE {meet})"
    then = "next.p AS then_partition, next.o AS then_offset"
    if pair.missing == "first":
        shown = f"{none.format('first')}, {then}"
        return f"{sides} SELECT {shown} FROM next WHERE NOT EXISTS (SELECT 1 FROM first WHERE {meet})"
    return (
        f"{sides} SELECT {there.format('first')}, {then} FROM next JOIN first ON {meet}"
        " QUALIFY row_number() OVER"
        " (PARTITION BY next.p, next.o ORDER BY first.ms DESC, first.p DESC, first.o DESC) = 1"
    )
