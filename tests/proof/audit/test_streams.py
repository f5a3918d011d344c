"""The audit over random pipelines, streams and cuts: silent where nothing is wrong, never silent where a row is."""

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from proof.audit.audit import audit
from proof.audit.report import Report
from query.reader import LakeReader
from tests.harness import Product
from tests.model import pipelines, streams
from tests.model.changing import Changing, changing
from tests.model.spec import PipelineSpec, Record
from tests.model.streams import Cuts
from tests.proof.audited import DamagedLake, without
from tests.proof.memory_source import MemorySource, Retained
from tests.small_event import to_pipeline

ROWS = ("events", "dead_letters", "late_events", "rollup_0_delta", "rollup_1_delta")
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

Run = tuple[PipelineSpec, dict[str, list[Record]], Cuts, tuple[int, ...]]


@st.composite
def runs(draw: st.DrawFn) -> Run:
    spec = draw(pipelines.pipelines())
    sizes = draw(st.sampled_from(((100,), (1,), (3, 0, 2))))
    return spec, draw(streams.streams(spec)), draw(streams.cuts()), sizes


class Made(DamagedLake):
    def __init__(self, run: Run, folder: Path) -> None:
        spec, self.records, cuts, self.sizes = run
        product = Product(to_pipeline(spec, folder), folder, self.records, folder)
        product.run(cuts)
        self.plan = product.plan
        self.lake = folder / "lake"

    def audit(self) -> Report:
        with LakeReader(self.lake) as reader:
            return audit(reader, self.plan, MemorySource(self.records, self.sizes), wait=lambda: None)


@settings(deadline=None, max_examples=25, suppress_health_check=SLOW)
@given(run=runs())
def test_a_correct_lake_is_proven_whatever_made_it(run: Run) -> None:
    with tempfile.TemporaryDirectory() as name:
        report = Made(run, Path(name)).audit()
    assert (report.findings, report.unproven) == ([], [])


@settings(deadline=None, max_examples=15, suppress_health_check=SLOW)
@given(run=changing(), sizes=st.sampled_from(((100,), (1,), (3, 0, 2))), low=st.integers(0, 20))
def test_a_correct_lake_is_proven_by_the_rules_that_held(run: Changing, sizes: tuple[int, ...], low: int) -> None:
    specs, records, cuts = run
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first, *others = [to_pipeline(spec, folder) for spec in specs]
        product = Product(first, folder, records, folder, others)
        product.run(cuts)
        with LakeReader(folder / "lake") as reader:
            report = audit(reader, product.plan, MemorySource(records, sizes), wait=lambda: None)
            # what the source has dropped is not proven, and the rest differs in nothing
            retained: Any = Retained(MemorySource(records, sizes), low)
            rest = audit(reader, product.plan, retained, wait=lambda: None)
    assert (report.findings, report.unproven) == ([], [])
    assert rest.findings == []


@settings(deadline=None, max_examples=15, suppress_health_check=SLOW)
@given(run=runs(), table=st.sampled_from(ROWS), row=st.integers(0, 3))
def test_a_row_that_is_missing_is_found_in_its_table(run: Run, table: str, row: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        lake = Made(run, Path(name))
        assume(lake.files(table))
        try:
            lake.rewrite(table, without(row), cunning=True)
        except AssertionError:
            assume(False)
        report = lake.audit()
    assert {finding.table for finding in report.findings} == {table}
    assert all(finding.ranges for finding in report.findings)
