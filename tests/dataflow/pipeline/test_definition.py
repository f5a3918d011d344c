"""What of a pipeline its lake remembers."""

import json
from dataclasses import replace
from typing import Any

from dataflow.pipeline.definition import definition_of
from dataflow.pipeline.plan import make_plan
from pipelines.ads import pipeline


def test_a_definition_is_json_and_says_everything_that_decides_what_tables_hold() -> None:
    plan = make_plan(pipeline, "pipelines")
    assert json.loads(json.dumps(plan.definition)) == plan.definition
    dimensions: Any = plan.definition["dimensions"]
    digests = {each["name"]: each["sha256"] for each in dimensions}
    assert definition_of(plan, digests) == plan.definition
    changes: Any = ({"out_of_orderness": "1s"}, {"rollups": pipeline.rollups[1:]}, {"max_future": "1d"})
    for change in changes:
        other = make_plan(replace(pipeline, **change), "pipelines")
        assert other.fingerprint != plan.fingerprint
