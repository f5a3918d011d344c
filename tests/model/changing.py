"""Hypothesis strategies: pipelines whose rules change while a lake is filled (semantics rule 13)."""

from hypothesis import strategies as st

from tests.model import pipelines, streams
from tests.model.spec import PipelineSpec, Record
from tests.model.streams import Cuts

Changing = tuple[list[PipelineSpec], dict[str, list[Record]], Cuts]
"""The pipeline with the rules that it begins with, then with others; records; and when it goes over to which."""


@st.composite
def changing(draw: st.DrawFn) -> Changing:
    """A pipeline with two to four sets of rules."""
    spec = draw(pipelines.pipelines())
    specs = [spec, *draw(st.lists(pipelines.other_rules(spec), min_size=1, max_size=3))]
    widest = max(specs, key=lambda each: each.bound + each.dedup_horizon)
    return specs, draw(streams.streams(widest)), draw(streams.cuts(len(specs)))
