"""Reading a source again: what it still holds is audited, and what it has dropped is said."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from dataflow.errors import InputMissing, OffsetLost
from sinks.lake.tables.prepare import create_lake
from tests.harness import NOW
from tests.proof.audit.told import kinds, one_range, the
from tests.proof.audited import Audited, erased, without
from tests.proof.memory_source import Retained


def test_a_changed_source_is_a_difference(lake):
    path = lake.input / "left.ndjson"
    lines = path.read_text().splitlines(keepends=True)
    lines[3] = lines[3].replace('"user": ', '"user": 1')
    path.write_text("".join(lines))
    report = lake.audit()
    assert one_range(the(report, "altered", "events")) == ("left", 3, 4)
    assert ("window", "visits_delta") in kinds(report)


def test_a_source_that_has_become_shorter_is_a_difference(lake):
    path = lake.input / "left.ndjson"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:50]))
    report = lake.audit()
    assert one_range(the(report, "gap", "source")) == ("left", 50, 60)


def test_without_a_source_file_the_rest_is_proven_and_that_is_said(lake):
    (lake.input / "left.ndjson").unlink()
    report = lake.audit()
    assert report.is_proven
    assert report.lines()[-1] == "no difference; what is NOT PROVEN was not compared with the source"
    assert [each.what.split(" ")[0] for each in report.unproven] == ["left", "windows"]


@pytest.mark.parametrize("dedup", [False, True], ids=["watermark_from_the_ledger", "ids_from_events"])
def test_what_the_source_still_holds_is_audited_and_the_rest_said(tmp_path, dedup):
    changes: dict[str, Any] = {} if dedup else {"deduplicate_by": None, "deduplicate_within": None}
    lake = Audited(tmp_path, **changes, allowed_lateness="1h")
    report = lake.audit(Retained(lake.source(), 20))
    assert report.findings == []
    assert [each.what for each in report.unproven if "against" in each.what] == [
        "left [0, 24) against its source",
        "right [0, 20) against its source",
    ]
    lake.rewrite(
        "events",
        lambda content: None if content.column("offset")[0].as_py() < 24 else without(0)(content),
        cunning=True,
    )
    assert kinds(lake.audit(Retained(lake.source(), 20))) == {("missing", "events")}


def test_ids_that_have_left_with_the_events_move_the_place_on(tmp_path):
    lake = Audited(tmp_path, allowed_lateness="1h", deduplicate_within="1s")
    # as if events before the 30th record's time had left
    lake.run("INSERT INTO own_left VALUES ('events', ?, -1, 0)", 1_700_000_000_000 + 30 * 700)
    report = lake.audit(Retained(lake.source(), 20))
    assert report.findings == []
    told = {each.what: each.why for each in report.unproven if "against" in each.what}
    assert sorted(told) == ["left [0, 42) against its source", "right [0, 36) against its source"]
    assert all("they have left it with the events" in why for why in told.values())


def test_ids_that_the_lake_does_not_hold_leave_the_source_partition_unproven(lake):
    report = lake.audit(Retained(lake.source(), 20))
    assert report.findings == []
    assert "which event ids were remembered there is not in the lake" in report.unproven[0].why


class Elsewhere:
    """A source of which nothing can be read: `partitions` as given, opening one raises `error`."""

    def __init__(self, partitions: list[str], error: Exception | None = None) -> None:
        self.names, self.error = partitions, error

    def partitions(self) -> list[str]:
        return self.names

    def topic_of(self, partition: str) -> str | None:
        return "clicks"

    def open(self, partition, next_offset, hint, bounded_end=None):
        if self.error is None and next_offset is None:
            return SimpleNamespace(position=900, close=lambda: None)
        raise self.error or OffsetLost(f"{partition}: {next_offset} is gone")


@pytest.mark.parametrize(
    ("source", "why", "fix"),
    [
        (Elsewhere(["clicks/0"]), "the source has clicks/0, and not this one", "--source files --input FOLDER"),
        (Elsewhere([]), "the source has no partition, and not this one", "--source files --input FOLDER"),
        (Elsewhere(["left", "right"]), "the source begins at offset 900", "audit offsets that both still hold"),
        (Elsewhere(["left", "right"], InputMissing("it is gone")), "it is gone", "with left in it"),
    ],
    ids=["another_source", "no_partition", "no_offset_in_both", "gone_meanwhile"],
)
def test_a_source_that_shares_no_record_with_the_lake_proves_nothing(lake, source, why, fix):
    report = lake.audit(source)
    assert report.findings == []
    assert not report.is_proven
    assert (report.records, report.compared) == (120, 0)
    assert report.verdict.startswith(
        "nothing proven: none of 120 records was compared (left [0, 60) against its source"
    )
    assert why in report.verdict
    assert fix in report.verdict


def test_a_selection_of_what_the_source_has_lost_proves_nothing(tmp_path):
    lake = Audited(tmp_path, deduplicate_by=None, deduplicate_within=None)
    source = Retained(lake.source(), 20)
    lost = lake.audit(source, partition="left", end=6)
    assert (lost.is_proven, lost.records, lost.compared) == (False, 6, 0)
    assert "the source begins at offset 20" in lost.verdict
    kept = lake.audit(source, partition="left", start=30)
    assert kept.is_proven
    assert kept.records == kept.compared > 0


def test_ids_that_the_lake_does_not_hold_prove_nothing(lake):
    assert "audit a copy of the source with its older records" in lake.audit(Retained(lake.source(), 20)).verdict


def test_a_lake_of_a_rollup_that_is_gone_proves_nothing(lake):
    lake.plan = replace(lake.plan, rollups=lake.plan.rollups[1:])
    report = lake.audit()
    assert not report.is_proven
    assert "was filled with a rollup that the pipeline no longer has); put it back" in report.verdict


def test_an_empty_lake_has_nothing_to_prove(lake, tmp_path):
    create_lake(tmp_path / "new", lake.plan, NOW).close()
    lake.lake = tmp_path / "new"
    for source in (lake.source(), Elsewhere([])):
        report = lake.audit(source)
        assert report.is_proven
        assert report.verdict == "nothing to prove: the lake has read no record there"


def test_ids_that_went_with_erased_events_leave_the_source_partition_unproven(tmp_path):
    lake = Audited(tmp_path, allowed_lateness="1h")
    erased(lake, "id = 'l30'")
    report = lake.audit(Retained(lake.source(), 20))
    assert report.findings == []
    assert "ids to remember there went with rows that were erased" in report.unproven[0].why
    assert [each.what for each in report.unproven if "against" in each.what] == [
        "left [0, 60) against its source",
        "right [0, 20) against its source",
    ]
