"""Alerts of windows that must be over, told by SQL from rollups' rows: those of the model."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataflow.pipeline.plan import make_plan
from proof.parity.opinion import opinion
from proof.standing import NEARLY, Reached, alerts_of, certain
from tests.model import alerts, closed, engine, pipelines, streams
from tests.model.alerts import Standing
from tests.proof.parity.test_opinion import table_of
from tests.small_event import to_pipeline

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


@settings(deadline=None, max_examples=25, suppress_health_check=SLOW)
@given(data=st.data())
def test_the_sql_of_windows_that_are_over_tells_the_alerts_of_the_model(
    data: st.DataObject, tmp_path_factory: Any
) -> None:
    spec = data.draw(closed.rules(data.draw(pipelines.pipelines())))
    partitions = data.draw(streams.streams(spec))
    folder: Path = tmp_path_factory.mktemp("closed")
    plan = make_plan(to_pipeline(spec, folder), folder)
    opined = opinion(plan, table_of(partitions))
    newest = opined.newest_ms
    reached = Reached(newest, max(newest.values(), default=0) - plan.out_of_orderness_ms)
    told, rules = alerts_of(plan, opined.tables, reached, opined.counted)
    assert rules == {rule.name for rule in certain(plan, NEARLY)}
    found = {
        Standing(
            row["rule"],
            tuple(json.loads(row["key"], parse_float=Decimal).values()),
            row["window_start"],
            row["window_end"],
        )
        for row in told.to_pylist()
    }
    expected = alerts.standing(spec, engine.run(spec, partitions))
    assert found == {each._replace(key=tuple(map(alerts.plain, each.key))) for each in expected if each.rule in rules}
