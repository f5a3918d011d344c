"""The audit of alerts: silent where they follow from the rollups, and each that does not is named."""

import tempfile
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataflow.pipeline.alert_rules import threshold
from dataflow.pipeline.closed_rules import compare, mean, silence
from dataflow.pipeline.pair_rules import absence, sequence
from proof.audit.audit import audit
from query.reader import LakeReader
from tests.harness import Product
from tests.model import alerts, closed, pairs, pipelines, streams
from tests.model.files import read_folder
from tests.model.streams import Cuts
from tests.proof.audit.told import kinds
from tests.proof.audited import CUTS, Audited, erased, pipeline, with_value, without, write_input
from tests.proof.memory_source import MemorySource
from tests.proof.test_standing import RULES
from tests.small_event import to_pipeline

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    return Audited(tmp_path_factory.mktemp("ruled"), alerts=RULES)


@pytest.fixture
def ruled(template: Audited, tmp_path: Path) -> Audited:
    return template.copy(tmp_path)


def test_alerts_that_follow_from_the_rollups_are_counted(ruled: Audited) -> None:
    report = ruled.audit()
    assert (report.findings, report.unproven) == ([], [])
    with LakeReader(ruled.lake) as reader:
        standing = reader.query("SELECT count(*) AS n FROM alerts WHERE state = 'raised'").column("n")[0].as_py()
    assert report.tables["alerts"] == standing > 10
    assert f"alerts: {standing} rows" in report.lines()


def test_an_alert_that_is_lost_is_named_by_rule_key_and_window(ruled: Audited) -> None:
    ruled.rewrite("alert_changes", without(0), cunning=True)
    report = ruled.audit()
    found = [each for each in report.findings if each.kind == "alert_missing"]
    numbers = [each for each in report.findings if each.kind == "alert_numbers"]
    assert {each.table for each in report.findings} <= {"alerts", "alert_changes"}
    assert len(found) + len(numbers) == 1
    for each in found:
        assert "does not stand, and its condition is true" in str(each)
        assert each.window_ms is not None
    assert not report.is_proven


def test_an_alert_that_was_made_up_is_named(ruled: Audited) -> None:
    ruled.rewrite("alert_changes", with_value(0, alert_id="f" * 32), cunning=True)
    report = ruled.audit()
    assert ("alert_extra", "alerts") in kinds(report)
    assert any(f"alert {'f' * 32} of rule" in str(each) for each in report.findings)


def test_a_state_that_does_not_fit_its_number_is_named(ruled: Audited) -> None:
    ruled.rewrite(
        "alert_changes", with_value(0, state=lambda old: "raised" if old == "retracted" else "retracted"), cunning=True
    )
    assert ("alert_numbers", "alert_changes") in kinds(ruled.audit())


def test_a_window_that_was_changed_is_named_with_the_alerts_that_follow(ruled: Audited) -> None:
    def emptied(table: pa.Table) -> pa.Table:
        n = pa.array([0] * table.num_rows, table.schema.field("n").type)
        return table.set_column(table.schema.get_field_index("n"), "n", n)

    for _ in range(1):
        ruled.rewrite("per_ad_delta", emptied, cunning=True)
    found = kinds(ruled.audit())
    assert ("window", "per_ad_delta") in found


def test_of_a_part_alerts_are_not_looked_at(ruled: Audited) -> None:
    ruled.rewrite("alert_changes", without(0), cunning=True)
    report = ruled.audit(partition="left")
    assert "alerts" not in report.tables
    assert report.findings == []


def test_what_was_erased_leaves_counts_of_values_open(ruled: Audited) -> None:
    assert erased(ruled, "user = 1")["many_distinct_count_distinct"] > 0
    report = ruled.audit()
    assert report.findings == []
    assert [each.why for each in report.unproven if "alerts of many" in each.what] == [
        "distinct values were erased, and a rule counts without them from a window's next row on"
    ]


def test_a_rule_that_came_later_is_not_asked_for_windows_that_it_never_judged(tmp_path: Path) -> None:
    write_input(tmp_path / "input")
    records = read_folder(tmp_path / "input")
    ruled = pipeline(alerts=[threshold("any", on="per_ad", having="n > 0")])
    product = Product(pipeline(), tmp_path, records, tmp_path, [ruled])
    product.run(Cuts((*CUTS.steps[:12], ("rules", 1, 0), *CUTS.steps[12:])))
    with LakeReader(tmp_path / "lake") as reader:
        report = audit(reader, product.plan, MemorySource(records, (100,)), wait=lambda: None)
    assert report.findings == []
    assert report.tables["alerts"] > 0
    (open_one,) = report.unproven
    assert open_one.what.endswith("windows of any without an alert")


ASKED = [
    sequence("quick", key="ad", first="kind = 'a'", then="kind = 'b'", within="5s", having="then.cost >= first.cost"),
    absence("alone", key="ad", first="kind = 'a'", then="kind = 'b'", within="2s"),
    absence("unled", key="ad", first="kind = 'a'", then="kind = 'b'", within="2s", missing="first"),
    threshold("long", on="visits", having="n > 1"),
    silence("gone", key="user", after="4s"),
    silence("stalled", key="source_partition", after="1s"),
    compare("fewer", on="moving", value="n", against=mean(of=2), drops_below=0.9),
]


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    return Audited(tmp_path_factory.mktemp("asking"), alerts=ASKED)


def test_pairs_sessions_silences_and_comparisons_are_proven(asking: Audited) -> None:
    report = asking.audit()
    assert (report.findings, report.unproven) == ([], [])
    with LakeReader(asking.lake) as reader:
        rules = reader.query("SELECT rule, count(*) AS n FROM alerts WHERE state = 'raised' GROUP BY rule").to_pylist()
    assert {row["rule"] for row in rules} >= {"quick", "alone", "unled", "long", "gone", "fewer"}
    assert report.tables["alerts"] == sum(row["n"] for row in rules)


@pytest.mark.parametrize("rule", ["quick", "alone", "unled", "long", "gone", "fewer"])
def test_an_alert_of_each_kind_that_is_lost_or_made_up_is_named(asking: Audited, tmp_path: Path, rule: str) -> None:
    def first_of(table: pa.Table) -> int | None:
        rules = table.column("rule").to_pylist()
        return rules.index(rule) if rule in rules else None

    def lost(table: pa.Table) -> pa.Table | None:
        at = first_of(table)
        return None if at is None else without(at)(table)

    def made_up(table: pa.Table) -> pa.Table | None:
        at = first_of(table)
        return None if at is None else with_value(at, alert_id="f" * 32)(table)

    less = asking.copy(tmp_path / "less")
    less.rewrite("alert_changes", lost, cunning=True)
    report = less.audit()
    found = [each for each in report.findings if each.kind in ("alert_missing", "alert_numbers")]
    open_ones = [each for each in report.unproven if rule in each.what]
    assert found or open_ones
    assert all(f"of rule {rule} " in str(each) for each in report.findings)
    more = asking.copy(tmp_path / "more")
    more.rewrite("alert_changes", made_up, cunning=True)
    report = more.audit()
    assert any(f"alert {'f' * 32} of rule {rule} stands" in str(each) for each in report.findings)


@settings(deadline=None, max_examples=20, suppress_health_check=SLOW)
@given(data=st.data())
def test_a_correct_lake_with_random_rules_has_no_difference(data: st.DataObject) -> None:
    of_kind = data.draw(st.sampled_from((alerts.rules, closed.rules, pairs.rules)))
    spec = data.draw(of_kind(data.draw(pipelines.pipelines())))
    records, cuts = data.draw(streams.streams(spec)), data.draw(streams.cuts())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        product = Product(to_pipeline(spec, folder), folder, records, folder)
        product.run(cuts)
        with LakeReader(folder / "lake") as reader:
            report = audit(reader, product.plan, MemorySource(records, (100,)), wait=lambda: None)
    assert report.findings == []
    assert {each.why for each in report.unproven} <= {
        "it asks for a sum or an average of doubles, whose last digits depend on the order of rows"
    }
