"""A lake from which things have left, before audit and replay."""

from pathlib import Path

import pytest

from proof.left import kept_sql, left_of, what_left
from proof.replay import compare
from query.reader import LakeReader
from sinks.lake.catalog.left import Left
from tests.harness import Product
from tests.model.files import read_folder
from tests.proof.audited import Audited, doubled, pipeline, without
from tests.proof.leaving import CUTS, Kept, keeping


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return Kept(tmp_path_factory.mktemp("kept"))


@pytest.fixture
def lake(template: Kept, tmp_path: Path) -> Audited:
    return template.copy(tmp_path)


def test_everything_has_left_in_part(template: Kept) -> None:
    with LakeReader(template.lake) as reader:
        gone = left_of(reader)
    assert set(gone) == {"events", "late_events", "dead_letters", "per_ad", "moving", "visits"}
    assert all(each.rows > 0 for each in gone.values())


def test_what_left_is_said_and_is_no_difference(lake: Audited) -> None:
    report = lake.audit()
    assert [str(finding) for finding in report.findings] == []
    told = {each.what.partition(" before ")[0].partition(":")[0] for each in report.unproven}
    assert told == {"events", "late_events", "dead_letters", "per_ad", "moving", "visits"}
    assert any("rows left the lake, as `events_keep` says" in each.why for each in report.unproven)
    assert report.tables["events"] > 0
    assert report.tables["per_ad_delta"] > 0


def test_a_kept_row_that_is_lost_or_doubled_is_still_found(lake: Audited) -> None:
    lake.rewrite("events", without(0), cunning=True)
    lake.rewrite("per_ad_delta", doubled(0), cunning=True)
    kinds = {finding.table for finding in lake.audit().findings}
    assert kinds >= {"events", "per_ad_delta"}


def test_more_missing_rows_than_have_left_are_a_difference(lake: Audited) -> None:
    lake.run('UPDATE own_left SET "rows" = "rows" - 1 WHERE name = \'events\'')
    assert [(each.kind, each.table) for each in lake.audit().findings] == [("count", "events")]


def test_without_the_source_the_ledger_tells_the_rest(lake: Audited) -> None:
    from proof.audit.audit import audit

    with LakeReader(lake.lake) as reader:
        report = audit(reader, lake.plan, None, wait=lambda: None, unread="gone")
    assert report.findings == []
    assert any(each.what.startswith("visits: windows that ended by") for each in report.unproven)


def test_a_replay_equals_what_is_kept(lake: Audited, tmp_path: Path) -> None:
    again = Product(pipeline(**keeping()), lake.folder, read_folder(lake.input), tmp_path / "again")
    again.run(CUTS)
    with LakeReader(lake.lake) as live, LakeReader(tmp_path / "again" / "lake") as side:
        kept = kept_sql(left_of(live), lake.plan, live.snapshot())
        found = compare(live.snapshot(), side.snapshot(), None, kept=kept)
        assert [each.table for each in found if not each.is_equal] == []
        assert {each.table for each in compare(live.snapshot(), side.snapshot(), None) if not each.is_equal} == set(
            kept
        )
        assert all(each.rows > 0 for each in found)


def test_what_left_is_told_with_its_border() -> None:
    gone = Left(1_700_000_000_000, 4, 17)
    assert what_left("events", gone) == (
        "events before 2023-11-14 22:13:20",
        "17 rows left the lake, as `events_keep` says; the ledger keeps their counts",
    )
    assert what_left("clicks", gone)[0] == "clicks: windows that ended by 2023-11-14 22:13:20"
