"""The product's tables equal the model's: random streams, random pipelines, random cuts."""

import random
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from dataflow.rules import Mark
from proof.history import History
from proof.ledger import read_ledger
from query.definition import lake_definition
from query.reader import LakeReader
from sinks.lake.dimensions import KeptDimensions
from tests import harness
from tests.harness import Product
from tests.model import bulk, dump, engine, pipelines, streams
from tests.model.changing import Changing, changing
from tests.model.spec import PipelineSpec, Record
from tests.model.streams import Cuts
from tests.small_event import to_pipeline


@st.composite
def _runs(draw: st.DrawFn, *, timestamps: bool = True) -> tuple[PipelineSpec, dict[str, list[Record]], Cuts]:
    spec = draw(pipelines.pipelines())
    return spec, draw(streams.streams(spec, timestamps=timestamps)), draw(streams.cuts())


def assert_equal_tables(spec: PipelineSpec, partitions: dict[str, list[Record]], cuts: Cuts) -> None:
    """Run both and compare every file of the dump."""
    expected = dump.texts_of(spec, engine.run(spec, partitions), events=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = harness.run(to_pipeline(spec, folder), folder, partitions, folder, cuts)
    assert found.keys() == expected.keys()
    for file in expected:
        assert rounded(found[file]) == rounded(expected[file]), file


def held_in(product: Product, specs: list[PipelineSpec]) -> engine.Held:
    """By which of the specs each record was judged, the last time that it was read."""
    return {
        each.name: {offset: specs[number] for offset, number in each.judged_by.items()} for each in product.partitions
    }


def assert_equal_after_changes(
    specs: list[PipelineSpec], partitions: dict[str, list[Record]], cuts: Cuts, folder: Path
) -> dict[str, str]:
    """Run a lake whose rules change on the way, and compare every file of the dump with the model's."""
    first, *others = [to_pipeline(spec, folder) for spec in specs]
    product = Product(first, folder, partitions, folder, others)
    product.run(cuts)
    found = product.texts()
    held = held_in(product, specs)
    expected = dump.texts_of(specs[0], engine.run(specs[0], partitions, held=held), events=True)
    assert found.keys() == expected.keys()
    for file in expected:
        assert rounded(found[file]) == rounded(expected[file]), file
    return found


def rounded(text: str) -> list[list[Any]]:
    """Cells; doubles to 12 digits, as a quantile's power may differ in the last ones."""
    return [[_number(cell) for cell in line.split(",")] for line in text.splitlines()]


def _number(cell: str) -> Any:
    try:
        return f"{float(cell):.12e}" if "." in cell or "e" in cell else cell
    except ValueError:
        return cell


# A run makes a whole lake. Phase.explain would make hundreds more to say which lines a failure needs.
FEW = settings(
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


@settings(FEW, max_examples=30)
@given(run=_runs())
def test_tables_are_a_function_of_the_log(run: tuple[PipelineSpec, dict[str, list[Record]], Cuts]) -> None:
    assert_equal_tables(*run)


@settings(FEW, max_examples=30)
@given(run=changing(), again=streams.cuts())
def test_records_are_judged_by_the_rules_that_held_when_they_were_first_committed(run: Changing, again: Cuts) -> None:
    specs, partitions, _ = run
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        texts = assert_equal_after_changes(*run, folder)
        # a replay goes by what the ledger says of that
        last, kept = to_pipeline(specs[-1], folder), KeptDimensions(folder / "lake")
        replayed = Product(last, folder, partitions, folder / "again", marks=marks_of(folder), kept=kept)
        replayed.run(again)
        assert replayed.texts() == texts


def marks_of(folder: Path) -> dict[str, list[Mark]]:
    """From which offsets which rules held, by the ledger of the lake in `folder`."""
    with LakeReader(folder / "lake") as reader:
        ledger = read_ledger(reader.snapshot(), first=lake_definition(reader).first_rules)
    return {name: History(name, [line.entry for line in lines]).marks for name, lines in ledger.items()}


@settings(FEW, max_examples=6)
@given(run=_runs(timestamps=False), others=st.lists(streams.cuts(), min_size=1, max_size=2))
def test_cuts_leave_no_trace(run: tuple[PipelineSpec, dict[str, list[Record]], Cuts], others: list[Cuts]) -> None:
    spec, partitions, cuts = run
    for each in (cuts, *others):
        assert_equal_tables(spec, partitions, each)


@pytest.mark.parametrize(("seed", "rows"), [(1, 6000), (2, 2000), (3, 2000)])
def test_long_streams_give_equal_tables(seed: int, rows: int) -> None:
    rng = random.Random(seed)
    assert_equal_tables(bulk.pipeline(rng), bulk.partitions(rng, rows), bulk.cuts(rng))
