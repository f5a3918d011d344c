"""Tables without what was gone before it was read equal the model's; the audit proves them, and finds untold gaps."""

import tempfile
from pathlib import Path

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from proof.audit.audit import audit
from proof.audit.report import Report
from query.lost import lost_ranges
from query.reader import LakeReader
from tests.harness import Product
from tests.model import dump, engine, pipelines, streams
from tests.model.engine import Lost
from tests.model.losing import losing
from tests.model.spec import PipelineSpec, Record
from tests.model.streams import Cuts
from tests.proof.audited import DamagedLake, without
from tests.proof.memory_source import MemorySource, Retained
from tests.small_event import to_pipeline
from tests.test_equality import FEW, rounded

Run = tuple[PipelineSpec, dict[str, list[Record]], Lost, Cuts]


@st.composite
def runs(draw: st.DrawFn) -> Run:
    spec = draw(pipelines.pipelines())
    partitions = draw(streams.streams(spec))
    return spec, partitions, draw(losing(partitions)), draw(streams.cuts())


class Made(DamagedLake):
    """A lake that was filled by a run that found some of its records gone."""

    def __init__(self, run: Run, folder: Path) -> None:
        spec, self.records, lost, cuts = run
        self.product = Product(to_pipeline(spec, folder), folder, self.records, folder)
        self.product.lose(lost)
        self.product.run(cuts)
        self.lake = folder / "lake"

    def audit(self, source: MemorySource | Retained) -> Report:
        with LakeReader(self.lake) as reader:
            return audit(reader, self.product.plan, source, wait=lambda: None)

    def lost(self) -> Lost:
        with LakeReader(self.lake) as reader:
            found: Lost = {}
            for each in lost_ranges(reader.snapshot()):
                found.setdefault(each.partition, []).append((each.start, each.end))
            return found


@settings(FEW, max_examples=25)
@given(run=runs(), again=streams.cuts(), sizes=st.sampled_from(((100,), (1,), (3, 0, 2))))
def test_tables_are_a_function_of_the_log_and_of_what_was_gone(run: Run, again: Cuts, sizes: tuple[int, ...]) -> None:
    spec, records, lost, _ = run
    expected = dump.texts_of(spec, engine.run(spec, records, lost=lost), events=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = Made(run, folder)
        found = made.product.texts()
        assert found.keys() == expected.keys()
        for file in expected:
            assert rounded(found[file]) == rounded(expected[file]), file
        # each gap is told once, whatever happened around it, and a replay that goes by the ledger gives the same
        assert made.lost() == lost
        replayed = Product(to_pipeline(spec, folder), folder, records, folder / "again")
        replayed.lose(made.lost())
        replayed.run(again)
        assert replayed.texts() == found
        # also against a copy of the source that still holds what was gone
        report = made.audit(MemorySource(records, sizes))
    assert (report.findings, report.unproven) == ([], [])
    assert len(report.lost) == sum(map(len, lost.values()))
    assert (" lost" in report.verdict) == (bool(lost) and report.compared > 0)


@settings(FEW, max_examples=10)
@given(run=runs())
def test_what_the_source_holds_behind_a_gap_is_proven(run: Run) -> None:
    _, records, lost, _ = run
    assume(lost)
    low = max(end for ranges in lost.values() for _, end in ranges)
    with tempfile.TemporaryDirectory() as name:
        report = Made(run, Path(name)).audit(Retained(MemorySource(records, (3, 0, 2)), low))
    assert report.findings == []


@settings(FEW, max_examples=10)
@given(run=runs())
def test_a_gap_whose_row_is_not_in_the_ledger_is_an_error(run: Run) -> None:
    _, records, lost, _ = run
    assume(lost)
    with tempfile.TemporaryDirectory() as name:
        made = Made(run, Path(name))
        made.rewrite(
            "ledger",
            lambda rows: next((without(at)(rows) for at, told in enumerate(rows["lost"].to_pylist()) if told), None),
            cunning=True,
        )
        report = made.audit(MemorySource(records, (100,)))
    # at the beginning of a source partition only its commit tells that there was a row
    assert {"gap", "ledger"} & {finding.kind for finding in report.findings}
    assert not report.is_proven
