"""The audit of a rollup that was filled later: silent where it is right, and never where it is not."""

from pathlib import Path
from typing import Any

import pytest

from proof.audit.report import Report
from tests.proof.audited import DamagedLake, pipeline, with_value, without
from tests.proof.backfill.grown import Grown
from tests.proof.backfill.worlds import grown, only

CALM: dict[str, Any] = {"out_of_orderness": "40s"}


@pytest.fixture
def lake(tmp_path: Path) -> Grown:
    made = grown(tmp_path, only("per_ad", "moving", **CALM), pipeline(**CALM))
    made.fill("visits")
    return made


def kinds(report: Report) -> set[tuple[str, str]]:
    return {(finding.kind, finding.table) for finding in report.findings}


def test_a_filled_rollup_is_proven_window_by_window(lake: Grown) -> None:
    report = lake.audit()
    assert (kinds(report), report.unproven) == (set(), [])
    assert report.verdict.startswith("proven")


@pytest.mark.parametrize("change", [without(0), with_value(0, n=lambda n: n + 1)])
def test_a_filled_row_that_is_lost_or_wrong_is_found_with_its_offsets_and_file(lake: Grown, change: Any) -> None:
    newest = lake.ask_catalog("SELECT max(data_file_id) FROM ducklake_data_file")[0][0]
    others = [number for number, _ in lake.files("visits_delta") if number != newest]
    DamagedLake.rewrite(lake, "visits_delta", _only_filled(lake, change), cunning=True)
    assert others
    report = lake.audit()
    assert kinds(report) == {("window", "visits_delta")}
    told = report.findings[0]
    assert told.ranges
    assert all(each.end <= 24 for each in told.ranges)


def _only_filled(lake: Grown, change: Any) -> Any:
    """Apply the change to the file of the backfill alone, the only one with so many rows."""
    rows = lake.ask_catalog("SELECT record_count FROM ducklake_data_file ORDER BY data_file_id DESC LIMIT 1")[0][0]
    return lambda table: change(table) if table.num_rows == rows else None


def test_a_mark_that_counts_wrong_is_found(lake: Grown) -> None:
    lake.run("UPDATE own_backfill SET counted = counted + 1 WHERE \"partition\" = 'left'")
    assert kinds(lake.audit()) == {("ledger", "backfill of visits")}


def test_a_mark_without_its_rows_is_found(tmp_path: Path) -> None:
    made = grown(tmp_path, only("per_ad", "moving", **CALM), pipeline(**CALM))
    done = made.fill("visits")
    made.run("UPDATE ducklake_data_file SET end_snapshot = begin_snapshot WHERE begin_snapshot = ?", done.snapshot)
    assert ("window", "visits_delta") in kinds(made.audit())


def test_where_the_source_is_gone_its_rows_are_counted_with_those_of_the_marks(lake: Grown) -> None:
    from proof.audit.audit import audit
    from query.reader import LakeReader

    with LakeReader(lake.lake) as reader:
        report = audit(reader, lake.plan, None, wait=lambda: None, unread="it is gone")
    assert report.findings == []
