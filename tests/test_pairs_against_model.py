"""Alerts over pairs of events equal the model's: random rules, streams, cuts and restarts, and a short memory."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow.alerts import candidates, pair_judge, pairing
from query.reader import LakeReader
from sinks.lake import alerting
from tests.harness import Product
from tests.model import alerts, dump, engine, pairs, pipelines, streams
from tests.model.pairs import Standing
from tests.model.spec import PipelineSpec, Record
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
        Standing(row["rule"], key_of(row["key"]), row["first"], row["last"], *map(places(row["values"]), pairs_of()))
        for row in rows.to_pylist()
    ]
    assert len(set(found)) == len(found)
    return set(found)


def pairs_of() -> tuple[str, str]:
    return ("first", "then")


def places(text: str) -> Any:
    values = json.loads(text)
    return lambda side: (values[f"{side}_partition"], values[f"{side}_offset"]) if f"{side}_offset" in values else None


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
        texts = product.texts()
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
