"""Alerts told from final rows by SQL: those that the product raised, whatever rules and streams there are."""

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataflow import aggregates as agg
from dataflow.pipeline.alert_rules import distinct, threshold
from dataflow.pipeline.names import ALERTS
from dataflow.pipeline.plan import make_plan
from dataflow.windows import tumble
from proof.parity.compare import compare
from proof.parity.lake import lake_tables
from proof.standing import NEARLY, Reached, alerts_of, certain
from tests.harness import Product
from tests.model import alerts, pipelines, streams
from tests.proof.audited import Audited, pipeline
from tests.small_event import to_pipeline

RULES = [
    threshold("busy", on="per_ad", having="n > 2 AND spend > 1"),
    threshold(
        "dear", keys=["ad", "user"], window=tumble("5s"), aggregates={"top": agg.max("cost")}, having="top >= 100"
    ),
    distinct("many", key="ad", of="user", more_than=1, window=tumble("10s")),
]
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def test_the_alerts_of_a_lake_follow_from_its_rollups(tmp_path: Path) -> None:
    made = Audited(tmp_path, alerts=RULES)
    tables = lake_tables(made.plan, made.lake)
    told, _ = alerts_of(made.plan, tables, Reached())
    assert tables[ALERTS].num_rows > 10
    assert {name.as_py() for name in told.column("rule").unique()} == {"busy", "dear", "many"}
    (found,) = [each for each in compare(made.plan, "a", tables, "b", {ALERTS: told}) if each.table == ALERTS]
    assert found.is_equal, found.told()


def test_an_alert_that_one_side_lacks_is_named_with_its_rule_key_and_window(tmp_path: Path) -> None:
    made = Audited(tmp_path, alerts=RULES[:1])
    tables = lake_tables(made.plan, made.lake)
    less = {**tables, ALERTS: tables[ALERTS].slice(1)}
    found = {each.table: each for each in compare(made.plan, "a", tables, "b", less)}
    assert [name for name, each in found.items() if not each.is_equal] == [ALERTS]
    assert found[ALERTS].rule == "alerts: for which rows a rule is true"
    assert "rule 'busy', key '{\"ad\":" in found[ALERTS].told()


def test_rules_about_what_is_nearly_equal_are_left_out() -> None:
    near = threshold("near", on="per_ad", having="users > 1")
    rollups = [each for each in pipeline().rollups if each.name == "per_ad"]
    rough = threshold(
        "rough", keys=["ad"], window=tumble("10s"), aggregates={"u": agg.approx_count_distinct("user")}, having="u > 1"
    )
    plan = make_plan(pipeline(rollups=rollups, alerts=[near, rough]), ".")
    assert [rule.name for rule in certain(plan, NEARLY)] == ["near"]
    assert [rule.name for rule in certain(plan, ["close"])] == ["near", "rough"]


@settings(deadline=None, max_examples=25, suppress_health_check=SLOW)
@given(data=st.data())
def test_random_rules_over_random_streams_come_to_the_same(data: st.DataObject) -> None:
    spec = data.draw(alerts.rules(data.draw(pipelines.pipelines())))
    records, cuts = data.draw(streams.streams(spec)), data.draw(streams.cuts())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        product = Product(to_pipeline(spec, folder), folder, records, folder)
        product.run(cuts)
        if not product.plan.alerts:
            return
        tables = lake_tables(product.plan, folder / "lake")
        told, _ = alerts_of(product.plan, tables, Reached())
        for each in compare(product.plan, "lake", tables, "told", {ALERTS: told}):
            assert each.is_equal, each.told()
