"""Alerts that are judged when windows are over equal the model's, whatever the cuts, restarts and orders."""

import random
import tempfile
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow.alerts import compare_judge
from query.reader import LakeReader
from sinks.lake.upkeep import tiers
from tests.harness import Product
from tests.model import alerts, bulk, closed, pipelines, streams
from tests.model.spec import PipelineSpec, Record
from tests.model.streams import Cuts
from tests.small_event import to_pipeline
from tests.test_alerts_against_model import Compacted, assert_equal_alerts, expected, stand_in
from tests.test_equality import FEW


class Idling(Product):
    """A product whose clock goes on so far with each epoch that a partition without records is idle at once."""

    def end_epoch(self, *, finished: bool = False) -> None:
        self.now += timedelta(seconds=40)
        super().end_epoch(finished=finished)


@st.composite
def runs(draw: st.DrawFn) -> tuple[PipelineSpec, dict[str, list[Record]], Cuts]:
    spec = draw(closed.rules(draw(pipelines.pipelines())))
    return spec, draw(streams.streams(spec)), draw(streams.cuts())


@settings(FEW, max_examples=15)
@given(run=runs())
def test_alerts_are_a_function_of_the_log(run: tuple[PipelineSpec, dict[str, list[Record]], Cuts]) -> None:
    assert_equal_alerts(*run)


@settings(FEW, max_examples=6)
@given(run=runs())
def test_many_windows_at_once_are_judged_as_each_alone(run: tuple[PipelineSpec, dict[str, list[Record]], Cuts]) -> None:
    with patch.object(compare_judge, "MOST_WINDOWS", 0):
        assert_equal_alerts(*run)


@settings(FEW, max_examples=6)
@given(run=runs())
def test_compaction_beside_it_changes_no_alert(run: tuple[PipelineSpec, dict[str, list[Record]], Cuts]) -> None:
    with patch.object(tiers, "FAN_IN", 2):
        assert_equal_alerts(*run, kind=Compacted)


@settings(FEW, max_examples=15)
@given(run=runs())
def test_partitions_that_wake_up_correct_what_was_final(
    run: tuple[PipelineSpec, dict[str, list[Record]], Cuts],
) -> None:
    assert_equal_alerts(*run, kind=Idling)


@pytest.mark.parametrize(("seed", "kind"), [(1, Product), (2, Idling), (3, Idling), (4, Idling)])
def test_long_streams_with_restarts(seed: int, kind: type[Product]) -> None:
    rng = random.Random(seed)
    spec, partitions, cuts = closed.busy(rng), bulk.partitions(rng, 700), alerts.busy_cuts(rng, 60)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kind(to_pipeline(spec, folder), folder, partitions, folder).run(cuts)
        found = stand_in(folder / "lake")
        assert found == expected(spec, partitions)
        with LakeReader(folder / "lake") as reader:
            states = reader.snapshot().query("SELECT max(change) AS most, count(*) AS all FROM alerts").to_pylist()
    # what this is about took place
    assert (states[0]["most"] >= 2) == (kind is Idling)
    assert len({each.rule for each in found}) >= 4
