"""Alerts over pairs told by SQL from the evidence: those of the model, whatever rules and streams there are."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataflow.pipeline.plan import make_plan
from proof.parity.opinion import opinion
from proof.standing import Reached, alerts_of
from tests.model import alerts, engine, pairs, pipelines, streams
from tests.model.pairs import Standing
from tests.proof.parity.test_opinion import table_of
from tests.small_event import to_pipeline

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def standing_in(row: dict[str, Any]) -> Standing:
    """One row of ALERTS_LAYOUT."""
    key = tuple(json.loads(row["key"], parse_float=Decimal).values())
    of = json.loads(row["of"])
    first, then = (
        (of[f"{side}_partition"], of[f"{side}_offset"]) if f"{side}_offset" in of else None
        for side in ("first", "then")
    )
    return Standing(row["rule"], key, row["window_start"], row["window_end"], first, then)


@settings(deadline=None, max_examples=25, suppress_health_check=SLOW)
@given(data=st.data())
def test_the_sql_of_pairs_tells_the_alerts_of_the_model(data: st.DataObject, tmp_path_factory: Any) -> None:
    spec = data.draw(pairs.rules(data.draw(pipelines.pipelines())))
    partitions = data.draw(streams.streams(spec))
    folder: Path = tmp_path_factory.mktemp("pairs")
    plan = make_plan(to_pipeline(spec, folder), folder)
    opined = opinion(plan, table_of(partitions))
    told, rules = alerts_of(plan, opined.tables, Reached())
    assert rules == {pair.name for pair in spec.pairs}
    expected = pairs.standing(spec, engine.run(spec, partitions))
    rows = told.to_pylist()
    assert {standing_in(row) for row in rows} == {
        each._replace(key=tuple(map(alerts.plain, each.key))) for each in expected
    }
    assert len(rows) == len(expected)
