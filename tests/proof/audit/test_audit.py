"""The audit as a whole: silent where nothing is wrong; a part of it; the lake of another pipeline."""

from dataclasses import replace

import pytest

from dataflow.errors import ConfigError
from dataflow.pipeline.definition import fingerprint_of
from tests.model.streams import Cuts
from tests.proof.audit.told import the
from tests.proof.audited import CUTS, RECORDS, Audited, without

HASTY = Cuts(
    (
        *CUTS.steps[:9],
        ("poll", 0, 5),
        ("restart", 2, 0),
        ("poll", 1, 30),
        ("poll", 0, 11),
        ("epoch", 0, 0),
        ("restart", 1, 0),
        *CUTS.steps[:12],
    )
)


@pytest.mark.parametrize("cuts", [CUTS, HASTY, Cuts()], ids=["many_epochs", "restarts_and_2_workers", "one_epoch"])
def test_a_correct_lake_is_proven(tmp_path, cuts):
    report = Audited(tmp_path, cuts).audit()
    assert report.lines()[-1] == "proven: every record of the source is in the lake exactly once"
    assert (report.findings, report.unproven) == ([], [])
    assert {name: counts["read"] for name, counts in report.partitions.items()} == {"left": RECORDS, "right": RECORDS}
    assert all(counts["late"] and counts["duplicate"] and counts["dead"] for counts in report.partitions.values())
    assert report.tables["events"] == sum(counts["accepted"] for counts in report.partitions.values())
    assert min(report.tables.values()) > 0


def test_a_compacted_lake_is_proven(lake):
    before = lake.audit()
    lake.compact()
    after = lake.audit()
    assert after.is_proven
    assert after.files < before.files
    assert (after.partitions, after.tables) == (before.partitions, before.tables)


def test_a_part_is_compared_by_its_own_rows_and_windows_are_left_out(lake):
    lake.rewrite("events", without(0), cunning=True)
    whole = the(lake.audit(), "missing", "events").ranges[0]
    part = lake.audit(partition=whole.partition, start=whole.start, end=whole.start + 1)
    assert the(part, "missing", "events").ranges == (whole,)
    other = "right" if whole.partition == "left" else "left"
    report = lake.audit(partition=other)
    assert report.is_proven
    assert list(report.partitions) == [other]
    assert report.unproven[0].what.startswith("windows (per_ad_delta")
    later = lake.audit(start=30)
    assert later.is_proven
    assert later.partitions["left"]["start"] == 30


def test_a_part_may_be_chosen_by_the_time_of_its_commits(lake):
    from tests.harness import NOW

    assert lake.audit(since=NOW).partitions["left"]["ranges"] == 11
    with pytest.raises(ConfigError, match="nothing of the ledger"):
        lake.audit(until=NOW)


def test_another_pipeline_is_refused(lake):
    other = {**lake.plan.definition, "max_record_bytes": 7}
    lake.plan = replace(lake.plan, definition=other, fingerprint=fingerprint_of(other))
    with pytest.raises(ConfigError, match="is not the one that the lake was filled with"):
        lake.audit()
    lake.plan = replace(lake.plan, name="other")
    with pytest.raises(ConfigError, match="the lake is that of small"):
        lake.audit()
