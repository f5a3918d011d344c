"""What a drafted file would make of the sample."""

import pytest

from dataflow.errors import PipelineError
from dataflow.pipeline.load import load
from starter.trial import Trial, judge, try_file
from tests.starter.streams import sample

FILE = """
from pydantic import BaseModel

from dataflow import EventTime, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.windows import tumble


class Event(BaseModel):
    at: EventTime
    n: int = 0


pipeline = Pipeline(
    name="t",
    event=Event,
    max_future="5ms",
    rollups=[Rollup("all_1m", keys=[], window=tumble("1m"), aggregates={"n": agg.count()})],
)
"""


def test_every_record_is_judged_as_a_run_would_and_the_reasons_are_counted() -> None:
    values = [b'{"at": 5}', b'{"at": 6}', b'{"at": 6}', b'{"at": 1, "n": "x"}', b"{", b'{"at": 1, "n": "y"}']
    found = try_file(FILE, sample(*values, stamps_ms=[0, 0, None, 0, 0, 0]))
    assert found == Trial(2, (("wrong_type", "n", 2), ("future_event", "at", 1), ("malformed", "", 1)))


def test_a_file_with_mistakes_is_not_taken() -> None:
    with pytest.raises(PipelineError, match="unknown column"):
        try_file(FILE.replace("keys=[]", 'keys=["x"]'), sample(b"{}"))


def test_a_plan_without_a_guard_refuses_nothing_from_the_future(tmp_path) -> None:
    path = tmp_path / "p.py"
    path.write_text(FILE.replace('    max_future="5ms",\n', ""))
    assert judge(load(str(path)), sample(b'{"at": 900}', stamps_ms=[0])) == Trial(1, ())
